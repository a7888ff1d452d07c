"""Lets long work in threads (copies, checksums) stand still with its job: a thread has no SIGSTOP.

Whoever works for a job says so once, in the context of its task; asyncio.to_thread takes that into the thread. Work that nobody
may hold up (a start, an undo that a person waits for) says nothing, and never stands still."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar

_REST = 0.2  # seconds between two looks

_stands_still: ContextVar[Callable[[], bool]] = ContextVar("stands_still")


def keep_to(stands_still: Callable[[], bool]) -> None:
    """For this task and all it begins: its long work waits while that is true. Called in threads."""
    _stands_still.set(stands_still)


def step() -> None:
    """Between two blocks of long work. Blocks while the work has to stand still."""
    stands_still = _stands_still.get(None)
    while stands_still is not None and stands_still():
        time.sleep(_REST)
