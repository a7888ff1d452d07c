"""A daemon that is stopped in the middle of a look, a side pass, an encode or a proof goes on as if nothing had happened."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from clips import Clips
from filing import add_film, encoding, tidied
from harness import files
from pectin.linux.child import Child
from pectin.model.errors import Cause
from pectin.model.job import State
from pectin.model.profile import Profile
from pectin.pipeline.running import RunningJob
from working import ONE, ended

# Every program that a job starts, in their order.
STEPS = ("probing", "looking at the fields", "looking for captions", "measuring the loudness", "taking out the subtitles",
         "encoding", "probing the output", "verifying", "its last moments", "its first moments",
         "the first moments of the source")


@pytest.mark.parametrize("step", [0, 1, 2, 3, 4, 5, 7, 10], ids=lambda step: STEPS[step])
async def test_a_stop_leaves_nothing_behind_and_loses_nothing(clips: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                              step: int) -> None:
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:00,100 --> 00:00:00,900\nHello\n\n", encoding="utf-8")
    film = clips.make("film.mkv", ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=1", "-f", "lavfi", "-i",
                                   "sine=sample_rate=48000:duration=1", "-i", str(words), "-map", "0", "-map", "1", "-map", "2",
                                   "-vf", "setfield=tff", "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-c:a", "ac3",
                                   "-c:s", "srt"])
    reached, children, begun = asyncio.Event(), [0], RunningJob.child_started

    def counted(running: RunningJob, child: Child) -> None:
        begun(running, child)
        children[0] += 1
        if children[0] == step + 1:
            child.suspend()  # it stays in this step until it is stopped
            reached.set()

    monkeypatch.setattr(RunningJob, "child_started", counted)
    profile = Profile(preset="ultrafast", loudness=-20.0)
    async with encoding(tmp_path, profile) as (store, worker):
        worker.policy = replace(worker.policy, retry=replace(worker.policy.retry, attempts=3))
        await add_film(store, tmp_path, film, {})
        worker.wake.call()
        async with asyncio.timeout(60):
            await reached.wait()
    (tmp_path / "lib").rmdir()  # still empty
    async with encoding(tmp_path, profile) as (store, worker):
        job = await ended(store, ONE, State.COMPLETED)
        assert any(step.cause is Cause.DAEMON_STOPPED for step in await store.jobs.history(ONE))
        await tidied(tmp_path)
    assert job.outputs is not None
    assert files(tmp_path / "lib") == ["Film/Film.mp4", "Film/Film.srt"]
    assert children[0] == step + 1 + len(STEPS), "what had been done was done again, nothing else"
