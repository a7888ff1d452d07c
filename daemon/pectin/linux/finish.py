"""Awaiting a step to its end, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def finished(work: Coroutine[Any, Any, T], *, name: str | None = None) -> T:
    """Await `work` to its end even when we are cancelled meanwhile, perhaps twice; the cancellation is raised afterwards. For
    steps that must not be left half done behind our back: a transaction, a thread that moves files, the end of a child."""
    task = asyncio.create_task(work, name=name)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        # Also when the work failed: a cancellation is asked for once, and whoever caught the failure would go on for ever.
        raise cancelled from None if task.cancelled() else task.exception()
    return task.result()
