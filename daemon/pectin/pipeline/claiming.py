"""From settled files to jobs: claims films in batches and copies, brings sidecars to their films, and writes the rows."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from pectin.intake.arrivals import Arrivals, Chosen
from pectin.intake.attend import attend
from pectin.intake.beside import Owned
from pectin.intake.claim import claim, claim_all
from pectin.intake.emptied import Emptied
from pectin.intake.note import Claim
from pectin.intake.taking import LinkedError, OtherFileSystemError, StillChangingError, Wanted
from pectin.linux import pace
from pectin.linux.finish import finished
from pectin.linux.footing import astray
from pectin.linux.pathtext import printable
from pectin.model.errors import Cause, PectinError
from pectin.model.event import EventType
from pectin.model.identity import job_id
from pectin.model.job import State
from pectin.model.places import Places
from pectin.model.route import Route
from pectin.observing.logs import facts, job_context
from pectin.observing.metrics import Metrics
from pectin.pipeline.events import make_event
from pectin.pipeline.recover import job_from
from pectin.pipeline.turns import Turns
from pectin.store.store import Store

log = logging.getLogger(__name__)

POSTPONED = 30.0  # seconds until a file that could not be claimed is looked at again
_BATCHES = 3      # claimed at the same time, of different inboxes: each needs up to 240 descriptors meanwhile
_SPOKEN = 1.0     # seconds between two words about how far a copy is


Room = Callable[[str, int], Awaitable[None]]  # asked with a film's name and size; raises PectinError when a copy has no room


async def room_enough(_name: str, _size: int) -> None:
    """For whoever does not count."""


class _UnrecordedError(Exception):
    """Films are in the work queue, but the store refuses their rows. Then the daemon ends loudly: the next start finds the notes
    and makes the rows. Going on would leave the films where nobody looks."""

    def __init__(self, reason: PectinError) -> None:
        self.reason = reason
        super().__init__(reason.sentence)


class Claiming:
    """`attended` is told of a job that has got a sidecar; `changed` is called whenever files have become jobs; `room` is asked
    before a film is copied, and while `rests` is true, none is."""

    def __init__(self, store: Store, places: Places, metrics: Metrics, turns: Turns, *, routes: Mapping[str, Route],
                 arrivals: Mapping[str, Arrivals], emptied: Emptied, attended: Callable[[str], Awaitable[None]],
                 changed: Callable[[], None], room: Room = room_enough,
                 rests: Callable[[], bool] = lambda: False) -> None:
        self._store = store
        self._places = places
        self._metrics = metrics
        self._turns = turns
        self._routes = routes
        self._arrivals = arrivals
        self._emptied = emptied
        self._attended = attended
        self._changed = changed
        self._room = room
        self._rests = rests
        self._batches = asyncio.Semaphore(_BATCHES)
        self._copies: asyncio.Queue[Chosen] = asyncio.Queue()
        self._sidecars: asyncio.Queue[tuple[Chosen, Owned]] = asyncio.Queue()
        self.unrecorded: PectinError | None = None  # why the store refused rows of films that are in the work queue
        self._told: dict[Path, str] = {}  # what was last said of files that cannot be taken

    async def films(self, chosen: Sequence[Chosen]) -> None:
        """Make jobs of settled films, all at once. Those on another file system are handed to `copy_one_by_one`. Raises
        PectinError when the store refuses."""
        chosen = await self._at_home(chosen)
        wanted = [self._wanted(one) for one in chosen]

        async def work() -> None:
            outcomes = await asyncio.to_thread(claim_all, wanted, self._places, now=time.time())
            claims = [(one, outcome) for one, outcome in zip(chosen, outcomes, strict=True) if isinstance(outcome, Claim)]
            await self._record(claims, "rename")
            for one, outcome in zip(chosen, outcomes, strict=True):
                if isinstance(outcome, OtherFileSystemError):
                    why = "it has other names elsewhere" if isinstance(outcome, LinkedError) else "it lies on another file system"
                    self._arrivals[one.route].told(one.path, time.time(), f"waits to be copied: {why}")
                    self._copies.put_nowait(one)
                elif isinstance(outcome, Exception):
                    self._refused(one, outcome)

        async with self._batches:
            await self._whole(finished(work()))

    async def copy_one_by_one(self) -> None:
        """The slow lane, until cancelled: a copy that lasts does not hold up what a rename can take."""
        while True:
            one, stop = await self._copies.get(), threading.Event()
            copying = asyncio.create_task(self._copy(one, stop))
            try:
                await self._whole(asyncio.shield(copying))
            except asyncio.CancelledError:
                stop.set()  # the thread looks at it between two blocks
                await asyncio.wait({copying})
                raise

    def sidecar(self, chosen: Chosen, owner: Owned) -> None:
        """Hand a sidecar to `bring_one_by_one`."""
        self._sidecars.put_nowait((chosen, owner))

    async def bring_one_by_one(self) -> None:
        """Bring sidecars to their films' jobs, wherever those stand, until cancelled. A lane of its own: a job's files may be on
        their way to another disk, which lasts, and the next film does not wait for that. Raises PectinError when the store
        refuses."""
        while True:
            await finished(self._bring(*await self._sidecars.get()))

    async def _bring(self, chosen: Chosen, owner: Owned) -> None:
        root = self._routes[chosen.route].inbox
        if not await self._at_home([chosen]):
            return
        async with self._turns.of(owner.job_id):  # nobody else moves or removes files of this job meanwhile
            try:
                lies = await asyncio.to_thread(attend, chosen.path, root, self._places.sidecars(owner.job_id), owner.within,
                                               mark=chosen.mark)
            except (FileNotFoundError, StillChangingError, PectinError) as error:
                self._refused(chosen, error)
                return
        self._arrivals[chosen.route].claimed(chosen, time.time())
        self._emptied.note(chosen.path.parent, root, time.time())
        with job_context(owner.job_id):
            log.info("came with it: %s", printable(lies.name))
            await self._attended(owner.job_id)
        self._changed()

    async def _copy(self, one: Chosen, stop: threading.Event) -> None:
        spoken = 0.0

        def told(share: float) -> None:
            nonlocal spoken
            if stop.is_set():
                raise StillChangingError("the daemon stops")
            if time.monotonic() - spoken >= _SPOKEN:
                spoken = time.monotonic()
                self._arrivals[one.route].told(one.path, time.time(), f"{share * 100:.0f} % copied and compared")

        pace.keep_to(lambda: self._rests() and not stop.is_set())  # read in the threads below
        if self._rests():
            self._arrivals[one.route].told(one.path, time.time(), "it lies on another disk, and is copied when the queue goes on")
        try:
            await asyncio.to_thread(pace.step)
            await self._room(one.path.name, one.mark.size if one.mark else 0)
            claimed = await asyncio.to_thread(claim, self._wanted(one), self._places, now=time.time(), told=told)
        except (FileNotFoundError, StillChangingError, PectinError) as error:
            self._refused(one, error)
        else:
            await self._record([(one, claimed)], "copy")

    async def _at_home(self, chosen: Sequence[Chosen]) -> list[Chosen]:
        """Those that lie in the inbox itself. What somebody dropped into the bare folder below a mount that is missing was meant
        for the mount: it is not taken, and told."""
        inboxes = {one.route: self._routes[one.route].inbox for one in chosen}
        away = {route: why for route, inbox in inboxes.items() if (why := await asyncio.to_thread(astray, inbox))}
        for one in chosen:
            if one.route in away:
                self._refused(one, PectinError(Cause.INBOX_NOT_MOUNTED, away[one.route]))
        return [one for one in chosen if one.route not in away]

    def _wanted(self, one: Chosen) -> Wanted:
        return Wanted(path=one.path, root=self._routes[one.route].inbox, route=one.route, job_id=job_id(secrets.token_bytes(8)),
                      mark=one.mark)

    async def _record(self, claims: Sequence[tuple[Chosen, Claim]], how: str) -> None:
        jobs = [job_from(claimed, profile=self._routes[claimed.route].profile) for _, claimed in claims]
        events = [[make_event(EventType.ACCEPTED, job, now=job.created_at, state=State.PENDING)] for job in jobs]
        try:
            if jobs:
                await self._store.jobs.add_all(list(zip(jobs, events, strict=True)))
        except PectinError as error:
            self.unrecorded = error  # for a reload too, which has ended the task that would hear of it
            raise _UnrecordedError(error) from error
        for (one, claimed), job in zip(claims, jobs, strict=True):
            now = time.time()
            if claimed.left_behind is not None:  # before it is noticed again
                self._arrivals[job.route].leave_alone(job.route, job.relative, job.id, claimed.left_behind)
            self._arrivals[one.route].claimed(one, now, job.id)
            self._emptied.note(one.path.parent, self._routes[one.route].inbox, now)
            self._told.pop(one.path, None)
            self._metrics.claimed(how, max(0.0, now - (one.last_change or claimed.mtime)))
            with job_context(job.id, job.inbox_path):
                log.info("accepted %s (%d bytes) from route %s%s", job.name, job.size, job.route,
                         ", cut short: nobody has completed it" if one.truncated else "", extra=facts(state=job.state))
        if jobs:
            self._changed()

    def _refused(self, one: Chosen, error: Exception) -> None:
        now = time.time()
        if isinstance(error, FileNotFoundError | StillChangingError):
            self._told.pop(one.path, None)
            self._arrivals[one.route].let_go(one.path, now)  # also what has gone: something new may lie there by now
        else:
            refusal = error if isinstance(error, PectinError) else PectinError(Cause.INTERNAL, str(error))
            said = refusal.cause if refusal.cause is Cause.DISK_LOW else refusal.sentence  # how full it is changes with each look
            if self._told.get(one.path) != said:  # once, not at every look: the file may lie there for days
                log.warning("%s cannot be taken yet: %s; %s", printable(one.path), refusal.sentence, refusal.meaning.next_step,
                            extra=facts(reason=refusal.cause, path=one.path))
            self._told[one.path] = said
            sentence = f"{refusal.sentence}; {refusal.meaning.next_step}"
            self._arrivals[one.route].postpone(one.path, now, now + POSTPONED, sentence)

    async def _whole(self, work: Awaitable[None]) -> None:
        try:
            await work
        except _UnrecordedError as error:
            raise error.reason from error
