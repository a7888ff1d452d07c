"""When the database is lost, or an older one was put in its place: what the files know of the jobs comes back into it.

Sources that rest, among the originals or set aside, have a note of their job beside them. What lies in work/ is taken up by
recover.py. In the libraries nothing is touched: a film whose job ended is never encoded again only because the database has
forgotten it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pectin.linux.beneath import walk
from pectin.model.errors import Cause, PectinError, os_cause
from pectin.model.identity import is_job_id
from pectin.model.intent import Intent
from pectin.model.job import FINAL, Job, Stage, State
from pectin.model.places import JOB_NOTE, Places
from pectin.observing.logs import job_context
from pectin.publishing import job_notes
from pectin.publishing.originals import Where, locate
from pectin.store.damaged import set_aside
from pectin.store.jobs import Standing
from pectin.store.store import Store

log = logging.getLogger(__name__)

Present = Callable[[Job], bool]

_AT_ONCE = 200  # folders that are compared with the database in one question


@dataclass(frozen=True, slots=True)
class _Rests:
    """One job's folder below originals/ or rejected/."""

    folder: Path
    job: Job | None
    holds: bool         # files besides the note
    at_work: bool       # the source is in the work folder, too, or still
    refused: str = ""   # what the disk said instead


async def open_store(stack: AsyncExitStack, path: Path) -> Store:
    """The store, for as long as `stack` is open. A damaged one is set aside, and an empty one begun: `take_up_again` fills it.
    Raises PectinError: STORE_TOO_NEW, or what the disk says."""
    try:
        return await stack.enter_async_context(Store.open(path))
    except PectinError as error:
        if error.cause is not Cause.STORE_DAMAGED:
            raise
        aside = await asyncio.to_thread(set_aside, path, time.time())
        log.error("%s: set aside as %s; the jobs are taken up again from the files", error.sentence, aside)  # noqa: TRY400
        store = await stack.enter_async_context(Store.open(path))
        kept = await store.salvage(aside)
        log.warning("of the damaged database could still be read: %s", ", ".join(f"{n} of table {t}" for t, n in kept.items()))
        return store


async def take_up_again(store: Store, places: Places, present: Present) -> None:
    """Jobs whose sources rest, and of which the database knows nothing, or only what was before that. Before anything else is put
    in order; each with a line in the log. `present` says whether a job's outputs are all in the library; it blocks. May be called
    again. Raises PectinError when the store refuses."""
    for root in (places.originals, places.rejected):
        folders = await asyncio.to_thread(_folders, root)
        for first in range(0, len(folders), _AT_ONCE):
            some = await asyncio.to_thread(_looked_at, folders[first:first + _AT_ONCE], places)
            known = await store.jobs.standings([rests.folder.name for rests in some])
            for rests in some:
                with job_context(rests.folder.name):
                    await _compare(store, rests, known.get(rests.folder.name), present)


async def _compare(store: Store, rests: _Rests, standing: Standing | None, present: Present) -> None:
    if standing is None:
        await _add(store, rests, present)
    elif rests.job is not None and not rests.at_work and rests.job.updated_at > standing.updated_at:
        await _put_right(store, rests.job, standing.state, present)


async def _add(store: Store, rests: _Rests, present: Present) -> None:
    if rests.refused:
        log.error("no job is known for %s, and the system refuses a look into it: %s", rests.folder, rests.refused)
        return
    if not rests.holds:
        return
    if rests.job is None:
        log.error("%s holds files, but there is neither a job nor a whole note of one: left alone, please look at it",
                  rests.folder)
        return
    await store.jobs.add(rests.job)
    await _remember_outputs(store, rests.job)
    log.warning("the database did not know this job: taken up again from %s as %s: %s%s", rests.folder, rests.job.state,
                rests.job.name, await _told(rests.job, present))


async def _put_right(store: Store, job: Job, state: State, present: Present) -> None:
    message = f"the database said {state}, but was older than the files"
    await store.jobs.put_right(job, now=time.time(), message=message)
    await _remember_outputs(store, job)
    log.warning("%s: %s -> %s: %s%s", message, state, job.state, job.name, await _told(job, present))


async def _remember_outputs(store: Store, job: Job) -> None:
    """So that they are known when somebody drops one into an inbox."""
    if job.state is State.COMPLETED and job.intent is not None:
        with suppress(ValueError, KeyError, TypeError):  # of a Pectin that wrote it otherwise
            await store.jobs.remember_outputs(Intent.from_json(job.intent).made(job.id))


async def _told(job: Job, present: Present) -> str:
    if job.state is State.COMPLETED and not await asyncio.to_thread(present, job):
        return f"; not all of its outputs are in the library: `pectin redo {job.id}` makes them again"
    return ""


def again(job: Job) -> Job:
    """A job that somebody had sent into the queue once more, as a new row has it."""
    return replace(job, state=State.PENDING, stage=Stage.WAITING, attempts=0, interruptions=0, not_before=0.0, finished_at=None,
                   cause=None, message="", intent=None)


def _folders(root: Path) -> list[Path]:
    try:
        found = [entry for entry in root.iterdir() if is_job_id(entry.name)] if root.is_dir() else []
        return sorted(folder for folder in found if folder.is_dir() and not folder.is_symlink())
    except OSError as error:
        raise PectinError(os_cause(error), f"{root}: {error.strerror or error}") from error


def _looked_at(folders: Sequence[Path], places: Places) -> list[_Rests]:
    found = []
    for folder in folders:
        try:
            found.append(_look(folder, places))
        except OSError as error:
            found.append(_Rests(folder, None, holds=False, at_work=False, refused=f"{error.strerror or error}"))
    return found


def _look(folder: Path, places: Places) -> _Rests:
    note = folder / JOB_NOTE
    job = job_notes.read(folder, note)
    if job is not None and job.state not in FINAL:
        job = None
    found = locate(places, job.id, job.relative) if job is not None else None
    return _Rests(folder, job, holds=any(path != note for path in walk(folder)),
                  at_work=found is not None and found[0] is Where.WORK)
