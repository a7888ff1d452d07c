"""One inbox folder as the watcher sees it: what it stands on, the branches that are walked, and what ails it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from pectin.intake.branch import Branch
from pectin.intake.ground import Ground, survey
from pectin.intake.watched import RestartReason, RootReport, WatchMode
from pectin.linux.aside import aside

_LATE = 5.0     # seconds after which whoever began the watching may have searched already, and found nothing here
_ENDING = 5.0   # seconds to wait until the old watches are given back; a disk that hangs can hold them
_SILENT = 60.0  # seconds after which a disk that does not answer is told
# Polling is the only way there, so it may cost more than a rescan: a hundredth of a core, and half of the server's time, but
# one walk that hung for an hour is no reason to wait for another.
_POLL_CPU_SHARE = 100
_POLL_REST = 60.0  # seconds


class _Part:
    """A branch and the walk that is on its way in it."""

    def __init__(self, branch: Branch) -> None:
        self.branch = branch
        self.walk: asyncio.Future[int] | None = None
        self.began = 0.0
        self.announces = False
        self.poller: asyncio.Task[Any] | None = None


class Inbox:
    """`put` gets each file: its path, and whether it appeared just now; `lost` is called when events were dropped. Both from any
    thread. `spawn` keeps a task and makes its failure known. What blocks runs aside; whatever awaits here may be cancelled at any
    time."""

    def __init__(self, route: str, path: Path, poll: float, put: Callable[[Path, bool], None], lost: Callable[[], None],
                 spawn: Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]) -> None:
        self.route = route
        self.path = path
        self._poll = poll
        self._put = put
        self._lost = lost
        self._spawn = spawn
        self._ground: Ground | None = None
        self._missing = ""
        self._parts: list[_Part] = []
        self._look: asyncio.Future[Ground] | None = None
        self._looked = 0.0  # when the look that is under way began
        self._changing = asyncio.Lock()

    @property
    def busy(self) -> bool:
        """A look is under way: another would only wait behind it."""
        return self._changing.locked()

    @property
    def shares(self) -> tuple[Path, ...]:
        return tuple(part.branch.root for part in self._parts if part.branch.network)

    def on_network(self, path: Path) -> bool:
        """Whether this file lies in the inbox, and where other machines may write it too. From any thread. While the inbox cannot
        be reached nobody knows: then it does."""
        ground = self._ground
        return path.is_relative_to(self.path) and (
            ground is None or ground.network or any(path.is_relative_to(share) for share in ground.shares))

    @property
    def cpu(self) -> float:
        """Seconds of a core that the last walk took."""
        return sum(part.branch.cpu for part in self._parts)

    @property
    def wall(self) -> float:
        return sum(part.branch.wall for part in self._parts)

    async def begin(self) -> None:
        """Watch what is there, and put nothing forward."""
        began = time.monotonic()
        async with self._changing:
            ground = await self._survey()
            late = time.monotonic() - began > _LATE
            if ground is not None:
                await self._stand_on(ground)
        await asyncio.gather(*(self._walk(part, 0, announce=late) for part in self._parts))

    async def end(self) -> None:
        """Watch nothing any more."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        await self._leave()

    async def check(self) -> RestartReason | None:
        """Look whether the root is what is watched; when it is not, begin to watch and search it anew, and give the reason."""
        async with self._changing:
            before = self._ground
            ground = await self._survey()
            reason = self._changed(before, ground)
            if ground is None:
                await self._leave()
            elif reason is not None:
                await self._stand_on(ground)
                for part in self._parts:
                    self._spawn(self._walk(part, 0, announce=True))
            return reason

    async def renew(self) -> bool:
        """Watch anew whatever is there, and search it; whether it is there."""
        async with self._changing:
            ground = await self._survey()
            await self._leave()
            if ground is not None:
                await self._stand_on(ground)
            return ground is not None

    async def walk(self, since: float) -> int:
        """Put every file forward; their number. A walk that began after `since` (monotonic) will do."""
        return sum(await asyncio.gather(*(self._walk(part, since, announce=True) for part in self._parts)))

    def ailments(self) -> list[str]:
        """What is wrong, in sentences that stay the same while the same is wrong."""
        name = f"the inbox {self.path} (route {self.route})"
        now = time.monotonic()
        wrong = []
        if self._look is not None and now - self._looked > _SILENT:
            wrong.append(f"{name} does not answer: the server or disk behind it hangs")
        elif self._missing:
            wrong.append(f"{name} cannot be reached: {self._missing}")
        for part in self._parts:
            branch = part.branch
            if part.walk is not None and now - part.began > _SILENT:
                wrong.append(f"a walk through {branch.root} has not come back for a minute: the server or disk behind it is "
                             "slow or hangs")
            if branch.root_gone or not branch.alive:
                wrong.append(f"the watching of {name} has stopped: new files are only found by the rescan")
            wrong += branch.ailments()
        return wrong

    def report(self) -> RootReport:
        counts = [part.branch.counts() for part in self._parts]
        folders, unwatched = sum(count[0] for count in counts), sum(count[1] for count in counts)
        if self._ground is None:
            mode = WatchMode.MISSING
        elif self._ground.network and self._poll:
            mode = WatchMode.POLLING
        else:
            mode = WatchMode.EVENTS if folders else WatchMode.RESCAN_ONLY
        return RootReport(route=self.route, path=self.path, mode=mode, folders=folders, unwatched=unwatched, shares=self.shares,
                          file_system=self._ground.file_system if self._ground else "", sentence="; ".join(self.ailments()))

    def _changed(self, before: Ground | None, ground: Ground | None) -> RestartReason | None:
        if ground is None:
            return None
        if before is None:
            return RestartReason.ROOT_BACK
        if not ground.same_folder(before) or any(part.branch.root_gone for part in self._parts):  # inode numbers come again
            return RestartReason.ROOT_REPLACED
        if ground.below != before.below:
            return RestartReason.MOUNTS_CHANGED
        if not all(part.branch.alive for part in self._parts):
            return RestartReason.OBSERVER_DIED
        return None

    async def _survey(self) -> Ground | None:
        """Look, or wait for the look that is already under way. None, and why, when the folder cannot be reached."""
        if self._look is None:
            self._look, self._looked = aside(partial(survey, self.path), "pectin-look"), time.monotonic()
        look = self._look
        try:
            ground = await asyncio.shield(look)
        except OSError as error:
            self._missing = error.strerror or str(error)
            return None
        finally:
            if look.done():
                self._look = None
        self._missing = ""
        return ground

    async def _stand_on(self, ground: Ground) -> None:
        """Forget the old branches for new ones. Their first walk watches them, and finds what happened meanwhile."""
        await self._leave()
        self._ground = ground
        shares = frozenset(map(str, ground.shares))
        for root, network in [(ground.path, ground.network), *((share, True) for share in ground.shares)]:
            part = _Part(Branch(root, shares - {str(root)}, self._put, self._lost, network=network))
            self._parts.append(part)
            if network and self._poll:
                part.poller = self._spawn(self._keep_polling(part))

    async def _leave(self) -> None:
        parts, self._parts, self._ground = self._parts, [], None
        for part in parts:
            for work in (part.poller, part.walk):
                if work is not None:
                    work.cancel()
        if ends := {aside(part.branch.close, "pectin-close") for part in parts}:
            await asyncio.wait(ends, timeout=_ENDING)

    async def _keep_polling(self, part: _Part) -> None:
        while True:
            await asyncio.sleep(max(self._poll, _POLL_CPU_SHARE * part.branch.cpu, min(part.branch.wall, _POLL_REST)))
            await self._walk(part, 0, announce=True)

    async def _walk(self, part: _Part, since: float, *, announce: bool) -> int:
        """A walk that began after `since`, never two at once. 0 when the branch was given up meanwhile."""
        while part.walk is not None and (part.began < since or part.announces < announce):
            await asyncio.wait({part.walk})
        if part not in self._parts:
            return 0
        walk = part.walk or self._begin_walk(part, announce=announce)
        await asyncio.wait({walk})  # not awaited itself: others wait for it too, and it is cancelled with the branch
        return 0 if walk.cancelled() else walk.result()

    def _begin_walk(self, part: _Part, *, announce: bool) -> asyncio.Future[int]:
        part.began, part.announces = time.monotonic(), announce
        part.walk = walk = aside(partial(part.branch.walk, announce=announce), "pectin-walk")

        def ended(_: object) -> None:
            part.walk = None
        walk.add_done_callback(ended)
        return walk
