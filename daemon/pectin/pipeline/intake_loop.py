"""The way into the queue: candidates from the watcher are looked at when due, settled ones are claimed and become jobs."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

from pectin.intake.arrivals import Arrivals, IntakeRules, Waiting, in_order
from pectin.intake.beside import REMEMBER
from pectin.intake.claim import MOST
from pectin.intake.emptied import Emptied
from pectin.intake.leases import LeaseSupport, lease_support
from pectin.intake.watch import Watcher
from pectin.intake.watched import RootReport
from pectin.linux.aside import aside
from pectin.linux.pathtext import printable
from pectin.model.job import Job
from pectin.model.left_behind import LeftBehind
from pectin.model.places import Places
from pectin.model.route import Route
from pectin.observing.metrics import Metrics
from pectin.pipeline.claiming import Claiming, Room, room_enough
from pectin.pipeline.turns import Turns
from pectin.pipeline.wake import Wake
from pectin.store.store import Store

log = logging.getLogger(__name__)

_BREATH = 200   # remembered films in a row before the event loop may do something else
_LOOKS = 500    # files looked at in a row (a fraction of a second) before those that are settled are claimed
_SWEEP = 0.1    # seconds that `waiting` waits to hear which files have gone: some ten thousand answer in that time
_CHECK = 5.0    # seconds between two looks whether the folders that are watched are still the ones that are there


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakePolicy:
    """Seconds: `rescan` (0: only at start and on request), `poll` of network mounts (0: never)."""

    routes: Mapping[str, Route]
    rules: IntakeRules
    rescan: float
    poll: float


class IntakeLoop:
    """`changed` is called whenever a file has become a job, and after each rescan; `attended` with a job that has got a sidecar.
    Who moves files of a job takes his turn in `turns`. `room` is asked before a film is copied, and raises PectinError; while
    `rests` is true, no film is copied."""

    def __init__(self, store: Store, policy: IntakePolicy, places: Places, metrics: Metrics, turns: Turns, *,
                 attended: Callable[[str], Awaitable[None]], changed: Callable[[], None], room: Room = room_enough,
                 rests: Callable[[], bool] = lambda: False) -> None:
        self._store = store
        self._places = places
        self._metrics = metrics
        self._turns = turns
        self._attended = attended
        self._room = room
        self._rests = rests
        self._changed = changed
        self._next = policy
        self._reconfigured = asyncio.Event()
        self.started = asyncio.Event()
        self._swept = threading.Event()
        self._swept.set()
        self._set(policy)

    def _set(self, policy: IntakePolicy) -> None:
        self._policy = policy
        roots = {name: route.inbox for name, route in policy.routes.items()}
        self._watcher = Watcher(roots, poll=policy.poll)
        self._leases: dict[str, LeaseSupport] = {}
        # A book and a lane for each: an inbox whose disk hangs keeps no other waiting.
        self._arrivals = {name: Arrivals({name: root}, policy.rules, self._watcher.on_network) for name, root in roots.items()}
        self._due = {name: Wake() for name in roots}
        self._emptied = Emptied(policy.rules.sidecar_wait)
        self._claiming = Claiming(self._store, self._places, self._metrics, self._turns, routes=policy.routes,
                                  arrivals=self._arrivals, emptied=self._emptied, attended=self._attended, changed=self._changed,
                                  room=self._room, rests=self._rests)

    async def configure(self, policy: IntakePolicy) -> None:
        """Watch by other rules. Files that wait are found again by the scan at the beginning."""
        if policy != self._next:
            self._next = policy
            self._reconfigured.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._reconfigured.clear()
            await self._remember()
            await self._watcher.start()
            work = (self._listen(), *(self._work(route) for route in self._arrivals), self._claiming.copy_one_by_one(),
                    self._claiming.bring_one_by_one(), self._rescan_by_timer(), self._check(), self._clear())
            tasks = [asyncio.create_task(one) for one in work]
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
            if self._claiming.unrecorded is not None:  # of a batch that was under way when the new rules came
                raise self._claiming.unrecorded
            self._set(self._next)

    async def rescan(self) -> None:
        """Walk the inboxes now; a watcher that has lost its folder is set up again."""
        await self._watcher.rescan()

    def waiting(self) -> list[Waiting]:
        """Everything in the inboxes that is not a job, and why. What has gone is left out, unless a disk is slow to tell."""
        if self._swept.is_set():
            self._swept = swept = threading.Event()
            books = list(self._arrivals.values())

            def sweep() -> None:
                try:
                    for arrivals in books:
                        arrivals.sweep()
                finally:
                    swept.set()

            threading.Thread(target=sweep, name="pectin-sweep", daemon=True).start()  # a dead file server may hold it for ever
            swept.wait(_SWEEP)
        return sorted((w for book in self._arrivals.values() for w in book.waiting()), key=in_order)

    def problems(self) -> list[str]:
        """What is wrong with the watching, in sentences."""
        return self._watcher.ailments()

    def report(self) -> Sequence[RootReport]:
        """How each inbox is watched."""
        return self._watcher.report()

    def leases(self, route: str) -> LeaseSupport:
        """Whether the kernel can tell who writes in a route's inbox."""
        return self._leases.get(route, LeaseSupport.UNKNOWN)

    def leave_alone(self, job: Job, left: LeftBehind | None) -> None:
        """A file of an inbox is this job's already. Said before it comes to lie there, or it is claimed once more. None: there is
        none any more."""
        if (arrivals := self._arrivals.get(job.route)) is not None:
            arrivals.leave_alone(job.route, job.relative, job.id, left)

    def taken_again(self, left: LeftBehind) -> None:
        """What a job had left in an inbox lies there no more."""
        for path in (left.path, *(path for _, path in left.sidecars)):
            for arrivals in self._arrivals.values():
                arrivals.forget(path)

    async def _remember(self) -> None:
        """What was claimed before the last start: sidecars may still come, and emptied folders are still to be removed. What
        jobs left in the inbox is no arrival."""
        began = time.time() - self._policy.rules.sidecar_wait - REMEMBER
        for number, claimed in enumerate(await self._store.jobs.since(began), 1):
            if number % _BREATH == 0:  # at a reload the API is being asked meanwhile
                await asyncio.sleep(0)
            route = self._policy.routes.get(claimed.route)
            if route is not None:
                relative = PurePath(os.fsdecode(claimed.relative))
                self._arrivals[claimed.route].remember(claimed.route, relative, claimed.id, claimed.created_at)
                self._emptied.note(Path(os.fsdecode(claimed.inbox_path)).parent, route.inbox, claimed.created_at)
        for job in await self._store.jobs.that_left():
            if job.left_behind is not None:  # after the claims: whose film was put back, his claim is forgotten
                self.leave_alone(job, LeftBehind.from_json(job.left_behind))

    async def _rescan_by_timer(self) -> None:
        if not self._policy.rescan:
            await asyncio.Event().wait()  # never: a task of ours that ends means that something is over
        while True:
            await asyncio.sleep(self._watcher.next_walk(self._policy.rescan))
            await self.rescan()
            self._changed()

    async def _check(self) -> None:
        """Keep the watching as it should be, and tell what was done about it."""
        while True:
            restarts = self._watcher.restarts.total()
            await self._ask_for_leases()
            while self._watcher.restarts.total() == restarts:
                self._measure()
                await asyncio.sleep(_CHECK)
                await self._watcher.check()
            log.warning("%s", self._watcher.last_restart)
            self._changed()

    def _measure(self) -> None:
        watcher, reports = self._watcher, self._watcher.report()
        self._metrics.watcher(overflows=watcher.overflows, restarts={why.value: n for why, n in watcher.restarts.items()},
                              rescans=watcher.rescans, rescan_seconds=watcher.walk_seconds,
                              folders=sum(r.folders for r in reports), unwatched=sum(r.unwatched for r in reports))

    async def _ask_for_leases(self) -> None:
        """At the start, and whenever another folder has taken an inbox's place."""
        for name, route in self._policy.routes.items():
            self._leases[name] = await aside(partial(lease_support, route.inbox), "pectin-leases")

    async def _listen(self) -> None:
        async for candidate in self._watcher.candidates():
            self._arrivals[candidate.route].notice(candidate.route, candidate.path, time.time(), fresh=candidate.fresh)
            self._due[candidate.route].call()

    async def _work(self, route: str) -> None:
        """Look at what is due in one inbox, then claim what is settled: a batch of each in turns, so that a whole library dropped
        at once does not keep the next film waiting."""
        arrivals = self._arrivals[route]
        while True:
            paths = arrivals.due(time.time(), _LOOKS)
            if paths:
                await aside(partial(_look, arrivals, paths), "pectin-look")
            chosen = arrivals.take(MOST)
            if chosen:
                await self._claiming.films(chosen)
            beside = arrivals.take_sidecars(time.time(), MOST)
            for sidecar, owner in beside:
                self._claiming.sidecar(sidecar, owner)
            if not (paths or chosen or beside or arrivals.asks()):
                await self._due[route].wait(until=arrivals.next_due())

    async def _clear(self) -> None:
        """Remove emptied drop folders."""
        while True:
            for folder in await asyncio.to_thread(self._emptied.clear, time.time()):
                log.info("an emptied folder was removed: %s", printable(folder))
            due = self._emptied.next_due()
            await asyncio.sleep(_CHECK if due is None else max(_CHECK, due - time.time()))


def _look(arrivals: Arrivals, paths: Sequence[Path]) -> None:
    for path in paths:
        arrivals.look(path, time.time())
