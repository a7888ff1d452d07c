"""Which originals may go: those whose time is over, and the oldest ones while all together take too much. Never one of which a
single output is missing from the library, or is not what was placed there."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pectin.linux.move import sha256_of
from pectin.linux.pathtext import printable
from pectin.model.errors import PectinError
from pectin.model.identity import is_job_id
from pectin.model.intent import Intent
from pectin.model.job import Job, State
from pectin.model.output import DECORATION, VIDEO_ROLE
from pectin.model.places import Places
from pectin.model.sidecar import ROLE as SIDECAR_ROLE
from pectin.observing.logs import job_context
from pectin.pipeline.turns import Turns
from pectin.pipeline.undo import being_undone
from pectin.publishing import originals, place
from pectin.publishing.things import is_as_placed
from pectin.store.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """`seconds` an original is kept after its outputs were published, None for ever; `size` in bytes of all together, None:
    unlimited."""

    seconds: float | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """One job's originals, with what came with them; `size` in bytes."""

    job: Job
    size: int


def due(kept: Iterable[Kept], keep: Keep, now: float) -> list[tuple[Kept, str]]:
    """Those that may have to go, and why: the first finished first. Whether they may is asked of each when its turn comes: one
    that may not leaves its part of the size to the next."""
    oldest = sorted((k for k in kept if k.job.finished_at is not None), key=lambda k: (k.job.finished_at, k.job.id))
    return [(k, "its time is over (originals.keep)" if _over(k, keep, now) else "all together took too much (originals.max_size)")
            for k in oldest if _over(k, keep, now) or keep.size is not None]


def _over(kept: Kept, keep: Keep, now: float) -> bool:
    return keep.seconds is not None and kept.job.finished_at is not None and kept.job.finished_at < now - keep.seconds


def why_kept(job: Job) -> str:
    """What is wrong with a job's outputs; empty when all are in the library, of their size, and the film itself is the same to
    the last byte. What came with it, and pictures, may have changed: Jellyfin writes to pictures and .nfo files. Blocks, and
    reads all of the film."""
    files = json.loads(job.outputs) if job.outputs else []
    if not files or job.intent is None:
        return "nothing is known of its outputs"
    try:
        place.need_roots(Intent.from_json(job.intent))
        for file in (one for one in files if one["role"] not in DECORATION):
            os.stat(file["path"])
            if file["role"] != SIDECAR_ROLE and not is_as_placed(file):
                return f"{printable(file['path'])} is not what was placed there"
        for file in files:
            if file["role"] == VIDEO_ROLE and sha256_of(Path(file["path"])) != file["sha256"]:
                return f"{printable(file['path'])} is not what was placed there"
    except FileNotFoundError as error:
        return f"{printable(error.filename)} is not there"
    except OSError as error:
        return f"{printable(error.filename or '')}: {error.strerror}"
    except PectinError as error:
        return error.sentence
    return ""


class Purging:
    """`turns`: nobody else has his hands on a job's files meanwhile."""

    def __init__(self, store: Store, places: Places, turns: Turns) -> None:
        self._store = store
        self._places = places
        self._turns = turns
        self._told: dict[str, str] = {}  # why a job's originals are kept, said once and not in every round

    async def round(self, keep: Keep, now: float) -> None:
        """Trouble with one job is logged, and keeps none of the others. Raises PectinError when the store refuses."""
        folders, kept = await asyncio.to_thread(_folders, self._places.originals), []
        total = sum(folders.values())
        for job_id, size in folders.items():
            job = await self._store.jobs.get(job_id)
            if job is not None and job.state is State.COMPLETED and not being_undone(job):
                kept.append(Kept(job, size))
        for one, why in due(kept, keep, now):
            if _over(one, keep, now) or (keep.size is not None and total > keep.size):
                total -= await self._purge(one, why)

    async def _purge(self, one: Kept, why: str) -> int:
        """The bytes that were freed."""
        async with self._turns.of(one.job.id):
            with job_context(one.job.id):
                job = await self._store.jobs.get(one.job.id)
                if job is None or job.state is not State.COMPLETED or being_undone(job):  # somebody was faster
                    return 0
                try:
                    if (wrong := await asyncio.to_thread(why_kept, job)):
                        self._tell(job, f"original kept although {why}: {wrong}")
                        return 0
                    freed = await asyncio.to_thread(originals.purge, self._places, job.id)
                except PectinError as error:
                    self._tell(job, f"the original cannot be removed although {why}: {error.sentence}")
                    return 0
                await self._store.jobs.note(job.id, now=time.time(), purged_at=time.time())
                self._told.pop(job.id, None)
                log.info("original removed, %s: %s (%d bytes)", why, job.name, freed)
                return freed

    def _tell(self, job: Job, sentence: str) -> None:
        if self._told.get(job.id) != sentence:
            log.warning("%s (%s)", sentence, job.name)
        self._told[job.id] = sentence


def _folders(root: Path) -> dict[str, int]:
    """The jobs that have a folder among the originals, with the bytes in it."""
    found = {}
    for folder in sorted(root.glob("*/")):
        if is_job_id(folder.name) and not folder.is_symlink():
            sizes = (os.lstat(os.path.join(below, name)).st_size for below, _, names in os.walk(folder) for name in names)
            try:
                found[folder.name] = sum(sizes)
            except OSError:  # somebody takes it away in this moment
                continue
    return found
