"""Versions of a film in one run, against the same encodes each in a run of its own; and whether they keep to their rates."""

from __future__ import annotations

import asyncio
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.films import large_film
from bench.table import Row, pair_ratios, spread
from clips import Clips
from pectin.encoding import argv
from pectin.encoding.labels import Argv
from pectin.encoding.tools import find
from pectin.model.plan import Plan, StreamAction
from pectin.model.profile import Profile
from pectin.model.rendition import Rendition
from pectin.pipeline.examine import look_into, opened
from pectin.planning.plan import decide

BOUND = 0.74
RATE_BOUND = 1.05
LEAST_WALL = 3.0  # seconds: below, the start weighs more than what comes then
# The preset with which 0.71 was seen by hand; the slower one is, the less there is to share.
PROFILE = Profile(preset="veryfast", renditions=(720, 480, 360))


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock and of all CPUs."""

    wall: float
    cpu: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu)


def measure(clips: Clips, folder: Path, *, seconds: float, pairs: int, judged: bool) -> Iterator[Row]:
    """The film and three renditions of `seconds` of 1080p24, `pairs` times each way in turns."""
    folder.mkdir(parents=True)
    film = large_film(clips, seconds)
    plan = asyncio.run(_planned(film))
    versions = (Rendition(name="film", streams=plan.kept, width=plan.width, height=plan.height, sentence="", files=False),
                *plan.renditions)
    measured = []
    for _ in range(pairs):
        apart = [_cost(_command(film, argv.alone(plan, one), file=one.file), folder) for one in versions]
        measured.append((_cost(_command(film, plan, rungs=plan.renditions), folder), sum(apart[1:], apart[0])))
    walls = spread(pair_ratios([(one.wall, apart.wall) for one, apart in measured]))
    cpus = spread(pair_ratios([(one.cpu, apart.cpu) for one, apart in measured]))
    long_enough = min(one.wall for one, _ in measured) >= LEAST_WALL
    for name, ratios in (("wall", walls), ("cpu", cpus)):
        yield Row(
            name=f"ladder_{name}", figure=f"Ladder of four in one run / four runs, {'CPU' if name == 'cpu' else 'time'}",
            measured=ratios.median, bound=BOUND, unit="", digits=3, judged=judged and long_enough,
            notes=f"{pairs} pairs, {ratios.least:.3f} to {ratios.most:.3f}; {seconds:g} s of 1080p24 at 10 Mb/s, x264 "
                  f"{PROFILE.preset}, 1080/720/480/360 with sound; {measured[0][0].cpu:.1f} CPU s in one run")
    yield _rates(clips, folder, judged=judged)


def _rates(clips: Clips, folder: Path, *, judged: bool) -> Row:
    """Noise, which takes all that a rate allows: the worst of the renditions."""
    film = clips.make("noise.mkv", ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=24:duration=12", "-vf",
                                    "noise=alls=80:allf=t", "-c:v", "mpeg4", "-q:v", "2"])
    plan = asyncio.run(_planned(film))
    _cost(_command(film, plan, rungs=plan.renditions), folder)
    found = {one.name: (folder / one.file).stat().st_size * 8 / (plan.seconds or 1) / one.max_bitrate for one in plan.renditions}
    return Row(name="ladder_rates", figure="Bit rate of a rendition / its limit", measured=max(found.values()), bound=RATE_BOUND,
               unit="", digits=3, judged=judged,
               notes="12 s of noise; " + ", ".join(f"{name} {share:.3f}" for name, share in found.items()))


async def _planned(film: Path) -> Plan:
    with opened(film, film.parent) as source:
        media = await look_into(source, await find("auto"), timeout=60, max_pixels=PROFILE.max_pixels)
    plan = decide(media, PROFILE)
    assert plan.kept[0].action is StreamAction.ENCODE
    return plan


def _command(film: Path, plan: Plan, *, file: str | None = None, rungs: Sequence[Rendition] = ()) -> Argv:
    """As a job would run it with one thread."""
    return argv.build(plan, ffmpeg=shutil.which("ffmpeg") or "ffmpeg", source=f"file:{film}", threads=1,
                      max_pixels=PROFILE.max_pixels, file=file, rungs=rungs).argv


def _cost(command: Argv, folder: Path) -> Cost:
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
