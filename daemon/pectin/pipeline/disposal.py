"""What becomes of a job's folder when the job is over: the source to the originals or aside, the rest removed."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from pectin.linux.finish import finished
from pectin.model.errors import MEANINGS, Kind, PectinError, os_cause
from pectin.model.intent import Intent
from pectin.model.job import Job, State, Trigger
from pectin.model.places import Places
from pectin.pipeline.retry import Decision, RetryPolicy
from pectin.publishing import originals, place

log = logging.getLogger(__name__)


async def dispose(job: Job, places: Places) -> None:
    """Put the source of a finished job where it belongs. May be called again: what is done stays done. Raises PectinError."""
    try:
        await finished(asyncio.to_thread(_dispose, job, places))
    except OSError as error:
        raise PectinError(os_cause(error), f"{places.job_folder(job.id)}: {error.strerror or error}") from error


async def let_go(job: Job, decision: Decision, retry: RetryPolicy) -> Decision:
    """Before a job in PUBLISHING gives its outputs up: take away what waits in the library. A film that has its name there
    already is published: it is not given up but brought to its end later, or it would be published twice."""
    if job.state is not State.PUBLISHING or job.intent is None or decision.trigger not in (Trigger.GIVE_UP, Trigger.INTERRUPT):
        return decision
    intent = Intent.from_json(job.intent)
    try:
        if MEANINGS[decision.cause].kind is not Kind.BUG and await asyncio.to_thread(place.stands, intent):
            return replace(decision, trigger=Trigger.RETRY, delay=retry.cap)
        await finished(asyncio.to_thread(place.withdraw, intent))
    except PectinError as error:
        log.warning("something may stay in the library for now, housekeeping tries again: %s", error.sentence)
    return decision


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
