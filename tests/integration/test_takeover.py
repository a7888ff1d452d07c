"""pipeline/takeover.py: another file with the same bytes, or none at all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path, PurePath

import pytest

from pectin.linux.move import copy_descriptor_durably
from pectin.model.errors import Cause, PectinError
from pectin.model.job import Job, State
from pectin.pipeline import takeover
from pectin.pipeline.examine import opened
from pectin.pipeline.running import RunningJob
from pectin.pipeline.takeover import take_over
from working import ONE


def running(source: Path) -> RunningJob:
    return RunningJob(job=Job(id=ONE, state=State.PROCESSING, route="films", profile="original", inbox_path=source,
                              relative=PurePath(source.name), size=1, created_at=1.0, updated_at=1.0), slot=0)


async def test_a_film_that_is_taken_over_is_another_file_with_the_same_bytes(tmp_path: Path) -> None:
    source, target = tmp_path / "film.mp4", tmp_path / "video.mp4"
    source.write_bytes(b"quince" * 1000)
    job = running(source)
    with opened(source, tmp_path) as film:
        await take_over(job, film, target)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_ino != source.stat().st_ino
    assert job.progress.fraction == 1.0


async def test_a_stop_leaves_no_half_of_a_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "film.mp4", tmp_path / "video.mp4"
    source.write_bytes(bytes(3 << 20))
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def held_up(descriptor: int, part: Path, told: Callable[[float], None]) -> tuple[int, str]:
        def at(share: float) -> None:
            loop.call_soon_threadsafe(begun.set)
            assert go_on.wait(60)
            told(share)
        return copy_descriptor_durably(descriptor, part, at)

    monkeypatch.setattr(takeover, "copy_descriptor_durably", held_up)
    with opened(source, tmp_path) as film:
        task = asyncio.create_task(take_over(running(source), film, target))
        await begun.wait()
        assert target.exists()
        task.cancel()
        await asyncio.wait({task}, timeout=0.01)  # the stop has been asked for, and the copy is still held up
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not target.exists()


async def test_a_name_that_is_taken_is_trouble_with_a_cause(tmp_path: Path) -> None:
    source, target = tmp_path / "film.mp4", tmp_path / "video.mp4"
    source.write_bytes(b"quince")
    target.write_bytes(b"somebody else's")
    with opened(source, tmp_path) as film, pytest.raises(PectinError) as raised:
        await take_over(running(source), film, target)
    assert raised.value.cause is Cause.IO_ERROR
    assert target.read_bytes() == b"somebody else's"
