"""How long a film waits: from the last close of a complete file in the inbox to ffmpeg's start.

The start is seen from outside, by the kernel: it tells when ffmpeg's file is opened, which is when it is executed. The daemon is
given a copy of ffmpeg of its own for that, since other programs may run the real one. Probing is done by ffprobe and does not
count as a start."""

from __future__ import annotations

import select
import shutil
import time
from pathlib import Path

from bench.films import short_films, write
from bench.inotify import OPENED, take_names, watching
from bench.table import Row, spread
from clips import Clips
from harness import Daemon, daemon
from needs import need_program

BOUND = 150.0   # milliseconds
PATIENCE = 60.0  # seconds until a start is a failure


def measure(clips: Clips, folder: Path, *, drops: int, judged: bool) -> Row:
    """`drops` films one after the other, each when the one before is done; linger and quiet are 0."""
    films = [film.read_bytes() for film in short_films(clips)]
    suffixes = (".mkv", ".mp4")
    ffmpeg = _own_ffmpeg(folder / "bin")
    waits = []
    sections = {"encoder": {"ffmpeg": str(ffmpeg)}, "intake": {"rescan": "60s"}}
    with daemon(folder, sections) as running, watching(ffmpeg, OPENED) as openings:
        for number in range(drops):
            name = f"Film {number}{suffixes[number % 2]}"
            waits.append(1000 * _drop(running, name, films[number % 2], openings))
            running.job(name, "COMPLETED")
    seen = spread(waits)
    return Row(name="pickup", figure="Last close of a complete file to ffmpeg's start, median", measured=seen.median, bound=BOUND,
               unit="ms", digits=0, judged=judged,
               notes=f"{drops} drops, MKV and MP4 in turns, {seen.least:.0f} to {seen.most:.0f} ms, 95th percentile "
                     f"{seen.p95:.0f} ms; intake.linger and intake.quiet are 0")


def _own_ffmpeg(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for program in ("ffmpeg", "ffprobe"):
        shutil.copy(need_program(program, "ffmpeg"), folder / program)
    return folder / "ffmpeg"


def _drop(running: Daemon, name: str, content: bytes, openings: int) -> float:
    """Seconds from just before the close of a film in the inbox until ffmpeg's start."""
    take_names(openings)  # what came before (the verifying of the last film runs ffmpeg too)
    closed = write(running.inbox / name, content)
    ready, _, _ = select.select([openings], [], [], PATIENCE)
    started = time.monotonic()
    assert ready, f"ffmpeg was not started for {name}:\n{running.text()}"
    return started - closed
