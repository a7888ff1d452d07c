"""What becomes of a job's folder when the job is over: the source to the originals or aside, the rest removed."""

from __future__ import annotations

import asyncio
import logging

from pectin.linux.finish import finished
from pectin.model.errors import MEANINGS
from pectin.model.job import Job, State
from pectin.model.places import Places
from pectin.publishing import originals

log = logging.getLogger(__name__)


async def dispose(job: Job, places: Places) -> None:
    """Put the source of a finished job where it belongs. May be called again: what is done stays done. Raises PectinError."""
    await finished(asyncio.to_thread(_dispose, job, places))


def _dispose(job: Job, places: Places) -> None:
    if places.source(job.id, job.relative).exists():
        if job.state is State.COMPLETED:
            rests = originals.archive(places, job.id, job.relative)
            log.info("original archived: %s", rests)
        else:
            rests = originals.set_aside(places, job.id, job.relative, why=why_text(job))
            log.info("source set aside: %s", rests)
    originals.tidy_work(places, job.id)


def why_text(job: Job) -> str:
    """The text beside a source that was set aside: what happened, what to do, the commands."""
    lines = [f"{job.name}", "", f"State:   {job.state}", f"Job:     {job.id}"]
    if job.cause is not None:
        lines += [f"Reason:  {job.message or MEANINGS[job.cause].sentence}", f"What to do: {MEANINGS[job.cause].next_step}"]
    lines += ["", f"More about it:  pectin show {job.id}", f"Try it again:   pectin retry {job.id}",
              "If you do not need the file any more, delete it together with this text."]
    return "\n".join(lines) + "\n"
