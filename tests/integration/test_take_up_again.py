"""What the files know of jobs comes back into a database that does not; and what is forgotten after its time."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness import files
from pectin.model.job import Job, Stage, State, Trigger
from pectin.model.job_note import note_text
from pectin.model.places import JOB_NOTE, Places
from pectin.pipeline.disposal import dispose
from pectin.pipeline.forgetting import forget_old
from pectin.pipeline.rebuild import take_up_again
from pectin.pipeline.recover import recover
from pectin.pipeline.turns import Turns
from pectin.publishing import originals
from pectin.store.store import Store
from working import ONE, TWO, a_policy, add

LATER = 1e12


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.open(tmp_path / "pectin.db") as store:
        yield store


async def ended(store: Store, folder: Path, job_id: str, *triggers: Trigger, **changes: object) -> Job:
    """A job that took these steps, and whose files were put to rest."""
    job = await add(store, folder, job_id, "Film.mkv")
    for at, trigger in enumerate(triggers, start=2):
        job = await store.jobs.apply(job_id, trigger, now=float(at), changes={"stage": Stage.DONE, **changes})
    await dispose(job, store, a_policy(folder).places, a_policy(folder).publishing)
    return job


async def completed(store: Store, folder: Path, job_id: str = ONE) -> Job:
    output = folder / "lib" / "Film" / "Film.mp4"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(b"output")
    return await ended(store, folder, job_id, Trigger.CLAIM, Trigger.ENCODED, Trigger.PUBLISHED,
                       outputs=json.dumps([{"role": "video", "path": str(output), "size": 6}]))


async def rejected(store: Store, folder: Path, job_id: str = TWO) -> Job:
    return await ended(store, folder, job_id, Trigger.CLAIM, Trigger.REJECT)


def places(folder: Path) -> Places:
    return a_policy(folder).places


async def test_jobs_whose_sources_rest_are_known_again_as_they_were(store: Store, tmp_path: Path,
                                                                  caplog: pytest.LogCaptureFixture) -> None:
    jobs = [await completed(store, tmp_path), await rejected(store, tmp_path)]
    (tmp_path / "lib" / "Film" / "Film.mp4").unlink()
    before = files(tmp_path)
    async with Store.open(tmp_path / "another.db") as empty:
        await recover(empty, a_policy(tmp_path))
        assert await empty.jobs.in_state(*State) == jobs
        assert [await empty.jobs.history(job.id) for job in jobs]
        assert await empty.outbox.pending() == {}
    assert [f for f in files(tmp_path) if "another" not in f] == before
    taken = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(taken) == 2
    assert f"pectin redo {ONE}" in taken[0]  # its output is gone


async def test_a_job_that_was_sent_into_the_queue_again_is_pending_again(store: Store, tmp_path: Path) -> None:
    job = await rejected(store, tmp_path)
    originals.bring_back(places(tmp_path), job.id, job.relative)
    assert not places(tmp_path).rejected.exists() or files(places(tmp_path).rejected) == []
    async with Store.open(tmp_path / "another.db") as empty:
        await recover(empty, a_policy(tmp_path))
        [again] = await empty.jobs.in_state(*State)
        assert (again.id, again.state, again.inbox_path, again.cause) == (job.id, State.PENDING, job.inbox_path, None)
        await empty.jobs.apply(again.id, Trigger.CANCEL, now=9.0)
        await recover(empty, a_policy(tmp_path))
    assert [path.name for path in places(tmp_path).job_folder(job.id).parent.iterdir()] == []
    assert files(places(tmp_path).rejected / job.id) == ["Film.mkv", "Film.mkv.why.txt"]


@pytest.mark.parametrize("state", [State.PENDING, State.PROCESSING, State.FAILED])
async def test_a_row_that_is_older_than_the_files_is_put_right(store: Store, tmp_path: Path, state: State) -> None:
    job = await completed(store, tmp_path)
    async with Store.open(tmp_path / "another.db") as old:
        await old.jobs.add(replace(job, state=state, updated_at=2.0, outputs=None))
        await recover(old, a_policy(tmp_path))
        assert await old.jobs.get(ONE) == job
        assert (await old.jobs.history(ONE))[-1].to_state is State.COMPLETED
    assert files(places(tmp_path).originals) == [f"{ONE}/Film.mkv"]


async def test_a_row_that_knows_more_than_the_note_stays(store: Store, tmp_path: Path) -> None:
    job = await completed(store, tmp_path)
    again = await store.jobs.apply(job.id, Trigger.REDO, now=50.0)  # and a crash before the original has come back
    await take_up_again(store, places(tmp_path), lambda _: True)
    assert await store.jobs.get(job.id) == again
    await recover(store, a_policy(tmp_path))
    assert files(places(tmp_path).work) == [f"{ONE}/source/Film.mkv"]


async def test_what_makes_no_sense_is_told_and_left_alone(store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = places(tmp_path).originals
    strange = {"3333333333": "", "4444444444": "{half", "5555555555": note_text(await rejected(store, tmp_path)),
               "no-job": "{}"}  # no note, half of one, another job's; not ours
    for name, text in strange.items():
        (root / name).mkdir(parents=True)
        (root / name / "Film.mkv").write_bytes(b"film")
        if text:
            (root / name / JOB_NOTE).write_text(text)
    (root / "6666666666").mkdir()
    (root / "6666666666" / JOB_NOTE).write_text("{}")  # somebody has taken the film away
    (root / "7777777777").write_text("a file")
    before = sorted(root.rglob("*"))
    async with Store.open(tmp_path / "another.db") as empty:
        await take_up_again(empty, places(tmp_path), lambda _: True)
        assert [job.id for job in await empty.jobs.in_state(*State)] == [TWO]
    assert sorted(root.rglob("*")) == before
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert [text.split()[0] for text in told] == [str(root / name) for name in list(strange)[:3]]


async def test_a_note_is_as_new_as_the_job_and_goes_with_the_original(store: Store, tmp_path: Path) -> None:
    job = await completed(store, tmp_path)
    note = places(tmp_path).job_notes(ONE)[0]
    assert note.read_text() == note_text(job)
    originals.bring_back(places(tmp_path), ONE, job.relative)
    assert not note.parent.exists()
    await dispose(job, store, places(tmp_path), a_policy(tmp_path).publishing)
    assert note.exists()
    originals.purge(places(tmp_path), ONE)
    assert not note.parent.exists()


async def test_a_job_is_forgotten_once_its_source_is_gone_and_not_before(store: Store, tmp_path: Path) -> None:
    await completed(store, tmp_path)
    await rejected(store, tmp_path)
    turns = Turns()
    assert await forget_old(store, places(tmp_path), turns, LATER) == 0
    originals.purge(places(tmp_path), ONE)
    assert await forget_old(store, places(tmp_path), turns, 3.0) == 0  # too early
    assert await forget_old(store, places(tmp_path), turns, LATER) == 1
    assert [job.id for job in await store.jobs.in_state(*State)] == [TWO]
    resting = places(tmp_path).rejected / TWO
    for path in resting.glob("Film.mkv*"):  # a person did what the text beside it says
        path.unlink()
    assert await forget_old(store, places(tmp_path), turns, LATER) == 1
    assert not resting.exists()
    await recover(store, a_policy(tmp_path))
    assert await store.jobs.in_state(*State) == []
