"""The same film twice, our own films once more, names that are taken: told apart by what is in them, whatever they are called."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from clips import Clips
from harness import daemon, files, sha256
from pectin.linux.content import fingerprint_of
from pectin.model.conflict import Conflict, Duplicates
from pectin.model.errors import Cause, PectinError
from pectin.model.fingerprint import BLOCK, OwnOutput
from pectin.model.job import Job, StaleTransitionError, State, Trigger
from pectin.pipeline.housekeeping import Housekeeping
from pectin.pipeline.policy import Policy
from pectin.pipeline.purging import Keep
from pectin.pipeline.recognise import recognise
from pectin.pipeline.running import RunningJob
from pectin.pipeline.turns import Turns
from pectin.store.store import Store
from working import ONE, TWO, add, ended, publishing, working

SECTIONS = {"intake": {"duplicates": "reject"}, "encoder": {"jobs": 2}}


def test_the_same_film_twice_and_our_own_film_once_more_are_recognised_and_a_person_decides(tmp_path: Path, clips: Clips) -> None:
    film = clips.film("film.mkv")
    with daemon(tmp_path, SECTIONS) as made:
        made.drop(film, "Film.mkv")
        first = made.job("Film.mkv", "COMPLETED")
        published = made.library / "Film/Film.mp4"

        made.drop(film, "The same under another name.mkv")
        made.drop(published, "Ours.mp4")
        again, ours = made.job("The same under another name.mkv", "REJECTED"), made.job("Ours.mp4", "REJECTED")
        assert again["cause"] == "duplicate"
        assert first["id"] in again["message"]
        assert "Film.mkv" in again["message"]
        assert sha256(tmp_path / "rejected" / again["id"] / "The same under another name.mkv") == sha256(film)
        assert ours["cause"] == "own_output"
        assert first["id"] in ours["message"]
        assert str(published) in ours["message"]
        assert files(made.library) == ["Film/Film.mp4"]
        assert files(tmp_path / "work") == []

        assert made.cli("retry", again["id"]).returncode == 0
        assert made.cli("retry", ours["id"]).returncode == 0
        made.job("The same under another name.mkv", "COMPLETED")
        made.job("Ours.mp4", "COMPLETED")

        made.drop(made.library / "Ours/Ours.mp4", "Ours twice.mp4")  # no loop, however often it goes round
        assert made.job("Ours twice.mp4", "REJECTED")["cause"] == "own_output"

        shutil.rmtree(made.library / "Film")  # whoever throws a film away may drop it again
        shutil.rmtree(made.library / "The same under another name")
        made.drop(film, "Once more.mkv")
        made.job("Once more.mkv", "COMPLETED")


def test_of_two_films_of_one_content_that_come_at_once_exactly_one_is_made(tmp_path: Path, clips: Clips) -> None:
    with daemon(tmp_path, SECTIONS) as made:
        for number in range(4):
            made.drop(clips.film("film.mkv"), f"Film {number}.mkv")
        jobs = [made.job(f"Film {number}.mkv", "COMPLETED", "REJECTED") for number in range(4)]
        assert sorted(job["state"] for job in jobs) == ["COMPLETED", "REJECTED", "REJECTED", "REJECTED"]
        assert {job["cause"] for job in jobs if job["state"] == "REJECTED"} == {"duplicate"}
        assert len(files(made.library)) == 1


@pytest.mark.parametrize("conflict", ["replace", "reject"])
def test_a_name_that_is_taken_is_dealt_with_as_the_configuration_says(tmp_path: Path, clips: Clips, conflict: str) -> None:
    old, new = clips.film("film.mkv"), clips.film("other.mkv", seconds=1)
    with daemon(tmp_path, SECTIONS | {"publish": {"conflict": conflict}, "intake": {"sidecar_wait": "60s"}}) as made:
        (made.inbox / "Film.en.srt").write_text("1\n00:00:00,100 --> 00:00:01,000\nOld\n")
        made.drop(old, "Film.mkv")
        first = made.job("Film.mkv", "COMPLETED")
        before = {name: sha256(made.library / name) for name in files(made.library)}
        assert "Film/Film.mp4" in before
        made.drop(new, "Film.avi")
        if conflict == "reject":
            job = made.job("Film.avi", "REJECTED")
            assert job["cause"] == "name_exists"
            assert str(made.library / "Film/Film.mp4") in job["message"]
            assert [step["to_state"] for step in job["history"]] == ["PENDING", "PROCESSING", "REJECTED"]
            assert {name: sha256(made.library / name) for name in files(made.library)} == before
            (made.library / "Film/Film.mp4").unlink()
            (made.library / "Film/Film.en.srt").unlink(missing_ok=True)
            assert made.cli("retry", job["id"]).returncode == 0
            made.job("Film.avi", "COMPLETED")
        else:
            job = made.job("Film.avi", "COMPLETED")
            now = made.library / "Film/Film.mp4"
            assert sha256(now) == job["outputs"][0]["sha256"] != before["Film/Film.mp4"]
            assert set(files(made.library)) == set(before)
            archive = tmp_path / "originals" / job["id"] / ".replaced"
            assert sha256(archive / "Film/Film.mp4") == before["Film/Film.mp4"] == first["outputs"][0]["sha256"]


class Films:
    """Jobs over a store, and recognise() for one of them."""

    def __init__(self, folder: Path, store: Store, policy: Policy) -> None:
        self.folder, self.store = folder, store
        self.policy = replace(policy, duplicates=Duplicates.REJECT)
        self.turns = Turns()

    async def add(self, job_id: str, content: bytes) -> Job:
        job = await add(self.store, self.folder, job_id, f"{job_id}.mkv")
        (self.folder / "work" / job_id / "source" / f"{job_id}.mkv").write_bytes(content)
        return job

    async def refusal(self, job_id: str, **changes: object) -> Cause | None:
        job = await self.store.jobs.get(job_id)
        assert job is not None
        running = RunningJob(job=job, slot=0, **changes)  # type: ignore[arg-type]
        try:
            await recognise(running, self.policy, self.store, self.turns)
        except PectinError as error:
            return error.cause
        return None


LARGE = os.urandom(BLOCK) * 80  # of which blocks are left out
ALIKE = LARGE[:BLOCK * 2] + b"?" + LARGE[BLOCK * 2 + 1:]  # differs between two blocks only


async def test_the_same_blocks_in_another_film_are_no_duplicate_as_long_as_both_can_be_compared(tmp_path: Path) -> None:
    async with working(tmp_path) as (store, worker):
        films = Films(tmp_path, store, worker.policy)
        for job_id, content in ((ONE, LARGE), (TWO, ALIKE), ("0000000003", LARGE)):
            await films.add(job_id, content)
        assert await films.refusal(ONE) is None
        first = await store.jobs.get(ONE)
        assert first is not None
        assert first.fingerprint == fingerprint_of(tmp_path / "work" / TWO / "source" / f"{TWO}.mkv")
        assert await films.refusal(TWO) is None
        assert await films.refusal("0000000003") is Cause.DUPLICATE
        assert await films.refusal(ONE) is None  # after a restart: it is not its own duplicate
        (tmp_path / "work" / ONE / "source" / f"{ONE}.mkv").unlink()  # gone, as a purged original: nothing to compare with
        await films.add("0000000004", ALIKE)
        assert await films.refusal("0000000004") is Cause.DUPLICATE


@pytest.mark.parametrize(("steps", "blocks"), [
    ([], True), ([Trigger.CLAIM], True), ([Trigger.CANCEL], False), ([Trigger.CLAIM, Trigger.REJECT], False),
    ([Trigger.CLAIM, Trigger.GIVE_UP], False), ([Trigger.CLAIM, Trigger.ENCODED], True),
    ([Trigger.CLAIM, Trigger.ENCODED, Trigger.PUBLISHED], True),
    ([Trigger.CLAIM, Trigger.ENCODED, Trigger.PUBLISHED, Trigger.UNDO], False)])
async def test_only_a_film_that_is_filed_or_will_be_makes_another_one_a_duplicate(
        tmp_path: Path, steps: list[Trigger], blocks: bool) -> None:
    async with working(tmp_path) as (store, worker):
        films = Films(tmp_path, store, worker.policy)
        await films.add(ONE, b"film")
        await films.add(TWO, b"film")
        assert await films.refusal(ONE) is None
        for step in steps:
            await store.jobs.apply(ONE, step, now=5.0)
        assert await films.refusal(TWO) is (Cause.DUPLICATE if blocks else None)
        assert await films.refusal(TWO, as_it_is=True) is None
        films.policy = worker.policy  # keep
        assert await films.refusal(TWO) is None


async def test_what_we_made_is_known_by_all_of_its_content_and_outlives_its_job(tmp_path: Path) -> None:
    async with working(tmp_path) as (store, worker):
        films = Films(tmp_path, store, worker.policy)
        for job_id, content in ((ONE, LARGE), (TWO, ALIKE)):
            await films.add(job_id, content)
        source = tmp_path / "work" / ONE / "source" / f"{ONE}.mkv"
        made = OwnOutput(job_id="forgotten0", role="video", path=Path("/lib/caf\udce9.mp4"), sha256=sha256(source),
                         fingerprint=fingerprint_of(source))
        await store.jobs.remember_outputs([made, made])
        assert await store.jobs.outputs_alike(made.fingerprint) == [made]
        assert await films.refusal(ONE) is Cause.OWN_OUTPUT
        assert await films.refusal(TWO) is None
        assert await store.jobs.publisher_of(made.path) is None  # nobody knows the job any more


async def test_what_is_made_is_ours_in_the_same_moment_in_which_it_may_be_placed(tmp_path: Path) -> None:
    async with working(tmp_path) as (store, _):
        await add(store, tmp_path, ONE, "Film.mkv")
        await store.jobs.apply(ONE, Trigger.CLAIM, now=2.0)
        made = OwnOutput(job_id=ONE, role="video", path=Path("/lib/Film.mp4"), sha256="00", fingerprint="1-ff")
        with pytest.raises(StaleTransitionError):
            await store.jobs.apply(ONE, Trigger.CLAIM, now=3.0, expected=State.PENDING, made=[made])
        assert await store.jobs.outputs_alike("1-ff") == []
        await store.jobs.apply(ONE, Trigger.ENCODED, now=4.0, made=[made])
        assert await store.jobs.outputs_alike("1-ff") == [made]
        moved = replace(made, path=Path("/lib/Film - version 2.mp4"))
        await store.jobs.apply(ONE, Trigger.RETRY, now=5.0, made=[moved])
        assert await store.jobs.outputs_alike("1-ff") == [moved]
        assert await store.jobs.publisher_of(moved.path) is None
        await store.jobs.apply(ONE, Trigger.PUBLISHED, now=6.0)
        publisher = await store.jobs.publisher_of(moved.path)
        assert publisher is not None
        assert publisher.id == ONE


@pytest.mark.parametrize("conflict", Conflict)
async def test_a_name_that_is_taken_in_the_last_moment_is_dealt_with_in_the_same_way(tmp_path: Path, conflict: Conflict) -> None:
    async with working(tmp_path) as (store, worker):
        worker.policy = replace(worker.policy, publishing=replace(worker.policy.publishing, conflict=conflict))
        job = await publishing(store, tmp_path)
        taken = tmp_path / "lib/Film/Film.mp4"
        taken.parent.mkdir()
        taken.write_bytes(b"a stranger's")
        task = asyncio.create_task(worker.run())
        job = await ended(store, ONE, State.REJECTED if conflict is Conflict.REJECT else State.COMPLETED)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        library = {name: (tmp_path / "lib" / name).read_bytes() for name in files(tmp_path / "lib")}
        if conflict is Conflict.REPLACE:
            assert library == {"Film/Film.mp4": b"output"}
            assert (tmp_path / "originals" / ONE / ".replaced/Film/Film.mp4").read_bytes() == b"a stranger's"
        elif conflict is Conflict.KEEP_BOTH:
            assert library == {"Film/Film.mp4": b"a stranger's", "Film/Film - version 2.mp4": b"output"}
        else:
            assert library == {"Film/Film.mp4": b"a stranger's"}
            assert job.cause is Cause.NAME_EXISTS
            assert (tmp_path / "rejected" / ONE / "Film.mkv").read_bytes() == b"film"
        assert files(tmp_path / "work") == []


async def test_a_film_that_a_crash_left_hidden_has_its_name_again_or_is_archived(tmp_path: Path) -> None:
    async with working(tmp_path) as (store, worker):
        await add(store, tmp_path, ONE, "Film.mkv")
        await store.jobs.apply(ONE, Trigger.CANCEL, now=2.0)
        folder = tmp_path / "lib/Film"
        folder.mkdir(parents=True)
        (folder / f".Gone.mp4.{ONE}.replaced").write_bytes(b"gone")
        (folder / f".Film.mp4.{ONE}.replaced").write_bytes(b"old")
        (folder / f".Foreign.mp4.{TWO}.replaced").write_bytes(b"foreign")
        (folder / "Film.mp4").write_bytes(b"new")
        keeper = Housekeeping(store, worker.policy.places, [tmp_path / "lib"], Keep(), worker.turns,
                              worker.policy.publishing)
        await keeper._remove_strays()
        assert files(folder) == [f".Foreign.mp4.{TWO}.replaced", "Film.mp4", "Gone.mp4"]
        assert (folder / "Gone.mp4").read_bytes() == b"gone"
        assert (tmp_path / "originals" / ONE / ".replaced/Film/Film.mp4").read_bytes() == b"old"
