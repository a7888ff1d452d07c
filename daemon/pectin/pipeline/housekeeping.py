"""The slow round: originals whose time is over, deliveries long done, what a refusing disk left lying."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

from pectin.model.errors import PectinError
from pectin.model.identity import is_job_id
from pectin.model.job import FINAL, State
from pectin.model.places import Places
from pectin.observing.logs import job_context
from pectin.pipeline.disposal import dispose
from pectin.pipeline.policy import Publishing
from pectin.pipeline.recover import outputs_present
from pectin.pipeline.turns import Turns
from pectin.publishing import originals, strays
from pectin.store.store import Store

log = logging.getLogger(__name__)

FIRST = 60.0      # seconds after the start: first the queue gets going
INTERVAL = 3600.0
KEEP_DELIVERIES = 30 * 86400.0  # seconds a delivered event stays, for whoever asks what was sent


class Housekeeping:
    """`keep`: seconds an original is kept, None for ever. `turns`: nobody else has his hands on a job's files meanwhile.
    `publishing`: for sidecars whose library was away."""

    def __init__(self, store: Store, places: Places, libraries: Sequence[Path], keep: float | None, turns: Turns,
                 publishing: Publishing) -> None:
        self._store = store
        self._places = places
        self.libraries = tuple(libraries)
        self.keep = keep
        self._turns = turns
        self.publishing = publishing

    async def run(self) -> None:
        await asyncio.sleep(FIRST)
        while True:
            await self.round(time.time())
            await asyncio.sleep(INTERVAL)

    async def round(self, now: float) -> None:
        """One round. Trouble with one job is logged and does not keep the others waiting."""
        for state in FINAL:
            for job in await self._store.jobs.in_state(state):
                if await asyncio.to_thread(os.path.lexists, self._places.job_folder(job.id)):
                    with job_context(job.id):
                        await self._dispose(job.id)
        if self.keep is not None:
            await self._purge(now - self.keep)
        await self._store.outbox.prune(now - KEEP_DELIVERIES)
        await self._remove_strays()

    async def _dispose(self, job_id: str) -> None:
        async with self._turns.of(job_id):
            job = await self._store.jobs.get(job_id)
            if job is None or job.state not in FINAL:  # somebody has put it back into the queue since the round began
                return
            try:
                await dispose(job, self._store, self._places, self.publishing)
            except PectinError as error:
                log.warning("not everything can leave the work folder yet: %s", error.sentence)

    async def _remove_strays(self) -> None:
        """Part files of ours in the libraries that no job will ever finish (a crash while a job was given up)."""
        jobs = await self._store.jobs.in_state(*State)
        known = {job.id for job in jobs}
        needed = {job.id for job in jobs if job.state in (State.PROCESSING, State.PUBLISHING)}
        for library in self.libraries:
            for part in await asyncio.to_thread(strays.stray_parts, library, known, needed_ids=needed):
                job = await self._store.jobs.get(strays.job_of(part))
                if job is None or job.state in (State.PROCESSING, State.PUBLISHING):  # begun while we looked through the library
                    continue
                try:
                    await asyncio.to_thread(strays.discard_parts, [part])
                    log.warning("a part file that no job needs was removed: %s", part)
                except PectinError as error:
                    log.warning("a part file that no job needs cannot be removed: %s", error.sentence)

    async def _purge(self, before: float) -> None:
        for folder in await asyncio.to_thread(lambda: sorted(self._places.originals.glob("*/"))):
            job = await self._store.jobs.get(folder.name) if is_job_id(folder.name) else None
            if job is None or job.state is not State.COMPLETED or job.finished_at is None or job.finished_at >= before:
                continue
            with job_context(job.id):
                if await asyncio.to_thread(outputs_present, job):
                    try:
                        freed = await asyncio.to_thread(originals.purge, self._places, job.id)
                        log.info("original removed after its time: %s (%d bytes)", job.name, freed)
                    except PectinError as error:
                        log.warning("an original whose time is over cannot be removed: %s", error.sentence)
                else:
                    log.info("original kept beyond its time, for its outputs are not all in the library: %s", job.name)
