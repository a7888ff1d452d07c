"""From a job's step to the event the world is told: one place decides what stands in it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Any

from pectin.linux.pathtext import printable
from pectin.model.errors import MEANINGS, Cause
from pectin.model.event import Event, EventType
from pectin.model.job import Job, State, Trigger

_BY_STATE = {State.COMPLETED: EventType.COMPLETED, State.FAILED: EventType.FAILED, State.REJECTED: EventType.REJECTED,
             State.CANCELLED: EventType.CANCELLED, State.PROCESSING: EventType.STARTED}


def event_type(trigger: Trigger, target: State) -> EventType | None:
    """The event of a transition; None for steps nobody outside needs to hear of."""
    if trigger is Trigger.RETRY:
        return EventType.RETRYING
    return _BY_STATE.get(target)


def make_event(event: EventType, job: Job, *, now: float, state: State, cause: Cause | None = None, message: str = "",
               withdrawn: Sequence[str] = ()) -> Event:
    """The event with a fresh id. `job` as it will be after the step; `withdrawn` are files that are gone from the library."""
    data: dict[str, Any] = {
        "job": job.id, "name": job.name, "route": job.route, "profile": job.profile, "state": state.value,
        "source": printable(job.inbox_path), "size": job.size, "attempts": job.attempts,
        "outputs": json.loads(job.outputs) if job.outputs else [],
    }
    if cause is not None:
        data |= {"cause": cause.value, "message": message, "next_step": MEANINGS[cause].next_step}
    if withdrawn:
        data["withdrawn"] = list(withdrawn)
    return Event(id=f"evt_{secrets.token_hex(12)}", type=event, job_id=job.id, at=now, data=data)
