"""The HTTP API of the status socket: thin, every address one call of Control."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

from fastapi import FastAPI, Query
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from pectin import __version__
from pectin.api import problems
from pectin.api.schemas import Done, InboxPage, JobDetailsOut, JobOut, JobPage, PlanOut
from pectin.model.job import State
from pectin.model.priority import WORDS as PRIORITIES
from pectin.model.priority import parse_priority
from pectin.pipeline.control import Control
from pectin.pipeline.status import Status

SQLITE = "application/vnd.sqlite3"  # as registered with IANA
LONGEST = 366 * 86400.0  # seconds a pause may be asked for: beyond that it is a pause until resume
_BLOCK = 256 * 1024  # bytes of a backup that are read at once


def create_app(control: Control, *, ready: Callable[[], str | None]) -> FastAPI:
    """`ready` says in a sentence why the daemon is not ready, None when it is."""
    app = FastAPI(title="Pectin", version=__version__, docs_url=None, redoc_url=None,
                  summary="Transcodes videos ahead of time, so that Jellyfin never has to do it live.")
    problems.install(app)
    _queries(app, control)
    _job_commands(app, control)
    _daemon_commands(app, control)

    @app.get("/healthz", response_class=PlainTextResponse, summary="The daemon answers")
    async def healthz() -> str:
        return "ok\n"

    @app.get("/readyz", response_class=PlainTextResponse, summary="The daemon takes files and works")
    async def readyz() -> Response:
        reason = ready()
        return PlainTextResponse(f"{reason}\n", status_code=503) if reason else PlainTextResponse("ok\n")

    return app


def _queries(app: FastAPI, control: Control) -> None:
    @app.get("/v1/status", summary="What is going on")
    async def status() -> Status:
        return await control.status()

    @app.get("/v1/inbox", summary="What lies in the inboxes and is no job, and why")
    async def inbox(reason: Annotated[list[str] | None, Query()] = None,
                    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
                    limit: Annotated[int, Query(ge=1, le=500)] = 50) -> InboxPage:
        files, total = control.inbox(reason or (), page, limit)
        return InboxPage(files=files, total=total, page=page, limit=limit)

    @app.get("/v1/jobs", summary="Jobs, newest first")
    async def jobs(state: Annotated[list[State] | None, Query()] = None, search: str = "",
                   page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,  # what SQLite counts with has an end
                   limit: Annotated[int, Query(ge=1, le=500)] = 50) -> JobPage:
        found, total = await control.jobs(state or (), search, page, limit)
        return JobPage(jobs=[JobOut.of(job) for job in found], total=total, page=page, limit=limit)

    @app.get("/v1/jobs/{job_id}", summary="One job with its plan and history; the beginning of the id is enough")
    async def job(job_id: str) -> JobDetailsOut:
        return JobDetailsOut.from_details(await control.details(job_id))

    @app.get("/v1/backup", summary="A consistent copy of the database, as a SQLite file", response_class=StreamingResponse,
             responses={200: {"content": {SQLITE: {}}}})
    async def backup() -> Response:
        file = await control.backup()
        return StreamingResponse(_blocks(file), media_type=SQLITE,
                                 headers={"content-length": str(os.fstat(file.fileno()).st_size)})

    @app.get("/v1/plan", summary="What would be done with a file below an inbox or library")
    async def plan(path: str, profile: str | None = None) -> PlanOut:
        media, decided, reach = await control.plan(Path(path), profile)
        way = control.way(decided, media)
        return PlanOut(summary=media.summary(), plan={**decided.as_dict(), "way": way}, reach=reach)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block


def _job_commands(app: FastAPI, control: Control) -> None:
    @app.post("/v1/jobs/{job_id}/cancel", summary="Stop a job; its source is set aside, nothing is deleted")
    async def cancel(job_id: str) -> JobOut:
        return JobOut.of(await control.cancel(job_id))

    @app.post("/v1/jobs/{job_id}/retry", summary="Another try for a job that failed, was rejected or cancelled")
    async def retry(job_id: str) -> JobOut:
        return JobOut.of(await control.retry(job_id))

    @app.post("/v1/jobs/{job_id}/redo", summary="Make a completed job once more; the new outputs replace the old ones")
    async def redo(job_id: str, profile: str | None = None) -> JobOut:
        return JobOut.of(await control.redo(job_id, profile))

    @app.post("/v1/jobs/{job_id}/undo", summary="Put the original back where it came from, and withdraw the outputs")
    async def undo(job_id: str,
                   to: Annotated[str | None, Query(description="an absolute folder for the original")] = None) -> JobOut:
        return JobOut.of(await control.undo(job_id, Path(to) if to is not None else None))

    @app.post("/v1/jobs/{job_id}/pause", summary="A running job stands still until it is resumed; the queue goes on")
    async def pause_job(job_id: str) -> JobOut:
        return JobOut.of(await control.suspend(job_id))

    @app.post("/v1/jobs/{job_id}/resume", summary="A job that was paused goes on")
    async def resume_job(job_id: str) -> JobOut:
        return JobOut.of(await control.go_on(job_id))

    @app.post("/v1/jobs/{job_id}/limit", summary="A running job uses at most so many CPUs; without a number all it may have")
    async def limit_job(job_id: str, cpus: Annotated[int | None, Query(ge=1, le=256)] = None) -> JobOut:
        return JobOut.of(await control.limit(job_id, cpus))

    @app.post("/v1/jobs/{job_id}/priority", summary="A job comes before or behind others: low, normal, high, or a number")
    async def priority_job(job_id: str, level: Annotated[str, Query(description=PRIORITIES)]) -> JobOut:
        return JobOut.of(await control.prioritise(job_id, problems.understood(parse_priority, level)))

    @app.post("/v1/jobs/{job_id}/next", summary="A job goes to the front of the queue, and is due at once")
    async def next_job(job_id: str) -> JobOut:
        return JobOut.of(await control.next(job_id))


def _daemon_commands(app: FastAPI, control: Control) -> None:
    @app.post("/v1/pause", summary="Nothing new starts, what runs stands still")
    async def pause(seconds: Annotated[float | None, Query(gt=0, le=LONGEST, description="it goes on after so long")] = None,
                    ) -> Done:
        await control.pause(seconds)
        return Done(done="paused")

    @app.post("/v1/resume", summary="Go on after pause or drain")
    async def resume() -> Done:
        await control.resume()
        return Done(done="resumed")

    @app.post("/v1/drain", summary="What runs is finished, nothing new starts")
    async def drain() -> Done:
        await control.drain()
        return Done(done="draining")

    @app.post("/v1/reload", summary="Read the configuration again")
    async def reload() -> Done:
        return Done(done="reloaded", notes=await control.reload())

    @app.post("/v1/accept-mounts", summary="The libraries and inboxes are right on the file systems they lie on now")
    async def accept_mounts() -> Done:
        return Done(done="accepted", notes=await control.accept_mounts())

    @app.post("/v1/rescan", summary="Walk the inboxes now")
    async def rescan() -> Done:
        await control.rescan()
        return Done(done="rescanned")
