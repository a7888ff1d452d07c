"""The workers: N slots that take due jobs from the store, run their story and turn what happens into transitions."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from pectin.linux import pace
from pectin.linux.finish import finished
from pectin.model.errors import MEANINGS, Cause, Kind, PectinError, os_cause
from pectin.model.event import EventType
from pectin.model.intent import Intent
from pectin.model.job import FINAL, Job, Stage, StaleTransitionError, State, Trigger, next_state
from pectin.model.plan import plain
from pectin.observing.logs import facts, job_context
from pectin.observing.metrics import Metrics
from pectin.pipeline import media_notes
from pectin.pipeline.conflicts import find_rival, named, terms
from pectin.pipeline.disposal import dispose, let_go
from pectin.pipeline.entry import Entry
from pectin.pipeline.events import event_type, make_event
from pectin.pipeline.gate import Gate
from pectin.pipeline.hardware import Hardware
from pectin.pipeline.mounts import Mounts
from pectin.pipeline.policy import Policy
from pectin.pipeline.recognise import recognise
from pectin.pipeline.retry import Decision, decide
from pectin.pipeline.running import RunningJob
from pectin.pipeline.space import Space
from pectin.pipeline.story import make, put_in_library, recorded_intent, wipe
from pectin.pipeline.turns import Turns
from pectin.pipeline.wake import Wake
from pectin.publishing import address, place
from pectin.store.store import Store

log = logging.getLogger(__name__)

_TELL_ROOM = 60.0  # seconds between two looks at the disks for the metric: Prometheus asks as often or less


class Worker:
    """Owns the running jobs. `changed` is called after every transition (outbox, status line)."""

    def __init__(self, store: Store, policy: Policy, gate: Gate, metrics: Metrics, *, slots: int,
                 changed: Callable[[], None], hardware: Hardware | None = None) -> None:
        self._store = store
        self.policy = policy
        self._gate = gate
        self._metrics = metrics
        self._slots = slots
        self.hardware = hardware
        self._changed = changed
        self._taking = asyncio.Lock()
        self.wake = Wake()
        self.turns = Turns()
        self._placing = Turns()
        self._recognising = Turns()
        self.space = Space()
        self.mounts = Mounts(store.flags)
        self.running: dict[str, RunningJob] = {}
        self.ended = 0  # jobs that came to an end in this run, good or bad
        self._entry = Entry(store, gate, self.space, self.turns, self.running, changed)

    async def run(self) -> None:
        """Work until cancelled; a cancelled worker stops its jobs in good order."""
        async with asyncio.TaskGroup() as group:
            for slot in range(self._slots):
                group.create_task(self._slot(slot), name=f"worker-{slot}")
            group.create_task(self._entry.watch(lambda: self.policy, self._taking, self.wake), name="worker-space")
            group.create_task(self._tell_room(), name="worker-room")

    async def _tell_room(self) -> None:
        while True:
            self._metrics.disk_free(await self.space.free(self.policy))
            await asyncio.sleep(_TELL_ROOM)

    async def attended(self, job_id: str) -> None:
        """A job has got a sidecar. Whoever works on it will find it; for one that has ended, this is the moment to put it where
        its source is."""
        async with self.turns.of(job_id):
            job = await self._store.jobs.get(job_id)
            if job is None or job.state not in FINAL:
                return
        await self._dispose(job, self.policy)

    def put_in_force(self, policy: Policy) -> None:
        """For all jobs that begin from now on; the CPU cap for those that run, too."""
        self.policy = policy
        for running in self.running.values():
            running.put_in_force(policy.encoding.cpus_of(running.slot))

    async def room_for_copy(self, name: str, size: int) -> None:
        """Whether a film of so many bytes may be copied into the work queue. Raises PectinError(DISK_LOW)."""
        await self._entry.room_for_copy(name, size, self.policy)

    async def has_work(self) -> bool:
        """Whether a job runs or waits."""
        counts = await self._store.jobs.counts()
        return bool(self.running) or bool(counts[State.PENDING] + counts[State.PUBLISHING])

    def announce(self, trigger: Trigger, state: State, cause: Cause | None) -> None:
        """A transition has been written: count it and wake whoever tells the world."""
        self._metrics.transition(trigger, state, cause)
        self._changed()

    async def _slot(self, slot: int) -> None:
        while True:
            await self._gate.passed()
            running = await self._take(slot)
            if running is None:
                await self.wake.wait(until=await self._store.jobs.next_wake(time.time()))
                continue
            try:
                await self._work(running)
            finally:
                del self.running[running.job.id]
                self._metrics.idle(slot)
                self._changed()
                self.wake.call()  # an idle slot learns when this job is to be tried again: this one may be busy for hours then

    async def _take(self, slot: int) -> RunningJob | None:
        """The next due job, now PROCESSING (or PUBLISHING still), or None."""
        async with self._taking:
            while self._gate.is_open:  # it may have closed while we waited our turn
                job = await self._entry.next(self.policy)
                if job is None or not self._gate.is_open:
                    return None
                running = RunningJob(job=job, slot=slot, cpus=self.policy.encoding.cpus_of(slot), hardware=self.hardware,
                                     scores=self._store.scores, room=lambda run: self._entry.room_for_plan(run, self.policy))
                self._gate.act_upon(running)
                self.running[job.id] = running
                if job.state is not State.PENDING:
                    # Durable, so that a start after a crash can tell a job that was being placed from one that only waited.
                    running.job = await finished(self._store.jobs.note(job.id, now=time.time(), stage=Stage.PLACING))
                    return running
                try:
                    with job_context(job.id, job.inbox_path):
                        await self._step(running, Trigger.CLAIM, started_at=time.time(), stage=Stage.PROBING)
                except StaleTransitionError:  # a person cancelled it in this very moment
                    del self.running[job.id]
                else:
                    return running
            return None

    async def _work(self, running: RunningJob) -> None:
        """One job in a task of its own, so that it can be stopped alone. An error that comes out of here is the store's: then
        the daemon ends loudly, and the next start puts everything in order."""
        with job_context(running.job.id, running.job.inbox_path):
            running.task = asyncio.create_task(self._story(running), name=f"job-{running.job.id}")
        try:
            await asyncio.wait({running.task})
        except asyncio.CancelledError:
            running.stop(Cause.DAEMON_STOPPED)
            await asyncio.wait({running.task})
            await self._ended(running, running.task)
            raise
        await self._ended(running, running.task)

    async def _ended(self, running: RunningJob, task: asyncio.Task[None]) -> None:
        """A task that was stopped before its first step has told nobody: without this its job would be PROCESSING for ever."""
        if not task.cancelled():
            task.result()
        elif not running.settled and running.job.state not in FINAL:
            await finished(self._conclude(running, PectinError(running.stop_cause or Cause.DAEMON_STOPPED), self.policy))

    async def _story(self, running: RunningJob) -> None:
        policy = self.policy
        pace.keep_to(lambda: running.threads_rest)
        try:
            await running.standing()
            if running.job.state is State.PROCESSING:
                history = await self._store.jobs.history(running.job.id)
                running.as_it_is = any(step.trigger in (Trigger.REQUEUE, Trigger.REDO) for step in history)
                await recognise(running, policy, self._store, self._recognising)
                await find_rival(running, policy, self._store)
                made = await make(running, policy)
                for stream in made.plan.streams:
                    self._metrics.decision(stream.kind, stream.action.value, stream.reason.value)
                self._metrics.quality(running.quality, below_floor=running.below_floor)
                for omission in running.omissions:
                    self._metrics.omitted(omission.kind, omission.error.cause)
                await self._step(running, Trigger.ENCODED, intent=made.intent.as_json(), media=json.dumps(plain(made.media)),
                                 plan=made.plan.as_json(), stage=Stage.PLACING, **_figures(running))
            await running.standing()
            async with self._placing.of(str(recorded_intent(running.job).library)):  # two of one name: one after the other
                outputs = await put_in_library(running, policy)
            await self._step(running, Trigger.PUBLISHED, outputs=outputs, finished_at=time.time(), stage=Stage.DONE)
            self._metrics.bytes_in(running.job.size)
            self._metrics.bytes_out(sum(p.size for p in recorded_intent(running.job).placements))
        except asyncio.CancelledError:
            await self._trouble(running, PectinError(running.stop_cause or Cause.DAEMON_STOPPED), policy)
        except PectinError as error:
            await self._trouble(running, error, policy)
        except OSError as error:  # the system refuses (no descriptors, no space): that may pass, and says nothing about the job
            log.warning("the system refuses: %s", error, exc_info=os_cause(error) is Cause.IO_ERROR)
            await self._trouble(running, PectinError(os_cause(error), str(error)), policy)
        except Exception as error:  # the one place where an unforeseen error becomes a transition
            log.exception("unforeseen error")
            await self._trouble(running, PectinError(Cause.INTERNAL, f"{type(error).__name__}: {error}"), policy)
        await self._rest(running, policy)

    async def _conclude(self, running: RunningJob, error: PectinError, policy: Policy) -> None:
        await self._trouble(running, error, policy)
        await self._rest(running, policy)

    async def _rest(self, running: RunningJob, policy: Policy) -> None:
        if running.job.state is State.PENDING:  # what was made is made again: meanwhile it would only fill the disk
            await finished(asyncio.to_thread(wipe, policy.places, running.job.id))
        for stage, seconds in running.stage_times().items():
            self._metrics.stage_seconds(stage, seconds)
        self._metrics.used(running.figures)
        if running.job.state in FINAL:
            await self._dispose(running.job, policy)

    async def _step(self, running: RunningJob, trigger: Trigger, *, cause: Cause | None = None, message: str = "",
                    level: int = logging.INFO, **changes: object) -> None:
        """One transition with its event, in one transaction; never left half done by a cancellation."""
        now, job = time.time(), running.job
        target = next_state(job.state, trigger)
        changed = replace(job, **changes)  # type: ignore[arg-type]  # the store checks the names, here they are only told
        made = Intent.from_json(str(changes["intent"])).made(job.id) if "intent" in changes else ()
        kind = event_type(trigger, target)
        if kind is EventType.RETRYING and cause in (job.cause, Cause.DAEMON_STOPPED):
            kind = None  # the world has been told: a library that is away for a day is not news every minute
        events = [make_event(kind, changed, now=now, state=target, cause=cause, message=message)] if kind else []

        async def write() -> None:
            running.job = await self._store.jobs.apply(job.id, trigger, now=now, expected=job.state, cause=cause, message=message,
                                                       changes=changes, events=events, made=made)
            self.announce(trigger, target, cause)

        await finished(write())
        self.ended += target in FINAL
        log.log(level, "%s -> %s%s", job.state, target, f": {message}; {MEANINGS[cause].next_step}" if cause else "",
                extra=facts(state=target, reason=cause))

    async def _trouble(self, running: RunningJob, error: PectinError, policy: Policy) -> None:
        """Turn an error into the transition that retry.py decides. A job that has just ended (a stop that came during its last
        write) has none to make any more."""
        running.settled = True
        job = running.job
        if job.state in FINAL:
            return
        if error.cause is Cause.NAME_TAKEN and job.state is State.PUBLISHING:
            try:
                intent = await self._other_name(running, policy)
            except PectinError as refused:  # a library that refuses this is trouble as any other
                error = refused
            else:
                if intent is not None:
                    await self._step(running, Trigger.RETRY, cause=error.cause, message=error.sentence, intent=intent.as_json(),
                                     not_before=0.0, stage=Stage.WAITING)
                    return
        decision = decide(job.state, error.cause, attempts=job.attempts, interruptions=job.interruptions, policy=policy.retry,
                          jitter=random.random())  # noqa: S311  (spreads waits, guards nothing)
        decision = await let_go(job, decision, policy.retry)
        if decision.trigger is None:
            return
        final = next_state(job.state, decision.trigger) in FINAL
        kind = MEANINGS[decision.cause].kind
        level = logging.ERROR if kind is Kind.BUG else logging.INFO if kind is Kind.WISH else logging.WARNING
        await self._step(running, decision.trigger, cause=decision.cause, message=_told(error, decision), level=level,
                         attempts=decision.attempts, interruptions=decision.interruptions,
                         not_before=time.time() + decision.delay if decision.delay else 0.0,
                         stage=Stage.DONE if final else Stage.WAITING, **({"finished_at": time.time()} if final else {}),
                         **({"media": json.dumps(plain(running.media))} if running.media else {}),
                         **({"plan": running.plan.as_json()} if running.plan else {}), **_figures(running))

    async def _other_name(self, running: RunningJob, policy: Policy) -> Intent | None:
        """Somebody took the name between choosing and placing: choose again, and go on at once. None when no other name helps
        (a file lies where the folder should be): then it is tried again later, and not for ever. Raises PectinError."""
        job, old = running.job, recorded_intent(running.job)
        async with self._placing.of(str(old.library)):
            await finished(asyncio.to_thread(place.take_back, old))
            await find_rival(running, policy, self._store)
            where = PurePosixPath(named(running, policy, old.video.final.suffix[1:]).place)
            intent = await asyncio.to_thread(lambda: address.renamed(old, where, job.id, terms(running, policy)))
        return None if intent == old else intent

    async def _dispose(self, job: Job, policy: Policy) -> None:
        """A disk that refuses does not undo the result: housekeeping tries again, `pectin show` says where the source lies."""
        try:
            async with self.turns.of(job.id):
                await dispose(job, self._store, policy.places, policy.publishing)
        except PectinError as error:
            log.warning("not everything can leave the work folder yet: %s", error.sentence)
        await media_notes.renew(self._store, job.id, policy.state)


def _figures(running: RunningJob) -> dict[str, Any]:
    """To be kept with the job, once there is something to keep: a try that only places has run nothing."""
    return {"figures": running.figures.as_json()} if running.figures.peak_memory or running.figures.made_by else {}


def _told(error: PectinError, decision: Decision) -> str:
    """The error's sentence, with the count where counting decided."""
    if decision.cause is not error.cause:
        return f"{MEANINGS[decision.cause].sentence}; last: {error.sentence}"
    if MEANINGS[error.cause].kind is Kind.TRANSIENT and decision.attempts:
        return f"{error.sentence} (failed {decision.attempts} time{'s' if decision.attempts > 1 else ''})"
    return error.sentence
