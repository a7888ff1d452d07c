"""Takes a source over as it is: another file with the same bytes. Never a link: the source stays the original, which nobody may
change by changing the film in the library."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from pectin.linux.finish import finished
from pectin.linux.move import copy_descriptor_durably
from pectin.model.errors import Cause, PectinError, os_cause
from pectin.model.reports import Progress
from pectin.pipeline.examine import OpenSource
from pectin.pipeline.running import RunningJob


class _StoppedError(Exception):
    """Nobody waits for the copy any more."""


async def take_over(running: RunningJob, source: OpenSource, target: Path) -> None:
    """Make `target` out of the source: with shared blocks where the file system can, else by copying; synced, and read back.
    Raises PectinError (NO_SPACE, IO_ERROR, ...); then there is no target."""
    stop, loop = threading.Event(), asyncio.get_running_loop()

    def told(share: float) -> None:
        if stop.is_set():
            raise _StoppedError
        loop.call_soon_threadsafe(running.progressed, Progress(fraction=share))

    async def copied() -> None:
        try:
            await asyncio.to_thread(copy_descriptor_durably, source.fd, target, told)
        except _StoppedError:
            return  # the cancellation is raised by whoever asked for it
        except OSError as error:
            raise PectinError(os_cause(error), f"{target}: {error.strerror}") from error

    copying = asyncio.ensure_future(finished(copied()))
    try:
        await asyncio.shield(copying)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({copying})
        raise
    running.progressed(Progress(fraction=1.0, total_size=source.size))
    if target.stat().st_size != source.size:
        raise PectinError(Cause.IO_ERROR, f"{target} is not as large as its source")
