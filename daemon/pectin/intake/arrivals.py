"""The book of files that were noticed in the inbox and not yet claimed: when to look at which, and why each one waits.

No clock inside: times are Unix seconds and come from outside (they are compared with those of files). `look` blocks and may run
in a thread while `notice` is called; everything else only touches memory, or a file's name."""

from __future__ import annotations

import heapq
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from pectin.intake.names import NameAction, NameReason, judge_name, partners
from pectin.intake.settle import WRITING_AGAIN, Facts, Lease, Mark, Patience, Verdict, WaitReason, judge
from pectin.intake.structure import Structure, examine
from pectin.intake.writers import ask_lease
from pectin.linux.beneath import open_regular
from pectin.model.errors import Cause, PectinError

_KEEP_IGNORED = 1000  # so many ignored files before the first sweep of those that have gone (rsync's temporary names come and go)

_Shape = tuple[int, int, int, int, int]  # device, inode, size, mtime_ns, ctime_ns: another one means that somebody was there


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that lies in the inbox, and why. `since` is when this reason began."""

    route: str
    path: Path
    reason: WaitReason | NameReason
    sentence: str
    since: float


@dataclass(slots=True)
class _Entry:
    route: str
    path: Path
    relative: PurePath
    reason: WaitReason
    sentence: str
    since: float
    last_change: float | None  # None: found by a scan, the file's own times say it
    version: int = 0           # counts notices, so that a look knows whether one came meanwhile
    due: float | None = None
    looked: float = 0.0
    shape: _Shape | None = None
    examined: _Shape | None = None
    structure: Structure | None = None


class Arrivals:
    """`roots` names each route's inbox folder; `ignore` holds further patterns of names to leave alone."""

    def __init__(self, roots: Mapping[str, Path], patience: Patience, ignore: Sequence[str] = ()) -> None:
        self._roots = roots
        self._patience = patience
        self._ignore = ignore
        self._book: dict[Path, _Entry] = {}
        self._ignored: dict[Path, Waiting] = {}
        self._sweep_at = _KEEP_IGNORED
        self._schedule: list[tuple[float, Path]] = []  # a heap; entries that no longer count are passed over
        self._lock = threading.Lock()

    def notice(self, route: str, path: Path, now: float, *, fresh: bool = True) -> None:
        """Something lies at `path`. `fresh`: it came or changed just now (an event), else a scan found it and it may be old.
        Either way it is due for a look at once."""
        relative = path.relative_to(self._roots[route])
        with self._lock:
            entry = self._book.get(path)
            if entry is None:
                verdict = judge_name(relative, ignore=self._ignore)
                if verdict.action is NameAction.IGNORE and verdict.reason is not None:
                    self._leave(Waiting(route, path, verdict.reason, verdict.sentence, now))
                    return
                entry = _Entry(route, path, relative, WaitReason.NOTICED, "just noticed", now, now if fresh else None)
                self._book[path] = entry
            elif fresh:
                entry.last_change = now
            entry.version += 1
            self._plan(entry, now)

    def due(self, now: float) -> list[Path]:
        """The files to look at now, each given once: looking plans the next time."""
        found = []
        with self._lock:
            while self._schedule and self._schedule[0][0] <= now:
                when, path = heapq.heappop(self._schedule)
                entry = self._book.get(path)
                if entry is not None and entry.due == when:
                    entry.due = None
                    found.append(path)
        return found

    def next_due(self) -> float | None:
        """When the next look is due; None: not before something is noticed."""
        with self._lock:
            while self._schedule:
                when, path = self._schedule[0]
                entry = self._book.get(path)
                if entry is not None and entry.due == when:
                    return when
                heapq.heappop(self._schedule)
        return None

    def look(self, path: Path, now: float) -> Verdict:
        """Look at one noticed file and judge it. Blocks for a few small reads. A file that has vanished is forgotten. A settled
        verdict carries the mark of what was judged, for the claim."""
        with self._lock:
            entry = self._book.get(path)
            version = entry.version if entry is not None else 0
        if entry is None:
            return Verdict(settled=False, reason=WaitReason.GONE, sentence="nobody waits for it any more")
        verdict = self._judge(entry, now)
        with self._lock:
            if self._book.get(path) is not entry:
                return Verdict(settled=False, reason=WaitReason.GONE, sentence="it was taken meanwhile")
            if entry.version != version:  # already due again
                return Verdict(settled=False, reason=WaitReason.NOTICED, sentence="it changed while it was looked at", again_in=0)
            if verdict.reason is WaitReason.GONE:
                del self._book[path]
                return verdict
            self._tell(entry, verdict.reason, verdict.sentence, now)
            if verdict.again_in is not None:
                self._plan(entry, now + verdict.again_in)
        return verdict

    def postpone(self, path: Path, now: float, until: float, sentence: str) -> None:
        """It was settled but could not be claimed (disk full, no permission): look again at `until`."""
        with self._lock:
            if entry := self._book.get(path):
                self._tell(entry, WaitReason.POSTPONED, sentence, now)
                self._plan(entry, until)

    def claimed(self, path: Path, now: float) -> None:
        """The file has been moved away. Something new that already lies under its name is noticed."""
        with self._lock:
            entry = self._book.pop(path, None)
        if entry is not None and os.path.lexists(path):
            self.notice(entry.route, path, now)

    def forget(self, path: Path) -> None:
        """Strike the file from the book, whatever lies there."""
        with self._lock:
            self._book.pop(path, None)
            self._ignored.pop(path, None)

    def waiting(self) -> list[Waiting]:
        """Everything in the inbox that is not claimed, in order of path: what is awaited, and what is left alone."""
        with self._lock:
            self._sweep()
            found = [Waiting(e.route, e.path, e.reason, e.sentence, e.since) for e in self._book.values()]
            found += self._ignored.values()
        return sorted(found, key=lambda w: w.path)

    def _plan(self, entry: _Entry, when: float) -> None:
        if entry.due is None or entry.due != when:
            entry.due = when
            heapq.heappush(self._schedule, (when, entry.path))

    def _tell(self, entry: _Entry, reason: WaitReason, sentence: str, now: float) -> None:
        if entry.reason is not reason:
            entry.since = now
        entry.reason, entry.sentence = reason, sentence

    def _leave(self, waiting: Waiting) -> None:
        self._ignored.setdefault(waiting.path, waiting)
        if len(self._ignored) > self._sweep_at:
            self._sweep()
            self._sweep_at = max(_KEEP_IGNORED, 2 * len(self._ignored))

    def _sweep(self) -> None:
        for path in [path for path in self._ignored if not os.path.lexists(path)]:
            del self._ignored[path]

    def _judge(self, entry: _Entry, now: float) -> Verdict:
        try:
            descriptor = open_regular(entry.path, self._roots[entry.route])
        except FileNotFoundError:
            return Verdict(settled=False, reason=WaitReason.GONE, sentence="it has gone")
        except BlockingIOError:  # smbd holds a lease of its own on it
            return Verdict(settled=False, reason=WaitReason.WRITING, sentence="somebody is writing to it", again_in=WRITING_AGAIN)
        except PectinError as error:
            if error.cause is Cause.UNREADABLE:
                return Verdict(settled=False, reason=WaitReason.UNREADABLE, sentence=error.sentence)
            return Verdict(settled=False, reason=WaitReason.NOT_A_FILE, sentence=error.detail)
        except OSError as error:
            return Verdict(settled=False, reason=WaitReason.UNREADABLE, sentence=f"it cannot be read: {error.strerror}")
        try:
            return self._judge_open(entry, descriptor, now)
        except OSError as error:
            return Verdict(settled=False, reason=WaitReason.UNREADABLE, sentence=f"it cannot be read: {error.strerror}")
        finally:
            os.close(descriptor)

    def _judge_open(self, entry: _Entry, descriptor: int, now: float) -> Verdict:
        beside = [name for name in partners(entry.path.name) if os.path.lexists(entry.path.with_name(name))]
        name = judge_name(entry.relative, siblings=beside)
        lease = ask_lease(descriptor)
        info = os.fstat(descriptor)  # after the lease: what is judged is what nobody wrote to at that moment
        shape = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
        if lease is not Lease.HELD and info.st_size and entry.examined != shape:
            entry.structure = examine(lambda offset, length: os.pread(descriptor, length, offset), info.st_size)
            entry.examined = shape
        last_change = self._last_change(entry, shape, info, now)
        if name.action is NameAction.WAIT:
            return Verdict(settled=False, reason=WaitReason.PARTNER, sentence=name.sentence, again_in=WRITING_AGAIN)
        verdict = judge(Facts(now=now, last_change=last_change, size=info.st_size, lease=lease,
                              structure=entry.structure if info.st_size else None), self._patience)
        return replace(verdict, mark=Mark(info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns))

    def _last_change(self, entry: _Entry, shape: _Shape, info: os.stat_result, now: float) -> float:
        """The latest of what events told and what the file's own times tell, as far as these can be believed."""
        own = max((t for t in (info.st_mtime, info.st_ctime) if t <= now), default=now)  # a time to come proves nothing
        with self._lock:
            if entry.last_change is None:
                entry.last_change = own
            elif entry.shape is not None and entry.shape != shape:
                # Another machine's clock may lag: a change seen between two looks happened between them.
                entry.last_change = max(entry.last_change, own if own >= entry.looked else now)
            entry.last_change = min(entry.last_change, now)  # our own clock was set back
            entry.shape, entry.looked = shape, now
            return entry.last_change
