"""How long a finished film lies in the inbox beyond the time it is left alone on purpose: from its last close to its claim.

The claim is seen from outside, by the kernel: it tells when the name leaves the inbox. The queue is paused, so that no encode
takes the CPU."""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from pathlib import Path

from bench.books import INTAKE
from bench.films import short_films, write
from bench.inotify import MOVED_AWAY, take_names, watching
from bench.table import Row, spread
from clips import Clips
from harness import Daemon, daemon

MEDIAN_BOUND, P99_BOUND = 50.0, 250.0  # milliseconds
INTERVAL = 0.15  # seconds between two drops: the next comes while earlier ones linger, as in a copied folder
PATIENCE = 60.0  # seconds until a claim is a failure


def measure(clips: Clips, folder: Path, *, drops: int, judged: bool) -> list[Row]:
    """`drops` complete films with intake.linger as it is by default, and as many with 0."""
    films = [film.read_bytes() for film in short_films(clips)]
    rows = []
    for linger in (INTAKE["linger"], 0.0):
        with daemon(folder / f"{linger:g}", {"intake": {**INTAKE, "linger": linger}}) as running:
            running.client().post("/v1/pause")
            late = spread([1000 * (wait - linger) for wait in _waits(running, films, drops)])
        named = f"Last close to claim, beyond intake.linger of {linger:g} s"
        notes = (f"{drops} drops, MKV and MP4 in turns, every {1000 * INTERVAL:.0f} ms, {late.least:.0f} to {late.most:.0f} ms; "
                 "queue paused")
        rows += [
            Row(name=f"claim_median_linger_{linger:g}", figure=f"{named}, median", measured=late.median, bound=MEDIAN_BOUND,
                unit="ms", digits=0, judged=judged, notes=notes),
            Row(name=f"claim_p99_linger_{linger:g}", figure=f"{named}, 99th percentile", measured=late.p99, bound=P99_BOUND,
                unit="ms", digits=0, judged=judged)]
    return rows


def _waits(running: Daemon, films: Sequence[bytes], drops: int) -> list[float]:
    """Seconds from just before the close of each film to the moment its name left the inbox."""
    closed: dict[str, float] = {}
    claimed: dict[str, float] = {}
    suffixes = (".mkv", ".mp4")
    with watching(running.inbox, MOVED_AWAY) as claims:
        began = time.monotonic()
        while len(claimed) < drops:
            number, last = len(closed), max(closed.values(), default=began)
            next_step = began + number * INTERVAL if number < drops else last + PATIENCE
            ready, _, _ = select.select([claims], [], [], max(0.0, next_step - time.monotonic()))
            if ready:
                now = time.monotonic()
                claimed.update((name, now) for name in take_names(claims) if name in closed)
            elif number < drops:
                name = f"Film {number}{suffixes[number % 2]}"
                closed[name] = write(running.inbox / name, films[number % 2])
            else:
                raise AssertionError(f"never claimed: {sorted(closed.keys() - claimed.keys())}\n{running.text()}")
    return [claimed[name] - at for name, at in closed.items()]
