"""Originals go after their time, or when they take too much, and never one whose outputs are not all as they were placed."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePath

import pytest

from harness import files
from pectin.model.intent import Intent
from pectin.model.job import Job, State, Trigger
from pectin.model.left_behind import LeftBehind, Why
from pectin.pipeline.purging import Keep, Purging, why_kept
from pectin.pipeline.sidecars import outputs_of
from pectin.publishing import originals, place
from pectin.store.store import Store
from working import ONE, TWO, a_policy, publishing, working

LATER = 1000.0


@asynccontextmanager
async def archived(folder: Path) -> AsyncIterator[tuple[Store, Purging, Job]]:
    """A completed job with a picture beside its film, whose original is archived."""
    async with working(folder) as (store, worker):
        job = await publishing(store, folder)
        job = await store.jobs.get(ONE) or job
        places = worker.policy.places
        intent = Intent.from_json(job.intent or "")
        place.carry_out(intent, file_mode=0o644, folder_mode=0o755, group=None)
        poster = folder / "lib/Film/Film-poster.jpg"
        poster.write_bytes(b"picture")
        outputs = [*outputs_of(intent, places, ONE),
                   {"role": "sidecar", "path": str(poster), "size": 7, "sha256": "0" * 64, "from": "poster.jpg"}]
        await store.jobs.apply(ONE, Trigger.PUBLISHED, now=4.0, changes={"outputs": json.dumps(outputs), "finished_at": 4.0})
        originals.archive(places, ONE, PurePath("Film.mkv"))
        found = await store.jobs.get(ONE)
        assert found is not None
        yield store, Purging(store, places, worker.turns), found


async def test_an_original_goes_after_its_time_and_the_row_remembers_when(tmp_path: Path) -> None:
    async with archived(tmp_path) as (store, purging, job):
        assert await store.jobs.originals_size() == job.size
        await purging.round(Keep(seconds=LATER), LATER)
        assert files(tmp_path / "originals") == [f"{ONE}/Film.mkv"]
        (tmp_path / "lib/Film/Film-poster.jpg").write_bytes(b"Jellyfin has made it better")
        await purging.round(Keep(seconds=10), LATER)
        assert files(tmp_path / "originals") == []
        after = await store.jobs.get(ONE)
        assert after is not None
        assert after.purged_at is not None
        assert await store.jobs.originals_size() == 0


@pytest.mark.parametrize(("harm", "words"), [
    (lambda lib: (lib / "Film/Film.mp4").write_bytes(b"OUTPUT"), "not what was placed"),  # as long as before
    (lambda lib: (lib / "Film/Film.mp4").write_bytes(b"cut"), "not what was placed"),
    (lambda lib: (lib / "Film/Film.mp4").unlink(), "is not there"),
    (lambda lib: (lib / "Film/Film-poster.jpg").unlink(), "is not there"),
    (lambda lib: lib.rename(lib.with_name("away")), "does not exist"),
])
async def test_an_original_stays_while_an_output_is_not_as_it_was_placed(
        tmp_path: Path, caplog: pytest.LogCaptureFixture, harm, words: str) -> None:
    async with archived(tmp_path) as (_, purging, job):
        assert why_kept(job) == ""
        harm(tmp_path / "lib")
        assert words in why_kept(job)
        with caplog.at_level(logging.INFO):
            for _ in range(2):
                await purging.round(Keep(seconds=0, size=0), LATER)
        assert files(tmp_path / "originals") == [f"{ONE}/Film.mkv"]
        assert [words in record.getMessage() for record in caplog.records] == [True], "told once, not in every round"


async def test_an_original_that_somebody_wants_back_is_not_removed(tmp_path: Path) -> None:
    async with archived(tmp_path) as (store, purging, _):
        left = LeftBehind(why=Why.UNDOING, path=tmp_path / "in/Film.mkv", inode=1, size=4, mtime_ns=1)
        await store.jobs.note(ONE, now=5.0, left_behind=left.as_json())
        await purging.round(Keep(seconds=0), LATER)
        assert files(tmp_path / "originals") == [f"{ONE}/Film.mkv"]
        await store.jobs.note(ONE, now=6.0, left_behind=None)
        await store.jobs.apply(ONE, Trigger.REDO, now=7.0)
        await purging.round(Keep(seconds=0), LATER)
        assert files(tmp_path / "originals") == [f"{ONE}/Film.mkv"]


async def test_beyond_their_size_the_oldest_goes_and_no_more_than_needed(tmp_path: Path) -> None:
    async with archived(tmp_path) as (store, purging, job):
        later = Job(id=TWO, state=State.PENDING, route="films", profile="universal", inbox_path=job.inbox_path,
                    relative=job.relative, size=4, created_at=2.0, updated_at=2.0)
        await store.jobs.add(later)
        for trigger in (Trigger.CLAIM, Trigger.ENCODED):
            await store.jobs.apply(TWO, trigger, now=3.0, changes={"intent": job.intent})
        await store.jobs.apply(TWO, Trigger.PUBLISHED, now=5.0, changes={"outputs": job.outputs, "finished_at": 5.0})
        other = a_policy(tmp_path).places.original(TWO, PurePath("Film.mkv"))
        other.parent.mkdir()
        other.write_bytes(b"film")
        await purging.round(Keep(size=8), LATER)
        assert len(files(tmp_path / "originals")) == 2
        await purging.round(Keep(size=7), LATER)
        assert files(tmp_path / "originals") == [f"{TWO}/Film.mkv"]
