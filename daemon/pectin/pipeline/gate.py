"""Whether new jobs may start: open, or closed by a person (remembered over a restart), by the governor, by a disk that is too
full, or by all of them."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Protocol

from pectin.model.errors import MEANINGS, Cause, PectinError
from pectin.model.governor import Hold, Way
from pectin.observing.logs import facts
from pectin.pipeline.running import RunningJob

log = logging.getLogger(__name__)

SLOW_CPUS = 1  # for each job, while the governor lets it go on slowly


class Mode(StrEnum):
    OPEN = "open"          # jobs start
    PAUSED = "paused"      # nothing starts, what runs stands still
    DRAINING = "draining"  # nothing starts, what runs is finished


_CAUSES = {Mode.PAUSED: Cause.PAUSED_BY_USER, Mode.DRAINING: Cause.DRAINING}


class Flags(Protocol):
    """Where the mode is kept: the store's flags."""

    async def get(self, name: str) -> str | None: ...
    async def set(self, name: str, value: str | None) -> None: ...


class Gate:
    """Workers wait here before they take a job. `mode` is what a person wants, `until` when that is over by itself (Unix seconds,
    None: never); `holds` are the governor's reasons. A disk that is too full (`short`) keeps back only jobs that have yet to be
    made: those that are to be placed go on, for they give room."""

    def __init__(self, flags: Flags, clock: Callable[[], float] = time.time, ticks: Callable[[], float] = time.monotonic) -> None:
        self._flags = flags
        self._clock = clock
        self._ticks = ticks
        self._ends = 0.0  # by a clock that never jumps, while there is an `until`
        self._open = asyncio.Event()
        self._open.set()
        self._facts = ""
        self._partly = False
        self.mode = Mode.OPEN
        self.until: float | None = None
        self.holds: tuple[Hold, ...] = ()
        self.is_short = asyncio.Event()

    async def restore(self) -> None:
        """Take up the mode of the last run: a person who drains the queue and then restarts the machine still means it."""
        word, *times = (await self._flags.get("gate") or Mode.OPEN).split()
        if word not in (Mode.PAUSED, Mode.DRAINING):
            return
        self.mode, self.until = Mode(word), float(times[0]) if times else None
        if self.until is not None:
            self._count(self.until - (float(times[1]) if len(times) > 1 else -math.inf))
            if self.is_over:
                with suppress(PectinError):  # a full disk keeps no daemon from its start
                    await self.set(Mode.OPEN)
                self.mode, self.until = Mode.OPEN, None
                return
        self._move()
        log.warning("still so since the last run: %s", self.sentence)

    def _count(self, longest: float) -> None:
        """The wish ends at `until`, and `longest` seconds from now at the latest: a clock that is set back prolongs nothing."""
        self._ends = self._ticks() + min(longest, (self.until or 0.0) - self._clock())

    @property
    def left(self) -> float | None:
        """Seconds until a person's wish is over by itself; None: it is not."""
        return None if self.until is None else min(self.until - self._clock(), self._ends - self._ticks())

    @property
    def is_over(self) -> bool:
        return (left := self.left) is not None and left <= 0

    def prolong(self, seconds: float) -> None:
        """It could not be ended: it lasts so much longer, from now."""
        self.until = self._clock() + seconds
        self._count(seconds)

    async def set(self, mode: Mode, until: float | None = None) -> None:
        """Raises PectinError, and then nothing has changed."""
        before, ends = (self.mode, self.until), self._ends
        self.mode, self.until = mode, until  # at once: no worker may take a job meanwhile
        self._count(math.inf)
        told = mode.value if until is None else f"{mode.value} {until:.0f} {self._clock():.0f}"
        try:
            await self._flags.set("gate", told)
        except PectinError:  # a full disk: then nothing has changed, else it would say `open` and be closed
            (self.mode, self.until), self._ends = before, ends
            raise
        if (mode, until) != before:
            log.info("%s", self.sentence or "the queue is open: jobs start", extra=facts(reason=_CAUSES.get(mode)))
        self._move()

    def govern(self, holds: Sequence[Hold]) -> None:
        """These are the governor's reasons now."""
        self.holds = tuple(holds)
        self._move()

    def _move(self) -> None:
        if self.is_open:
            self._open.set()
        else:
            self._open.clear()

    @property
    def is_open(self) -> bool:
        """Whether a person and the governor let jobs start."""
        return self.mode is Mode.OPEN and all(hold.way is Way.SLOW for hold in self.holds)

    @property
    def stands_still(self) -> bool:
        """Whether also what runs has to rest."""
        return self.mode is Mode.PAUSED or any(hold.way is Way.HOLD for hold in self.holds)

    def act_upon(self, running: RunningJob) -> None:
        """What runs stands still, goes on or is slowed down by all that is so now."""
        _switch(running, Cause.PAUSED_BY_USER, hold=self.mode is Mode.PAUSED)
        for cause in running.held_by_governor - {hold.cause for hold in self.holds}:
            running.resume(cause)
            running.unlimit(cause)
        for hold in self.holds:
            _switch(running, hold.cause, hold=hold.way is Way.HOLD)
            if hold.way is not Way.SLOW:
                running.unlimit(hold.cause)
            elif hold.cause not in running.limits:  # once: it is said again at every look
                running.limit(SLOW_CPUS, hold.cause)
        running.held_by_governor = frozenset(hold.cause for hold in self.holds)

    def short(self, found: str | None, *, partly: bool = False) -> bool:
        """A disk has too little room for the next job, which `found` tells; None: there is room. `partly`: films for other
        libraries go on. True when that is news: the facts alone change with each look, and are no news."""
        was, self._facts = (bool(self._facts), self._partly), found or ""
        self._partly = partly and bool(found)
        if was == (bool(found), self._partly):
            return False
        if found:
            self.is_short.set()
            log.warning("%s: %s", "no job starts for a library" if partly else "no job starts", _told(Cause.DISK_LOW, found),
                        extra=facts(reason=Cause.DISK_LOW))
        else:
            self.is_short.clear()
            log.info("%s", self.sentence or "there is room on the disk again: jobs start")
        return True

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Why nothing starts, a person's wish first; empty when the gate is open."""
        wish = _CAUSES.get(self.mode)
        return (*([wish] if wish else []), *(hold.cause for hold in self.holds if hold.way is not Way.SLOW),
                *([Cause.DISK_LOW] if self._facts and not self._partly else []))

    @property
    def sentence(self) -> str:
        """All of it for a person, also what only slows work down; empty when everything goes its way."""
        wish = _CAUSES.get(self.mode)
        told = [_told(wish, f"until {_hour(self.until, self._clock())}" if self.until else "")] if wish else []
        told += [f"slowed down: {hold.sentence}" if hold.way is Way.SLOW else hold.sentence for hold in self.holds]
        if self._facts:
            told.append(_told(Cause.DISK_LOW, f"{self._facts}{'; films for other libraries go on' if self._partly else ''}"))
        return ". ".join(told)

    async def passed(self) -> None:
        """Returns when a person and the governor let jobs start."""
        await self._open.wait()


def _switch(running: RunningJob, cause: Cause, *, hold: bool) -> None:
    if hold and cause not in running.suspended_for:
        running.suspend(cause)
    elif not hold and cause in running.suspended_for:
        running.resume(cause)


def _hour(at: float, now: float) -> str:
    return time.strftime("%H:%M" if at - now < 43200 else "%a %H:%M", time.localtime(at))


def _told(cause: Cause, found: str) -> str:
    return f"{PectinError(cause, found).sentence}; {MEANINGS[cause].next_step}"
