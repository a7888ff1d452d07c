"""Whether new jobs may start: open, or closed by a person (remembered over a restart), by a disk that is too full, or by both."""

from __future__ import annotations

import asyncio
import logging
from enum import StrEnum
from typing import Protocol

from pectin.model.errors import MEANINGS, Cause, PectinError

log = logging.getLogger(__name__)


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
    """Workers wait here before they take a job. `mode` is what a person wants. A disk that is too full (`short`) keeps back only
    jobs that have yet to be made: those that are to be placed go on, for they give room."""

    def __init__(self, flags: Flags) -> None:
        self._flags = flags
        self._open = asyncio.Event()
        self._open.set()
        self._facts = ""
        self.mode = Mode.OPEN
        self.is_short = asyncio.Event()

    async def restore(self) -> None:
        """Take up the mode of the last run. Draining was for that run only: it ends with it."""
        if await self._flags.get("gate") == Mode.PAUSED:
            await self.set(Mode.PAUSED)

    async def set(self, mode: Mode) -> None:
        """Raises PectinError, and then nothing has changed."""
        before, self.mode = self.mode, mode  # at once: no worker may take a job while it is written down
        try:
            await self._flags.set("gate", mode.value)
        except PectinError:  # a full disk: then nothing has changed, else it would say `open` and be closed
            self.mode = before
            raise
        if mode is not before:
            log.info("%s", self.sentence or "the queue is open: jobs start")
        if mode is Mode.OPEN:
            self._open.set()
        else:
            self._open.clear()

    def short(self, facts: str | None) -> bool:
        """A disk has too little room for the next job, and these are the facts; None: there is room. True when that is news: the
        facts alone change with each look, and are no news."""
        was, self._facts = self._facts, facts or ""
        if bool(was) is bool(facts):
            return False
        if facts:
            self.is_short.set()
            log.warning("no job starts: %s", _told(Cause.DISK_LOW, facts))
        else:
            self.is_short.clear()
            log.info("%s", self.sentence or "there is room on the disk again: jobs start")
        return True

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Why nothing starts, a person's wish first; empty when the gate is open."""
        wish = _CAUSES.get(self.mode)
        return (*([wish] if wish else []), *([Cause.DISK_LOW] if self._facts else []))

    @property
    def sentence(self) -> str:
        """All of it for a person; empty when the gate is open."""
        return ". ".join(_told(cause, self._facts if cause is Cause.DISK_LOW else "") for cause in self.causes)

    async def passed(self) -> None:
        """Returns when a person lets jobs start."""
        await self._open.wait()


def _told(cause: Cause, facts: str) -> str:
    return f"{PectinError(cause, facts).sentence}; {MEANINGS[cause].next_step}"
