"""What the world is told: one event per step of a job that somebody outside may care about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """The `type` of a webhook payload."""

    ACCEPTED = "job.accepted"    # a file was moved from the inbox into the work queue
    STARTED = "job.started"      # a worker took it
    RETRYING = "job.retrying"    # something passing went wrong; it will be tried again
    COMPLETED = "job.completed"  # its outputs are in the library
    FAILED = "job.failed"        # given up
    REJECTED = "job.rejected"    # the source is not something Pectin can file
    CANCELLED = "job.cancelled"  # somebody said so


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
