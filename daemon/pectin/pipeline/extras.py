"""What a profile wants besides the film: renditions, HLS, pictures, details. Trouble with one of them costs only that one: the
film is published all the same, and the plan's notes tell what is missing."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from pectin.model.errors import MEANINGS, Kind, PectinError
from pectin.model.job import Stage
from pectin.model.omission import Omission
from pectin.model.output import Output
from pectin.pipeline import artifacts, hls, renditions
from pectin.pipeline.proving import Work
from pectin.publishing.place import VIDEO_ROLE


async def make(work: Work, outputs: Sequence[Output]) -> list[Output]:
    """All of it, from the film that was made and verified (the output with role "video") and its subtitles. Nothing is left in
    the job's folder that is no output. Raises PectinError for what concerns the whole job (a full disk, a stop)."""
    plan = work.running.plan
    if plan is None or not (plan.renditions or plan.artifacts):
        return []
    film = next(output for output in outputs if output.role == VIDEO_ROLE)
    texts = [output for output in outputs if output.role == "subtitle"]
    made, found = await renditions.make(work, plan, film)
    work.running.enter(Stage.PACKAGING)
    found += await _or_without(work, "hls", "HLS", hls.package(work, plan, made, texts))
    found += await artifacts.make(work, plan, film, made)
    return found


async def _or_without(work: Work, kind: str, what: str, step: Awaitable[list[Output]]) -> list[Output]:
    try:
        return await step
    except PectinError as error:
        omit(work, kind, what, error)
        return []


def omit(work: Work, kind: str, what: str, error: PectinError) -> None:
    """Go on without it; raises the error again when it is none of this one thing's (a full disk would hit the next as well)."""
    if MEANINGS[error.cause].kind in (Kind.RESOURCE, Kind.WISH):
        raise error
    work.running.omit(Omission(kind, what, error))
