"""Jobs and events as rows, for tests of the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath

from pectin.model.event import Event, EventType
from pectin.model.job import Job, State


def a_job(number: int = 0, **changes: object) -> Job:
    relative = PurePath(f"films/Film {number}.mkv")
    job = Job(id=f"{number:010d}", state=State.PENDING, route="films", profile="universal", inbox_path=PurePath("/in") / relative,
              relative=relative, size=1000 + number, created_at=100.0 + number, updated_at=100.0 + number)
    return replace(job, **changes)  # type: ignore[arg-type]


def an_event(number: int = 0, job_id: str = "0000000000", kind: EventType = EventType.ACCEPTED) -> Event:
    return Event(id=f"evt_{number}", type=kind, job_id=job_id, at=1.0, data={"number": number})
