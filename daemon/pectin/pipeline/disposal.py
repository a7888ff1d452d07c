"""What becomes of a job's folder when the job is over: the source and what came with it to the originals or aside, the rest
removed."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from pectin.linux.crash import CrashPoint, reached
from pectin.linux.finish import finished
from pectin.model.errors import MEANINGS, Kind, PectinError, os_cause
from pectin.model.intent import Intent
from pectin.model.job import FINAL, Job, State, Trigger
from pectin.model.places import Places
from pectin.pipeline.policy import Publishing
from pectin.pipeline.retry import RESOURCE_DELAY, Decision, RetryPolicy
from pectin.pipeline.sidecars import place_late
from pectin.publishing import job_notes, originals, place
from pectin.publishing.originals import Where
from pectin.store.store import Store

log = logging.getLogger(__name__)

_GIVES_OUTPUTS_UP = (Trigger.GIVE_UP, Trigger.REJECT, Trigger.INTERRUPT)


async def dispose(job: Job, store: Store, places: Places, publishing: Publishing) -> None:
    """Put what is left of a finished job where it belongs: its source, then its sidecars, of which a completed job's latecomers
    go into the library first. May be called again: what is done stays done. The caller has the job's turn; a job that was put
    back into the queue before that is left alone. Raises PectinError."""
    now = await store.jobs.get(job.id)
    if now is None or now.state not in FINAL:
        return
    job = now
    try:
        await finished(asyncio.to_thread(_rest_source, job, places))
        if job.state is State.COMPLETED:
            late = await finished(asyncio.to_thread(place_late, job, places, publishing))
            if late.outputs:  # written down before the sidecar leaves: a crash in between finds it here, and in the library
                reached(CrashPoint.LATE_PLACED)
                await finished(_note(store, job.id, late.outputs))
                reached(CrashPoint.LATE_NOTED)
            await _keep_note(store, job, places)
            await finished(asyncio.to_thread(_rest_sidecars, job, places, late.done))
            if late.trouble is not None:
                raise late.trouble
        else:
            await _keep_note(store, job, places)
            await finished(asyncio.to_thread(_rest_sidecars, job, places, None))
    except OSError as error:
        raise PectinError(os_cause(error), f"{places.job_folder(job.id)}: {error.strerror or error}") from error


async def let_go(job: Job, decision: Decision, retry: RetryPolicy) -> Decision:
    """Before a job in PUBLISHING gives its outputs up: take away what waits in the library. A film that has its name there
    already is published: it is not given up but brought to its end later, or it would be published twice."""
    if job.state is not State.PUBLISHING or job.intent is None or decision.trigger not in _GIVES_OUTPUTS_UP:
        return decision
    intent = Intent.from_json(job.intent)
    try:
        await asyncio.to_thread(place.need_roots, intent)
    except PectinError:  # nobody can tell now whether the film stands there: that is asked again
        return replace(decision, trigger=Trigger.RETRY, delay=RESOURCE_DELAY)
    try:
        if MEANINGS[decision.cause].kind is not Kind.BUG and await asyncio.to_thread(place.stands, intent):
            return replace(decision, trigger=Trigger.RETRY, delay=retry.cap)
        await finished(asyncio.to_thread(place.withdraw, intent))
    except PectinError as error:
        log.warning("something may stay in the library for now, housekeeping tries again: %s", error.sentence)
    return decision


def _rest_source(job: Job, places: Places) -> None:
    if places.source(job.id, job.relative).exists():
        if job.state is State.COMPLETED:
            rests = originals.archive(places, job.id, job.relative)
            log.info("original archived: %s", rests)
        else:
            rests = originals.set_aside(places, job.id, job.relative, why=why_text(job))
            log.info("source set aside: %s", rests)


def _rest_sidecars(job: Job, places: Places, which: Sequence[PurePath] | None) -> None:
    """These of the sidecars in the work folder (None: all) to where the source is; then the folder goes."""
    rests = Where.ORIGINALS if job.state is State.COMPLETED else Where.REJECTED
    for where, sidecar, _ in originals.sidecars(places, job.id, job.relative):
        if where is Where.WORK and (which is None or sidecar in which):
            originals.rest_sidecar(places, job.id, job.relative, sidecar, rests)
    originals.tidy_work(places, job.id)


async def _keep_note(store: Store, job: Job, places: Places) -> None:
    """Beside the source, before the work folder goes: a crash in between comes here again."""
    now = await store.jobs.get(job.id)
    await finished(asyncio.to_thread(job_notes.keep, now or job, places))


async def _note(store: Store, job_id: str, late: Sequence[dict[str, Any]]) -> None:
    job = await store.jobs.get(job_id)
    outputs = json.loads(job.outputs) if job is not None and job.outputs else []
    await store.jobs.note(job_id, now=time.time(), outputs=json.dumps([*outputs, *late], ensure_ascii=False))


def why_text(job: Job) -> str:
    """The text beside a source that was set aside: what happened, what to do, the commands."""
    lines = [f"{job.name}", "", f"State:   {job.state}", f"Job:     {job.id}"]
    if job.cause is not None:
        lines += [f"Reason:  {job.message or MEANINGS[job.cause].sentence}", f"What to do: {MEANINGS[job.cause].next_step}"]
    lines += ["", f"More about it:  pectin show {job.id}", f"Try it again:   pectin retry {job.id}",
              "If you do not need the file any more, delete it together with this text."]
    return "\n".join(lines) + "\n"
