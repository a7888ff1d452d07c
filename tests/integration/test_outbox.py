"""The outbox: who is told what, in which order, and what happens to those who do not answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path, PurePath

import pytest

from pectin.model.event import Event, EventType
from pectin.model.job import Job, State, Trigger
from pectin.store.outbox import Endpoint
from pectin.store.store import Store

ALL = frozenset(EventType)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.open(tmp_path / "pectin.db") as store:
        yield store


async def happened(store: Store, job: str, *kinds: EventType) -> None:
    """The job is added, and each kind of event comes with it."""
    relative = PurePath(f"{job}.mkv")
    await store.jobs.add(
        Job(id=job, state=State.PENDING, route="r", profile="p", inbox_path=relative, relative=relative, size=1, created_at=1.0,
            updated_at=1.0),
        [Event(id=f"evt_{job}_{kind}", type=kind, job_id=job, at=2.5, data={"name": "a\udcff", "n": [1, None]})
         for kind in kinds])


async def due(store: Store, now: float = 10.0, **how: object) -> list[tuple[str, str, str]]:
    return [(one.endpoint, one.event.job_id, one.event.type.value) for one in await store.outbox.due(now, **how)]  # type: ignore[arg-type]


async def test_an_event_goes_to_those_who_want_it_and_comes_out_as_it_went_in(store: Store) -> None:
    store.outbox.configure([Endpoint("all", ALL), Endpoint("ends", frozenset({EventType.COMPLETED, EventType.FAILED}))])
    await happened(store, "a", EventType.ACCEPTED)
    await happened(store, "b", EventType.FAILED)
    assert await due(store) == [("all", "a", "job.accepted"), ("all", "b", "job.failed"), ("ends", "b", "job.failed")]
    [first, *_] = await store.outbox.due(10.0)
    assert first.event == Event(id="evt_a_job.accepted", type=EventType.ACCEPTED, job_id="a", at=2.5,
                                data={"name": "a\udcff", "n": [1, None]})
    assert await store.outbox.pending() == {"all": 2, "ends": 1}


async def test_nothing_is_kept_that_nobody_wants(store: Store) -> None:
    await happened(store, "a", EventType.ACCEPTED)
    store.outbox.configure([Endpoint("all", ALL)])
    assert await store.outbox.due(10.0) == []
    assert await store.outbox.pending() == {"all": 0}


async def test_the_next_event_of_a_job_waits_until_the_one_before_is_done(store: Store) -> None:
    store.outbox.configure([Endpoint("chat", ALL)])
    await happened(store, "a", EventType.ACCEPTED, EventType.STARTED, EventType.COMPLETED)
    await happened(store, "b", EventType.ACCEPTED)
    [first, other] = await store.outbox.due(10.0)
    assert await due(store) == [("chat", "a", "job.accepted"), ("chat", "b", "job.accepted")]
    await store.outbox.failed(first.seq, "answered 500", next_at=60.0)
    assert await due(store) == [("chat", "b", "job.accepted")]
    assert await store.outbox.next_wake(10.0) == 60.0
    assert await store.outbox.next_wake(60.0) is None
    [again] = [one for one in await store.outbox.due(60.0) if one.seq == first.seq]
    assert (again.event, again.attempts, again.last_error) == (first.event, 1, "answered 500")
    await store.outbox.delivered(first.seq, now=61.0)
    assert await due(store, 61.0) == [("chat", "a", "job.started"), ("chat", "b", "job.accepted")]
    await store.outbox.delivered(other.seq, now=61.0)
    [second] = await store.outbox.due(61.0)
    await store.outbox.dropped(second.seq, "answered 410", now=62.0)
    assert await due(store, 61.0) == [("chat", "a", "job.completed")]


async def test_new_events_come_before_retries_and_a_dead_endpoint_does_not_fill_the_list(store: Store) -> None:
    store.outbox.configure([Endpoint("dead", ALL)])
    for number in range(30):
        await happened(store, f"old{number}", EventType.ACCEPTED)
    for one in await store.outbox.due(1.0, 100):
        await store.outbox.failed(one.seq, "no answer", next_at=5.0)
    store.outbox.configure([Endpoint("dead", ALL), Endpoint("well", ALL)])
    await happened(store, "new", EventType.ACCEPTED)
    assert (await due(store))[:2] == [("dead", "new", "job.accepted"), ("well", "new", "job.accepted")]
    assert await due(store, endpoint="well") == [("well", "new", "job.accepted")]
    assert len(await due(store, limit=7)) == 7
    assert await store.outbox.next_wake(1.0, endpoint="dead") == 5.0
    assert await store.outbox.next_wake(1.0, endpoint="well") is None


async def test_marks_of_rows_that_are_done_or_gone_do_nothing(store: Store) -> None:
    store.outbox.configure([Endpoint("chat", ALL)])
    await happened(store, "a", EventType.ACCEPTED, EventType.STARTED)
    [first] = await store.outbox.due(10.0)
    await store.outbox.delivered(first.seq, now=11.0)
    for late in (store.outbox.delivered(first.seq, now=12.0), store.outbox.dropped(first.seq, "late", now=12.0),
                 store.outbox.failed(first.seq, "late", next_at=12.0), store.outbox.delivered(12345, now=12.0)):
        await late
    assert await due(store) == [("chat", "a", "job.started")]
    assert await store.outbox.pending() == {"chat": 1}


async def test_endpoints_that_left_the_configuration_are_forgotten_when_we_say_so(store: Store) -> None:
    store.outbox.configure([Endpoint("old", ALL), Endpoint("stays", ALL)])
    await happened(store, "a", EventType.ACCEPTED, EventType.STARTED)
    store.outbox.configure([Endpoint("stays", ALL)])
    assert await store.outbox.pending() == {"old": 2, "stays": 2}
    assert await store.outbox.forget_endpoints(now=20.0) == {"old": 2}
    assert await store.outbox.forget_endpoints(now=20.0) == {}
    assert await due(store) == [("stays", "a", "job.accepted")]
    assert await store.outbox.pending() == {"stays": 2}


async def test_old_deliveries_are_pruned_and_pending_ones_never(store: Store) -> None:
    store.outbox.configure([Endpoint("fast", ALL), Endpoint("dead", ALL)])
    await happened(store, "a", EventType.ACCEPTED)
    await happened(store, "b", EventType.ACCEPTED)
    for one in await store.outbox.due(10.0, endpoint="fast"):
        await store.outbox.delivered(one.seq, now=20.0)
    assert await store.outbox.prune(20.0) == 0
    assert await store.outbox.prune(21.0) == 2
    assert await due(store, 1e9) == [("dead", "a", "job.accepted"), ("dead", "b", "job.accepted")]
    for one in await store.outbox.due(10.0):
        await store.outbox.delivered(one.seq, now=30.0)
    assert await store.outbox.prune(31.0) == 2
    assert await store.outbox._db.rows("SELECT * FROM event") == []


async def test_undelivered_events_survive_a_restart_in_order(tmp_path: Path) -> None:
    path = tmp_path / "again.db"
    async with Store.open(path) as store:
        store.outbox.configure([Endpoint("chat", ALL)])
        await happened(store, "a", EventType.ACCEPTED)
        await store.jobs.apply("a", Trigger.CLAIM, now=3.0, events=[
            Event(id="evt_2", type=EventType.STARTED, job_id="a", at=3.0, data={})])
    async with Store.open(path) as store:
        store.outbox.configure([Endpoint("chat", ALL)])
        [first] = await store.outbox.due(10.0)
        assert first.event.type is EventType.ACCEPTED
        await store.outbox.delivered(first.seq, now=11.0)
        assert await due(store) == [("chat", "a", "job.started")]
