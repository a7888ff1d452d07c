"""The slow round: originals whose time is over, deliveries long done, what a refusing disk left lying."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from pectin.model.errors import PectinError
from pectin.model.job import FINAL, State
from pectin.model.places import Places
from pectin.observing.logs import job_context
from pectin.pipeline.disposal import dispose
from pectin.pipeline.recover import outputs_present
from pectin.publishing import originals, place
from pectin.store.store import Store

log = logging.getLogger(__name__)

FIRST = 60.0      # seconds after the start: first the queue gets going
INTERVAL = 3600.0
KEEP_DELIVERIES = 30 * 86400.0  # seconds a delivered event stays, for whoever asks what was sent


class Housekeeping:
    """`keep`: seconds an original is kept, None for ever."""

    def __init__(self, store: Store, places: Places, libraries: Sequence[Path], keep: float | None) -> None:
        self._store = store
        self._places = places
        self.libraries = tuple(libraries)
        self.keep = keep

    async def run(self) -> None:
        await asyncio.sleep(FIRST)
        while True:
            await self.round(time.time())
            await asyncio.sleep(INTERVAL)

    async def round(self, now: float) -> None:
        """One round. Trouble with one job is logged and does not keep the others waiting."""
        for state in FINAL:
            for job in await self._store.jobs.in_state(state):
                if self._places.job_folder(job.id).exists():
                    with job_context(job.id):
                        try:
                            await dispose(job, self._places)
                        except PectinError as error:
                            log.warning("the source still cannot leave the work folder: %s", error.sentence)
        if self.keep is not None:
            await self._purge(now - self.keep)
        await self._store.outbox.prune(now - KEEP_DELIVERIES)
        await self._remove_strays()

    async def _remove_strays(self) -> None:
        """Part files of ours in the libraries that no job will ever finish (a crash while a job was given up)."""
        jobs = await self._store.jobs.in_state(*State)
        known = {job.id for job in jobs}
        needed = {job.id for job in jobs if job.state in (State.PROCESSING, State.PUBLISHING)}
        for library in self.libraries:
            for part in await asyncio.to_thread(place.stray_parts, library, known, needed_ids=needed):
                try:
                    await asyncio.to_thread(place.discard_parts, [part])
                    log.warning("a part file that no job needs was removed: %s", part)
                except PectinError as error:
                    log.warning("a part file that no job needs cannot be removed: %s", error.sentence)

    async def _purge(self, before: float) -> None:
        for folder in await asyncio.to_thread(lambda: sorted(self._places.originals.glob("*/"))):
            job = await self._store.jobs.get(folder.name)
            if job is None or job.state is not State.COMPLETED or job.finished_at is None or job.finished_at >= before:
                continue
            with job_context(job.id):
                if await asyncio.to_thread(outputs_present, job):
                    freed = await asyncio.to_thread(originals.purge, self._places, job.id)
                    log.info("original removed after its time: %s (%d bytes)", job.name, freed)
                else:
                    log.info("original kept beyond its time, for its outputs are not all in the library: %s", job.name)
