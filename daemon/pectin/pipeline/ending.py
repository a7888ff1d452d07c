"""The end of a daemon whose queue drains: what runs is finished first, and systemd is asked for the time that takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from pectin.pipeline.gate import Gate, Mode
from pectin.pipeline.worker import Worker

log = logging.getLogger(__name__)

LOOK = 1.0   # seconds between two looks at what still runs
MORE = 30.0  # seconds that systemd is asked for at each look: when the event loop stands still, it waits that long and no longer


async def finish_running(worker: Worker, gate: Gate, hurry: asyncio.Event, more_time: Callable[[float], None]) -> None:
    """Returns when no job runs any more that gets on, when the queue does not drain (any more), or when a second signal says
    that there is no time (`hurry`). A job that stands still, whoever paused it, would not be finished by waiting: it begins again
    at the next start. One that hangs is ended by its own limits (encoder.stall_timeout, encoder.time_limit)."""
    told = False
    while gate.mode is Mode.DRAINING and not hurry.is_set():
        moving = [running for running in worker.running.values() if not running.suspended]
        if not moving:
            return
        if not told:
            log.info("stopping when the running jobs are finished (%d), for the queue drains; a second SIGTERM does not wait",
                     len(moving))
            told = True
        more_time(MORE)
        with suppress(TimeoutError):
            await asyncio.wait_for(hurry.wait(), LOOK)
