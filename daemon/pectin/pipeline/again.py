"""Another try of a job that is over, by a person's wish: what ended badly or was undone, and what shall be made once more.

The source comes back into the work queue first: if that fails nothing has changed, and a crash in between finds a job that is
over with a source in the work folder, which is put to rest as ever."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Collection
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from pectin.intake.settle import Lease
from pectin.intake.writers import ask_lease
from pectin.linux.beneath import open_folder, open_regular_in
from pectin.linux.finish import finished
from pectin.linux.move import copy_durably, fsync_folder, make_folders, move_durably, rename_noreplace
from pectin.linux.pathtext import printable
from pectin.model.errors import Cause, PectinError
from pectin.model.job import FINAL, IllegalTransitionError, Job, Stage, State, Trigger
from pectin.model.left_behind import LeftBehind, Why
from pectin.model.places import Places
from pectin.pipeline.undo import WishError, being_undone, inbox_root, left_of, original_gone
from pectin.publishing import originals, place
from pectin.store.store import Store

_ANEW: dict[str, Any] = {"attempts": 0, "interruptions": 0, "not_before": 0.0, "finished_at": None, "stage": Stage.WAITING}


async def requeue(job: Job, store: Store, places: Places) -> tuple[Job, LeftBehind | None]:
    """A job that ended badly, or was undone, is PENDING again; with it what lies no more where it was put back. The caller has
    the job's turn. Raises IllegalTransitionError, WishError, PectinError."""
    if job.state not in FINAL or job.state is State.COMPLETED:
        raise IllegalTransitionError(job.state, Trigger.REQUEUE)
    left, stays = left_of(job), left_of(job)
    if await asyncio.to_thread(originals.locate, places, job.id, job.relative) is None:
        if left is None or left.why is not Why.UNDONE:
            raise PectinError(Cause.SOURCE_LOST, "it was removed after it had been set aside")
        stays = await finished(asyncio.to_thread(_fetch, job, left, places))
    # Also a source that never left the work folder: what came with it may have.
    await finished(asyncio.to_thread(originals.bring_back, places, job.id, job.relative))
    error = PectinError(Cause.REQUEUED_BY_USER)
    job = await store.jobs.apply(
        job.id, Trigger.REQUEUE, now=time.time(), expected=job.state, cause=error.cause, message=error.sentence,
        changes={**_ANEW, "left_behind": stays.as_json() if stays else None})
    return job, left if stays is None else None


async def redo(job: Job, profile: str | None, store: Store, places: Places, profiles: Collection[str]) -> Job:
    """A completed job is PENDING again; what it has published stays until the new outputs take its place (`outputs` of the row
    say what that is). The caller has the job's turn. Raises IllegalTransitionError, WishError, PectinError."""
    if job.state is not State.COMPLETED:
        raise IllegalTransitionError(job.state, Trigger.REDO)
    if being_undone(job):
        raise WishError("`pectin undo` of this job has begun, and goes on by itself")
    name = profile or job.profile
    if name not in profiles:
        raise WishError(f"there is no profile {name!r}; there are: {', '.join(sorted(profiles))}")
    if await asyncio.to_thread(originals.locate, places, job.id, job.relative) is None:
        raise PectinError(Cause.SOURCE_LOST, original_gone(job))
    await finished(asyncio.to_thread(originals.bring_back, places, job.id, job.relative))
    error = PectinError(Cause.REDONE_BY_USER)
    return await store.jobs.apply(job.id, Trigger.REDO, now=time.time(), expected=State.COMPLETED, cause=error.cause,
                                  message=error.sentence, changes={**_ANEW, "profile": name})


def _fetch(job: Job, left: LeftBehind, places: Places) -> LeftBehind | None:
    """Take a film that was put back into the work queue again, with what came with it. Gives what stays where it lies. Raises
    WishError, PectinError: then it lies where it lay."""
    root = left.path.parent if left.elsewhere else inbox_root(job)
    target = places.source(job.id, job.relative)
    with place.explained(left.path):
        try:
            folder = open_folder(left.path.parent, root)
        except FileNotFoundError:
            raise PectinError(Cause.SOURCE_LOST, _not_there(left)) from None
        with closing(_Descriptor(folder)):
            stays = _take(folder, left, target)
            for within, path in left.sidecars:
                source = Path(f"/proc/self/fd/{folder}") / path.relative_to(left.path.parent)
                if source.is_file() and not source.is_symlink() and not os.path.lexists(places.sidecars(job.id) / within):
                    move_durably(source, places.sidecars(job.id) / within)
    return stays


def _take(folder: int, left: LeftBehind, target: Path) -> LeftBehind | None:
    try:
        file = open_regular_in(folder, left.path.name, left.path)
    except FileNotFoundError:
        raise PectinError(Cause.SOURCE_LOST, _not_there(left)) from None
    except BlockingIOError:
        raise WishError(f"somebody is writing to {printable(left.path)}") from None
    with closing(_Descriptor(file)):
        info = os.fstat(file)
        if not left.is_at(left.path, inode=info.st_ino, size=info.st_size, mtime_ns=info.st_mtime_ns):
            raise PectinError(Cause.SOURCE_LOST, f"{printable(left.path)} has changed since `pectin undo` put it there")
        if ask_lease(file) is Lease.HELD:
            raise WishError(f"somebody is writing to {printable(left.path)}")
        source = Path(f"/proc/self/fd/{folder}") / left.path.name
        if info.st_nlink > 1:  # other programs have it too: it stays as it is
            part = target.with_name(".again.part")
            make_folders(target.parent)
            part.unlink(missing_ok=True)
            copy_durably(source, part)
            rename_noreplace(part, target)
            fsync_folder(target.parent)
            return replace(left, why=Why.LINKED, sidecars=())
        move_durably(source, target)
        if ask_lease(file) is Lease.HELD:  # it came in the very moment
            move_durably(target, source)
            raise WishError(f"somebody is writing to {printable(left.path)}")
        return None


class _Descriptor:
    def __init__(self, number: int) -> None:
        self._number = number

    def close(self) -> None:
        os.close(self._number)


def _not_there(left: LeftBehind) -> str:
    return f"`pectin undo` had put it back at {printable(left.path)}, and it is not there any more; drop it into the inbox again"
