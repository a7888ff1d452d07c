"""Paused means no CPU: also the threads that copy and compare films stand still, and whoever stops them does not wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path, PurePath

import pytest

from pectin.linux import pace
from pectin.linux.content import sha256_until
from pectin.linux.move import copy_durably, sha256_of
from pectin.model.errors import Cause
from pectin.model.job import Job, Stage, State
from pectin.pipeline.running import RunningJob

BLOCKS = 4


def a_running(state: State = State.PROCESSING) -> RunningJob:
    return RunningJob(slot=0, job=Job(id="a", state=state, route="films", profile="universal", size=1, created_at=1.0,
                                      inbox_path=PurePath("/in/f.mkv"), relative=PurePath("f.mkv"), updated_at=1.0))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"x" * (BLOCKS << 20))
    return path


WORK: dict[str, Callable[[Path], object]] = {
    "a checksum": sha256_of,
    "a comparison": lambda film: sha256_until(film, threading.Event()),
    "a copy": lambda film: copy_durably(film, film.with_name("copy")),
}


@pytest.mark.parametrize("what", WORK)
async def test_long_work_in_a_thread_stands_still_with_its_job(what: str, film: Path) -> None:
    running, asked = a_running(), threading.Event()

    def stands_still() -> bool:
        asked.set()
        return running.threads_rest

    async def work() -> object:
        pace.keep_to(stands_still)
        return await asyncio.to_thread(WORK[what], film)

    running.suspend(Cause.TOO_HOT)
    task = asyncio.create_task(work())
    assert await asyncio.to_thread(asked.wait, 60)
    assert not (await asyncio.wait({task}, timeout=0.5))[0], "it stands still"
    running.resume(Cause.TOO_HOT)
    assert await task


async def test_work_for_which_nobody_may_be_kept_waiting_goes_on(film: Path) -> None:
    assert await asyncio.to_thread(sha256_of, film)


def test_a_stop_does_not_wait_for_a_pause_to_end() -> None:
    running = a_running()
    running.suspend(Cause.PAUSED_BY_USER)
    assert running.threads_rest
    running.settled = True  # its outcome is being written: it is not stopped any more, and has to come to its end
    running.stop(Cause.DAEMON_STOPPED)
    assert not running.threads_rest


def test_a_film_that_is_placed_keeps_no_others_waiting_for_a_person_who_paused_only_it() -> None:
    running = a_running()
    running.suspend(Cause.JOB_PAUSED_BY_USER)
    assert running.threads_rest
    running.enter(Stage.PLACING)
    assert not running.threads_rest
    running.suspend(Cause.TOO_HOT)
    assert running.threads_rest


def test_what_is_over_is_put_away_also_while_all_is_paused() -> None:
    running = a_running(State.COMPLETED)
    running.suspend(Cause.PAUSED_BY_USER)
    assert not running.threads_rest
