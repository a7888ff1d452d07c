"""One running job: the object through which its progress is read and its stop, pause and cancel are asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pectin.linux.child import Child
from pectin.model.errors import Cause
from pectin.model.job import Job, Stage
from pectin.model.media import MediaInfo
from pectin.model.parsed import Understanding
from pectin.model.plan import Plan
from pectin.model.reports import Progress


@dataclass(slots=True)
class RunningJob:
    """Implements encoding's Monitor: ffmpeg's child and progress are reported here. Everything happens in the event loop."""

    job: Job
    slot: int
    task: asyncio.Task[None] | None = None
    stage: Stage = Stage.PROBING
    progress: Progress = field(default_factory=Progress)
    media: MediaInfo | None = None
    plan: Plan | None = None
    as_it_is: bool = False  # a person asked for another try: also of a file that is cut short
    rival: Job | None = None  # the job that placed the film which has this one's name, if it may be replaced
    understanding: Understanding | None = None  # what the source's name says, where the route's names are parsed
    settled: bool = False
    room: Callable[[RunningJob], Awaitable[None]] | None = None  # raises PectinError when the plan needs more than there is
    stop_cause: Cause | None = None
    _since: float = field(default_factory=time.monotonic)
    _times: dict[Stage, float] = field(default_factory=dict)
    _suspended: bool = False
    _child: Child | None = None

    @property
    def suspended(self) -> bool:
        """True while paused: ffmpeg stands still (SIGSTOP) and its stall watchdog rests."""
        return self._suspended

    def child_started(self, child: Child) -> None:
        self._child = child
        if self._suspended:
            child.suspend()

    def child_ended(self) -> None:
        self._child = None

    def progressed(self, progress: Progress) -> None:
        self.progress = progress

    def enter(self, stage: Stage) -> None:
        """Begin a stage; its progress starts anew."""
        self._times = self.stage_times()
        self._since = time.monotonic()
        self.stage = stage
        self.progress = Progress()

    def stage_times(self) -> dict[Stage, float]:
        """Seconds spent in each stage so far."""
        return self._times | {self.stage: self._times.get(self.stage, 0.0) + time.monotonic() - self._since}

    def learnt(self, media: MediaInfo) -> None:
        """What the source is made of: kept for `pectin show` even when the job fails."""
        self.media = media

    async def planned(self) -> None:
        """The plan is known, and with it what it needs. Raises PectinError(DISK_LOW)."""
        if self.room is not None:
            await self.room(self)

    def suspend(self) -> None:
        self._suspended = True
        if self._child is not None:
            self._child.suspend()

    def resume(self) -> None:
        self._suspended = False
        if self._child is not None:
            self._child.resume()

    def stop(self, cause: Cause) -> None:
        """Ask the job to stop for a reason; the first reason counts. Its children are ended by the cancellation. A job whose
        outcome is already being written is left alone."""
        if self.stop_cause is None and self.task is not None and not self.settled:
            self.stop_cause = cause
            self.task.cancel()
