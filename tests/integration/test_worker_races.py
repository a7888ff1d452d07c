"""Races between a person and a worker, reproduced by name with the real store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pectin.model.errors import Cause, PectinError
from pectin.model.job import Job, State, Trigger
from pectin.model.order import Order
from pectin.pipeline import worker as worker_module
from pectin.pipeline.policy import Policy
from pectin.pipeline.running import RunningJob
from working import ONE, TWO, add, ended, publishing, working


async def test_a_job_cancelled_between_being_found_and_being_claimed_does_not_stop_the_worker(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with working(tmp_path) as (store, worker):
        first = await add(store, tmp_path, ONE, "first.mkv")
        await add(store, tmp_path, TWO, "second.mkv")
        find = store.jobs.next_due

        async def find_then_somebody_cancels(now: float, busy: Collection[str], order: Order,
                                             without: Collection[str]) -> Job | None:
            job = await find(now, busy, order, without)
            if job is not None and job.id == first.id:
                await store.jobs.apply(first.id, Trigger.CANCEL, now=time.time(), cause=Cause.CANCELLED_BY_USER)
            return job

        monkeypatch.setattr(store.jobs, "next_due", find_then_somebody_cancels)
        task = asyncio.create_task(worker.run())
        await ended(store, TWO, State.REJECTED)  # by /bin/false as ffprobe: it was taken, that is the point
        assert (await store.jobs.get(first.id)).state is State.CANCELLED  # type: ignore[union-attr]
        assert not task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_an_unforeseen_error_fails_its_job_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with working(tmp_path) as (store, worker):
        await add(store, tmp_path, ONE, "first.mkv")
        await add(store, tmp_path, TWO, "second.mkv")

        async def broken(running: RunningJob, _policy: Policy) -> None:
            raise ZeroDivisionError(running.job.name)

        monkeypatch.setattr(worker_module, "make", broken)
        task = asyncio.create_task(worker.run())
        for job_id in (ONE, TWO):
            job = await ended(store, job_id, State.FAILED)
            assert job.cause is Cause.INTERNAL
            assert "ZeroDivisionError" in job.message
        assert not task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_stop_while_the_outcome_is_written_lets_the_outcome_stand(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM in the very moment in which a job fails: the failure is durable, the job does not start again."""
    async with working(tmp_path) as (store, worker):
        await add(store, tmp_path, ONE, "first.mkv")
        writing = asyncio.Event()
        apply = store.jobs.apply

        async def slow(job_id: str, trigger: Trigger, **more: object) -> Job:
            if trigger is Trigger.GIVE_UP:
                writing.set()
                await asyncio.sleep(0.2)
            return await apply(job_id, trigger, **more)  # type: ignore[arg-type]

        async def fails(_running: RunningJob, _policy: Policy) -> None:
            raise PectinError(Cause.OUTPUT_WRONG, "test")

        monkeypatch.setattr(store.jobs, "apply", slow)
        monkeypatch.setattr(worker_module, "make", fails)
        task = asyncio.create_task(worker.run())
        await writing.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        job = await store.jobs.get(ONE)
        assert job is not None
        assert job.state is State.FAILED
        assert (tmp_path / "rejected" / ONE / "first.mkv").read_bytes() == b"film"


async def test_a_stop_in_the_very_moment_of_completion_leaves_a_completed_job_and_a_worker_in_good_order(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with working(tmp_path) as (store, worker):
        await publishing(store, tmp_path)
        real = store.jobs.apply

        async def apply_and_stop(job_id: str, trigger: Trigger, **more: Any) -> Job:
            job = await real(job_id, trigger, **more)
            if trigger is Trigger.PUBLISHED:
                task.cancel()
                for _ in range(5):  # until the stop has reached the job
                    await asyncio.sleep(0)
            return job

        monkeypatch.setattr(store.jobs, "apply", apply_and_stop)
        task = asyncio.create_task(worker.run())
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 60)
        job = await store.jobs.get(ONE)
        assert job is not None
        assert job.state is State.COMPLETED
