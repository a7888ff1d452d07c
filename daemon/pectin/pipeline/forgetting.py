"""Jobs that are over are forgotten after their time, once nothing of theirs is left that somebody could ask for."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from pectin.model.errors import PectinError
from pectin.model.places import Places
from pectin.observing.logs import job_context
from pectin.pipeline.turns import Turns
from pectin.publishing import originals
from pectin.store.store import Store

log = logging.getLogger(__name__)


async def forget_old(store: Store, places: Places, turns: Turns, before: float) -> int:
    """Forget the jobs that nothing has happened to since `before` (Unix seconds), that every endpoint has heard all of, and whose
    source is neither archived nor set aside any more. Gives how many. Raises PectinError when the store refuses."""
    forgotten, after = 0, ""
    while some := await store.past.over(before, after=after):
        after = some[-1][0]
        gone = [job_id for job_id, _ in some if await _nothing_left(job_id, places, turns)]
        forgotten += await store.past.forget(gone, before) if gone else 0
    if forgotten:
        log.info("%d jobs that ended long ago were forgotten (history.keep)", forgotten)
    return forgotten


async def _nothing_left(job_id: str, places: Places, turns: Turns) -> bool:
    folders = (places.job_folder(job_id), places.originals / job_id, places.rejected / job_id)
    try:
        async with turns.of(job_id):
            await asyncio.to_thread(originals.tidy_rest, places, job_id)  # a person may have removed the film and left the note
    except PectinError as error:
        with job_context(job_id):
            log.warning("a job whose time is over cannot be forgotten yet: %s", error.sentence)
        return False
    return not await asyncio.to_thread(_any, folders)


def _any(folders: tuple[Path, ...]) -> bool:
    return any(os.path.lexists(folder) for folder in folders)
