"""Whether new jobs may start: open, paused or draining, with a reason, and remembered over a restart."""

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
    """Workers wait here before they take a job."""

    def __init__(self, flags: Flags) -> None:
        self._flags = flags
        self._open = asyncio.Event()
        self._open.set()
        self.mode = Mode.OPEN

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

    @property
    def cause(self) -> Cause | None:
        """Why nothing starts; None when the gate is open."""
        return _CAUSES.get(self.mode)

    @property
    def sentence(self) -> str:
        cause = self.cause
        return f"{MEANINGS[cause].sentence}; {MEANINGS[cause].next_step}" if cause else ""

    async def passed(self) -> None:
        """Returns when jobs may start."""
        await self._open.wait()
