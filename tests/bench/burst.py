"""A whole library dropped at once: how many films a second become jobs, and what that costs in memory.

The folders are moved into the inbox, each by one rename. What counts begins when the first film is due (the first rename and
intake.linger after it) and ends when the last one's job is in the store. The queue is paused: no encode takes the CPU."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path, PurePath

import psutil

from bench.books import INTAKE, books
from bench.films import tiny_film
from bench.table import Limit, Row
from clips import Clips
from harness import daemon, until

RATE_BOUND = 300.0   # films a second
MEMORY_BOUND = 60.0  # MiB
PATIENCE = 600.0     # seconds until a claim is a failure


def measure(clips: Clips, folder: Path, *, folders: int, films: int, judged: bool) -> list[Row]:
    """`folders` with `films` each. Raises AssertionError when one is lost or claimed twice."""
    content = tiny_film(clips).read_bytes()
    with daemon(folder, {"intake": dict(INTAKE)}) as running, books(running) as store:
        running.client().post("/v1/pause")
        expected = sorted(_prepare(folder / "aside", folders, films, content))
        os.sync()  # what the preparation left in memory is nobody's to write but its own
        assert running.process is not None
        _forget_peak(running.process.pid)
        before = psutil.Process(running.process.pid).memory_info().rss / 2**20
        began = time.monotonic()
        for ready in sorted((folder / "aside").iterdir()):
            ready.rename(running.inbox / ready.name)
        moved = time.monotonic() - began
        until(lambda: store.count() >= len(expected), f"all films are claimed:\n{running.text()[-2000:]}", PATIENCE)
        lasted = time.monotonic() - began - INTAKE["linger"]
        growth = _peak(running.process.pid) - before
        assert store.names() == expected, "a film was claimed twice, or one that is none"
        assert _films_in(folder / "work") == [path.name for path in expected], "the work queue holds other films than the store"
        assert not _films_in(running.inbox), "a claimed film is still in the inbox"
    size = f"{len(expected)} films of {len(content)} bytes in {folders} folders"
    return [
        Row(name="burst_rate", figure="Films moved in at once: claimed a second", measured=len(expected) / lasted,
            bound=RATE_BOUND, limit=Limit.LEAST, unit="/s", digits=0, judged=judged,
            notes=f"{size}, moved in within {moved:.1f} s; all claimed, none twice, {lasted:.1f} s after the first was due "
                  f"(intake.linger {INTAKE['linger']:g} s after the first move)"),
        Row(name="burst_memory", figure="Films moved in at once: growth of memory", measured=growth, bound=MEMORY_BOUND,
            unit="MiB", digits=1, judged=judged, notes=f"peak of VmRSS (VmHWM) over {before:.1f} MiB just before"),
    ]


def _prepare(aside: Path, folders: int, films: int, content: bytes) -> Iterator[PurePath]:
    for number in range(folders):
        for film in range(films):
            relative = PurePath(f"Folder {number:03}", f"Film {number:03}-{film:03}.mkv")
            (aside / relative.parent).mkdir(parents=True, exist_ok=True)
            (aside / relative).write_bytes(content)
            yield relative


def _films_in(folder: Path) -> list[str]:
    return sorted(name for _, _, names in os.walk(folder) for name in names if name.endswith(".mkv"))


def _forget_peak(pid: int) -> None:
    """From here on VmHWM tells the peak: proc(5), clear_refs."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _peak(pid: int) -> float:
    """The most memory that was resident, MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
