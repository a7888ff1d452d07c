"""Waiting for work without polling: until somebody calls, or until a given time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress


class Wake:
    """`call` wakes every waiter; a call made while nobody waits is kept for the next one."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._condition: set[asyncio.Event] = set()
        self._called = False

    def call(self) -> None:
        self._called = not self._condition
        for event in self._condition:
            event.set()

    async def wait(self, until: float | None = None) -> None:
        """Returns when called, or at `until` (Unix seconds)."""
        if self._called:
            self._called = False
            return
        event = asyncio.Event()
        self._condition.add(event)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if until is None else max(0.0, until - self._clock())):
                    await event.wait()
        finally:
            self._condition.discard(event)
