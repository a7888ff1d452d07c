"""What a profile wants besides the film: renditions, HLS, pictures, details. Trouble with one of them costs only that one: the
film is published all the same, and the plan's notes tell what is missing."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from pectin.model.errors import PectinError
from pectin.model.job import Stage
from pectin.model.output import VIDEO_ROLE, Output
from pectin.model.rendition import Hls
from pectin.pipeline import artifacts, hls, renditions
from pectin.pipeline.omitting import omit
from pectin.pipeline.proving import Work
from pectin.pipeline.renditions import Rungs


async def make(work: Work, outputs: Sequence[Output], rungs: Rungs) -> list[Output]:
    """All of it, from the film that was made and verified (the output with role "video") and its subtitles. Nothing is left in
    the job's folder that is no output. `rungs`: what the film's own runs have made of its renditions. Raises PectinError for what
    concerns the whole job (a full disk, a stop)."""
    plan = work.running.plan
    if plan is None or not (plan.renditions or plan.artifacts or plan.hls is not Hls.NONE):
        return []
    film = next(output for output in outputs if output.role == VIDEO_ROLE)
    texts = [output for output in outputs if output.role == "subtitle"]
    made, found = await renditions.make(work, plan, film, rungs)
    work.running.enter(Stage.PACKAGING)
    found += await _or_without(work, "hls", "HLS", hls.package(work, plan, made, texts))
    found += await artifacts.make(work, plan, film, made)
    for rendition in plan.renditions:
        if not rendition.files:
            (work.scratch / rendition.file).unlink(missing_ok=True)
    return found


async def _or_without(work: Work, kind: str, what: str, step: Awaitable[list[Output]]) -> list[Output]:
    try:
        return await step
    except PectinError as error:
        omit(work, kind, what, error)
        return []

