"""What pictures cost besides the encode that they belong to: in CPU seconds of ffmpeg, all of the looks and checks counted.

They are taken from the finished film, in the same job. Each time the encode is the same, so that it is measured once."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path, PurePath

from bench.films import camera_film
from bench.table import Row, spread
from clips import Clips
from pectin.encoding import argv, tools
from pectin.model.artifact import Moment, Pictures, Preview
from pectin.model.job import Job, State
from pectin.model.output import Output
from pectin.model.profile import Profile
from pectin.pipeline import artifacts
from pectin.pipeline.examine import look_into, opened
from pectin.pipeline.policy import Encoding
from pectin.pipeline.proving import Work
from pectin.pipeline.running import RunningJob
from pectin.planning.plan import decide

BOUND = 0.03  # of the encode
LEAST_ENCODE = 20.0  # CPU seconds: below, the start of each of a dozen processes would weigh more than it does for any film
_ASKED = {
    "preview_cost": ("Animated preview of 3 s (GIF) / the encode", Pictures(preview=Preview.GIF)),
    "pictures_cost": ("Poster and trickplay / the encode", Pictures(poster=Moment(), trickplay=True)),
}


def measure(clips: Clips, folder: Path, *, seconds: float, rounds: int, judged: bool) -> list[Row]:
    """`seconds` of film are encoded once, and the pictures made `rounds` times."""
    encode, costs = asyncio.run(_costs(camera_film(clips, seconds), folder, rounds))
    rows = []
    for name, (figure, _) in _ASKED.items():
        cost = spread(costs[name])
        rows.append(Row(
            name=name, figure=figure, measured=cost.median / encode, bound=BOUND, unit="", digits=3,
            judged=judged and encode >= LEAST_ENCODE,
            notes=f"median of {rounds}, all checks included: {cost.median:.2f} s of CPU ({cost.least:.2f} to {cost.most:.2f}), "
                  f"taken from the finished film; the encode takes {encode:.1f} s for {seconds:g} s of 720p24, preset medium"))
    return rows


async def _costs(source: Path, folder: Path, rounds: int) -> tuple[float, dict[str, list[float]]]:
    """CPU seconds of the encode, and of each kind of pictures."""
    scratch, profile = folder / "scratch", Profile()
    scratch.mkdir(parents=True)
    encoding = Encoding(tools=await tools.find("auto"), threads=1, cpus=(None,), nice=0, stall_timeout=60, probe_timeout=60)
    running = RunningJob(slot=0, job=Job(
        id="0" * 11 + "1", state=State.PROCESSING, route="films", profile=profile.name, inbox_path=source,
        relative=PurePath(source.name), size=source.stat().st_size, created_at=1.0, updated_at=1.0))
    with opened(source, source.parent) as opening:
        media = await look_into(opening, encoding.tools, timeout=60, max_pixels=profile.max_pixels)
        plan = decide(media, profile)
        command = argv.build(plan, ffmpeg=str(encoding.tools.ffmpeg), source=opening.url, threads=1,
                             max_pixels=profile.max_pixels)
        work = Work(running=running, source=opening, media=media, profile=profile, scratch=scratch, encoding=encoding)
        encode = (await work.run(command.argv, seconds=plan.seconds, with_source=True)).cpu_seconds
        film = Output(role="video", file=command.video, extension=plan.container)
        costs: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name, (_, pictures) in _ASKED.items():
                asked = replace(profile, pictures=pictures)
                wanted = replace(plan, artifacts=decide(media, asked).artifacts)
                before = running.figures.cpu_seconds
                made = await artifacts.make(replace(work, profile=asked), wanted, film, ())
                costs.setdefault(name, []).append(running.figures.cpu_seconds - before)
                if len(made) != len(wanted.artifacts):
                    raise AssertionError(f"{name}: not all was made: {running.omissions}")
                for output in made:
                    path = scratch / output.file
                    shutil.rmtree(path) if output.tree else path.unlink()
    return encode, costs
