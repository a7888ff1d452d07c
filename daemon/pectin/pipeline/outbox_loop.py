"""Empties the outbox: one task per endpoint, so that a dead one delays nobody else and never a job."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Mapping, Sequence

import httpx

from pectin.linux.crash import CrashPoint, reached
from pectin.linux.finish import finished
from pectin.model.event import Delivery
from pectin.notifying.deliver import backoff, new_client
from pectin.observing.logs import job_context
from pectin.observing.metrics import Metrics
from pectin.pipeline.endpoints import Target
from pectin.pipeline.wake import Wake
from pectin.store.outbox import Endpoint
from pectin.store.store import Store

log = logging.getLogger(__name__)


class OutboxLoop:
    """`call` after every transition; `configure` also while it runs."""

    def __init__(self, store: Store, metrics: Metrics, targets: Sequence[Target]) -> None:
        self._store = store
        self._metrics = metrics
        self._targets: Mapping[str, Target] = {}
        self._wakes: dict[str, Wake] = {}
        self._changed = asyncio.Event()
        self._apply(targets)

    def _apply(self, targets: Sequence[Target]) -> None:
        self._targets = {t.name: t for t in targets}
        self._store.outbox.configure([Endpoint(t.name, t.types) for t in targets])
        self._wakes = {name: self._wakes.get(name, Wake()) for name in self._targets}

    async def configure(self, targets: Sequence[Target]) -> None:
        """Take other endpoints; what waits for one that is gone is dropped, and said."""
        self._apply(targets)
        await self.drop_unknown()
        self._changed.set()

    async def drop_unknown(self) -> None:
        """Deliveries for endpoints that the configuration no longer has."""
        for name, count in (await self._store.outbox.forget_endpoints(time.time())).items():
            log.warning("endpoint %s is no longer configured: %d undelivered events dropped", name, count)

    def call(self) -> None:
        for wake in self._wakes.values():
            wake.call()

    async def run(self) -> None:
        """Until cancelled. A delivery under way at that moment is sent again at the next start, with the same id."""
        async with new_client() as client:
            while True:
                self._changed.clear()
                tasks = [asyncio.create_task(self._serve(client, target), name=f"outbox-{name}")
                         for name, target in self._targets.items()]
                try:
                    await self._until_changed(tasks)
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_changed(self, tasks: list[asyncio.Task[None]]) -> None:
        """Returns when other targets are configured; raises what a task raised (it only raises when the store fails)."""
        changed = asyncio.create_task(self._changed.wait())
        try:
            done, _ = await asyncio.wait({changed, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {changed}:
                task.result()
        finally:
            changed.cancel()

    async def _serve(self, client: httpx.AsyncClient, target: Target) -> None:
        name = target.name
        wake = self._wakes[name]
        while True:
            deliveries = await self._store.outbox.due(time.time(), endpoint=name)
            if not deliveries:
                await wake.wait(until=await self._store.outbox.next_wake(time.time(), endpoint=name))
                continue
            for delivery in deliveries:
                with job_context(delivery.event.job_id):
                    await self._deliver(client, target, delivery)
            self._metrics.outbox_pending(await self._store.outbox.pending())

    async def _deliver(self, client: httpx.AsyncClient, target: Target, delivery: Delivery) -> None:
        outcome = await target.send(client, delivery.event)
        now, attempt = time.time(), delivery.attempts + 1
        if outcome.delivered:
            reached(CrashPoint.DELIVERY_SENT)
            await finished(self._store.outbox.delivered(delivery.seq, now))
            reached(CrashPoint.DELIVERY_MARKED)
            log.info("%s delivered to %s", delivery.event.type, target.name)
        elif outcome.permanent:
            await finished(self._store.outbox.dropped(delivery.seq, outcome.sentence, now))
            log.error("%s to %s dropped: %s", delivery.event.type, target.name, outcome.sentence)
        else:
            wait = outcome.retry_after or backoff(attempt, jitter=random.random())  # noqa: S311  (spreads waits, guards nothing)
            await finished(self._store.outbox.failed(delivery.seq, outcome.sentence, now + wait))
            log.warning("%s to %s failed (attempt %d, again in %.0f s): %s", delivery.event.type, target.name, attempt, wait,
                        outcome.sentence)
        self._metrics.delivery(target.name, outcome.reason)
