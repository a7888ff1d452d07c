"""Waking up: bring every row and every file to a known place, whatever the last run was doing when it ended."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from pathlib import Path

from pectin.intake.mend import mend
from pectin.intake.note import Claim, read_note
from pectin.linux.child import sweep_orphans
from pectin.model.errors import MEANINGS, Cause, PectinError, os_cause
from pectin.model.event import EventType
from pectin.model.identity import is_job_id
from pectin.model.job import FINAL, Job, Stage, State, Trigger
from pectin.model.output import DECORATION
from pectin.model.places import CLAIM_NOTE, JOB_NOTE, Places
from pectin.model.profile import Profile
from pectin.model.sidecar import ROLE as SIDECAR_ROLE
from pectin.observing.logs import facts, job_context
from pectin.pipeline import media_notes
from pectin.pipeline.disposal import dispose, let_go
from pectin.pipeline.events import event_type, make_event
from pectin.pipeline.policy import Policy
from pectin.pipeline.rebuild import again, take_up_again
from pectin.pipeline.retry import decide
from pectin.pipeline.story import wipe
from pectin.pipeline.turns import Turns
from pectin.pipeline.undo import Undo, go_on_undoing
from pectin.publishing import job_notes, originals
from pectin.publishing.things import is_as_placed
from pectin.store.store import Store

log = logging.getLogger(__name__)


async def recover(store: Store, policy: Policy) -> None:
    """Before any worker starts. Each thing that is put right leaves a line in the log."""
    await take_up_again(store, policy.places, outputs_present)
    interrupted = await store.jobs.in_state(State.PROCESSING, State.PUBLISHING)
    for job in interrupted:
        with job_context(job.id, job.inbox_path):
            for pid in await sweep_orphans(job.id):
                log.warning("process %d was left behind by the last run: killed", pid)
            await _interrupt(store, job, policy)
    await _work_folders(store, policy)
    if policy.state is not None:
        await asyncio.to_thread(media_notes.sweep, policy.state)
    await go_on_undoing(store, policy.places, Undo(store), Turns().of)
    for job in await store.jobs.in_state(State.PENDING):
        with job_context(job.id, job.inbox_path):
            await _find_source(job, policy.places)


async def _interrupt(store: Store, job: Job, policy: Policy) -> None:
    """A job that ran when the daemon died: again from the start, or, when its outputs were finished, on with placing them. One
    that only waited to be placed (its library is away) goes on waiting: a restart is no fault of it."""
    if job.state is State.PUBLISHING and job.stage is not Stage.PLACING:
        return
    decision = decide(job.state, Cause.DAEMON_DIED, attempts=job.attempts, interruptions=job.interruptions, policy=policy.retry)
    decision = await let_go(job, decision, policy.retry)
    if decision.trigger is None:
        return
    message = MEANINGS[decision.cause].sentence
    gives_up = decision.trigger is Trigger.GIVE_UP
    now = time.time()
    events = [make_event(EventType.FAILED, job, now=now, state=State.FAILED, cause=decision.cause, message=message)] \
        if gives_up and event_type(decision.trigger, State.FAILED) else []
    after = await store.jobs.apply(job.id, decision.trigger, now=now, expected=job.state, cause=decision.cause, message=message,
                                   changes={"interruptions": decision.interruptions,
                                            "not_before": now + decision.delay if decision.delay else 0.0,
                                            "stage": Stage.DONE if gives_up else Stage.WAITING,
                                            **({"finished_at": now} if gives_up else {})}, events=events)
    if after.state is State.PENDING:  # it may wait for room, and half an output would take that
        await asyncio.to_thread(wipe, policy.places, job.id)
    log.warning("%s -> %s: %s (%d times by now)", job.state, after.state, message, decision.interruptions,
                extra=facts(state=after.state, reason=decision.cause))


async def _work_folders(store: Store, policy: Policy) -> None:
    """Folders without a row become jobs (or go, when nothing is in them); folders of finished jobs are disposed of."""
    for folder in sorted(await asyncio.to_thread(_folders, policy.places.work)):
        if not is_job_id(folder.name):
            log.warning("%s is not ours: left alone", folder)
            continue
        with job_context(folder.name):
            job = await store.jobs.get(folder.name)
            found = None
            try:
                if job is None:
                    found = await _finish_claim(folder, policy.places)
                elif job.state in FINAL:
                    await dispose(job, store, policy.places, policy.publishing)
                    await media_notes.renew(store, job.id, policy.state)
            except PectinError as error:
                log.warning("%s could not be put in order: %s", folder, error.sentence)
            if found is not None:  # what the store refuses is not passed over: without its row nobody would look at the film
                await _adopt(store, found, policy)


def _folders(root: Path) -> list[Path]:
    return [entry for entry in root.iterdir() if entry.is_dir() and not entry.is_symlink()] if root.is_dir() else []


async def _finish_claim(folder: Path, places: Places) -> Claim | Job | None:
    """A claim that a crash cut in two: the file had been moved in, or not yet, but the row had not been written. Gives the
    claim whose film is here now, or the job as it was before somebody sent it into the queue again. Raises PectinError."""
    try:
        return await asyncio.to_thread(_mended, folder, places)
    except OSError as error:
        raise PectinError(os_cause(error), f"{error.filename or folder}: {error.strerror or error}") from error


def _mended(folder: Path, places: Places) -> Claim | Job | None:
    note = read_note(folder)
    if note is None or note.job_id != folder.name:
        job = job_notes.read(folder, folder / JOB_NOTE)
        if job is not None and os.path.lexists(places.source(job.id, job.relative)):
            return job
        # A note that is no whole one was being written when the power failed: nothing is moved in before the note is durable.
        if any(entry.is_file() for entry in folder.rglob("*") if entry != folder / CLAIM_NOTE):
            log.error("%s holds files but no claim note: left alone, please look at it", folder)
        else:
            originals.tidy_work(places, folder.name)
        return None
    if mend(note, note.inbox_path.parents[len(note.relative.parts) - 1], places):
        return note
    log.info("a claim that had not happened yet was undone: %s", note.inbox_path)
    return None


async def _adopt(store: Store, found: Claim | Job, policy: Policy) -> None:
    if isinstance(found, Job):
        await store.jobs.add(job := again(found))  # the world has been told of it
        log.warning("a film that was to be tried again without a row was taken up as a job: %s", job.name)
        return
    route = policy.routes.get(found.route)
    job = job_from(found, profile=route.profile if route else Profile().name)
    await store.jobs.add(job, [make_event(EventType.ACCEPTED, job, now=job.created_at, state=State.PENDING)])
    log.warning("a claimed file without a row was taken up as a job: %s", job.name)


def job_from(claim: Claim, *, profile: str) -> Job:
    """The row of a claim that has just been made."""
    return Job(id=claim.job_id, state=State.PENDING, route=claim.route, profile=profile, inbox_path=claim.inbox_path,
               relative=claim.relative, size=claim.size, created_at=claim.claimed_at, updated_at=claim.claimed_at,
               left_behind=claim.left_behind.as_json() if claim.left_behind else None)


async def _find_source(job: Job, places: Places) -> None:
    """A crash while a job was put back into the queue may have left its source where it rested."""
    if await asyncio.to_thread(os.path.lexists, places.source(job.id, job.relative)):
        return
    try:
        where = await asyncio.to_thread(originals.bring_back, places, job.id, job.relative)
        log.warning("the source was brought back into the work queue: %s", where)
    except PectinError as error:
        log.warning("the source is not where it should be: %s", error.sentence)


def outputs_present(job: Job) -> bool:
    """Whether every published file and folder is still there with its size: only then may the original go. Pictures and .nfo
    files may have changed or gone: Jellyfin writes to them."""
    files = json.loads(job.outputs) if job.outputs else []
    try:
        return bool(files) and all(is_as_placed(f) or f["role"] in DECORATION
                                   or (f["role"] == SIDECAR_ROLE and os.path.lexists(f["path"])) for f in files)
    except OSError:
        return False
