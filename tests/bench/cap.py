"""The CPU cap and what the walls around ffmpeg cost.

Cap: each encoder, and a chain of a decoder and heavy filters, with all its threads left to itself, on one CPU: CPU seconds by the
clock's seconds. Cost: the same command confined and watched as jobs are, against it run bare; CPU seconds, ours included, for
they say the same when other programs use the machine too."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.films import camera_film
from bench.table import Row, pair_ratios, spread
from clips import Clips
from pectin.encoding import ffmpeg
from pectin.linux.child import Child
from pectin.linux.trial import offered
from pectin.model.reports import Progress

CAP_BOUND = 1.05
COST_BOUND = 1.01
LEAST_WALL = 3.0  # seconds: below, the start weighs more than what comes then
ENCODERS: dict[str, tuple[str, ...]] = {
    "x264": ("-c:v", "libx264", "-preset", "medium"),
    "x265": ("-c:v", "libx265", "-preset", "veryfast"),
    "SVT-AV1": ("-c:v", "libsvtav1", "-preset", "9"),
    "VP9": ("-c:v", "libvpx-vp9", "-deadline", "good", "-cpu-used", "5", "-row-mt", "1", "-tile-columns", "2"),
    "AOM": ("-c:v", "libaom-av1", "-cpu-used", "8", "-row-mt", "1"),
    "decoder and filters": ("-vf", "bwdif,hqdn3d,scale=960:-2:flags=lanczos,unsharp", "-c:v", "rawvideo"),
}


@dataclass
class _Nobody:
    suspended: bool = False

    def child_started(self, child: Child) -> None: ...

    def child_ended(self) -> None: ...

    def progressed(self, progress: Progress) -> None: ...


def measure(clips: Clips, folder: Path, *, seconds: float, pairs: int, judged: bool) -> Iterator[Row]:
    """`seconds` of film for each encoder; the cost from `pairs` runs each way, in turns."""
    folder.mkdir(parents=True)
    film, program = camera_film(clips, seconds), shutil.which("ffmpeg") or "ffmpeg"
    for name, options in ENCODERS.items():
        wall, cpu = _confined(program, film, options, folder)
        yield Row(name=f"cap_{name.lower().replace(' ', '_').replace('-', '_')}", figure=f"CPU cap of 1: {name}",
                  measured=cpu / wall, bound=CAP_BOUND, unit="", digits=3, judged=judged and wall >= LEAST_WALL,
                  notes=f"{cpu:.1f} CPU s in {wall:.1f} s, threads left to themselves, {os.cpu_count()} CPUs there")
    options = ENCODERS["x264"]
    measured = [(_confined(program, film, options, folder)[1], _bare(program, film, options, folder))
                for _ in range(pairs)]
    ratios = spread(pair_ratios(measured))
    yield Row(name="sandbox_cost", figure="CPU time confined and watched / bare", measured=ratios.median, bound=COST_BOUND,
              unit="", digits=3, judged=judged and min(bare for _, bare in measured) >= LEAST_WALL,
              notes=f"{pairs} pairs, {ratios.least:.3f} to {ratios.most:.3f}; walls: {', '.join(sorted(offered().parts))}")


def _command(program: str, source: str, options: tuple[str, ...]) -> tuple[str, ...]:
    return (program, "-nostdin", "-v", "error", "-nostats", "-progress", "pipe:1", "-stats_period", "0.5", "-i", source,
            *options, "-an", "-f", "null", "-")


def _one() -> set[int]:
    return {max(os.sched_getaffinity(0))}


def _confined(program: str, film: Path, options: tuple[str, ...], folder: Path) -> tuple[float, float]:
    """Seconds by the clock and CPU seconds, our own among them."""
    fd = os.open(film, os.O_RDONLY)
    try:
        before, began = _cpu(), time.monotonic()
        asyncio.run(ffmpeg.run(_command(program, f"file:/proc/self/fd/{fd}", options), cwd=folder, pass_fds=(fd,), nice=0,
                               cpus=_one(), job="bench:0", total_seconds=1.0, total_frames=None, stall_timeout=600,
                               monitor=_Nobody(), time_limit=3600))
        return time.monotonic() - began, _cpu() - before
    finally:
        os.close(fd)


def _bare(program: str, film: Path, options: tuple[str, ...], folder: Path) -> float:
    """CPU seconds, on one CPU as well."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, _one())
    try:
        before = _cpu()
        subprocess.run(_command(program, f"file:{film}", options), cwd=folder, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True)
        return _cpu() - before
    finally:
        os.sched_setaffinity(0, ours)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
