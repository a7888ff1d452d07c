"""Devices at work: what each may do now, which way a job takes, and down the ladder when a device fails it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from pectin.encoding import hardware
from pectin.encoding.hardware import Bench, candidates
from pectin.model.errors import Cause, PectinError
from pectin.model.hardware import Choice, Device, Fall, Rung, Way, Why, Wish
from pectin.model.job import Stage
from pectin.model.media import MediaInfo
from pectin.model.plan import Plan
from pectin.model.reports import Progress
from pectin.observing.metrics import Metrics
from pectin.pipeline.cooldown import Cooldown
from pectin.pipeline.lanes import Lane, Lanes
from pectin.pipeline.wake import Wake
from pectin.planning.hardware import ladder

log = logging.getLogger(__name__)

T = TypeVar("T")

# What may be a device's fault. Everything else (a full disk, a stop, a missing program) would be so on the CPU too.
_SUSPECT = frozenset({
    Cause.FFMPEG_FAILED, Cause.FFMPEG_STALLED, Cause.FFMPEG_KILLED, Cause.FFMPEG_MEMORY, Cause.IO_ERROR, Cause.NO_DECODER,
    Cause.OUTPUT_WRONG, Cause.OUTPUT_TOO_LARGE, Cause.PROBE_FAILED, Cause.PROBE_TIMEOUT, Cause.NOT_A_VIDEO})


PATIENCE = 300.0  # seconds that films wait for the first look: three devices that hang in all they are asked for take one minute


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwarePolicy:
    """What the configuration says: `node` is `auto` or a device file; `jobs` and `cpu_jobs` run at the same time. `state`: the
    folder in which is remembered what devices do."""

    wish: Wish = Wish.CPU
    node: str = "auto"
    jobs: int = 1
    cpu_jobs: int = 1
    state: Path | None = None

    @property
    def slots(self) -> int:
        """How many jobs may be in work at the same time on this machine, as far as device files tell."""
        return self.cpu_jobs + (self.jobs if candidates(self.wish, self.node) else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """One device, for people: what it was seen to do, how many jobs are on it, and what is wrong with it. `resting` are the rungs
    that are left out for a while, `until` (Unix seconds) when it is tried again."""

    device: str
    name: str
    encodes: tuple[str, ...]
    decodes: tuple[str, ...]
    filters: tuple[str, ...]
    jobs: int
    resting: tuple[str, ...]
    until: float | None
    sentence: str


class Running(Protocol):
    """What is asked and told of a running job."""

    stage: Stage
    progress: Progress
    made_by: str
    damaged: bool

    def enter(self, stage: Stage) -> None: ...


class Hardware:
    """Owns what is known of the devices. Until the first look is over, jobs that would encode wait for it, but not for ever: a
    process that hangs in a driver cannot always be killed."""

    def __init__(self, policy: HardwarePolicy, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._metrics = metrics
        self._clock = clock
        self._lanes = Lanes(cpu=policy.cpu_jobs, hardware=policy.jobs)
        self._devices: tuple[Device, ...] = ()
        self._health: dict[tuple[str, Rung], Cooldown] = {}
        self._busy: dict[str, int] = {}
        self._known = asyncio.Event()
        self._wake = Wake()
        self._bench: Bench | None = None

    def configure(self, policy: HardwarePolicy, bench: Bench) -> None:
        """What is wished from now on; the devices are looked at again. The number of jobs stays what it was at the start."""
        self._policy, self._bench = replace(policy, jobs=self._policy.jobs, cpu_jobs=self._policy.cpu_jobs), bench
        self._known.clear()
        self._wake.call()

    async def run(self) -> None:
        """Look at the devices, and again at each that has rested, until cancelled."""
        while True:
            if self._bench is not None and not self._known.is_set():
                await self._look(self._bench)
            now = self._clock()
            for device in self._devices:
                if self._bench is not None and any(health.over(now) for health in self._healths(device)):
                    await self._try_again(device, self._bench)
            ends = [health.until for health in self._health.values() if health.until is not None]
            await self._wake.wait(until=time.time() + max(0.0, min(ends) - self._clock()) if ends else None)

    async def carry_out(self, running: Running, plan: Plan, media: MediaInfo,
                        attempt: Callable[[Way | None], Awaitable[T]]) -> T:
        """Make it the best way that works: `attempt` is called with each way down the ladder until one succeeds; its errors that
        no device can be blamed for pass, as do those of the CPU. A device is blamed only when the job succeeds without it, and
        the film was not seen to be damaged."""
        if not self._known.is_set():
            running.enter(Stage.WAITING)
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._known.wait()
        rungs = list(self.rungs(plan, media))
        falls: list[tuple[Choice, Fall]] = []
        while True:
            choice = rungs.pop(0)
            wanted = (Lane.CPU,) if choice.way is None else (Lane.HARDWARE, Lane.CPU)[:1 if falls else 2]
            if not any(map(self._lanes.free, wanted)):
                running.enter(Stage.WAITING)
            async with self._lanes.enter(wanted) as lane:
                if lane is Lane.CPU and choice.way is not None:
                    choice = Choice(rung=Rung.CPU, why=Why.BUSY, sentence="on the CPU: the devices are busy with other films")
                running.made_by = _told(choice, falls)
                if choice.way is not None or falls:
                    log.info("%s", running.made_by)
                self._occupy(choice, 1)
                try:
                    made = await attempt(choice.way)
                except PectinError as error:
                    if choice.way is None or error.cause not in _SUSPECT:
                        raise
                    fall = _fall(error, running)
                    falls.append((choice, fall))
                    self._metrics.hardware_fallback(choice.rung.value, rungs[0].rung.value, fall.value)
                    log.warning("%s failed (%s): %s; next %s", choice.device.label if choice.device else "the device", fall,
                                error.sentence.partition("\n")[0], rungs[0].rung)
                    continue
                finally:
                    self._occupy(choice, -1)
            self._judge(choice, [] if running.damaged else [failed for failed, _ in falls])
            return made

    def rungs(self, plan: Plan, media: MediaInfo) -> Sequence[Choice]:
        """The ladder of a film as things stand now. Devices with the fewest jobs come first."""
        able = [device for device in self._devices if device.encodes and not self._rests(device, Rung.HYBRID)]
        found = ladder(plan, media, sorted(able, key=lambda device: self._busy.get(device.label, 0)), why_none=self._why_none())
        return [choice for choice in found if choice.device is None or not self._rests(choice.device, choice.rung)]

    def report(self) -> tuple[DeviceStatus, ...]:
        found = []
        for device in self._devices:
            resting = tuple(rung.value for rung in (Rung.FULL, Rung.HYBRID) if self._rests(device, rung))
            ends = [health.until for health in self._healths(device) if health.until is not None]
            until = time.time() + min(ends) - self._clock() if ends else None
            found.append(DeviceStatus(
                device=device.label, name=device.name, jobs=self._busy.get(device.label, 0), resting=resting, until=until,
                encodes=tuple(f"{picture} ({', '.join(map(str, modes))})" for picture, modes in device.encodes.items()),
                decodes=tuple(map(str, sorted(device.decodes))), filters=tuple(sorted(device.filters)),
                sentence=device.trouble or ("it failed several films in a row and rests" if resting else "")))
        return tuple(found)

    @property
    def sentence(self) -> str:
        """Why films are encoded on the CPU where there are devices, or the configuration wants one; empty when all is well."""
        wanted = self._policy.wish is not Wish.CPU and (self._policy.wish is not Wish.AUTO or bool(self._devices))
        if not wanted or any(device.encodes and not self._rests(device, Rung.HYBRID) for device in self._devices):
            return ""
        return self._why_none()[1]

    async def _look(self, bench: Bench) -> None:
        policy = self._policy
        devices = await hardware.find_out(policy.wish, policy.node, bench, state=policy.state)
        if (policy, bench) != (self._policy, self._bench):  # it has changed meanwhile: the next look counts
            return
        self._devices = devices
        self._known.set()
        self._health = {(device.label, rung): Cooldown() for device in devices for rung in (Rung.FULL, Rung.HYBRID)}
        for device in devices:
            told = ", ".join(map(str, device.encodes))
            log.info("%s (%s): %s", device.label, device.name or "unknown", f"encodes {told}" if told else device.trouble)
        if not any(device.encodes for device in devices) and policy.wish is not Wish.CPU:
            # Only a machine with devices, or a wish for one, makes this worth a warning.
            wanted = bool(devices) or policy.wish is not Wish.AUTO
            log.log(logging.WARNING if wanted else logging.INFO, "films are encoded on the CPU: %s", self._why_none()[1])
        self._export()

    async def _try_again(self, device: Device, bench: Bench) -> None:
        """A device has rested: is it of use again? Nothing remembered counts."""
        seen = await hardware.known_or_tried(Device(api=device.api, node=device.node), bench, state=self._policy.state, anew=True)
        log.info("%s was tried out again: %s", device.label, seen.trouble or "it works")
        for health in self._healths(device):
            if health.until is not None:
                health.tried_out(self._clock(), works=bool(seen.encodes))
        if seen.encodes:
            self._devices = tuple(seen if one.label == device.label else one for one in self._devices)
        self._export()

    def _judge(self, choice: Choice, failed: Sequence[Choice]) -> None:
        """The job is made: whoever failed it before is to blame."""
        for one in failed:
            health = self._health_of(one)
            if health is not None and health.failed(self._clock()):
                log.warning("%s has failed several films in a row (%s): it rests until it is tried again",
                            one.device.label if one.device else "", one.rung)
                self._wake.call()
        health = self._health_of(choice)
        if health is not None:
            health.worked()
        self._export()

    def _why_none(self) -> tuple[Why, str]:
        if self._policy.wish is Wish.CPU:
            return Why.SWITCHED_OFF, "encoder.hardware is cpu"
        if any(device.encodes for device in self._devices):
            return Why.COOLING_DOWN, "the device has failed several films in a row and rests"
        if not self._known.is_set():
            return Why.NO_DEVICE, "the devices are still being tried out"
        trouble = "; ".join(f"{device.node}: {device.trouble}" for device in self._devices)
        kind = "video" if self._policy.wish is Wish.AUTO else self._policy.wish.value
        return Why.NO_DEVICE, trouble or f"there is no {kind} hardware here"

    def _rests(self, device: Device, rung: Rung) -> bool:
        health = self._health.get((device.label, rung))
        return health is not None and health.until is not None

    def _health_of(self, choice: Choice) -> Cooldown | None:
        """None on the CPU, and for a device that is no longer known."""
        return None if choice.device is None else self._health.get((choice.device.label, choice.rung))

    def _healths(self, device: Device) -> list[Cooldown]:
        return [health for (label, _), health in self._health.items() if label == device.label]

    def _occupy(self, choice: Choice, by: int) -> None:
        if choice.device is not None:
            self._busy[choice.device.label] = self._busy.get(choice.device.label, 0) + by

    def _export(self) -> None:
        self._metrics.hardware_available({(device.label, str(picture)): not self._rests(device, Rung.HYBRID)
                                          for device in self._devices for picture in device.encodes})


def _fall(error: PectinError, running: Running) -> Fall:
    if running.stage is Stage.VERIFYING:
        return Fall.WRONG_OUTPUT
    if error.cause is Cause.FFMPEG_STALLED:
        return Fall.STALL
    if error.cause in (Cause.FFMPEG_KILLED, Cause.FFMPEG_MEMORY):
        return Fall.KILLED
    return Fall.MIDSTREAM if running.progress.frame else Fall.START


def _told(choice: Choice, falls: Sequence[tuple[Choice, Fall]]) -> str:
    """How a film is made, with what was tried before; empty when no picture is made."""
    if choice.why is Why.NOT_ENCODED:
        return ""
    tried = ", ".join(f"{failed.rung} failed: {fall.replace('_', ' ')}" for failed, fall in falls)
    return f"{choice.sentence} ({tried})" if tried else choice.sentence
