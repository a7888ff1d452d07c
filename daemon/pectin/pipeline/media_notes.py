"""What a published film is made of, as a file for whoever builds upon it: `<paths.state>/media/<job>.json`. Made of the database,
and never read by Pectin itself: one that is missing is written again by housekeeping.

A document of format 1: `format`, `job`, `name` (the source's), `route`, `profile`, `published_at` (Unix seconds), `size` (the
source's, in bytes), `media` (what ffprobe told of the source), `plan` (what was decided, with renditions, HLS and pictures),
`figures` (what it has cost), `outputs` (what was published, the film first: `role`, `path`, `size`, `sha256`, of a folder
`files`, of a sidecar `from`). New keys may come; a change of what is there gets another format."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pectin.linux.move import fsync_folder, make_folders
from pectin.model.errors import PectinError, os_cause
from pectin.model.identity import is_job_id
from pectin.model.job import Job, State
from pectin.store.store import Store

log = logging.getLogger(__name__)

FORMAT = 1
FOLDER = "media"


def path_of(state: Path, job_id: str) -> Path:
    return state / FOLDER / f"{job_id}.json"


def document(job: Job) -> dict[str, Any]:
    return {"format": FORMAT, "job": job.id, "name": job.name, "route": job.route, "profile": job.profile,
            "published_at": job.finished_at, "size": job.size,
            **{name: json.loads(text) if text else None for name, text in (
                ("media", job.media), ("plan", job.plan), ("figures", job.figures), ("outputs", job.outputs))}}


async def renew(store: Store, job_id: str, state: Path | None) -> None:
    """Bring the file of a job up to date: none without anything published. A disk that refuses is no trouble of the job's:
    housekeeping tries again."""
    if state is not None:
        try:
            await _renew(store, job_id, state)
        except PectinError as error:
            log.warning("the file about this film cannot be written now: %s", error.sentence)


async def _renew(store: Store, job_id: str, state: Path) -> None:
    job = await store.jobs.get(job_id)
    if job is None or not job.outputs:
        await asyncio.to_thread(_remove, [path_of(state, job_id)])
    elif job.state is State.COMPLETED:  # one that is made once more keeps that of what is published
        await asyncio.to_thread(_write, path_of(state, job_id), document(job))


async def round_of(store: Store, state: Path) -> None:
    """All files that are missing, and none of jobs that were undone or forgotten. Raises PectinError."""
    there = await asyncio.to_thread(_there, state / FOLDER)
    published = {job.id for job in await store.jobs.in_state(*State) if job.outputs}
    await asyncio.to_thread(_remove, [path_of(state, job_id) for job_id in there - published])
    for job_id in sorted(published - there):
        await _renew(store, job_id, state)


def sweep(state: Path) -> None:
    """What a crash has left of a file that was being written; nobody may be writing one. Raises PectinError."""
    _remove((state / FOLDER).glob(".*.json.part"))


def _there(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.json") if is_job_id(path.stem)}


def _write(path: Path, content: dict[str, Any]) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        make_folders(path.parent)
        with part.open("w", encoding="utf-8", errors="backslashreplace") as file:
            json.dump(content, file, ensure_ascii=False, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        fsync_folder(path.parent)
    except OSError as error:
        raise PectinError(os_cause(error), f"{path}: {error.strerror or error}") from error


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise PectinError(os_cause(error), f"{path}: {error.strerror or error}") from error
