"""What the world is told: one event per step of a job that somebody outside may care about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class EventType(StrEnum):
    """The `type` of a webhook payload."""

    ACCEPTED = "job.accepted"
    STARTED = "job.started"
    RETRYING = "job.retrying"
    COMPLETED = "job.completed"
    FAILED = "job.failed"
    REJECTED = "job.rejected"
    CANCELLED = "job.cancelled"


# When each is told, in words; the README's list is made from it.
OCCASIONS: Mapping[EventType, str] = MappingProxyType({
    EventType.ACCEPTED: "a file was moved from the inbox into the work queue",
    EventType.STARTED: "a worker took the job",
    EventType.RETRYING: "something passing went wrong; it will be tried again",
    EventType.COMPLETED: "the outputs are in the library",
    EventType.FAILED: "the job was given up; the source is kept",
    EventType.REJECTED: "the source is nothing Pectin can file; it is set aside with a text that says why",
    EventType.CANCELLED: "somebody cancelled the job; the source is kept",
})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`id` is stable over every delivery attempt (the webhook-id); `at` is Unix seconds; `data` holds JSON values only."""

    id: str
    type: EventType
    job_id: str
    at: float
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one endpoint. `seq` is the outbox row; `attempts` counts tries made so far."""

    seq: int
    endpoint: str
    event: Event
    attempts: int
    last_error: str = ""
