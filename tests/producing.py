"""Makes films as a job does: looked into, planned, carried out, proven; without a daemon, a store and a library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from pectin.encoding import tools
from pectin.encoding.tools import Tools
from pectin.model.job import Job, State
from pectin.model.media import MediaInfo
from pectin.model.omission import Omission
from pectin.model.plan import Plan
from pectin.model.profile import Profile
from pectin.pipeline.examine import cut_short, look_into, measure, opened, without_lengths
from pectin.pipeline.policy import Encoding
from pectin.pipeline.produce import Output, produce
from pectin.pipeline.proving import Work
from pectin.pipeline.running import RunningJob
from pectin.planning.plan import decide
from working import ONE

QUICKLY = Profile(preset="ultrafast")
_TOOLS: dict[str, Tools] = {}


@dataclass(frozen=True)
class Produced:
    """A film that was made: what was planned first, what was done in the end, and the files."""

    media: MediaInfo
    first: Plan
    plan: Plan
    outputs: list[Output]
    omissions: list[Omission]
    folder: Path

    @property
    def film(self) -> Path:
        return self.folder / self.outputs[-1].file


async def produced(source: Path, folder: Path, profile: Profile = QUICKLY, *, as_it_is: bool = False,
                   amended: Plan | None = None, program: Path | None = None, during: Callable[[RunningJob], None] | None = None,
                   ) -> Produced:
    """Raises PectinError. `amended` is carried out instead of the plan; `program` is run instead of ffmpeg once the film is
    looked into; `during` gets the running job just before it is made."""
    if (found := _TOOLS.get("auto")) is None:  # looked for once: five processes
        found = _TOOLS["auto"] = await tools.find("auto")
    encoding = Encoding(tools=found, threads=2, cpus=(None,), nice=0, stall_timeout=60, probe_timeout=60)
    job = Job(id=ONE, state=State.PROCESSING, route="films", profile=profile.name, inbox_path=source,
              relative=PurePath(source.name), size=source.stat().st_size, created_at=1.0, updated_at=1.0)
    running = RunningJob(job=job, slot=0, as_it_is=as_it_is)
    scratch = folder / "scratch"
    scratch.mkdir()
    with opened(source, source.parent) as opening:
        cut = cut_short(opening)
        media = await look_into(opening, found, timeout=60, max_pixels=profile.max_pixels)
        if cut is not None:
            media = without_lengths(media)
        measured = await measure(opening, media, profile, encoding, running)
        plan = amended or decide(media, profile, measured)
        running.plan = plan if cut is None else replace(plan, notes=(f"The source is {cut}.",))
        if program is not None:
            encoding = replace(encoding, tools=replace(found, ffmpeg=program))
        if during is not None:
            during(running)
        work = Work(running=running, source=opening, media=media, profile=profile, scratch=scratch, encoding=encoding)
        outputs = await produce(work, running.plan, measured)
    return Produced(media=media, first=plan, plan=running.plan, outputs=outputs, folder=scratch,
                    omissions=running.omissions)
