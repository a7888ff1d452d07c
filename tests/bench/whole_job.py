"""What Pectin adds to an encode: a whole job, from the drop to COMPLETED, against its own ffmpeg command run by hand.

Both run under the same limits (CPU set, niceness), for those are wished for and not overhead. The job writes to the same disk and
reads a file that was just copied there; so does the command. Pectin probes, decodes the whole output to verify it, hashes it,
syncs it and keeps its books: that is the difference."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.films import camera_film
from bench.table import Row, pair_ratios, spread
from clips import Clips
from harness import Daemon, children_of_job, daemon, until

BOUND = 1.10
LEAST_ENCODE = 20.0  # seconds: below, what a job costs once would weigh more than for any film


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The encode as the job ran it: read from its process while it ran."""

    argv: tuple[str, ...]
    cpus: frozenset[int]
    nice: int


def measure(clips: Clips, folder: Path, *, seconds: float, pairs: int, judged: bool) -> Row:
    """`seconds` of film, encoded `pairs` times each way, in turns."""
    film = camera_film(clips, seconds)
    # What a person gets who sets nothing but the folders, except for the two waiting times of the inbox.
    defaults = {"encoder": {"threads": "auto"}, "profiles": {"universal": {}}, "intake": {"rescan": "60s"}}
    measured, stages = [], ""
    with daemon(folder / "whole", defaults) as running:
        for number in range(pairs):
            job_seconds, command, stages = _job(running, film, f"Film {number}.mkv")
            measured.append((job_seconds, _by_hand(command, film, folder)))
    ratios, by_hand = spread(pair_ratios(measured)), spread([hand for _, hand in measured])
    long_enough = by_hand.least >= LEAST_ENCODE
    return Row(
        name="whole_job", figure="whole job / its ffmpeg command run by hand", measured=ratios.median, bound=BOUND, unit="", digits=3,
        judged=judged and long_enough,
        notes=f"median of {pairs} pairs ({ratios.least:.3f} to {ratios.most:.3f}); by hand {by_hand.median:.1f} s "
              f"({by_hand.least:.1f} to {by_hand.most:.1f}) for {seconds:g} s of 720p24 with grain, preset medium; {stages}"
              + ("" if long_enough or not judged else f"; not judged: an encode of {LEAST_ENCODE:g} s is needed"))


def _job(running: Daemon, film: Path, name: str) -> tuple[float, Command, str]:
    """Seconds from the move into the inbox until the job was COMPLETED by its own books; the command; how long each stage took."""
    aside, target = running.folder / "aside", running.inbox / name
    shutil.copyfile(film, aside)
    os.sync()  # what the copy left in memory is not the job's to write
    began = time.time()
    aside.rename(target)
    command = until(lambda: _encode_of(running), "the encode begins")
    while not (job := running.client().get("/v1/jobs", search=name)["jobs"][0])["finished_at"]:
        time.sleep(0.5)  # seldom: looking costs the job's CPU too
    assert job["state"] == "COMPLETED", f"{job}\n{running.text()}"
    return job["finished_at"] - began, command, _stages(running)


def _encode_of(running: Daemon) -> Command | None:
    assert running.process is not None
    for pid in _children(running.process.pid):
        try:
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
            if Path(argv[0]).name == "ffmpeg" and "libx264" in argv:
                return Command(argv=tuple(argv), cpus=frozenset(os.sched_getaffinity(pid)), nice=os.getpriority(os.PRIO_PROCESS, pid))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return None
