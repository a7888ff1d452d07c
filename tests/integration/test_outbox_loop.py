"""The loop that empties the outbox, over a real store, with real receivers that fail, hang and come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from fakes.receiver import Receiver
from pectin.model.event import EventType
from pectin.observing.metrics import Metrics
from pectin.pipeline import outbox_loop
from pectin.pipeline.endpoints import Target, webhook_target
from pectin.pipeline.outbox_loop import OutboxLoop
from pectin.store.store import Store
from rows import a_job, an_event

KINDS = (EventType.ACCEPTED, EventType.STARTED, EventType.COMPLETED)


def target(name: str, receiver: Receiver, timeout: float = 20.0) -> Target:
    return webhook_target(name, frozenset(EventType), url=receiver.url, secret=None, timeout=timeout)


@asynccontextmanager
async def emptying(store: Store, *targets: Target) -> AsyncIterator[OutboxLoop]:
    loop = OutboxLoop(store, Metrics("test"), targets)
    task = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def happened(store: Store, loop: OutboxLoop, *numbers: int) -> None:
    """Three events of each of these jobs, one after the other."""
    for number in numbers:
        job = a_job(number)
        await store.jobs.add(job, [an_event(number * 10 + place, job.id, kind) for place, kind in enumerate(KINDS)])
    loop.call()


async def until(condition: Callable[[], object]) -> None:
    for _ in range(1200):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("never happened")


def heard(receiver: Receiver, *statuses: int) -> list[str]:
    """The ids of what was answered so, in order."""
    return [one.id for one in list(receiver.received) if one.status in statuses]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waits between tries."""
    monkeypatch.setattr(outbox_loop, "backoff", lambda attempts, *, jitter: 0.0)


@pytest.mark.usefixtures("at_once")
async def test_an_endpoint_that_fails_fifty_times_hears_all_in_order_under_the_same_ids(tmp_path: Path) -> None:
    with Receiver(answers=[500] * 50) as broken, Receiver() as well:
        targets = target("broken", broken), target("well", well)
        async with Store.open(tmp_path / "pectin.db") as store, emptying(store, *targets) as loop:
            await happened(store, loop, 1, 2)
            await until(lambda: len(heard(broken, 204)) == 6)
            assert await store.outbox.pending() == {"broken": 0, "well": 0}
        tried = heard(broken, 500)
        assert len(tried) == 50
        assert set(tried) == {"evt_10", "evt_20"}  # the heads of the two lines: nothing overtakes them
        assert [name for name in heard(broken, 204) if name.startswith("evt_1")] == ["evt_10", "evt_11", "evt_12"]
        assert [name for name in heard(broken, 204) if name.startswith("evt_2")] == ["evt_20", "evt_21", "evt_22"]
        assert sorted(heard(well, 204)) == ["evt_10", "evt_11", "evt_12", "evt_20", "evt_21", "evt_22"]


async def test_an_endpoint_that_hangs_keeps_neither_jobs_nor_others_waiting(tmp_path: Path) -> None:
    with Receiver() as hanging, Receiver() as well:
        hanging.hang()
        targets = target("hanging", hanging), target("well", well)
        async with Store.open(tmp_path / "pectin.db") as store, emptying(store, *targets) as loop:
            await happened(store, loop, 1)
            await until(lambda: len(well.received) == 3)
            await happened(store, loop, 2)  # the store is free: a job goes on meanwhile
            await until(lambda: len(well.received) == 6)
            assert await store.outbox.pending() == {"hanging": 6, "well": 0}
            assert hanging.received == []
            hanging.release()
            await until(lambda: len(hanging.received) == 6)
        for job in ("evt_1", "evt_2"):
            assert [name for name in heard(hanging, 204) if name.startswith(job)] == [f"{job}0", f"{job}1", f"{job}2"]


@pytest.mark.usefixtures("at_once")
async def test_an_endpoint_that_never_answers_in_time_hears_the_same_message_again(tmp_path: Path) -> None:
    with Receiver() as slow:
        slow.hang()
        async with Store.open(tmp_path / "pectin.db") as store, emptying(store, target("slow", slow, timeout=0.3)) as loop:
            await happened(store, loop, 1)
            for _ in range(1200):
                [first] = [one for one in await store.outbox.due(1e12) if one.event.id == "evt_10"]
                if first.attempts >= 2:
                    break
                await asyncio.sleep(0.05)
            assert first.attempts >= 2
            slow.release()
            await until(lambda: slow.received and slow.received[-1].id == "evt_12")
        ids = heard(slow, 204)
        assert list(dict.fromkeys(ids)) == ["evt_10", "evt_11", "evt_12"]
        assert ids.count("evt_10") >= 2  # those it took without answering in time are there, too, under the same id
