"""A job and the one table of its legal state transitions; everything else (store, docs, metrics, tests) reads this table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from types import MappingProxyType

from pectin.model.errors import Cause


class State(StrEnum):
    """Where a job stands. Few, each with a rule for waking up in it after kill -9 (see pipeline/recover.py)."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    PUBLISHING = "PUBLISHING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


class Trigger(StrEnum):
    """What moves a job from one state to the next."""

    CLAIM = "claim"          # a worker takes it
    ENCODED = "encoded"      # outputs made and verified, the intent to publish is durable
    PUBLISHED = "published"  # outputs are in the library, fsynced
    REJECT = "reject"        # the source is at fault
    RETRY = "retry"          # a passing trouble: again, not before a given time
    INTERRUPT = "interrupt"  # the daemon stopped or died under it, or its output got lost
    GIVE_UP = "give_up"      # no further try would help
    CANCEL = "cancel"        # a person said so
    REQUEUE = "requeue"      # a person wants another try
    REDO = "redo"            # a person wants it encoded again
    UNDO = "undo"            # a person wants the source back and the outputs gone


TRANSITIONS: Mapping[tuple[State, Trigger], State] = MappingProxyType({
    (State.PENDING, Trigger.CLAIM): State.PROCESSING,
    (State.PENDING, Trigger.CANCEL): State.CANCELLED,
    (State.PROCESSING, Trigger.ENCODED): State.PUBLISHING,
    (State.PROCESSING, Trigger.REJECT): State.REJECTED,
    (State.PROCESSING, Trigger.RETRY): State.PENDING,
    (State.PROCESSING, Trigger.INTERRUPT): State.PENDING,
    (State.PROCESSING, Trigger.GIVE_UP): State.FAILED,
    (State.PROCESSING, Trigger.CANCEL): State.CANCELLED,
    (State.PUBLISHING, Trigger.PUBLISHED): State.COMPLETED,
    (State.PUBLISHING, Trigger.RETRY): State.PUBLISHING,
    (State.PUBLISHING, Trigger.INTERRUPT): State.PENDING,
    (State.PUBLISHING, Trigger.GIVE_UP): State.FAILED,
    (State.PUBLISHING, Trigger.REJECT): State.REJECTED,
    (State.FAILED, Trigger.REQUEUE): State.PENDING,
    (State.REJECTED, Trigger.REQUEUE): State.PENDING,
    (State.CANCELLED, Trigger.REQUEUE): State.PENDING,
    (State.COMPLETED, Trigger.REDO): State.PENDING,
    (State.COMPLETED, Trigger.UNDO): State.CANCELLED,
})

FINAL = frozenset({State.COMPLETED, State.FAILED, State.REJECTED, State.CANCELLED})


class IllegalTransitionError(Exception):
    """The table has no such transition. Nothing has changed."""

    def __init__(self, state: State, trigger: Trigger) -> None:
        self.state = state
        self.trigger = trigger
        allowed = ", ".join(sorted(t for s, t in TRANSITIONS if s is state))
        super().__init__(f"a job in state {state} cannot {trigger}; it can: {allowed}")


class StaleTransitionError(Exception):
    """The job is no longer where the caller saw it: somebody else moved it first. Nothing has changed."""

    def __init__(self, job_id: str, expected: State, found: State) -> None:
        self.job_id = job_id
        self.expected = expected
        self.found = found
        super().__init__(f"job {job_id} is {found} by now, not {expected}")


class NoSuchJobError(LookupError):
    """There is no job with this id."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"there is no job {job_id}")


def next_state(state: State, trigger: Trigger) -> State:
    """The state `trigger` leads to from `state`. Raises IllegalTransitionError."""
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        raise IllegalTransitionError(state, trigger) from None


class Stage(StrEnum):
    """What a running job is doing: for display only, nothing decides by it."""

    WAITING = "waiting"
    PROBING = "probing"
    ENCODING = "encoding"
    VERIFYING = "verifying"
    PACKAGING = "packaging"  # HLS, pictures and what else is made of the finished film
    PLACING = "placing"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One accepted source on its way. Times are Unix seconds (UTC); sizes are bytes.

    `inbox_path` is where the source was dropped, `relative` its path below the route's inbox folder (both may hold
    surrogate escapes for names that are not UTF-8). The source itself lies in the job's folder below work/, originals/
    or rejected/, see model/places.py. `plan`, `intent`, `outputs` are JSON texts (model/plan.py, model/intent.py). `outputs` of a
    job that is not COMPLETED are what an earlier publish of it placed: the next one replaces them. `fingerprint`: what tells its
    source from others (model/fingerprint.py), set once it is known to be the only one. `left_behind`: what stays in the inbox
    although this job was made from it (model/left_behind.py), as JSON. `purged_at`: when the original was removed. `figures`:
    what its last try has cost (model/figures.py), as JSON. `priority`: the higher comes first (model/priority.py)."""

    id: str
    state: State
    route: str
    profile: str
    inbox_path: PurePath
    relative: PurePath
    size: int
    created_at: float
    updated_at: float
    stage: Stage = Stage.WAITING
    attempts: int = 0
    interruptions: int = 0
    not_before: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    cause: Cause | None = None
    message: str = ""
    media: str | None = None
    plan: str | None = None
    intent: str | None = None
    outputs: str | None = None
    fingerprint: str | None = None
    left_behind: str | None = None
    purged_at: float | None = None
    figures: str | None = None
    priority: int = 0

    @property
    def name(self) -> str:
        """The source's file name, safe to print: undecodable bytes become U+FFFD."""
        return self.relative.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One step a job took, kept for `pectin show`. The same trouble again and again is one entry: `times`, first at `at`, last at
    `last_at` (None when it happened once)."""

    at: float
    from_state: State | None
    to_state: State
    trigger: Trigger | None
    cause: Cause | None
    message: str
    times: int = 1
    last_at: float | None = None


def state_diagram() -> str:
    """The table as a Mermaid state diagram; the README holds it and a test compares the two."""
    lines = ["stateDiagram-v2", "    [*] --> PENDING"]
    grouped: dict[tuple[State, State], list[Trigger]] = {}
    for (source, trigger), target in TRANSITIONS.items():
        grouped.setdefault((source, target), []).append(trigger)
    lines += [f"    {source} --> {target}: {', '.join(triggers)}" for (source, target), triggers in grouped.items()]
    return "\n".join(lines) + "\n"
