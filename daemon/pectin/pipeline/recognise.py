"""Knows a film again that was filed already, or that we made ourselves: before any work is done on it, and so that two of the
same content cannot both pass."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from pathlib import Path

from pectin.linux.content import fingerprint_of, sha256_until
from pectin.linux.finish import finished
from pectin.linux.pathtext import printable
from pectin.model.conflict import Duplicates
from pectin.model.errors import Cause, PectinError
from pectin.model.intent import Intent
from pectin.model.job import Job, State
from pectin.model.places import Places
from pectin.pipeline.policy import Policy
from pectin.pipeline.running import RunningJob
from pectin.pipeline.turns import Turns
from pectin.publishing import originals, place
from pectin.store.store import Store


async def recognise(running: RunningJob, policy: Policy, store: Store, turns: Turns) -> None:
    """Refuse a job whose film was filed already or is one of ours; else its row gets the fingerprint, and whoever comes later
    with the same content finds it. `turns`: of those with one fingerprint, one looks at a time. A person who asked for another
    try gets it. Raises PectinError DUPLICATE, OWN_OUTPUT, or what the disk says."""
    job = running.job
    path = policy.places.source(job.id, job.relative)
    if job.size == 0 or not path.exists():  # other words fit better, and others find them
        return
    with place.explained(path):
        fingerprint = await asyncio.to_thread(fingerprint_of, path)
    async with turns.of(fingerprint):
        if policy.duplicates is Duplicates.REJECT and not running.as_it_is:
            source = _Source(path)
            await _refuse_own_output(source, fingerprint, store)
            await _refuse_duplicate(job, source, fingerprint, policy.places, store)
        if job.fingerprint != fingerprint:
            running.job = await finished(store.jobs.note(job.id, now=time.time(), fingerprint=fingerprint))


class _Source:
    """The film in question; all of it is read at most once, and only when there is something to compare it with."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sha256: str | None = None

    async def sha256(self) -> str | None:
        if self._sha256 is None:
            self._sha256 = await _sha256(self._path)
        return self._sha256


async def _refuse_own_output(source: _Source, fingerprint: str, store: Store) -> None:
    for output in await store.jobs.outputs_alike(fingerprint):
        if output.sha256 == await source.sha256():
            raise PectinError(Cause.OWN_OUTPUT, f"job {output.job_id} made it as {printable(output.path)}")


async def _refuse_duplicate(job: Job, source: _Source, fingerprint: str, places: Places, store: Store) -> None:
    for other in await store.jobs.alike(fingerprint):
        if other.id == job.id or not await asyncio.to_thread(_filed, other):
            continue
        found = await asyncio.to_thread(originals.locate, places, other.id, other.relative)
        if found is not None and await _sha256(found[1]) not in (None, await source.sha256()):
            continue  # the same blocks, and yet another film
        queued = "" if other.state is State.COMPLETED else ", which is in the queue"
        raise PectinError(Cause.DUPLICATE, f"see job {other.id} ({printable(other.relative)}){queued}")


def _filed(job: Job) -> bool:
    """Whether its film is, or will be, in the library. One that somebody has removed from there may be dropped once more; of a
    library that is away nobody knows."""
    if job.state is not State.COMPLETED or job.intent is None or not job.outputs:
        return True
    intent = Intent.from_json(job.intent)
    try:
        place.need_library(intent.library)
    except PectinError:
        return True
    return any(os.path.lexists(output["path"]) for output in json.loads(job.outputs) if output["role"] == intent.video.role)


async def _sha256(path: Path) -> str | None:
    """None when it has gone: an original may be purged at any moment."""
    stop = threading.Event()
    try:
        with place.explained(path):
            return await asyncio.to_thread(sha256_until, path, stop)
    except PectinError:
        if os.path.lexists(path):
            raise
        return None
    finally:
        stop.set()
