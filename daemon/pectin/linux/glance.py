"""Looks at folders that may lie on dead file servers: waits for an answer for a moment, and never looks at one twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from pectin.linux.aside import aside

T = TypeVar("T")

PATIENCE = 3.0  # seconds; a disk that wakes from its sleep takes longer and is told as silent until then


class Silent:
    """No answer yet: the look goes on."""


SILENT = Silent()


class Glances(Generic[T]):
    """`look` is called in a thread; an OSError that it raises is its answer. All methods belong to one event loop."""

    def __init__(self, look: Callable[[Path], T], *, patience: float = PATIENCE) -> None:
        self._look = look
        self._patience = patience
        self._looks: dict[Path, tuple[float, asyncio.Future[T | OSError]]] = {}

    async def at(self, folders: Iterable[Path]) -> dict[Path, T | OSError | Silent]:
        """What each of them shows now. Who has been silent for long is not waited for again."""
        now = asyncio.get_running_loop().time()
        looks = {folder: self._begun(folder, now) for folder in folders}
        waited = {look: began + self._patience - now for began, look in looks.values()}
        if waited:
            await asyncio.wait(waited, timeout=max(0.0, *waited.values()))
        return {folder: look.result() if look.done() else SILENT for folder, (_, look) in looks.items()}

    def _begun(self, folder: Path, now: float) -> tuple[float, asyncio.Future[T | OSError]]:
        running = self._looks.get(folder)
        if running is None or running[1].done():
            running = self._looks[folder] = (now, aside(partial(self._answer, folder), "pectin-glance"))
        return running

    def _answer(self, folder: Path) -> T | OSError:
        try:
            return self._look(folder)
        except OSError as error:
            return error
