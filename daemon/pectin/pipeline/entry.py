"""Which job may start next: the first that is due, if the disks have room for it. A job that is to be placed always may."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from pectin.model.errors import MEANINGS, Cause, PectinError
from pectin.model.job import Job, State
from pectin.observing.logs import facts, job_context
from pectin.pipeline.gate import Gate
from pectin.pipeline.policy import Policy
from pectin.pipeline.retry import RESOURCE_DELAY
from pectin.pipeline.running import RunningJob
from pectin.pipeline.space import LOOK, Shortage, Space
from pectin.pipeline.turns import Turns
from pectin.pipeline.wake import Wake
from pectin.store.store import Store

log = logging.getLogger(__name__)


class Entry:
    """`running` are the jobs that have been let in, by id; `changed` is called when the queue stops or goes on for a disk."""

    def __init__(self, store: Store, gate: Gate, space: Space, turns: Turns, running: Mapping[str, RunningJob],
                 changed: Callable[[], None]) -> None:
        self._store = store
        self._gate = gate
        self._space = space
        self._turns = turns
        self._running = running
        self._changed = changed

    async def next(self, policy: Policy) -> Job | None:
        """The job to take now. None: nothing is due, or the next job has no room; then the gate says so. One that could never
        have room waits alone, and those for a library without room keep only each other waiting. One call at a time: two would
        let two jobs into the same room."""
        full: dict[str, Shortage] = {}  # by route
        while True:
            job = await self._store.jobs.next_due(time.time(), self._running.keys(), policy.order, full)
            if job is not None and job.state is not State.PENDING:
                return job
            shortage = await self._space.for_job(job, self._running.values(), policy) if job else None
            if job is not None and shortage is not None and shortage.alone:
                await self._set_apart(job, shortage)
                continue
            if job is not None and shortage is not None and shortage.library is not None:
                full |= {name: shortage for name, route in policy.routes.items()
                         if name == job.route or route.library == shortage.library}
                continue
            told = shortage or next(iter(full.values()), None)
            others_go_on = shortage is None and not policy.routes.keys() <= full.keys()
            if self._gate.short(told.facts if told else None, partly=others_go_on):
                self._changed()
            return None if shortage else job

    async def room_for_plan(self, running: RunningJob, policy: Policy) -> None:
        """A job that runs has got its plan, and may need more than was thought. Raises PectinError(DISK_LOW)."""
        others = [one for one in self._running.values() if one is not running]
        shortage = await self._space.for_job(running.job, others, policy, running.plan)
        if shortage is not None:
            raise PectinError(Cause.DISK_LOW, shortage.facts)

    async def room_for_copy(self, name: str, size: int, policy: Policy) -> None:
        """Before a film is copied into the work queue. Raises PectinError(DISK_LOW)."""
        queued = [job for job in await self._store.jobs.in_state(State.PENDING) if job.cause is not Cause.DISK_LOW]
        shortage = await self._space.for_copy(name, size, queued, self._running.values(), policy)
        if shortage is not None:
            raise PectinError(Cause.DISK_LOW, shortage.facts)

    async def watch(self, policy: Callable[[], Policy], alone: asyncio.Lock, wake: Wake) -> None:
        """Until cancelled: while a disk is too full, look at it again every few seconds, also while a person has closed the
        queue. `alone` is held during a look, for `next`."""
        while True:
            await self._gate.is_short.wait()
            await asyncio.sleep(LOOK)
            async with alone:
                await self.next(policy())
            wake.call()

    async def _set_apart(self, job: Job, shortage: Shortage) -> None:
        """It is told with the job, and looked at again now and then: disks can grow. The others go on."""
        async with self._turns.of(job.id):
            now = await self._store.jobs.get(job.id)
            if now is None or now.state is not State.PENDING:  # somebody was faster
                return
            error = PectinError(Cause.DISK_LOW, shortage.facts)
            if now.cause is not error.cause:
                with job_context(job.id, job.inbox_path):
                    log.warning("it cannot start: %s; %s", error.sentence, MEANINGS[error.cause].next_step,
                                extra=facts(state=job.state, reason=error.cause))
            await self._store.jobs.note(job.id, now=time.time(), cause=error.cause, message=error.sentence,
                                        not_before=time.time() + RESOURCE_DELAY)
