"""Who may encode now: so many jobs on the CPU, and beside them so many on devices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum


class Lane(StrEnum):
    CPU = "cpu"
    HARDWARE = "hardware"


class Lanes:
    """A job that needs no device never waits for one, and the other way round."""

    def __init__(self, *, cpu: int, hardware: int) -> None:
        self._free = {Lane.CPU: cpu, Lane.HARDWARE: hardware}
        self._changed = asyncio.Event()

    def free(self, lane: Lane) -> bool:
        return self._free[lane] > 0

    @asynccontextmanager
    async def enter(self, wanted: Sequence[Lane]) -> AsyncIterator[Lane]:
        """The first lane of these that is free, for as long as the block lasts; waits until there is one."""
        while not any(map(self.free, wanted)):
            self._changed.clear()
            await self._changed.wait()
        lane = next(filter(self.free, wanted))
        self._free[lane] -= 1
        try:
            yield lane
        finally:  # nothing is awaited here: a job that is stopped twice must not keep its place
            self._free[lane] += 1
            self._changed.set()
