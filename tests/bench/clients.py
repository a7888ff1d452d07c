"""Films that are dropped by real clients, Samba, SFTP, rsync and more, each in its own way: is one ever taken before it is whole?

Runs the scenarios that the system tests judge one by one, in a booted machine, with the default waiting times."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.table import Row, spread
from clips import Clips
from system.clients.every import every_client
from system.clients.told import Outcome
from system.clients.world import world
from system.machine import stage

BOUND = 0.0  # films


def measure(clips: Clips, folder: Path, *, run: bool) -> Row:
    """Not measured in a short run (it takes a minute and a half, whatever is done), and where no machine can be booted."""
    if not run:
        return _row(None, "left out of a short run")
    folder.mkdir(parents=True)
    try:
        with world(folder / "box", stage(folder / "root"), clips) as there:
            outcomes = every_client(there)
    except pytest.skip.Exception as reason:
        return _row(None, str(reason))
    everything = list(outcomes.values())
    troubles = [f"{one.scenario}: {one.error}" for one in everything if one.error]
    assert not troubles, "\n".join(troubles)  # an upload that failed proves nothing
    delays = spread([1000 * one.delay for one in everything if one.delay is not None])
    unfinished = sum(one.sent is not None and not one.sent.taken for one in everything)
    return _row(sum(_truncated(one) for one in everything),
                f"{len(everything)} kinds of uploads at once, {unfinished} of them never completed; from the last touch of each "
                f"until its claim, beyond intake.linger or quiet: median {delays.median:.0f} ms, at most {delays.most:.0f} ms")


def _truncated(one: Outcome) -> bool:
    """What was taken is not what was sent, or was never finished."""
    return one.truncated or (one.sent is not None and not one.sent.taken and bool(one.claims))


def _row(measured: float | None, notes: str) -> Row:
    return Row(name="clients_truncated", figure="Truncated films taken from real clients", measured=measured, bound=BOUND,
               unit="", digits=0, judged=True, notes=notes)
