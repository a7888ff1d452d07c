"""A film that is cut short is refused before anything is made of it; who asks again gets what is there."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from clips import Clips
from pectin.encoding import tools
from pectin.model.errors import Cause
from pectin.model.job import State
from pectin.pipeline.control import Control
from pectin.pipeline.gate import Gate
from working import ONE, add, ended, working


async def test_a_film_cut_short_is_rejected_and_a_retry_takes_it_as_it_is(tmp_path: Path, clips: Clips) -> None:
    whole = clips.film("film.mkv", seconds=2).read_bytes()
    async with working(tmp_path) as (store, worker):
        worker.policy = replace(worker.policy, encoding=replace(worker.policy.encoding, tools=await tools.find("auto")))
        (tmp_path / "lib").mkdir()
        job = await add(store, tmp_path, ONE, "Film.mkv")
        worker.policy.places.source(ONE, job.relative).write_bytes(whole[:len(whole) * 3 // 4])
        task = asyncio.create_task(worker.run())
        job = await ended(store, ONE, State.REJECTED)
        assert job.cause is Cause.TRUNCATED
        assert "%" in job.message
        assert job.media is None, "nothing was asked of ffprobe"
        control = Control(store=store, worker=worker, gate=Gate(store.flags), intake=None,  # type: ignore[arg-type]
                          config=Path("none"), reload=None, changed=lambda: None)  # type: ignore[arg-type]
        await control.retry(ONE)
        job = await ended(store, ONE, State.COMPLETED)
        assert [path.name for path in (tmp_path / "lib" / "Film").iterdir()] == ["Film.mp4"]
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
