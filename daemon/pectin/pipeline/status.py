"""What is going on, as plain values: the one snapshot that the API, the status line and the metrics are made from."""

from __future__ import annotations

from dataclasses import dataclass

from pectin.intake.arrivals import Waiting
from pectin.intake.leases import LEASE_SENTENCES, LeaseSupport
from pectin.intake.watched import WatchMode
from pectin.linux.pathtext import printable
from pectin.linux.sandbox import Part, Sandbox
from pectin.linux.trial import offered
from pectin.model.errors import MEANINGS, Cause
from pectin.model.governor import Hold, Way
from pectin.model.job import Stage, State
from pectin.pipeline.hardware import DeviceStatus
from pectin.pipeline.intake_loop import IntakeLoop
from pectin.pipeline.running import RunningJob
from pectin.pipeline.worker import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStatus:
    """`fraction` 0 to 1 and `eta_seconds` of the current stage, None while unknown; `speed` is times real time.
    `held_back`: sentences about why it stands still or has fewer CPUs. `cpu_seconds` and `peak_memory` (bytes) so far;
    `made_by`: by which device or the CPU its picture is made, and why; `doing`: what it is busy with, where the stage alone does
    not tell."""

    id: str
    name: str
    stage: Stage
    method: str | None
    fraction: float | None
    speed: float | None
    fps: float | None
    eta_seconds: float | None
    started_at: float | None
    suspended: bool
    held_back: tuple[str, ...]
    cpu_seconds: float
    peak_memory: int
    made_by: str
    doing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingStatus:
    """A file in an inbox that is not a job (yet), and why."""

    route: str
    path: str
    reason: str
    sentence: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxStatus:
    """How an inbox is watched. `folders` and `unwatched` count the folders that events come from and those that only the rescan
    sees; `shares` are the network mounts in it, which are walked every intake.poll; `leases` says whether the kernel can tell
    who writes there; `sentence` is what is wrong, empty when all is well."""

    route: str
    path: str
    watching: WatchMode
    file_system: str
    folders: int
    unwatched: int
    shares: tuple[str, ...]
    leases: LeaseSupport
    leases_sentence: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxStatus:
    """The walls around ffmpeg that are in force, and why the others are not. `whole`: all that are needed are; `by`: what hides
    other files from it; `max_memory`: bytes, None for no limit."""

    parts: tuple[str, ...]
    missing: dict[str, str]
    whole: bool
    by: str
    max_memory: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldStatus:
    """A reason of the governor's that holds now. `way`: hold (what runs stands still), finish (what runs is finished) or slow;
    `until`: Unix seconds where that is known."""

    cause: Cause
    way: Way
    sentence: str
    until: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """`problems` are sentences about what is wrong right now; empty is good. `mode` is what a person wants, `until` when that is
    over by itself (Unix seconds); `paused_for` is why
    no job starts, which may be a disk as well, and `mode_sentence` says that in words. `originals_size` in bytes, as the
    sources were."""

    version: str
    pid: int
    started_at: float
    config: str
    mode: str
    paused_for: tuple[Cause, ...]
    mode_sentence: str
    until: float | None
    governor: tuple[HoldStatus, ...]
    jobs: dict[State, int]
    running: tuple[RunningStatus, ...]
    waiting: tuple[WaitingStatus, ...]
    waiting_total: int
    inboxes: tuple[InboxStatus, ...]
    outbox: dict[str, int]
    ffmpeg: str
    ffmpeg_version: str
    threads: int
    slots: int
    problems: tuple[str, ...]
    originals_size: int
    sandbox: SandboxStatus
    hardware: tuple[DeviceStatus, ...]
    hardware_sentence: str


def hold_status(hold: Hold) -> HoldStatus:
    return HoldStatus(cause=hold.cause, way=hold.way, sentence=hold.sentence, until=hold.until)


def sandbox_status(sandbox: Sandbox | None) -> SandboxStatus:
    """None: what this machine offers, as it is used then."""
    walls = sandbox or offered()
    by = "bubblewrap" if walls.bubblewrap else "Landlock"
    return SandboxStatus(parts=tuple(part.value for part in Part if part in walls.parts), whole=walls.whole,
                         missing={part.value: why for part, why in walls.missing.items()},
                         by=by if Part.FILES in walls.parts else "", max_memory=walls.max_memory)


async def problems(intake: IntakeLoop, worker: Worker) -> list[str]:
    """What is wrong right now, in sentences; a dead network mount is waited for some seconds only."""
    return [*intake.problems(), *await worker.mounts.troubles(worker.policy.routes.values(), worker.policy.folders_needed)]


def inbox_statuses(intake: IntakeLoop) -> tuple[InboxStatus, ...]:
    found = []
    for one in intake.report():
        leases = intake.leases(one.route)
        found.append(InboxStatus(
            route=one.route, path=printable(one.path), watching=one.mode, file_system=one.file_system, folders=one.folders,
            unwatched=one.unwatched, shares=tuple(map(printable, one.shares)), leases=leases,
            leases_sentence=LEASE_SENTENCES[leases], sentence=one.sentence))
    return tuple(found)


def waiting_status(waiting: Waiting) -> WaitingStatus:
    return WaitingStatus(route=waiting.route, path=printable(waiting.path), reason=waiting.reason.value,
                         sentence=waiting.sentence, since=waiting.since)


def running_status(running: RunningJob) -> RunningStatus:
    progress = running.progress
    held = [MEANINGS[cause].sentence for cause in running.suspended_for]
    held += [f"{MEANINGS[cause].sentence}: {count}" for cause, count in sorted(running.limits.items())]
    figures = running.figures
    return RunningStatus(
        id=running.job.id, name=running.job.name, stage=running.stage, fraction=progress.fraction, speed=progress.speed,
        method=running.plan.method.value if running.plan else None, fps=progress.fps,
        eta_seconds=progress.left_seconds, started_at=running.job.started_at, suspended=running.suspended, held_back=tuple(held),
        cpu_seconds=figures.cpu_seconds, peak_memory=figures.peak_memory, made_by=running.made_by, doing=running.doing)
