"""The book of files that were noticed in the inbox and not yet claimed: when to look at which, and why each one waits.

No clock inside: times are Unix seconds and come from outside (they are compared with those of files). `look` blocks and may run
in a thread while `notice` is called; everything else only touches memory, or a file's name."""

from __future__ import annotations

import heapq
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from pectin.intake.beside import Beside, Held, Owned
from pectin.intake.left import LeftAlone
from pectin.intake.lineup import Lineup, Settled
from pectin.intake.look import Looker, Seen
from pectin.intake.names import NameAction, NameReason, judge_name
from pectin.intake.settle import Mark, Patience, Verdict, WaitReason
from pectin.model.left_behind import LeftBehind, Why
from pectin.model.order import Order

_SET_BACK = 1.0       # seconds that the clock may go back without a word: time servers do that in small steps
_KEEP_PASSED = 1000   # so many entries of the schedule may count no more: each scan plans a look at what is due in a day anew
_KEEP_IGNORED = 1000  # so many ignored files before the first sweep of those that have gone (rsync's temporary names come and go)

# What a finished file waits for. It stays so from one look to the next: what it says, and since when, is not told anew each time.
_FILMLESS = frozenset({WaitReason.SIDECAR, WaitReason.LATE})
_FINISHED_LONG = _FILMLESS | {WaitReason.POSTPONED}

# What nobody looks at again soon.
_LYING = _FILMLESS | {WaitReason.TRUNCATED, WaitReason.UNREADABLE, WaitReason.NOT_A_FILE}


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRules:
    """What makes a file of the inbox a film, and when. `ignore` are further patterns of names to leave alone, `wait` further
    endings of unfinished downloads beside a film; `sidecar_wait` in seconds."""

    patience: Patience
    ignore: tuple[str, ...] = ()
    wait: tuple[str, ...] = ()
    order: Order = Order.OLDEST
    sidecar_wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that lies in the inbox, and why. `since` is when this reason began."""

    route: str
    path: Path
    reason: WaitReason | NameReason
    sentence: str
    since: float


def in_order(waiting: Waiting) -> tuple[bool, bool, Path]:
    """Films first, then what waits for a film, last what is left alone; each by path."""
    return isinstance(waiting.reason, NameReason), waiting.reason in _FILMLESS, waiting.path


@dataclass(slots=True)
class _Entry:
    route: str
    seen: Seen
    reason: WaitReason
    sentence: str
    since: float
    version: int = 0           # counts notices, so that a look knows whether one came meanwhile
    due: float | None = None
    in_line: bool = False      # settled, it waits for its turn
    in_hand: bool = False      # it is being claimed
    counts: bool = False       # a film that is to be taken: sidecars wait for it
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A settled file whose turn has come. `truncated`: nobody has completed it, it is taken to be rejected."""

    route: str
    path: Path
    relative: PurePath
    mark: Mark | None
    last_change: float | None
    truncated: bool


class Arrivals:
    """`roots` names each route's inbox folder. `on_network` says of a path whether other machines write there too: then no lease
    proves anything."""

    def __init__(self, roots: Mapping[str, Path], rules: IntakeRules,
                 on_network: Callable[[Path], bool] = lambda _: False) -> None:
        self._roots = roots
        self._rules = rules
        self._book: dict[Path, _Entry] = {}
        self._ignored: dict[Path, Waiting] = {}
        self._sweep_at = _KEEP_IGNORED
        self._schedule: list[tuple[float, Path]] = []  # a heap; entries that no longer count are passed over
        self._latest = 0.0  # when `due` was asked last
        self._lock = threading.Lock()
        self._looker = Looker(rules.patience, rules.wait, on_network, self._lock)
        self._line = Lineup(rules.order)
        self._beside = Beside(rules.sidecar_wait)
        self._left = LeftAlone()

    def notice(self, route: str, path: Path, now: float, *, fresh: bool = True) -> None:
        """Something lies at `path`. `fresh`: it came or changed just now (an event), else a scan found it and it may be old.
        Either way it is due for a look at once."""
        relative = path.relative_to(self._roots[route])
        with self._lock:
            entry = self._book.get(path)
            if entry is None:
                verdict = judge_name(relative, ignore=self._rules.ignore, wait=self._rules.wait)
                if verdict.action is NameAction.IGNORE and verdict.reason is not None:
                    self._leave(Waiting(route, path, verdict.reason, verdict.sentence, now))
                    return
                sidecar = verdict.action is NameAction.SIDECAR
                seen = Seen(self._roots[route], path, relative, sidecar, now if fresh else None)
                entry = _Entry(route, seen, WaitReason.NOTICED, "just noticed", now)
                self._book[path] = entry
                if not sidecar:
                    self._count(entry, counts=True)
            elif fresh:
                entry.seen.last_change = now
            elif entry.in_line or self._beside.ask_again(path):
                return  # a scan has seen it lie there: we know
            entry.version += 1
            if not entry.in_hand:  # else the claim itself sees what changed
                self._step_out(entry)
                self._plan(entry, now)

    def due(self, now: float, most: int = 1_000_000) -> list[Path]:
        """The files to look at now, at most so many, each given once: looking plans the next time."""
        found: list[Path] = []
        with self._lock:
            if now < self._latest - _SET_BACK:  # then what was planned for the next second may be hours away
                for planned in self._book.values():
                    if planned.due is not None:
                        self._plan(planned, now)
            self._latest = now
            while self._schedule and self._schedule[0][0] <= now and len(found) < most:
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
        verdict = self._looker.look(entry.seen, now)
        with self._lock:
            if self._book.get(path) is not entry:
                return Verdict(settled=False, reason=WaitReason.GONE, sentence="it was taken meanwhile")
            if entry.version != version:  # already due again
                return Verdict(settled=False, reason=WaitReason.NOTICED, sentence="it changed while it was looked at", again_in=0)
            if verdict.reason is WaitReason.GONE:
                self._strike(path)
                return verdict
            left = self._left.why(path, verdict.mark) if verdict.mark is not None and not entry.seen.sidecar else None
            if not entry.seen.sidecar:
                self._count(entry, counts=left is None)
            if left is not None:
                self._tell(entry, *left, now)
                return Verdict(settled=False, reason=left[0], sentence=left[1])
            began = verdict.last_change if verdict.reason is WaitReason.TRUNCATED else None
            if verdict.reason is not WaitReason.SETTLED or entry.reason not in _FINISHED_LONG:
                self._tell(entry, verdict.reason, verdict.sentence, now, began)
            if verdict.settled and not entry.seen.sidecar and verdict.mark is not None:
                entry.in_line = True
                self._line.add(Settled(route=entry.route, relative=entry.seen.relative, size=verdict.mark.size,
                                       last_change=verdict.last_change or now))
                entry.mark = verdict.mark
            elif verdict.settled:
                entry.mark = verdict.mark
                self._beside.hold(Held(entry.route, path, entry.seen.relative, verdict.last_change or now))
            elif verdict.again_in is not None:
                self._plan(entry, now + verdict.again_in)
        return verdict

    def take(self, most: int) -> list[Chosen]:
        """The next settled films, in their order; they are in our hands until `claimed`, `postpone` or `let_go`."""
        with self._lock:
            return [self._in_hand(self._book[self._roots[one.route] / one.relative]) for one in self._line.take(most)]

    def in_line(self) -> int:
        """How many settled films wait for their turn."""
        return len(self._line)

    def asks(self) -> bool:
        """Whether `take_sidecars` has something to do."""
        return self._beside.asks(settled=not len(self._line))

    def take_sidecars(self, now: float, most: int) -> list[tuple[Chosen, Owned]]:
        """Settled sidecars whose film has been claimed; they are in our hands as films are. The others wait on, each with its
        reason."""
        found = []
        with self._lock:
            for path, owner in self._beside.ask(now, most, settled=not len(self._line)):
                entry = self._book[path]
                if isinstance(owner, Owned):
                    self._beside.release(path)
                    found.append((self._in_hand(entry), owner))
                else:
                    self._tell(entry, owner.reason, owner.sentence, now)
        return found

    def _in_hand(self, entry: _Entry) -> Chosen:
        entry.in_line, entry.in_hand, entry.due = False, True, None
        seen = entry.seen
        return Chosen(entry.route, seen.path, seen.relative, entry.mark, seen.last_change, entry.reason is WaitReason.TRUNCATED)

    def told(self, path: Path, now: float, sentence: str) -> None:
        """How far the copy from another file system is."""
        with self._lock:
            if entry := self._book.get(path):
                self._tell(entry, WaitReason.COPYING, sentence, now)

    def postpone(self, path: Path, now: float, until: float, sentence: str) -> None:
        """It was settled but could not be claimed (disk full, no permission): look again at `until`."""
        with self._lock:
            if entry := self._book.get(path):
                self._tell(entry, WaitReason.POSTPONED, sentence, now)
                entry.in_hand = False
                self._plan(entry, until)

    def let_go(self, path: Path, now: float) -> None:
        """It changed while it was claimed, and lies where it lay: it has to settle again."""
        with self._lock:
            if entry := self._book.get(path):
                entry.in_hand = False
                entry.seen.last_change = now
                self._plan(entry, now)

    def claimed(self, chosen: Chosen, now: float, job_id: str | None = None) -> None:
        """The file has been moved away; `job_id` is a film's. Something new that already lies under its name is noticed."""
        with self._lock:
            self._strike(chosen.path)
            if job_id is not None:
                self._beside.claimed(chosen.route, chosen.relative, job_id, now)
        if os.path.lexists(chosen.path):
            self.notice(chosen.route, chosen.path, now)

    def remember(self, route: str, relative: PurePath, job_id: str, at: float) -> None:
        """A film was claimed before the last start: what comes beside it is its own."""
        with self._lock:
            self._beside.claimed(route, relative, job_id, at)

    def leave_alone(self, route: str, film: PurePath, job_id: str, left: LeftBehind | None) -> None:
        """A file of the inbox is this job's already, and stays there (None: no longer). What `pectin undo` puts back is no job's
        any more: nothing that comes beside it is."""
        with self._lock:
            self._left.drop(job_id)
            if left is not None:
                self._left.add(job_id, left)
            if left is not None and left.why is not Why.LINKED:
                self._beside.films.unclaim(route, film)

    def forget(self, path: Path) -> None:
        """Strike the file from the book, whatever lies there."""
        with self._lock:
            self._strike(path)
            self._ignored.pop(path, None)

    def sweep(self) -> None:
        """Forget what has gone: no event tells of it, and the next look at what only lies there may be a day away. Blocks, on
        a dead file server for as long as that pleases."""
        with self._lock:
            versions = {path: entry.version for path, entry in self._book.items() if entry.reason in _LYING}
            ignored = list(self._ignored)
        gone = [path for path in (*versions, *ignored) if not os.path.lexists(path)]
        with self._lock:
            for path in gone:
                self._ignored.pop(path, None)
                entry = self._book.get(path)
                if entry is not None and not entry.in_hand and entry.version == versions.get(path):  # else something came since
                    self._strike(path)

    def waiting(self) -> list[Waiting]:
        """Everything in the inbox that is not claimed: first films, then what waits for a film, last what is left alone; each in
        order of path. Whoever shows only the first few shows what matters. As of the last `sweep`."""
        with self._lock:
            found = [Waiting(e.route, e.seen.path, e.reason, e.sentence, e.since) for e in self._book.values()]
            found += self._ignored.values()
        return sorted(found, key=in_order)

    def _plan(self, entry: _Entry, when: float) -> None:
        if entry.due is None or entry.due != when:
            entry.due = when
            heapq.heappush(self._schedule, (when, entry.seen.path))
            if len(self._schedule) > 2 * len(self._book) + _KEEP_PASSED:
                self._schedule = [(e.due, e.seen.path) for e in self._book.values() if e.due is not None]
                heapq.heapify(self._schedule)

    def _tell(self, entry: _Entry, reason: WaitReason, sentence: str, now: float, began: float | None = None) -> None:
        if entry.reason is not reason:
            entry.since = now
        entry.since = began or entry.since
        entry.reason, entry.sentence = reason, sentence

    def _strike(self, path: Path) -> None:
        if entry := self._book.pop(path, None):
            self._step_out(entry)
            self._count(entry, counts=False)

    def _count(self, entry: _Entry, *, counts: bool) -> None:
        if counts and not entry.counts:
            self._beside.films.waits(entry.route, entry.seen.relative)
        elif entry.counts and not counts:
            self._beside.films.gone(entry.route, entry.seen.relative)
        entry.counts = counts

    def _step_out(self, entry: _Entry) -> None:
        """It changes, or goes: what was found out about it counts no more."""
        if entry.in_line:
            self._line.discard(entry.route, entry.seen.relative)
            entry.in_line = False
        self._beside.release(entry.seen.path)

    def _leave(self, waiting: Waiting) -> None:
        self._ignored.setdefault(waiting.path, waiting)
        if len(self._ignored) > self._sweep_at:
            self._sweep()
            self._sweep_at = max(_KEEP_IGNORED, 2 * len(self._ignored))

    def _sweep(self) -> None:
        for path in [path for path in self._ignored if not os.path.lexists(path)]:
            del self._ignored[path]
