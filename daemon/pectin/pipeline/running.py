"""One running job: the object through which its progress is read and its stop, pause and cancel are asked for."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from pectin.linux.accounting import Usage
from pectin.linux.child import Child
from pectin.model.errors import Cause
from pectin.model.figures import Figures
from pectin.model.job import FINAL, Job, Stage
from pectin.model.media import MediaInfo
from pectin.model.omission import Omission
from pectin.model.parsed import Understanding
from pectin.model.plan import Plan
from pectin.model.quality import Found
from pectin.model.reports import Progress
from pectin.pipeline.hardware import Hardware
from pectin.store.scores import Scores

log = logging.getLogger(__name__)


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
    damaged: bool = False  # it was seen that the source has faults: what fails because of them is no device's fault
    cpus: frozenset[int] | None = None  # the CPUs of its slot, None: all
    room: Callable[[RunningJob], Awaitable[None]] | None = None  # raises PectinError when the plan needs more than there is
    stop_cause: Cause | None = None
    hardware: Hardware | None = None  # None: everything is done by the CPU
    doing: str = ""  # what it is busy with, as a sentence, where the stage alone does not tell
    scores: Scores | None = None  # where searches for quality are remembered
    quality: Found | None = None  # what was looked for
    below_floor: bool = False  # the film was made, and looks unlike its source
    made_by: str = ""  # by the CPU or a device, as a sentence
    omissions: list[Omission] = field(default_factory=list)
    held_by_governor: frozenset[Cause] = frozenset()
    _since: float = field(default_factory=time.monotonic)
    _times: dict[Stage, float] = field(default_factory=dict)
    _suspended_for: set[Cause] = field(default_factory=set)
    _limits: dict[Cause, int] = field(default_factory=dict)
    _goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    _hurried: bool = False  # somebody waits for its end
    _starting: bool = False  # its child sets its own CPUs yet, those it was started with
    _child: Child | None = None
    _cpu_seconds: float = 0.0
    _peak_memory: int = 0

    @property
    def suspended(self) -> bool:
        """True while paused: ffmpeg stands still (SIGSTOP) and its stall watchdog rests."""
        return bool(self._suspended_for)

    @property
    def suspended_for(self) -> tuple[Cause, ...]:
        """Why it is paused, in the order of the causes' names."""
        return tuple(sorted(self._suspended_for))

    @property
    def limits(self) -> dict[Cause, int]:
        """How many CPUs it may use, by who said so; the least counts. Empty: as many as the configuration gives."""
        return dict(self._limits)

    @property
    def figures(self) -> Figures:
        """What its ffmpegs have used so far, as of the last look."""
        running = self._child.usage if self._child is not None else Usage()
        return Figures(cpu_seconds=self._cpu_seconds + running.cpu_seconds,
                       peak_memory=max(self._peak_memory, running.peak_memory), made_by=self.made_by)

    def child_started(self, child: Child) -> None:
        self._child, self._starting = child, True
        if self.suspended:
            child.suspend()

    def child_ended(self) -> None:
        figures = self.figures
        self._child, self._cpu_seconds, self._peak_memory = None, figures.cpu_seconds, figures.peak_memory

    def progressed(self, progress: Progress) -> None:
        self.progress = progress
        self.child_speaks()

    def child_speaks(self) -> None:
        """The launcher is over: its CPUs may be set."""
        if self._starting:
            self._starting = False
            self._apply_cpus()

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

    def omit(self, omission: Omission) -> None:
        """Something besides the film could not be made: told with the plan, and no reason to fail."""
        self.omissions.append(omission)
        log.warning("%s", omission.sentence)
        self.note(omission.sentence)

    def note(self, sentence: str) -> None:
        """What a person should know of it, told with the plan."""
        if self.plan is not None:
            self.plan = replace(self.plan, notes=(*self.plan.notes, sentence))

    async def planned(self) -> None:
        """The plan is known, and with it what it needs. Raises PectinError(DISK_LOW)."""
        if self.room is not None:
            await self.room(self)

    async def standing(self) -> None:
        """Between two pieces of work: wait while it is paused, so that no new one begins."""
        while self._suspended_for:
            self._goes_on.clear()
            await self._goes_on.wait()

    def suspend(self, cause: Cause = Cause.PAUSED_BY_USER) -> None:
        """Stand still for this reason, whatever other reasons there are: no CPU is used until all of them are over."""
        self._suspended_for.add(cause)
        if self._child is not None:
            self._child.suspend()

    def resume(self, cause: Cause = Cause.PAUSED_BY_USER) -> None:
        """This reason is over."""
        self._suspended_for.discard(cause)
        if self._suspended_for:
            return
        self._goes_on.set()
        if self._child is not None:
            self._child.resume()

    def limit(self, cpus: int, cause: Cause) -> None:
        """At most so many CPUs for this reason, from now on: what runs is slowed down at once."""
        self._limits[cause] = max(1, cpus)
        self._apply_cpus()

    def unlimit(self, cause: Cause) -> None:
        """This reason is over."""
        if self._limits.pop(cause, None) is not None:
            self._apply_cpus()

    @property
    def threads_rest(self) -> bool:
        """Whether its copies and checksums stand still now (linux/pace.py). Read in threads. A film that is being placed keeps
        the others of its library waiting, so that only what holds all of them holds it; what is over is put away in any case."""
        own = {Cause.JOB_PAUSED_BY_USER} if self.stage is Stage.PLACING else set()
        return bool(self._suspended_for - own) and not self._hurried and self.job.state not in FINAL

    def put_in_force(self, cpus: frozenset[int] | None) -> None:
        """The configuration gives its slot other CPUs while it runs."""
        self.cpus = cpus
        self._apply_cpus()

    @property
    def allowed(self) -> frozenset[int] | None:
        """The CPUs it may use now; None: all."""
        if not self._limits:
            return self.cpus
        return frozenset(sorted(self.cpus or os.sched_getaffinity(0))[:min(self._limits.values())])

    def _apply_cpus(self) -> None:
        """A running ffmpeg keeps the number of its threads; on how many CPUs they run decides how much they use. What has only
        just been started is told with its first progress: the launcher would undo it."""
        if self._child is not None and not self._starting:
            with suppress(OSError):  # all of them were switched off: then the kernel has moved it already
                self._child.set_cpus(self.allowed or os.sched_getaffinity(0))

    def stop(self, cause: Cause) -> None:
        """Ask the job to stop for a reason; the first reason counts. Its children are ended by the cancellation. A job whose
        outcome is already being written is left alone."""
        self._hurried = True
        if self.stop_cause is None and self.task is not None and not self.settled:
            self.stop_cause = cause
            self.task.cancel()
