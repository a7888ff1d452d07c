"""The way into the queue: candidates from the watcher are looked at when due, settled ones are claimed and become jobs."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pectin.intake.arrivals import Arrivals, Waiting
from pectin.intake.claim import StillChangingError, claim
from pectin.intake.settle import Patience, Verdict
from pectin.intake.watch import Watcher
from pectin.linux.finish import finished
from pectin.linux.pathtext import printable
from pectin.model.errors import PectinError
from pectin.model.event import EventType
from pectin.model.identity import job_id
from pectin.model.job import State
from pectin.model.places import Places
from pectin.model.route import Route
from pectin.observing.logs import job_context
from pectin.pipeline.events import make_event
from pectin.pipeline.recover import job_from
from pectin.pipeline.wake import Wake
from pectin.store.store import Store

log = logging.getLogger(__name__)

POSTPONED = 30.0  # seconds until a file that could not be claimed is looked at again


class _UnrecordedError(Exception):
    """The file is in the work queue, but the store refuses its row. Then the daemon ends loudly: the next start finds the note
    and makes the row. Going on would leave the film where nobody looks."""

    def __init__(self, reason: PectinError) -> None:
        self.reason = reason
        super().__init__(reason.sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakePolicy:
    """`rescan` in seconds, 0: only at start and on request."""

    routes: Mapping[str, Route]
    patience: Patience
    ignore: tuple[str, ...]
    rescan: float


class IntakeLoop:
    """`changed` is called whenever a file has become a job, and after each rescan."""

    def __init__(self, store: Store, policy: IntakePolicy, places: Places, *, changed: Callable[[], None]) -> None:
        self._store = store
        self._places = places
        self._changed = changed
        self._next = policy
        self._reconfigured = asyncio.Event()
        self._due = Wake()
        self._told: dict[Path, str] = {}  # what was last said of files that cannot be taken
        self.started = asyncio.Event()
        self._set(policy)

    def _set(self, policy: IntakePolicy) -> None:
        self._policy = policy
        roots = {name: route.inbox for name, route in policy.routes.items()}
        self._arrivals = Arrivals(roots, policy.patience, policy.ignore)
        self._watcher = Watcher(roots)

    async def configure(self, policy: IntakePolicy) -> None:
        """Watch by other rules. Files that wait are found again by the scan at the beginning."""
        if policy != self._next:
            self._next = policy
            self._reconfigured.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._reconfigured.clear()
            await self._watcher.start()
            tasks = [asyncio.create_task(work) for work in (self._listen(), self._look(), self._rescan_by_timer())]
            reconfigured = asyncio.create_task(self._reconfigured.wait())
            try:
                await self._watcher.rescan()
                self.started.set()
                done, _ = await asyncio.wait({reconfigured, *tasks}, return_when=asyncio.FIRST_COMPLETED)
                for task in done - {reconfigured}:
                    task.result()
            finally:
                for task in (reconfigured, *tasks):
                    task.cancel()
                await asyncio.gather(reconfigured, *tasks, return_exceptions=True)
                await self._watcher.stop()
            self._set(self._next)

    async def rescan(self) -> None:
        """Walk the inboxes now; a watcher that has lost its folder is set up again."""
        if self._watcher.healthy() is None:
            await self._watcher.rescan()
        else:
            await self._watcher.restart()

    def waiting(self) -> list[Waiting]:
        """Everything in the inboxes that is not a job, and why."""
        return self._arrivals.waiting()

    def problems(self) -> list[str]:
        """What is wrong with the watching, in sentences."""
        wrong = self._watcher.healthy()
        return [wrong] if wrong else []

    async def _rescan_by_timer(self) -> None:
        if not self._policy.rescan:
            await asyncio.Event().wait()  # never: a task of ours that ends means that something is over
        while True:
            await asyncio.sleep(self._policy.rescan)
            await self.rescan()
            self._changed()

    async def _listen(self) -> None:
        async for candidate in self._watcher.candidates():
            self._arrivals.notice(candidate.route, candidate.path, time.time(), fresh=candidate.fresh)
            self._due.call()

    async def _look(self) -> None:
        while True:
            paths = self._arrivals.due(time.time())
            for path in paths:
                verdict = await asyncio.to_thread(self._arrivals.look, path, time.time())
                if verdict.settled:
                    await self._claim(path, verdict)
            if not paths:
                await self._due.wait(until=self._arrivals.next_due())

    async def _claim(self, path: Path, verdict: Verdict) -> None:
        """Move the file into the work queue and write its row. A crash in between is mended by recovery: there is a note."""
        route = next(r for r in self._policy.routes.values() if path.is_relative_to(r.inbox))
        name = job_id(secrets.token_bytes(8))
        try:
            await finished(self._take(path, route, name, verdict))
        except _UnrecordedError as error:
            raise error.reason from error
        except FileNotFoundError:
            self._arrivals.forget(path)
            self._told.pop(path, None)
        except StillChangingError:
            self._arrivals.notice(route.name, path, time.time())
        except PectinError as error:
            if self._told.get(path) != error.sentence:  # once, not at every look: the file may lie there for days
                log.warning("%s cannot be taken yet: %s; %s", printable(path), error.sentence, error.meaning.next_step)
            self._told[path] = error.sentence
            now = time.time()
            self._arrivals.postpone(path, now, now + POSTPONED, f"{error.sentence}; {error.meaning.next_step}")

    async def _take(self, path: Path, route: Route, name: str, verdict: Verdict) -> None:
        claimed = await asyncio.to_thread(
            lambda: claim(path, route.inbox, route=route.name, job_id=name, places=self._places, now=time.time(),
                          mark=verdict.mark))
        job = job_from(claimed, profile=route.profile)
        try:
            await self._store.jobs.add(job, [make_event(EventType.ACCEPTED, job, now=job.created_at, state=State.PENDING)])
        except PectinError as error:
            raise _UnrecordedError(error) from error
        self._arrivals.claimed(path, time.time())
        self._told.pop(path, None)
        with job_context(job.id):
            log.info("accepted %s (%d bytes) from route %s", job.name, job.size, route.name)
        self._changed()
