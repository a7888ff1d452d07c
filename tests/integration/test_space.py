"""Room on the disks: counted before anything is begun, waited for, and nothing half-made stays where it ran out."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Any

import pytest

from clips import Clips
from disks import BALLAST, small_disk
from harness import SLOW, Daemon, daemon, files, sha256, until
from pectin.linux.glance import SILENT, Glances
from pectin.linux.space import Disk, disk_of
from pectin.model.errors import Cause
from pectin.model.job import Job, Stage, State
from pectin.model.plan import Plan, Reason, StreamAction, StreamDecision, VideoTarget
from pectin.model.profile import Profile
from pectin.model.rendition import Hls, Rendition
from pectin.model.reports import Progress
from pectin.pipeline import entry
from pectin.pipeline.housekeeping import Housekeeping
from pectin.pipeline.purging import Keep
from pectin.pipeline.running import RunningJob
from pectin.pipeline.space import Shortage, Space
from pectin.pipeline.worker import Worker
from working import ONE, TWO, a_policy, add, ended, publishing, working

MB = 1_000_000


def a_job(size: int, job_id: str = ONE, **more: Any) -> Job:
    fields = {"id": job_id, "state": State.PENDING, "route": "films", "profile": "universal", "inbox_path": Path("/in/f.mkv"),
              "relative": PurePath("f.mkv"), "size": size, "created_at": 1.0, "updated_at": 1.0}
    return Job(**fields | more)


def a_plan(seconds: float) -> Plan:
    target = VideoTarget(width=640, height=360, scale=False, frame_rate=None, nominal_frame_rate=Fraction(25))
    picture = StreamDecision(index=0, kind="video", codec="mpeg4", action=StreamAction.ENCODE, reason=Reason.FITS, sentence="",
                             target=target)
    return Plan(profile="universal", source_format="mov", seconds=seconds, streams=(picture,), width=640, height=360)


def a_disk(free: int, *, pool: str = "one", volume: str = "", size: int = 1000 * MB) -> Disk:
    return Disk(pool, volume or pool, free, size)


async def judged(tmp_path: Path, job: Job, work: Disk, library: Disk | None = None, *, running: tuple[RunningJob, ...] = (),
                 min_free: int = 0, plan: Plan | None = None, state: Disk | None = None) -> Shortage | None:
    policy = replace(a_policy(tmp_path), min_free=min_free, state=tmp_path / "state")
    disks = {policy.places.work: work, tmp_path / "lib": library or work, tmp_path / "state": state or work}
    return await Space(disks.get).for_job(job, running, policy, plan)


async def test_a_job_needs_room_for_its_output_and_what_is_kept_free(tmp_path: Path) -> None:
    assert await judged(tmp_path, a_job(100 * MB), a_disk(111 * MB)) is None
    short = await judged(tmp_path, a_job(100 * MB), a_disk(111 * MB), min_free=10 * MB)
    assert short == Shortage(f"f.mkv may need 110.0 MB at {tmp_path / 'work'}, where 111.0 MB are free, and 10.0 MB are kept "
                             "free (paths.min_free)", alone=False)


async def test_what_running_jobs_will_still_write_is_set_aside(tmp_path: Path) -> None:
    other = RunningJob(job=a_job(100 * MB, TWO, state=State.PROCESSING), slot=0)
    short = await judged(tmp_path, a_job(100 * MB), a_disk(200 * MB), running=(other,))
    assert short is not None
    assert "110.0 MB are set aside for other films" in short.facts
    other.enter(Stage.ENCODING)
    other.progressed(Progress(total_size=50 * MB))
    assert await judged(tmp_path, a_job(100 * MB), a_disk(171 * MB), running=(other,)) is None, "50 MB of it are written"
    other.enter(Stage.VERIFYING)
    assert await judged(tmp_path, a_job(100 * MB), a_disk(111 * MB), running=(other,)) is None, "all of it is written"


async def test_a_library_on_another_file_system_needs_room_too(tmp_path: Path) -> None:
    roomy = a_disk(900 * MB)
    short = await judged(tmp_path, a_job(100 * MB), roomy, a_disk(100 * MB, pool="two"))
    assert short is not None
    assert str(tmp_path / "lib") in short.facts
    assert await judged(tmp_path, a_job(100 * MB), a_disk(150 * MB)) is None, "within one file system it is only renamed"
    assert await judged(tmp_path, a_job(100 * MB), a_disk(150 * MB), a_disk(150 * MB, volume="bind")), "here it is there twice"


async def test_the_plan_says_what_a_small_source_can_become(tmp_path: Path) -> None:
    """100 s at 8 Mbit/s."""
    assert await judged(tmp_path, a_job(MB), a_disk(100 * MB)) is None
    assert await judged(tmp_path, a_job(MB), a_disk(100 * MB), plan=a_plan(100.0)) is not None
    known = a_job(MB, plan=a_plan(100.0).as_json())
    assert await judged(tmp_path, known, a_disk(100 * MB)) is not None, "the plan of an earlier try is remembered"


@pytest.mark.parametrize(("profile", "planned", "enough"), [
    # A film of 110 MB, half of it again as a rendition; for web players both once more. In the work queue, and where it goes.
    (Profile(renditions=(540,)), False, {"work": 165, "lib": 110, "renditions": 55}),
    (Profile(renditions=(540,), versions=True), False, {"work": 165, "lib": 165, "renditions": 0}),
    (Profile(renditions=(540,), hls=Hls.FMP4), False, {"work": 330, "lib": 110, "renditions": 220}),
    (Profile(renditions=(540,), hls=Hls.FMP4, rendition_files=False), False, {"work": 330, "lib": 110, "renditions": 165}),
    (Profile(original=True), False, {"work": 215, "lib": 110, "renditions": 105}),
    # 100 s at 8 and at 2 Mbit/s.
    (Profile(), True, {"work": 131.25, "lib": 105, "renditions": 26.25}),
])
async def test_renditions_need_room_in_their_own_folder(tmp_path: Path, profile: Profile, planned: bool,
                                                        enough: dict[str, float]) -> None:
    plan = replace(a_plan(100.0), renditions=(Rendition(name="540p", streams=(), width=960, height=540, sentence="",
                                                        max_bitrate=2_000_000),))
    policy = replace(a_policy(tmp_path), renditions=tmp_path / "renditions", profiles={"universal": profile})
    for short in (None, *(name for name, size in enough.items() if size)):
        disks = {tmp_path / name: a_disk(int(size * MB) - (name == short), pool=name) for name, size in enough.items()}
        found = await Space(disks.get).for_job(a_job(100 * MB), (), policy, plan if planned else None)
        assert (None if short is None else str(tmp_path / short)) == (None if found is None else found.facts.split()[6][:-1])


async def test_a_film_larger_than_the_disk_waits_alone(tmp_path: Path) -> None:
    short = await judged(tmp_path, a_job(1000 * MB), a_disk(900 * MB))
    assert short is not None
    assert short.alone
    assert "even an empty disk has 1.0 GB" in short.facts


async def test_a_full_disk_below_the_database_stops_the_queue_before_it_stops_the_daemon(tmp_path: Path) -> None:
    short = await judged(tmp_path, a_job(MB), a_disk(900 * MB), state=a_disk(10 * MB, pool="state"))
    assert short is not None
    assert "where the database lies" in short.facts


async def test_a_copy_leaves_room_for_all_that_wait(tmp_path: Path) -> None:
    """Sources that fill the disk leave no room for what should be made of them: the queue would stand still for ever."""
    policy = a_policy(tmp_path)
    space = Space({policy.places.work: a_disk(300 * MB)}.get)
    assert await space.for_copy("f.mkv", 100 * MB, [], [], policy) is None
    assert await space.for_copy("f.mkv", 100 * MB, [a_job(100 * MB)], [], policy) is not None


async def test_a_folder_that_does_not_answer_is_looked_at_once_and_waited_for_once(tmp_path: Path) -> None:
    answer, looks = threading.Event(), []

    def look(folder: Path) -> str:
        looks.append(folder)
        if folder.name == "dead":
            answer.wait()
        elif folder.name == "gone":
            raise FileNotFoundError(folder)
        return folder.name

    glances = Glances(look, patience=0.2)
    for _ in range(3):
        found = await glances.at([tmp_path / "dead", tmp_path / "alive", tmp_path / "gone"])
        assert found[tmp_path / "dead"] is SILENT
        assert found[tmp_path / "alive"] == "alive"
        assert isinstance(found[tmp_path / "gone"], FileNotFoundError)
    assert looks.count(tmp_path / "dead") == 1
    answer.set()
    while (await glances.at([tmp_path / "dead"]))[tmp_path / "dead"] is SILENT:
        await asyncio.sleep(0.01)


def test_a_file_system_tells_its_room(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    here, below = disk_of(tmp_path), disk_of(tmp_path / "a")
    assert here is not None
    assert below is not None
    assert (here.pool, here.volume, here.size) == (below.pool, below.volume, below.size)
    assert 0 < here.free <= here.size


def with_room(monkeypatch: pytest.MonkeyPatch, worker: Worker, free: dict[str, int]) -> None:
    """A worker that sees one disk of 1 GB with so much room."""
    monkeypatch.setattr(entry, "LOOK", 0.02)
    monkeypatch.setattr(worker._entry, "_space", Space(lambda _folder: a_disk(free["bytes"])))


async def ends(task: asyncio.Task[None]) -> None:
    assert not task.done(), task
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_full_disk_lets_what_is_made_be_placed_and_the_queue_goes_on_when_there_is_room(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"bytes": 1}
    async with working(tmp_path) as (store, worker):
        gate, changes = worker._gate, list[tuple[Cause, ...]]()
        monkeypatch.setattr(worker._entry, "_changed", lambda: changes.append(gate.causes))
        with_room(monkeypatch, worker, free)
        await publishing(store, tmp_path)
        await add(store, tmp_path, TWO, "next.mkv")
        task = asyncio.create_task(worker.run())
        await ended(store, ONE, State.COMPLETED)
        for _ in range(600):
            if gate.causes:
                break
            await asyncio.sleep(0.05)
        assert gate.causes == (Cause.DISK_LOW,)
        assert (await ended(store, TWO, State.PENDING)).cause is None
        free["bytes"] = 500 * MB
        await ended(store, TWO, State.REJECTED)  # it was taken: /bin/false as ffprobe says no
        await ends(task)
        assert changes == [(Cause.DISK_LOW,), ()]


async def test_a_film_that_can_never_fit_tells_why_and_keeps_nobody_waiting(tmp_path: Path,
                                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    async with working(tmp_path) as (store, worker):
        with_room(monkeypatch, worker, {"bytes": 500 * MB})
        await store.jobs.add(a_job(5000 * MB, ONE, created_at=0.5))
        await add(store, tmp_path, TWO, "next.mkv")
        task = asyncio.create_task(worker.run())
        await ended(store, TWO, State.REJECTED)
        await ends(task)
        job = await ended(store, ONE, State.PENDING)
        assert (job.cause, job.not_before > time.time()) == (Cause.DISK_LOW, True)
        assert "may need 5.5 GB" in job.message
        assert [step.to_state for step in await store.jobs.history(ONE)] == [State.PENDING], "no row for each look"
        assert worker._gate.causes == ()


async def test_a_full_library_keeps_only_its_own_films_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"lib": 1}
    monkeypatch.setattr(entry, "LOOK", 0.02)
    async with working(tmp_path) as (store, worker):
        gate, films = worker._gate, worker.policy.routes["films"]
        worker.policy = replace(worker.policy, routes={"films": films, "series": replace(films, name="series",
                                                                                        library=tmp_path / "series")})
        monkeypatch.setattr(worker._entry, "_space", Space(lambda folder: a_disk(free.get(folder.name, 500 * MB),
                                                                                 pool=folder.name)))
        await add(store, tmp_path, ONE, "film.mkv")
        (tmp_path / "work" / TWO / "source").mkdir(parents=True)
        await store.jobs.add(a_job(4, TWO, route="series", created_at=2.0))
        task = asyncio.create_task(worker.run())
        assert (await ended(store, TWO, State.FAILED)).cause is Cause.SOURCE_LOST  # it was taken
        assert (await ended(store, ONE, State.PENDING)).cause is None
        while not gate.sentence:
            await asyncio.sleep(0.01)
        assert gate.causes == (), "the queue is not closed"
        assert f"at {tmp_path / 'lib'}" in gate.sentence
        assert "films for other libraries go on" in gate.sentence
        free["lib"] = 500 * MB
        await ended(store, ONE, State.REJECTED)
        while gate.sentence:
            await asyncio.sleep(0.01)
        await ends(task)


async def test_a_library_that_fills_up_while_a_film_is_placed_is_waited_for(tmp_path: Path) -> None:
    with small_disk(tmp_path / "lib", "1m") as disk:
        async with working(tmp_path) as (store, worker):
            await publishing(store, tmp_path)
            disk.fill()
            task = asyncio.create_task(worker.run())
            for _ in range(600):
                job = await ended(store, ONE, State.PUBLISHING)
                if job.cause:
                    break
                await asyncio.sleep(0.05)
            assert (job.cause, job.attempts) == (Cause.NO_SPACE, 0)
            assert [f for f in files(tmp_path / "lib") if f != BALLAST] == [], "no part file"
            disk.empty()
            await store.jobs.note(ONE, now=time.time(), not_before=0.0)
            worker.wake.call()
            await ended(store, ONE, State.COMPLETED)
            await ends(task)
            assert files(tmp_path / "lib") == ["Film/Film.mp4"]


async def test_originals_without_room_keep_the_source_in_the_work_queue_until_there_is(tmp_path: Path) -> None:
    with small_disk(tmp_path / "originals", "1m") as disk:
        async with working(tmp_path) as (store, worker):
            await publishing(store, tmp_path)
            places = worker.policy.places
            source = places.source(ONE, PurePath("Film.mkv"))
            source.write_bytes(os.urandom(20_000))
            content = sha256(source)
            disk.fill()
            task = asyncio.create_task(worker.run())
            await ended(store, ONE, State.COMPLETED)
            while worker.running:
                await asyncio.sleep(0.02)
            await ends(task)
            assert sha256(source) == content
            assert not [f for f in files(tmp_path / "originals") if f != BALLAST and not f.endswith(".json")]
            disk.empty()
            keeper = Housekeeping(store, places, [tmp_path / "lib"], Keep(), worker.turns, worker.policy.publishing)
            await keeper.round(time.time())
            assert sha256(places.original(ONE, PurePath("Film.mkv"))) == content
            assert files(tmp_path / "work") == []


def test_a_daemon_short_of_room_says_so_everywhere_and_goes_on_by_itself(tmp_path: Path, clips: Clips) -> None:
    """The work queue is on a disk of its own, and the inbox on another: the film has to be copied."""
    film = clips.film("film.mkv")
    with small_disk(tmp_path / "work", "96m") as disk, daemon(tmp_path, {"paths": {
            **{name: str(tmp_path / name) for name in ("state", "work", "originals", "rejected")}, "min_free": "20MB"}}) as made:
        made.client().post("/v1/drain")  # nothing starts, but films are taken (paused, none would be copied)
        made.drop(film, "Claimed.mkv")
        until(made.jobs, "the first film is claimed")
        disk.fill(leaving=10 * MB)
        made.drop(film, "Waits.mkv")
        [waiting] = until(lambda: made.client().get("/v1/status")["waiting"], "the second film waits in the inbox")
        until(lambda: "too little free space" in made.client().get("/v1/status")["waiting"][0]["sentence"], "and tells why")
        made.client().post("/v1/resume")
        status = until(lambda: (s := made.client().get("/v1/status"))["paused_for"] and s, "the queue is paused")
        assert (status["mode"], status["paused_for"]) == ("open", ["disk_low"])
        assert "Claimed.mkv may need" in status["mode_sentence"]
        assert "paths.min_free" in made.cli("status").stdout
        found = [f["what"] for f in json.loads(made.cli("doctor", "--json").stdout)]
        assert any("less than paths.min_free (20.0 MB): no job starts" in what for what in found), found
        made.client().post("/v1/pause")
        assert made.client().get("/v1/status")["paused_for"] == ["paused_by_user", "disk_low"]
        made.client().post("/v1/resume")
        disk.empty()
        made.job("Claimed.mkv", "COMPLETED")
        made.client().post("/v1/rescan")
        made.job("Waits.mkv", "COMPLETED")
        assert made.client().get("/v1/status")["paused_for"] == []
        assert "no job starts: there is too little free space" in made.text()
        assert "there is room on the disk again" in made.text()
        assert waiting["path"].endswith("Waits.mkv")
        made.write({"paths": {"min_free": "10MB"}})
        assert made.client().post("/v1/reload")["notes"] == [], "it may be lowered without a restart"
        assert files(made.folder / "work") == []


def test_an_ffmpeg_that_ran_out_of_room_is_tried_again_when_there_is_some(tmp_path: Path, clips: Clips) -> None:
    noise = clips.make("noise.mkv", ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=6,noise=alls=40:allf=t",
                                     "-c:v", "mpeg4", "-q:v", "20"])
    with small_disk(tmp_path / "work", "100m") as disk, daemon(tmp_path, SLOW) as made:
        made.drop(noise, "Long.mkv")
        made.running("encoding")
        disk.fill()
        job = until(lambda: (j := made.job("Long.mkv", "PENDING", "PROCESSING"))["state"] == "PENDING" and j, "it waits")
        assert (job["cause"], job["attempts"]) == ("no_space", 0)
        until(lambda: not any("scratch" in f or "out/" in f for f in files(made.folder / "work")), "half an output does not stay")
        disk.empty()
        made.write({"profiles": {"universal": {"preset": "ultrafast"}}})
        made.client().post("/v1/reload")
        made.client().post(f"/v1/jobs/{job['id']}/retry")
        assert made.job("Long.mkv", "COMPLETED")["attempts"] == 0


def test_a_full_disk_below_the_database_loses_nothing(tmp_path: Path, clips: Clips) -> None:
    with small_disk(tmp_path / "state", "48m") as disk:
        made = Daemon(tmp_path)
        try:
            made.start()
            disk.fill(leaving=8 * MB)
            film = made.drop(clips.film("film.mkv"), "Film.mkv")
            content = sha256(clips.film("film.mkv"))
            status = until(lambda: (s := made.client().get("/v1/status"))["paused_for"] and s, "the queue stops, not the daemon")
            assert "where the database lies" in status["mode_sentence"]
            disk.empty()
            disk.fill()
            made.drop(clips.film("film.mkv", seconds=1), "Second.mkv")
            assert made.process is not None
            assert made.process.wait(60) != 0, "a row that cannot be written ends it loudly"
            made.process = None
            disk.empty()
            made.start()
            made.job("Film.mkv", "COMPLETED")
            made.job("Second.mkv", "COMPLETED")
            assert not film.exists()
            assert content in {sha256(path) for path in (tmp_path / "originals").rglob("*.mkv")}
        finally:
            if made.process is not None:
                made.stop()
