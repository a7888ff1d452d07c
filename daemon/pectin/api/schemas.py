"""The shapes of what the API answers where they are not a value of another room already; /openapi.json is made from them."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, Field

from pectin.linux.pathtext import printable
from pectin.model.errors import MEANINGS, Cause
from pectin.model.job import HistoryEntry, Job, Stage, State
from pectin.model.priority import priority_word
from pectin.pipeline.control import JobDetails
from pectin.pipeline.status import WaitingStatus


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
    priority: int = Field(description="the higher comes first: low is -10, normal 0, high 10; from 1000 on somebody said `next`")
    priority_word: str

    @classmethod
    def fields_of(cls, job: Job) -> dict[str, Any]:
        return {"id": job.id, "name": job.name, "state": job.state, "stage": job.stage, "route": job.route,
                "profile": job.profile, "source": printable(job.inbox_path), "size": job.size, "attempts": job.attempts,
                "interruptions": job.interruptions, "created_at": job.created_at, "updated_at": job.updated_at,
                "started_at": job.started_at, "finished_at": job.finished_at, "not_before": job.not_before, "cause": job.cause,
                "message": job.message, "next_step": MEANINGS[job.cause].next_step if job.cause else "",
                "priority": job.priority, "priority_word": priority_word(job.priority)}

    @classmethod
    def of(cls, job: Job) -> JobOut:
        return cls(**cls.fields_of(job))


class SidecarOut(BaseModel):
    """A file that came with the film."""

    name: str = Field(description="its path below the folder the film was dropped in")
    now: str = Field(description="where it lies now")
    outcome: str = Field(description="what became of it, as a sentence")


class JobDetailsOut(JobOut):
    """One job with its plan, its outputs and everything that happened to it."""

    source_now: str | None = Field(description="where the source lies now")
    media: dict[str, Any] | None
    plan: dict[str, Any] | None
    outputs: list[dict[str, Any]]
    sidecars: list[SidecarOut]
    history: list[HistoryEntry]
    figures: dict[str, Any] | None = Field(description="what its last try has cost: CPU seconds, bytes of memory at most")

    @classmethod
    def from_details(cls, details: JobDetails) -> JobDetailsOut:
        job = details.job
        return cls(**JobOut.fields_of(job), source_now=printable(details.source) if details.source else None,
                   media=json.loads(job.media) if job.media else None, plan=json.loads(job.plan) if job.plan else None,
                   outputs=json.loads(job.outputs) if job.outputs else [],
                   sidecars=[SidecarOut(name=s.name, now=s.now, outcome=s.outcome) for s in details.sidecars],
                   history=list(details.history), figures=json.loads(job.figures) if job.figures else None)


class JobPage(BaseModel):
    """`total` counts all that fit, not only this page."""

    jobs: list[JobOut]
    total: int
    page: int
    limit: int


class InboxPage(BaseModel):
    """Files in the inboxes that are no jobs (yet). `total` counts all that fit, not only this page."""

    files: list[WaitingStatus]
    total: int
    page: int
    limit: int


class PlanOut(BaseModel):
    """What would be done with a file."""

    summary: str
    plan: dict[str, Any] = Field(description="with the size (bytes) and time (seconds) it will about need, and the name it gets")
    reach: str = Field(description="which clients play directly what the profile makes, as a sentence")


class Done(BaseModel):
    """An answer to a command. `notes` are sentences worth reading."""

    done: str
    notes: list[str] = []
