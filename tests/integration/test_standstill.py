"""Two hands on one job, a busy slot, a clock set back, a reload at the wrong moment: nothing stands still, nothing gets lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import httpx
import pytest

from clips import Clips
from harness import Daemon, daemon, files, until
from pectin.model.errors import Cause, PectinError
from pectin.model.event import Event, EventType
from pectin.model.job import Job, State, Trigger
from pectin.notifying.outcome import Outcome, Reason
from pectin.observing.metrics import Metrics
from pectin.pipeline import worker as worker_module
from pectin.pipeline.control import Control
from pectin.pipeline.endpoints import Target
from pectin.pipeline.events import make_event
from pectin.pipeline.gate import Gate
from pectin.pipeline.housekeeping import Housekeeping
from pectin.pipeline.outbox_loop import OutboxLoop
from pectin.pipeline.purging import Keep
from pectin.pipeline.recover import recover
from pectin.pipeline.running import RunningJob
from pectin.pipeline.worker import Worker
from pectin.publishing import originals
from pectin.store.store import Store
from working import ONE, TWO, a_policy, add, an_intake, ended, publishing, working


def refuse_later(error: BaseException) -> Callable[..., Awaitable[Any]]:
    async def call(*_arguments: object, **_more: object) -> Any:
        raise error
    return call


async def end(task: asyncio.Task[None]) -> None:
    assert not task.done(), task
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def control(store: Store, worker: Worker, gate: Gate | None = None) -> Control:
    return Control(store=store, worker=worker, gate=gate or Gate(store.flags), intake=None,  # type: ignore[arg-type]
                   config=Path("none"), reload=refuse_later(AssertionError()), changed=lambda: None)


async def resting(store: Store, folder: Path, state: Trigger = Trigger.CANCEL) -> Job:
    """A cancelled job whose source was set aside."""
    job = await add(store, folder, ONE, "film.mkv")
    job = await store.jobs.apply(ONE, state, now=2.0)
    originals.set_aside(a_policy(folder).places, ONE, job.relative, "why")
    return job


def test_a_file_where_the_films_folder_should_be_delays_its_film_and_stops_no_daemon(tmp_path: Path, clips: Clips) -> None:
    with daemon(tmp_path, {"retry": {"first": "10m"}}) as made:
        (made.library / "Film").write_text("no folder")
        made.drop(clips.film("film.mkv"), "Film.mkv")
        job = until(lambda: (j := made.job("Film.mkv", "PUBLISHING"))["cause"] and j, "the job tells its reason")
        assert job["cause"] == "name_taken"
        made.drop(clips.film("film.mkv"), "Second.mkv")
        made.job("Second.mkv", "COMPLETED")
        (made.library / "Film").unlink()
        made.client().post(f"/v1/jobs/{job['id']}/retry")
        made.job("Film.mkv", "COMPLETED")
        assert files(made.library) == ["Film/Film.mp4", "Second/Second.mp4"]


async def test_without_a_rescan_the_intake_rests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with working(tmp_path) as (store, worker):
        (tmp_path / "in").mkdir()
        intake = an_intake(store, worker)
        again: list[object] = []
        monkeypatch.setattr(intake, "_set", again.append)
        task = asyncio.create_task(intake.run())
        await intake.started.wait()
        await asyncio.sleep(0.5)
        assert again == [], "it begins again and again"
        await end(task)


async def test_a_job_cancelled_before_its_first_step_is_cancelled(tmp_path: Path) -> None:
    async with working(tmp_path) as (store, worker):
        await add(store, tmp_path, ONE, "film.mkv")
        running = await worker._take(0)
        assert running is not None
        task = asyncio.create_task(worker._work(running))
        loop = asyncio.get_running_loop()

        def stop() -> None:  # in the same turn of the loop in which the story's task was made
            if running.task is None:
                loop.call_soon(stop)
            else:
                running.stop(Cause.CANCELLED_BY_USER)

        loop.call_soon(stop)
        await task
        assert (await ended(store, ONE, State.CANCELLED)).cause is Cause.CANCELLED_BY_USER


async def test_a_published_film_is_brought_to_its_end_however_often_the_daemon_died(tmp_path: Path) -> None:
    """Given up it would be made, and published, once more."""
    async with working(tmp_path) as (store, worker):
        await publishing(store, tmp_path, interruptions=3)
        final = tmp_path / "lib" / "Film" / "Film.mp4"
        final.parent.mkdir()
        (worker.policy.places.out(ONE) / "video.mp4").rename(final)
        await recover(store, worker.policy)
        job = await store.jobs.note(ONE, now=time.time(), not_before=0.0)
        assert job.state is State.PUBLISHING
        task = asyncio.create_task(worker.run())
        await ended(store, ONE, State.COMPLETED)
        await end(task)


async def test_a_job_put_back_into_the_queue_while_housekeeping_looks_keeps_its_source(tmp_path: Path) -> None:
    async with working(tmp_path) as (store, worker):
        job = await add(store, tmp_path, ONE, "film.mkv")
        await store.jobs.apply(ONE, Trigger.CANCEL, now=2.0)
        keeper = Housekeeping(store, worker.policy.places, [], Keep(), worker.turns, worker.policy.publishing)
        async with worker.turns.of(ONE):
            task = asyncio.create_task(keeper.round(time.time()))
            await asyncio.sleep(0.1)  # it has its list by now
            await store.jobs.apply(ONE, Trigger.REQUEUE, now=3.0)
        await task
        assert worker.policy.places.source(ONE, job.relative).exists()


async def test_two_people_who_retry_one_job_move_its_source_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with working(tmp_path) as (store, worker):
        job = await resting(store, tmp_path)
        real, at_work = originals.bring_back, []

        def slow(*arguments: Any) -> Path:
            at_work.append("begin")
            time.sleep(0.1)
            path = real(*arguments)
            at_work.append("end")
            return path

        monkeypatch.setattr(originals, "bring_back", slow)
        made = control(store, worker)
        outcomes = await asyncio.gather(made.retry(ONE), made.retry(ONE), return_exceptions=True)
        assert at_work == ["begin", "end"], outcomes
        assert worker.policy.places.source(ONE, job.relative).read_bytes() == b"film"
        assert (await made.find(ONE)).state is State.PENDING


async def test_an_endpoint_taken_away_while_it_is_told_something_stops_nothing(tmp_path: Path) -> None:
    sending, go_on = asyncio.Event(), asyncio.Event()

    async def send(_client: httpx.AsyncClient, _event: Event) -> Outcome:
        sending.set()
        await go_on.wait()
        return Outcome(Reason.DELIVERED, "")

    async with working(tmp_path) as (store, _):
        outbox = OutboxLoop(store, Metrics("test"), [Target("one", frozenset(EventType), send)])
        for job_id in (ONE, TWO):
            job = Job(id=job_id, state=State.PENDING, route="films", profile="universal", inbox_path=tmp_path, size=1,
                      relative=PurePath("film.mkv"), created_at=1.0, updated_at=1.0)
            await store.jobs.add(job, [make_event(EventType.ACCEPTED, job, now=1.0, state=State.PENDING)])
        task = asyncio.create_task(outbox.run())
        await sending.wait()
        drop = outbox.drop_unknown

        async def slow_drop() -> None:
            go_on.set()
            await asyncio.sleep(0.3)
            await drop()

        outbox.drop_unknown = slow_drop  # type: ignore[method-assign]
        await outbox.configure([])
        await end(task)


async def test_an_idle_slot_takes_up_a_retry_while_the_other_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Store.open(tmp_path / "pectin.db") as store:
        policy = a_policy(tmp_path)
        policy = replace(policy, retry=replace(policy.retry, attempts=3, first=0.5))
        worker = Worker(store, policy, Gate(store.flags), Metrics("test"), slots=2, changed=lambda: None)
        busy, again, fail = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def make(running: RunningJob, _policy: object) -> None:
            if running.job.id == TWO:
                busy.set()
                await asyncio.sleep(3600)
            if running.job.attempts:
                again.set()
            else:
                await fail.wait()
            raise PectinError(Cause.FFMPEG_FAILED)

        monkeypatch.setattr(worker_module, "make", make)
        await add(store, tmp_path, ONE, "one.mkv")
        task = asyncio.create_task(worker.run())
        await ended(store, ONE, State.PROCESSING)
        await asyncio.sleep(0.1)  # the other slot has nothing to do and sleeps
        await add(store, tmp_path, TWO, "two.mkv")
        fail.set()  # the first slot takes the second job
        await busy.wait()
        await asyncio.wait_for(again.wait(), 30)
        await end(task)


async def test_a_clock_set_back_does_not_make_a_wait_last_for_years(tmp_path: Path) -> None:
    async with working(tmp_path) as (store, _):
        await add(store, tmp_path, ONE, "film.mkv")
        await store.jobs.note(ONE, now=2e9, not_before=2e9 + 60)
        assert await store.jobs.next_due(2e9 + 30) is None
        assert await store.jobs.next_due(1e9) is not None


def test_a_sighup_during_the_start_is_kept_until_it_can_be_served(tmp_path: Path) -> None:
    made = Daemon(tmp_path)
    process = made.spawn()
    try:
        until((tmp_path / "state" / "pectin.lock").exists, "the start has begun")
        process.send_signal(1)
        until(lambda: "the configuration was read again" in made.text(), "the reload:\n" + made.text())
        assert "never retrieved" not in made.text()
    finally:
        assert made.stop() == 0
