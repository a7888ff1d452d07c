"""Watches the inbox folders: watchdog's thread on one side, an async iterator of candidates on the other.

Events are the fast path; a rescan is the truth (the kernel drops events when its queue overflows). Nothing here decides whether a
file is finished: each path that appears or is closed is a candidate."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import DirCreatedEvent, FileClosedEvent, FileCreatedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver

from pectin.intake.inotify import make_observer
from pectin.linux.beneath import walk

# Everything after which a file may be complete: closed, linked (gives only CREATE), moved in (is "created" here). Opening and
# reading are kept out: our own looks would be events.
_EVENTS: list[type[FileSystemEvent]] = [FileClosedEvent, FileCreatedEvent, DirCreatedEvent]
# Candidates nobody has fetched yet. Beyond this the single events are given up for one rescan: 50,000 paths are about 15 MB.
_MOST_PENDING = 50_000
_BREATH = 100  # candidates in a row before the event loop may do something else


@dataclass(frozen=True, slots=True)
class Candidate:
    """A path that may be a new film. `fresh`: something happened to it just now; else a rescan found it lying there."""

    route: str
    path: Path
    fresh: bool


class Watcher:
    """`roots` names the inbox folder of each route. All methods belong to one event loop."""

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self._roots = dict(roots)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._observer: BaseObserver | None = None
        self._identity: dict[str, tuple[int, int]] = {}  # device and inode of each watched root
        self._troubles: dict[str, str] = {}
        self._unreadable: set[Path] = set()
        self._lock = threading.Lock()  # guards the two below, which watchdog's threads fill
        self._pending: dict[Path, Candidate] = {}
        self._lost = False
        self._ready = asyncio.Event()
        self._stopped = False
        self._changing = asyncio.Lock()  # two restarts at once would leave an observer that nobody stops
        self.overflows = 0  # how often events were lost and a rescan had to find them; for the metrics

    async def start(self) -> None:
        """Begin to watch. A root that is missing is no error: `healthy` tells, and `restart` watches it once it is there."""
        self._loop = asyncio.get_running_loop()
        self._stopped = False
        await asyncio.to_thread(self._observe)

    async def stop(self) -> None:
        """End the watching, and every iteration over `candidates`."""
        self._stopped = True
        self._ready.set()
        async with self._changing:
            observer, self._observer = self._observer, None
            await asyncio.to_thread(_end, observer)

    async def restart(self) -> None:
        """Watch anew (a root came back, was replaced, the observer died) and rescan for what happened meanwhile."""
        async with self._changing:
            if self._stopped:
                return
            before = self._observer
            await asyncio.to_thread(self._observe)  # the new one first: what happens in between is seen twice, not never
            await asyncio.to_thread(_end, before)
        await self.rescan()

    async def rescan(self) -> int:
        """Make every file below the roots a candidate; the number found. A missing root holds none."""
        self._unreadable.clear()
        counts = [await asyncio.to_thread(self._scan, route, root, fresh=False) for route, root in self._roots.items()]
        return sum(counts)

    async def candidates(self) -> AsyncIterator[Candidate]:
        """What appeared, was closed or was found, each path once per burst; ends with `stop`. Lost events are made good here: a
        new observer and a rescan. For one consumer."""
        while not self._stopped:
            await self._ready.wait()
            self._ready.clear()
            with self._lock:
                batch, self._pending = self._pending, {}
                lost, self._lost = self._lost, False
            if lost and not self._stopped:
                self.overflows += 1
                await self.restart()
            for number, candidate in enumerate(batch.values(), 1):
                yield candidate
                if number % _BREATH == 0:
                    await asyncio.sleep(0)

    def healthy(self) -> str | None:
        """What is wrong with the watching, in a sentence; None when all is well. Cheap: one stat per root."""
        wrong = [sentence for route, root in self._roots.items() if (sentence := self._ailing(route, root))]
        if self._observer is not None and not _alive(self._observer):
            wrong.append("the watching has stopped: new files are only found by the rescan")
        if self._unreadable:
            wrong.append(f"{len(self._unreadable)} folders in the inbox may not be read, {min(self._unreadable)} is one")
        return "; ".join(wrong) or None

    def _ailing(self, route: str, root: Path) -> str | None:
        try:
            info = root.stat()
        except OSError as error:
            return f"the inbox {root} (route {route}) cannot be reached: {error.strerror}"
        if route in self._troubles:
            return self._troubles[route]
        if self._identity.get(route) != (info.st_dev, info.st_ino):
            return f"the inbox {root} (route {route}) was replaced or mounted over, and is no longer watched"
        return None

    def _observe(self) -> None:
        """A new observer for all roots that are there. Blocks: one system call per folder."""
        self._identity.clear()
        self._troubles.clear()
        try:
            observer = make_observer(self._events_lost)
        except OSError as error:  # no inotify instances left: the rescan still finds everything
            self._troubles.update((route, f"nothing can be watched: {error.strerror}") for route in self._roots)
            self._observer = None
            return
        observer.start()
        for route, root in self._roots.items():
            with suppress(OSError):  # healthy() looks for itself and says it
                info = root.stat()
                self._identity[route] = (info.st_dev, info.st_ino)
                real = root.resolve()  # watchdog would watch a link, not what it leads to
                try:
                    observer.schedule(_Handler(self, route, root, real), str(real), recursive=True, event_filter=_EVENTS)
                except OSError as error:
                    self._troubles[route] = f"the inbox {root} (route {route}) cannot be watched: {error.strerror}"
        self._observer = observer

    def _scan(self, route: str, folder: Path, *, fresh: bool) -> int:
        count = 0
        try:
            for path in walk(folder, self._unreadable.add):
                self._put(Candidate(route, path, fresh))
                count += 1
        except (FileNotFoundError, NotADirectoryError):
            pass  # vanished; of a root, healthy() tells it
        except OSError:
            self._unreadable.add(folder)
        return count

    def _put(self, candidate: Candidate) -> None:
        """From any thread. Wakes the loop once per batch, not once per event."""
        with self._lock:
            first = not self._pending
            known = self._pending.get(candidate.path)
            if known is None and candidate.fresh and len(self._pending) >= _MOST_PENDING:
                self._lost = True
            elif known is None or candidate.fresh:
                self._pending[candidate.path] = candidate
        if first:
            self._wake()

    def _events_lost(self) -> None:
        with self._lock:
            self._lost = True
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended before watchdog's threads: nobody listens any more
                self._loop.call_soon_threadsafe(self._ready.set)


class _Handler(FileSystemEventHandler):
    """Turns watchdog's events for one root into candidates. Runs in watchdog's thread."""

    def __init__(self, watcher: Watcher, route: str, root: Path, real: Path) -> None:
        self._watcher = watcher
        self._route = route
        self._root = str(root)
        self._real = str(real)

    def on_any_event(self, event: FileSystemEvent) -> None:
        path = self._path(event.src_path)
        if event.is_directory:
            # What was in a folder before it was watched gives no events of its own (mkdir and cp at once, a tree moved in).
            self._watcher._scan(self._route, path, fresh=True)
        else:
            self._watcher._put(Candidate(self._route, path, fresh=True))

    def _path(self, seen: str | bytes) -> Path:
        text = os.fsdecode(seen)
        return Path(self._root + text.removeprefix(self._real))


def _alive(observer: BaseObserver) -> bool:
    return observer.is_alive() and all(emitter.is_alive() for emitter in observer.emitters)


def _end(observer: BaseObserver | None) -> None:
    if observer is not None:
        observer.stop()
        observer.join()
