"""The slow round: originals whose time is over, deliveries long done, what a refusing disk left lying."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

from pectin.model.errors import PectinError
from pectin.model.job import FINAL, State
from pectin.model.places import Places
from pectin.observing.logs import job_context
from pectin.pipeline import media_notes
from pectin.pipeline.disposal import dispose
from pectin.pipeline.forgetting import forget_old
from pectin.pipeline.policy import Publishing
from pectin.pipeline.purging import Keep, Purging
from pectin.pipeline.turns import Turns
from pectin.pipeline.undo import Undo, go_on_undoing
from pectin.publishing import strays
from pectin.publishing.naming import job_of
from pectin.store.store import Store

log = logging.getLogger(__name__)

FIRST = 60.0      # seconds after the start: first the queue gets going
INTERVAL = 3600.0
KEEP_DELIVERIES = 30 * 86400.0  # seconds a delivered event stays, for whoever asks what was sent
KEEP_SCORES = 365 * 86400.0     # seconds what a search for quality has found stays, when nobody uses it


class Housekeeping:
    """`keep`: how long originals are kept; `keep_history`: seconds a job that is over is remembered, None for ever. `turns`:
    nobody else has his hands on a job's files meanwhile. `publishing`: for sidecars whose library was away. `undo`: brings to its
    end what a refusing disk has cut short. `libraries`: all folders where jobs put their outputs. `state`: where the files about
    published films lie, None: there are none."""

    def __init__(self, store: Store, places: Places, libraries: Sequence[Path], keep: Keep, turns: Turns,
                 publishing: Publishing, undo: Undo | None = None) -> None:
        self._store = store
        self._places = places
        self.libraries = tuple(libraries)
        self.keep = keep
        self._turns = turns
        self.publishing = publishing
        self._purging = Purging(store, places, turns)
        self._undo = undo or Undo(store)
        self.keep_history: float | None = None
        self.state: Path | None = None

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
        await go_on_undoing(self._store, self._places, self._undo, self._turns.of)
        await self._purging.round(self.keep, now)
        await self._store.outbox.prune(now - KEEP_DELIVERIES)
        await self._store.scores.prune(now - KEEP_SCORES)
        if self.keep_history is not None:
            await forget_old(self._store, self._places, self._turns, now - self.keep_history)
        await self._remove_strays()
        if self.state is not None:
            try:
                await media_notes.round_of(self._store, self.state)
            except PectinError as error:
                log.warning("not all files about published films are up to date: %s", error.sentence)

    async def _dispose(self, job_id: str) -> None:
        async with self._turns.of(job_id):
            job = await self._store.jobs.get(job_id)
            if job is None or job.state not in FINAL:  # somebody has put it back into the queue since the round began
                return
            try:
                await dispose(job, self._store, self._places, self.publishing)
                await media_notes.renew(self._store, job.id, self.state)
            except PectinError as error:
                log.warning("not everything can leave the work folder yet: %s", error.sentence)

    async def _remove_strays(self) -> None:
        """Hidden files of ours in the libraries that no job will ever finish (a crash while a job was given up)."""
        jobs = await self._store.jobs.in_state(*State)
        known = {job.id for job in jobs}
        needed = {job.id for job in jobs if job.state in (State.PROCESSING, State.PUBLISHING)}
        for library in self.libraries:
            for part in await asyncio.to_thread(strays.stray_parts, library, known, needed_ids=needed):
                job = await self._store.jobs.get(job_of(part))
                if job is None or job.state in (State.PROCESSING, State.PUBLISHING):  # begun while we looked through the library
                    continue
                try:
                    if strays.is_replaced(part):
                        now = await asyncio.to_thread(strays.restore_or_archive, part, library, self._places.replaced(job.id))
                        log.warning("a film that was to be replaced was found hidden: it is %s", now)
                    else:
                        await asyncio.to_thread(strays.discard_parts, [part])
                        log.warning("a part file that no job needs was removed: %s", part)
                except PectinError as error:
                    log.warning("%s cannot be put in order: %s", part, error.sentence)
