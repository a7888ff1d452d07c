"""Tells those who only look: the status line of systemd and the gauges. Sleeps while nothing happens."""

from __future__ import annotations

import logging
import time
from collections import Counter

from pectin.model.job import FINAL, State
from pectin.observing.metrics import Metrics
from pectin.observing.systemd import Notifier
from pectin.pipeline.gate import Gate
from pectin.pipeline.intake_loop import IntakeLoop
from pectin.pipeline.line import status_line
from pectin.pipeline.running import RunningJob
from pectin.pipeline.status import problems, running_status
from pectin.pipeline.wake import Wake
from pectin.pipeline.worker import Worker
from pectin.store.store import Store

log = logging.getLogger(__name__)

BEAT = 2.0      # seconds between two looks at running jobs: often enough for a person, nothing for a CPU
COUNT = 10.0    # seconds between two counts of what lies in the inboxes: that costs one lstat per ignored file


class Narrator:
    """`call` after every change."""

    def __init__(self, store: Store, worker: Worker, gate: Gate, intake: IntakeLoop, metrics: Metrics,
                 notifier: Notifier) -> None:
        self._store = store
        self._worker = worker
        self._gate = gate
        self._intake = intake
        self._metrics = metrics
        self._notifier = notifier
        self._wake = Wake()
        self._count_at = 0.0
        self._troubles: list[str] = []
        self._ended_before = 0  # how many jobs were over when the queue was last empty
        self.stopping = ""  # what the daemon does before it ends

    def call(self) -> None:
        self._wake.call()

    async def run(self) -> None:
        while True:
            counts = await self._store.jobs.counts()
            running = list(self._worker.running.values())
            self._metrics.jobs_by_state(counts)
            self._metrics.paused(*self._gate.causes)
            self._metrics.outbox_pending(await self._store.outbox.pending())
            if time.monotonic() >= self._count_at:
                self._metrics.waiting(Counter(w.reason.value for w in self._intake.waiting()))
                self._count_at = time.monotonic() + COUNT
            self._metrics.watcher_healthy(not self._intake.problems())
            troubles = await problems(self._intake, self._worker)
            self._note(troubles)
            for job in running:
                self._metrics.progress(job.slot, job.progress.fraction, job.progress.speed)
            self._metrics.held_back(Counter(cause.value for job in running for cause in {*job.suspended_for, *job.limits}))
            unfinished = counts[State.PENDING] + counts[State.PUBLISHING] + counts[State.PROCESSING]
            # A job whose source is being put away has its slot still, and is over.
            waiting = unfinished - sum(job.job.state not in FINAL for job in running)
            self._notifier.status(self._line([job for job in running if job.job.state not in FINAL], max(0, waiting), troubles))
            await self._wake.wait(until=time.time() + BEAT if running else None)

    def _line(self, running: list[RunningJob], waiting: int, troubles: list[str]) -> str:
        if not running and not waiting:
            self._ended_before = self._worker.ended
        sentence = ". ".join(filter(None, (self.stopping, self._gate.sentence)))
        return status_line([running_status(job) for job in running], ended=self._worker.ended - self._ended_before,
                           waiting=waiting, sentence=sentence, troubles=troubles)

    def _note(self, troubles: list[str]) -> None:
        """What begins or ends to be wrong is told once, not at every look."""
        for trouble in troubles:
            if trouble not in self._troubles:
                log.warning("%s", trouble)
        for trouble in self._troubles:
            if trouble not in troubles:
                log.info("no longer so: %s", trouble)
        self._troubles = troubles
