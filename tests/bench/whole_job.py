"""What Pectin adds to an encode: a whole job, from the drop to COMPLETED, against its own ffmpeg command run by hand.

Both read a file that was just copied to the same disk, both write there, and both run under the same limits (CPU set, niceness):
those are wished for, and no overhead. What Pectin does besides is the difference: it waits for events, probes, decodes the whole
output to verify it, hashes it, syncs it to the disk and keeps its books."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import psutil

from bench.films import camera_film
from bench.table import Row, pair_ratios, spread
from clips import Clips
from harness import Daemon, daemon, until
from pectin.linux.launch import prefix

BOUND = 1.10
LEAST_ENCODE = 20.0  # seconds: below, what every job costs once would weigh more than it does for any film
PATIENCE = 3600.0    # seconds for one job: a small board may need them

# What a person gets who sets nothing but the folders. The waiting times of the inbox stay 0, as the harness has them.
DEFAULTS: dict[str, Any] = {"encoder": {"threads": "auto"}, "profiles": {"universal": {}}, "intake": {"rescan": "60s"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The encode as the job ran it, read from its process."""

    argv: tuple[str, ...]
    cpus: frozenset[int]
    nice: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock, and CPU seconds: these say the same when other programs use the machine too."""

    wall: float
    cpu: float


def measure(clips: Clips, folder: Path, *, seconds: float, pairs: int, judged: bool) -> Row:
    """`seconds` of film, encoded `pairs` times each way, in turns."""
    film = camera_film(clips, seconds)
    measured: list[tuple[Cost, Cost]] = []
    with daemon(folder, DEFAULTS) as running:
        for number in range(pairs):
            cost, command = _job(running, film, f"Film {number}.mkv")
            measured.append((cost, _by_hand(command, film, folder)))
        stages = _stages(running, pairs)
    ratios, by_hand = spread(pair_ratios([(a.wall, b.wall) for a, b in measured])), spread([hand.wall for _, hand in measured])
    cpu = spread(pair_ratios([(a.cpu, b.cpu) for a, b in measured]))
    long_enough = by_hand.least >= LEAST_ENCODE
    return Row(
        name="whole_job", figure="Whole job / its ffmpeg command run by hand", measured=ratios.median, bound=BOUND, unit="",
        digits=3, judged=judged and long_enough,
        notes=f"median of {pairs} pairs, {ratios.least:.3f} to {ratios.most:.3f}; in CPU seconds {cpu.median:.3f}; "
              f"by hand {by_hand.median:.1f} s ({by_hand.least:.1f} to {by_hand.most:.1f}) for {seconds:g} s of "
              f"720p24 with grain, preset medium; the job's stages on average: {stages}"
              + (f"; not judged, as the encode takes less than {LEAST_ENCODE:g} s" if judged and not long_enough else ""))


def _job(running: Daemon, film: Path, name: str) -> tuple[Cost, Command]:
    """From the move into the inbox until the job's own books say COMPLETED; and what it ran."""
    before = _used(running)
    with _fresh_copy(film, running.folder) as aside:
        began = time.time()
        aside.rename(running.inbox / name)
        command = until(lambda: _encode_of(running), "the encode begins")
        finished = _finished(running, name)
    assert isinstance(command, Command)
    return Cost(finished - began, _used(running) - before), command


def _by_hand(command: Command, film: Path, folder: Path) -> Cost:
    """What the command takes."""
    with _fresh_copy(film, folder) as source, TemporaryDirectory(dir=folder) as empty:
        argv = [re.sub(r"^file:/proc/self/fd/\d+$", f"file:{source}", argument) for argument in command.argv]
        nicer = command.nice - os.getpriority(os.PRIO_PROCESS, 0)
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*prefix(argv[0], nice=nicer, cpus=command.cpus), *argv], cwd=empty, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True)
        wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _used(running: Daemon) -> float:
    """CPU seconds of the daemon and its ended children; answering our own questions is in it."""
    assert running.process is not None
    return sum(psutil.Process(running.process.pid).cpu_times()[:4])


@contextmanager
def _fresh_copy(film: Path, folder: Path) -> Iterator[Path]:
    """Synced before anything is measured: what the copy left in memory is nobody's to write but its own."""
    copy = folder / "aside"
    shutil.copyfile(film, copy)
    os.sync()
    try:
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _encode_of(running: Daemon) -> Command | None:
    assert running.process is not None
    for child in psutil.Process(running.process.pid).children():
        try:
            argv = child.cmdline()
            # The launcher carries the same arguments: it has not become ffmpeg yet.
            if argv and Path(argv[0]).name == "ffmpeg" and "libx264" in argv:
                return Command(argv=tuple(argv), cpus=frozenset(child.cpu_affinity()), nice=child.nice())
        except psutil.NoSuchProcess:
            continue
    return None


def _finished(running: Daemon, name: str) -> float:
    """When it was COMPLETED, Unix seconds. The log is watched and the daemon asked only once: questions cost the job CPU."""
    before = running.text().count(" -> COMPLETED")  # asked while the encode runs
    deadline = time.monotonic() + PATIENCE
    while running.text().count(" -> COMPLETED") == before and time.monotonic() < deadline:
        assert " -> FAILED" not in running.text(), running.text()
        time.sleep(0.2)
    job = next(job for job in running.jobs() if job["name"] == name)
    assert job["state"] == "COMPLETED", f"{job}\n{running.text()}"
    return float(job["finished_at"])


def _stages(running: Daemon, jobs: int) -> str:
    """From the daemon's own metrics, e.g. `probing 0.1 s, encoding 25.0 s`."""
    def all_told() -> dict[str, float] | None:
        with urlopen(f"http://127.0.0.1:{running.metrics_port}/metrics", timeout=10) as page:
            text = page.read().decode()
        counts = re.findall(r'^pectin_stage_duration_seconds_count{stage="placing"} (\S+)$', text, re.MULTILINE)
        sums = re.findall(r'^pectin_stage_duration_seconds_sum{stage="(\w+)"} (\S+)$', text, re.MULTILINE)
        return {stage: float(total) / jobs for stage, total in sums} if counts and float(counts[0]) == jobs else None
    told = until(all_told, "the metrics have every job")
    return ", ".join(f"{stage} {told[stage]:.2f} s" for stage in ("probing", "encoding", "verifying", "placing"))
