"""All scenarios at once in one machine: `with world(...) as there: every_client(there)`. The tests judge what comes out, and the
benchmark takes its figures from it: `Outcome.delay`, `Outcome.truncated`."""

from __future__ import annotations

import hashlib
import os
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from harness import until
from system.clients import local, samba, ssh
from system.clients.onlooker import ATTRIB, CLOSE_WRITE, CREATE, MODIFY, MOVED_TO
from system.clients.told import Claimed, Outcome, Sent
from system.clients.world import World, onlooker

_TOUCHES = MODIFY | ATTRIB | CLOSE_WRITE | CREATE | MOVED_TO
SCENARIOS: dict[str, Callable[[World], Sent]] = {
    **{f"{module.__name__.rpartition('.')[2]}_{scenario.__name__}": scenario
       for module in (samba, ssh, local) for scenario in module.SCENARIOS},
    **{f"local_name_{kind}": partial(local.odd_name, kind) for kind in local.NAMES}}


def every_client(there: World) -> dict[str, Outcome]:
    """Run every scenario in this machine, and tell what became of each by its name. Takes about 80 s, for one upload stands still
    for a minute; nearly no CPU."""
    sent: dict[str, Sent] = {}
    errors: dict[str, str] = {}
    with onlooker(there) as seen:
        with ThreadPoolExecutor(len(SCENARIOS)) as together:
            acts = {name: together.submit(scenario, there) for name, scenario in SCENARIOS.items()}
        for name, act in acts.items():
            if error := act.exception():
                errors[name] = "".join(traceback.format_exception(error))
            else:
                sent[name] = act.result()
        journal = _taken(there, {one.name for one in sent.values() if one.taken})
        touched = _touched(seen())
    claims = _claims(there)
    outcomes = {}
    for name in SCENARIOS:
        one = sent.get(name)
        mine = tuple(claim for claim in claims if one is not None and claim.name == one.name)
        late = journal if one is not None and one.taken and not mine else ""
        outcomes[name] = Outcome(scenario=name, sent=one, claims=mine, error=errors.get(name, late),
                                 touched=touched.get(one.name, 0.0) if one is not None else 0.0)
    return outcomes


def _taken(there: World, expected: set[bytes]) -> str:
    """Wait until all of these are in the work queue; the end of the daemon's journal if that does not come."""
    try:
        until(lambda: expected <= {os.path.basename(path) for path in _sources(there)}, "everything is taken")
    except AssertionError:
        return "\n".join(["it was not taken; the journal:", *there.machine.box.journal("-u", "pectin")[-60:]])
    return ""


def _touched(events: Sequence[tuple[float, int, bytes]]) -> dict[bytes, float]:
    """When each name was last written, changed or given."""
    return {os.path.basename(path): when for when, mask, path in sorted(events) if mask & _TOUCHES}


def _sources(there: World) -> list[bytes]:
    work = os.fsencode(there.machine.box.path("/srv/pectin/work"))
    return [os.path.join(work, job, b"source", name) for job in os.listdir(work)
            if os.path.isdir(os.path.join(work, job, b"source")) for name in os.listdir(os.path.join(work, job, b"source"))]


def _claims(there: World) -> list[Claimed]:
    created = {job["id"]: job["created_at"] for job in there.machine.client().get("/v1/jobs", limit=500)["jobs"]}
    found = []
    for path in _sources(there):
        job_id = os.fsdecode(path.split(b"/")[-3])
        found.append(Claimed(job_id=job_id, name=os.path.basename(path), created_at=created.get(job_id),
                             sha256=hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest()))
    return found


def table(outcomes: Sequence[Outcome]) -> str:
    """How long after the last touch each was taken, beyond the time it has to be left alone."""
    lines = [f"{one.scenario:60}{'         -' if one.delay is None else f'{one.delay:10.3f} s'}" for one in outcomes]
    delays = sorted(one.delay for one in outcomes if one.delay is not None)
    if delays:
        lines.append(f"{'median':60} {delays[len(delays) // 2]:8.3f} s   largest {delays[-1]:.3f} s")
    return "\n".join(lines)
