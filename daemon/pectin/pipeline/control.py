"""What a person may ask of the running daemon; the API calls these and nothing else."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pectin import __version__
from pectin.model.errors import MEANINGS, Cause, PectinError
from pectin.model.event import EventType
from pectin.model.job import FINAL, HistoryEntry, Job, NoSuchJobError, Stage, State, Trigger, next_state
from pectin.model.media import MediaInfo
from pectin.model.plan import Plan
from pectin.model.priority import FRONT
from pectin.observing.logs import facts, job_context
from pectin.pipeline import media_notes
from pectin.pipeline.again import redo, requeue
from pectin.pipeline.disposal import dispose
from pectin.pipeline.events import make_event
from pectin.pipeline.gate import Gate, Mode
from pectin.pipeline.intake_loop import IntakeLoop
from pectin.pipeline.outlook import outlook
from pectin.pipeline.running import RunningJob
from pectin.pipeline.sidecars import SidecarAccount, account
from pectin.pipeline.status import (
    Status,
    WaitingStatus,
    hold_status,
    inbox_statuses,
    problems,
    running_status,
    sandbox_status,
    waiting_status,
)
from pectin.pipeline.undo import Undo, WishError
from pectin.pipeline.worker import Worker
from pectin.publishing import originals
from pectin.store.store import Store

log = logging.getLogger(__name__)

WAITING_SHOWN = 50  # an inbox may hold thousands of files that are not films; the total is told beside them


class AmbiguousJobError(LookupError):
    """A prefix that fits several jobs."""

    def __init__(self, prefix: str, ids: Collection[str]) -> None:
        super().__init__(f"{prefix!r} fits several jobs: {', '.join(sorted(ids))}")


class NotRunningError(Exception):
    """Nobody works on this job: there is nothing to pause or to slow down."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} does not run now: `pectin status` shows those that do; `pectin pause` pauses the queue")


@dataclass(frozen=True, slots=True)
class JobDetails:
    job: Job
    history: tuple[HistoryEntry, ...]
    source: Path | None
    sidecars: tuple[SidecarAccount, ...]


class Control:
    """Built by the service; every method may raise PectinError, NoSuchJobError or IllegalTransitionError."""

    def __init__(self, *, store: Store, worker: Worker, gate: Gate, intake: IntakeLoop, config: Path,
                 reload: Callable[[], Awaitable[list[str]]], changed: Callable[[], None]) -> None:
        self._store = store
        self._worker = worker
        self._gate = gate
        self._intake = intake
        self._config = config
        self._reload = reload
        self._changed = changed
        self._started_at = time.time()

    async def status(self) -> Status:
        encoding = self._worker.policy.encoding
        waiting = self._intake.waiting()
        return Status(
            version=__version__, pid=os.getpid(), started_at=self._started_at, config=str(self._config),
            mode=self._gate.mode.value, paused_for=self._gate.causes, mode_sentence=self._gate.sentence, until=self._gate.until,
            governor=tuple(hold_status(hold) for hold in self._gate.holds),
            jobs=await self._store.jobs.counts(),
            running=tuple(running_status(r) for r in self._worker.running.values()),
            waiting=tuple(waiting_status(w) for w in waiting[:WAITING_SHOWN]), waiting_total=len(waiting),
            inboxes=inbox_statuses(self._intake), outbox=await self._store.outbox.pending(),
            ffmpeg=str(encoding.tools.ffmpeg), ffmpeg_version=encoding.tools.version_text,
            threads=encoding.threads, slots=len(encoding.cpus),
            problems=tuple(await problems(self._intake, self._worker)),
            originals_size=await self._store.jobs.originals_size(), sandbox=sandbox_status(encoding.sandbox),
            hardware=self._worker.hardware.report() if self._worker.hardware else (),
            hardware_sentence=self._worker.hardware.sentence if self._worker.hardware else "")

    def inbox(self, reasons: Collection[str], page: int, limit: int) -> tuple[list[WaitingStatus], int]:
        """One page of what lies in the inboxes and is no job, in order of path, and how many files there are in all."""
        waiting = [w for w in self._intake.waiting() if not reasons or w.reason.value in reasons]
        return [waiting_status(w) for w in waiting[(page - 1) * limit:page * limit]], len(waiting)

    async def jobs(self, states: Collection[State], search: str, page: int, limit: int) -> tuple[list[Job], int]:
        return await self._store.jobs.page(states, search, page, limit)

    async def find(self, prefix: str) -> Job:
        """The job with this id or the only one whose id begins so."""
        found = await self._store.jobs.find(prefix)
        if len(found) > 1:
            raise AmbiguousJobError(prefix, [job.id for job in found])
        if not found:
            raise NoSuchJobError(prefix)
        return found[0]

    async def details(self, prefix: str) -> JobDetails:
        job = await self.find(prefix)
        places = self._worker.policy.places
        where = await asyncio.to_thread(originals.locate, places, job.id, job.relative)
        sidecars = await asyncio.to_thread(account, job, places)
        return JobDetails(job, tuple(await self._store.jobs.history(job.id)), where[1] if where else None, sidecars)

    async def cancel(self, prefix: str) -> Job:
        """Stop a job; its source is set aside, nothing is deleted."""
        job = await self.find(prefix)
        running = self._worker.running.get(job.id)
        if running is not None and running.job.state is not State.PENDING:
            next_state(running.job.state, Trigger.CANCEL)
            running.stop(Cause.CANCELLED_BY_USER)
            if running.task is not None:
                await asyncio.wait({running.task})
            return await self.find(job.id)
        async with self._worker.turns.of(job.id):
            return await self._cancel_waiting(job)

    async def _cancel_waiting(self, job: Job) -> Job:
        next_state(job.state, Trigger.CANCEL)
        now, error = time.time(), PectinError(Cause.CANCELLED_BY_USER)
        event = make_event(EventType.CANCELLED, job, now=now, state=State.CANCELLED, cause=error.cause, message=error.sentence)
        job = await self._store.jobs.apply(job.id, Trigger.CANCEL, now=now, expected=State.PENDING, cause=error.cause,
                                           message=error.sentence, events=[event],
                                           changes={"stage": Stage.DONE, "finished_at": now})
        self._worker.announce(Trigger.CANCEL, State.CANCELLED, error.cause)
        _tell(State.PENDING, job, error.cause)
        await dispose(job, self._store, self._worker.policy.places, self._worker.policy.publishing)
        return job

    async def retry(self, prefix: str) -> Job:
        """Another try for a job that ended badly, or now instead of later for one that waits. The source comes back first: if
        that fails, nothing has changed."""
        job = await self.find(prefix)
        if job.state in (State.PENDING, State.PUBLISHING) and job.id not in self._worker.running:
            job = await self._store.jobs.note(job.id, now=time.time(), not_before=0.0)
            self._worker.wake.call()
            return job
        running = self._worker.running.get(job.id)
        if running is not None and running.task is not None:  # its source is on its way to where it will rest
            await asyncio.wait({running.task})
        async with self._worker.turns.of(job.id):  # two hands on one file may lose it
            job, fetched = await requeue(await self.find(job.id), self._store, self._worker.policy.places)
        if fetched is not None:
            self._intake.taken_again(fetched)
        return self._queued(job, Trigger.REQUEUE)

    async def redo(self, prefix: str, profile: str | None) -> Job:
        """Make a completed job once more; the new outputs replace the old ones when they are published."""
        policy = self._worker.policy
        job = await self._at_rest(prefix)
        async with self._worker.turns.of(job.id):
            job = await redo(await self.find(job.id), profile, self._store, policy.places, policy.profiles)
        return self._queued(job, Trigger.REDO)

    async def undo(self, prefix: str, to: Path | None) -> Job:
        """Put the original back where it came from, or into the folder `to`, and withdraw the outputs."""
        job = await self._at_rest(prefix)
        async with self._worker.turns.of(job.id):
            undoing = Undo(self._store, self._intake.leave_alone, self._worker.announce)
            job = await undoing.undo(await self.find(job.id), to, self._worker.policy)
            await media_notes.renew(self._store, job.id, self._worker.policy.state)
        return job

    async def _at_rest(self, prefix: str) -> Job:
        """The job, once its source is not on its way any more to where it rests."""
        job = await self.find(prefix)
        running = self._worker.running.get(job.id)
        if running is not None and running.job.state in FINAL and running.task is not None:
            await asyncio.wait({running.task})
        return job

    async def prioritise(self, prefix: str, priority: int) -> Job:
        """Before or behind others from now on. Raises WishError for a job that is over."""
        return await self._ranked(prefix, priority=priority)

    async def next(self, prefix: str) -> Job:
        """To the front of the queue, and due at once if it waits for another try. Raises WishError for a job that is over."""
        return await self._ranked(prefix, priority=max(FRONT, await self._store.jobs.highest_priority() + 1), not_before=0.0)

    async def _ranked(self, prefix: str, **changes: float) -> Job:
        job = await self.find(prefix)
        if job.state in FINAL:
            raise WishError(f"the job is {job.state}: it does not wait for its turn; `pectin retry` or `pectin redo` puts it "
                            "into the queue again")
        job = await self._store.jobs.note(job.id, now=time.time(), **changes)
        self._worker.wake.call()
        self._changed()
        return job

    def _queued(self, job: Job, trigger: Trigger) -> Job:
        self._worker.announce(trigger, job.state, job.cause)
        _tell(None, job, job.cause)
        self._worker.wake.call()
        return job

    async def pause(self, seconds: float | None = None) -> None:
        """Nothing new starts, and what runs stands still until resume, or for so many seconds."""
        await self._set(Mode.PAUSED, None if seconds is None else time.time() + seconds)

    async def drain(self) -> None:
        """What runs is finished, nothing new starts."""
        await self._set(Mode.DRAINING)

    async def resume(self) -> None:
        await self._set(Mode.OPEN)
        self._worker.wake.call()

    async def _set(self, mode: Mode, until: float | None = None) -> None:
        try:
            await self._gate.set(mode, until)
        finally:
            self._worker.wake.call()  # also when it was refused: a worker may have looked meanwhile
        for running in self._worker.running.values():
            self._gate.act_upon(running)
        self._changed()

    async def suspend(self, prefix: str) -> Job:
        """Pause one running job: it uses no CPU until it is resumed. Raises NotRunningError."""
        return await self._held_back(prefix, lambda running: running.suspend(Cause.JOB_PAUSED_BY_USER))

    async def go_on(self, prefix: str) -> Job:
        """The end of suspend. Raises NotRunningError."""
        return await self._held_back(prefix, lambda running: running.resume(Cause.JOB_PAUSED_BY_USER))

    async def limit(self, prefix: str, cpus: int | None) -> Job:
        """Let one running job use at most so many CPUs, None: all that the configuration gives. Raises NotRunningError."""
        return await self._held_back(prefix, lambda running: running.unlimit(Cause.SLOWED_BY_USER) if cpus is None
                                     else running.limit(cpus, Cause.SLOWED_BY_USER))

    async def _held_back(self, prefix: str, act: Callable[[RunningJob], None]) -> Job:
        job = await self.find(prefix)
        running = self._worker.running.get(job.id)
        if running is None:
            raise NotRunningError(job.id)
        act(running)
        self._changed()
        return job

    async def backup(self) -> BinaryIO:
        """A consistent copy of the database, for the asker to read and close."""
        return await self._store.snapshot()

    async def rescan(self) -> None:
        """Walk the inboxes now."""
        await self._intake.rescan()

    async def accept_mounts(self) -> list[str]:
        """The libraries and inboxes are right where they are now; sentences about what is news. Jobs that waited go on."""
        policy = self._worker.policy
        notes = await self._worker.mounts.accept(policy.routes.values(), policy.folders_needed)
        for job in await self._store.jobs.in_state(State.PUBLISHING):
            if job.cause is Cause.LIBRARY_NOT_MOUNTED and job.id not in self._worker.running:
                await self._store.jobs.note(job.id, now=time.time(), not_before=0.0)
        self._worker.wake.call()
        self._changed()
        return notes

    async def reload(self) -> list[str]:
        """Read the configuration again; sentences about what takes effect only at the next start. Raises ConfigError."""
        return await self._reload()

    async def plan(self, path: Path, profile_name: str | None) -> tuple[MediaInfo, Plan, str]:
        """What would be done with a file below an inbox or a library, without doing it; and what its profile reaches."""
        return await outlook(path, profile_name, self._worker.policy, self._store.scores)

    def way(self, plan: Plan, media: MediaInfo) -> str:
        """By which device or the CPU its picture would be made now, and why; empty when devices are none of our business."""
        return self._worker.hardware.rungs(plan, media)[0].sentence if self._worker.hardware else ""


def _tell(before: State | None, job: Job, cause: Cause | None) -> None:
    """A step that no worker made, in the log."""
    with job_context(job.id, job.inbox_path):
        log.info("%s%s%s", f"{before} -> " if before else "", job.state, f": {MEANINGS[cause].sentence}" if cause else "",
                 extra=facts(state=job.state, reason=cause))
