"""Watches the inbox folders: inotify's threads and the walks on one side, an async iterator of candidates on the other.

Events are the fast path; a rescan is the truth (the kernel drops events when its queue overflows). Nothing here decides whether a
file is finished: each path that appears or is closed is a candidate. Nothing here waits for a disk for ever: what may hang runs
aside, and only the inbox it belongs to stands still."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pectin.intake.inbox import Inbox
from pectin.intake.watched import REASON_SENTENCES, RestartReason, RootReport

# Candidates nobody has fetched yet. Beyond this the single events are given up for one rescan: 50,000 paths are about 15 MB.
_MOST_PENDING = 50_000
_BREATH = 100  # candidates in a row before the event loop may do something else
_GRACE = 10.0  # seconds that a start or a look waits for an inbox that does not answer; it goes on by itself when it does
_LONG = 60.0   # seconds that a rescan is waited for
_PAUSE = 1.0   # seconds between two searches after lost events: who makes more than we can read must not keep a core busy
# Walks at rest may cost a thousandth of a core, and keep the disks busy for a tenth of the time; but a walk that hung for an hour
# is no reason to wait for long.
_CPU_SHARE = 1000
_DISK_SHARE = 10
_DISK_REST = 600.0  # seconds


@dataclass(frozen=True, slots=True)
class Candidate:
    """A path that may be a new film. `fresh`: something happened to it just now; else a rescan found it lying there."""

    route: str
    path: Path
    fresh: bool


class Watcher:
    """`roots` names the inbox folder of each route. Folders on network mounts are walked every `poll` seconds (0: only by the
    rescan). All methods belong to one event loop. Its figures, for the metrics: `overflows` (how often events were lost and a
    search had to find them), `restarts` by reason and the `last_restart` in a sentence, `rescans`, and `walk_seconds`, how long
    the last rescan took."""

    def __init__(self, roots: Mapping[str, Path], *, poll: float = 10.0) -> None:
        self._inboxes = [Inbox(route, root, poll, *self._ears(route), self._task) for route, root in roots.items()]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()  # guards the two below, which other threads fill
        self._pending: dict[Path, Candidate] = {}
        self._lost: set[str] = set()
        self._ready = asyncio.Event()
        self._losses = asyncio.Event()
        self._stopped = True
        self._tasks: set[asyncio.Task[Any]] = set()
        self._left: set[Inbox] = set()  # a rescan of theirs has not come back: another would only wait behind it
        self._failure: BaseException | None = None
        self.overflows = 0
        self.restarts: Counter[RestartReason] = Counter()
        self.last_restart = ""
        self.rescans = 0
        self.walk_seconds = 0.0

    async def start(self) -> None:
        """Begin to watch; nothing is put forward yet. A root that is missing is no error: `healthy` tells, and `check` watches it
        once it is there."""
        self._loop = asyncio.get_running_loop()
        self._stopped = False
        self._left.clear()
        self._task(self._heal())
        await self._together([inbox.begin() for inbox in self._inboxes], _GRACE)

    async def stop(self) -> None:
        """End the watching, and every iteration over `candidates`. Walks that hang are left to themselves."""
        self._stopped = True
        self._ready.set()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(inbox.end() for inbox in self._inboxes))

    async def restart(self) -> None:
        """Watch everything anew and search it, because somebody wants it. What goes wrong by itself, `check` heals."""
        await self._together([self._restart(inbox) for inbox in self._inboxes], _LONG)

    async def check(self) -> None:
        """Watch anew what is not what it was: a root that came, went, was replaced or mounted over, a share mounted into it, a
        reading thread that died. To be called every few seconds: a few system calls per root, and no walk when all is well."""
        await self._together([self._check(inbox) for inbox in self._inboxes if not inbox.busy], _GRACE)

    async def rescan(self) -> int:
        """Make every file below the roots a candidate; the number found. A missing root holds none. Folders that could not be
        watched are tried again. Waits a minute at most; a walk that takes longer goes on."""
        self.rescans += 1
        began = time.monotonic()
        works = {inbox: self._task(self._rescan(inbox, began)) for inbox in self._inboxes if inbox not in self._left}
        if works:
            await asyncio.wait(works.values(), timeout=_LONG)
        self._left |= {inbox for inbox, task in works.items() if not task.done()}
        counts = [task.result() for task in works.values() if task.done() and not task.cancelled()]
        self.walk_seconds = time.monotonic() - began
        return sum(counts)

    def next_walk(self, rescan: float) -> float:
        """Seconds until the next timed rescan, at least `rescan`: so many that walks take at most a thousandth of a core, and
        keep the disks busy for a tenth of the time."""
        cpu, wall = sum(inbox.cpu for inbox in self._inboxes), sum(inbox.wall for inbox in self._inboxes)
        return max(rescan, _CPU_SHARE * cpu, min(_DISK_SHARE * wall, _DISK_REST))

    async def candidates(self) -> AsyncIterator[Candidate]:
        """What appeared, was closed or was found, each path once per burst; ends with `stop`. For one consumer. Raises what made
        the watcher itself fail."""
        while not self._stopped:
            await self._ready.wait()
            self._ready.clear()
            if self._failure is not None:
                raise self._failure
            with self._lock:
                batch, self._pending = self._pending, {}
            for number, candidate in enumerate(batch.values(), 1):
                yield candidate
                if number % _BREATH == 0:
                    await asyncio.sleep(0)

    def healthy(self) -> str | None:
        """What is wrong with the watching, in a sentence; None when all is well. As of the last `check`: nothing is asked."""
        return "; ".join(self.ailments()) or None

    def ailments(self) -> list[str]:
        """What is wrong, in sentences that stay the same while the same is wrong."""
        return [sentence for inbox in self._inboxes for sentence in inbox.ailments()]

    def report(self) -> tuple[RootReport, ...]:
        """How each inbox is watched. Nothing is asked or walked for it."""
        return tuple(inbox.report() for inbox in self._inboxes)

    def on_network(self, path: Path) -> bool:
        """Whether this file of an inbox lies where other machines may write it: there a lease proves nothing. As of the last
        `check`; may be asked from any thread."""
        return any(inbox.on_network(path) for inbox in self._inboxes)

    async def _check(self, inbox: Inbox) -> None:
        if reason := await inbox.check():
            self._note(inbox, reason)

    async def _restart(self, inbox: Inbox) -> None:
        if await inbox.renew():
            self._note(inbox, RestartReason.REQUESTED)
        await inbox.walk(0)

    async def _rescan(self, inbox: Inbox, began: float) -> int:
        try:
            if not inbox.busy:
                await self._check(inbox)
            return await inbox.walk(began)
        finally:
            self._left.discard(inbox)

    def _note(self, inbox: Inbox, reason: RestartReason) -> None:
        self.restarts[reason] += 1
        self.last_restart = f"the inbox {inbox.path} (route {inbox.route}) was searched anew: {REASON_SENTENCES[reason]}"

    async def _heal(self) -> None:
        """Search the inboxes whose events were lost. Their folders stay watched meanwhile: to add all watches again would be
        so many events that they overflow again."""
        while True:
            await self._losses.wait()
            self._losses.clear()
            with self._lock:
                lost, self._lost = self._lost, set()
            stricken = [inbox for inbox in self._inboxes if inbox.route in lost]
            for inbox in stricken:
                self.overflows += 1
                self._note(inbox, RestartReason.OVERFLOW)
            now = time.monotonic()
            await self._together([inbox.walk(now) for inbox in stricken], _LONG)
            await asyncio.sleep(_PAUSE)

    async def _together(self, works: list[Coroutine[Any, Any, Any]], patience: float) -> list[Any]:
        """What those that ended in time have given; the others go on in the background."""
        tasks = [self._task(work) for work in works]
        if not tasks:
            return []
        done, _ = await asyncio.wait(tasks, timeout=patience)
        return [task.result() for task in tasks if task in done and not task.cancelled()]

    def _task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failure = failure  # whoever listens gets it: a watcher that is half dead would be silent for ever
            self._ready.set()

    def _ears(self, route: str) -> tuple[Callable[[Path, bool], None], Callable[[], None]]:
        return (lambda path, fresh: self._put(Candidate(route, path, fresh))), (lambda: self._lose(route))

    def _put(self, candidate: Candidate) -> None:
        """From any thread. Wakes the loop once per batch, not once per event."""
        with self._lock:
            first = not self._pending
            known = self._pending.get(candidate.path)
            full = known is None and candidate.fresh and len(self._pending) >= _MOST_PENDING
            if not full and (known is None or candidate.fresh):
                self._pending[candidate.path] = candidate
        if full:
            self._lose(candidate.route)
        elif first:
            self._wake(self._ready)

    def _lose(self, route: str) -> None:
        with self._lock:
            first = route not in self._lost
            self._lost.add(route)
        if first:
            self._wake(self._losses)

    def _wake(self, event: asyncio.Event) -> None:
        if self._loop is not None and not self._stopped:
            with suppress(RuntimeError):  # the loop has ended before the other threads: nobody listens any more
                self._loop.call_soon_threadsafe(event.set)
