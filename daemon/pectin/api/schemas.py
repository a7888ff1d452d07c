"""The shapes of what the API answers; FastAPI checks them and writes /openapi.json from them."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, Field

from pectin.linux.pathtext import printable
from pectin.model.errors import MEANINGS, Cause
from pectin.model.job import HistoryEntry, Job, Stage, State, Trigger
from pectin.pipeline.control import JobDetails


class JobOut(BaseModel):
    """One job, as in a list. Times are Unix seconds, sizes bytes."""

    id: str
    name: str
    state: State
    stage: Stage
    route: str
    profile: str
    source: str = Field(description="where it was dropped")
    size: int
    attempts: int
    interruptions: int
    created_at: float
    updated_at: float
    started_at: float | None
    finished_at: float | None
    not_before: float = Field(description="not tried again before this time; 0: at once")
    cause: Cause | None = Field(description="why it did not go on, as a word for programs")
    message: str
    next_step: str

    @classmethod
    def fields_of(cls, job: Job) -> dict[str, Any]:
        return {"id": job.id, "name": job.name, "state": job.state, "stage": job.stage, "route": job.route,
                "profile": job.profile, "source": printable(job.inbox_path), "size": job.size, "attempts": job.attempts,
                "interruptions": job.interruptions, "created_at": job.created_at, "updated_at": job.updated_at,
                "started_at": job.started_at, "finished_at": job.finished_at, "not_before": job.not_before, "cause": job.cause,
                "message": job.message, "next_step": MEANINGS[job.cause].next_step if job.cause else ""}

    @classmethod
    def of(cls, job: Job) -> JobOut:
        return cls(**cls.fields_of(job))


class HistoryOut(BaseModel):
    """One step a job took."""

    at: float
    from_state: State | None
    to_state: State
    trigger: Trigger | None
    cause: Cause | None
    message: str

    @classmethod
    def of(cls, entry: HistoryEntry) -> HistoryOut:
        return cls(at=entry.at, from_state=entry.from_state, to_state=entry.to_state, trigger=entry.trigger, cause=entry.cause,
                   message=entry.message)


class JobDetailsOut(JobOut):
    """One job with its plan, its outputs and everything that happened to it."""

    source_now: str | None = Field(description="where the source lies now")
    media: dict[str, Any] | None
    plan: dict[str, Any] | None
    outputs: list[dict[str, Any]]
    history: list[HistoryOut]

    @classmethod
    def from_details(cls, details: JobDetails) -> JobDetailsOut:
        job = details.job
        return cls(**JobOut.fields_of(job), source_now=printable(details.source) if details.source else None,
                   media=json.loads(job.media) if job.media else None, plan=json.loads(job.plan) if job.plan else None,
                   outputs=json.loads(job.outputs) if job.outputs else [],
                   history=[HistoryOut.of(entry) for entry in details.history])


class JobPage(BaseModel):
    """`total` counts all that fit, not only this page."""

    jobs: list[JobOut]
    total: int
    page: int
    limit: int


class RunningOut(BaseModel):
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


class WaitingOut(BaseModel):
    route: str
    path: str
    reason: str
    sentence: str
    since: float


class StatusOut(BaseModel):
    """What is going on. `problems` are sentences about what is wrong right now."""

    version: str
    pid: int
    started_at: float
    config: str
    mode: str
    mode_sentence: str
    jobs: dict[State, int]
    running: list[RunningOut]
    waiting: list[WaitingOut] = Field(description="files in the inboxes that are not jobs (yet), with the reason")
    waiting_total: int
    outbox: dict[str, int] = Field(description="events each endpoint has still to be told")
    ffmpeg: str
    ffmpeg_version: str
    threads: int
    slots: int
    problems: list[str]


class PlanOut(BaseModel):
    """What would be done with a file."""

    summary: str
    plan: dict[str, Any]


class Done(BaseModel):
    """An answer to a command. `notes` are sentences worth reading."""

    done: str
    notes: list[str] = []
