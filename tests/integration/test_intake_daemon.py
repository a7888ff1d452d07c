"""The intake of a running daemon: sidecars, routes, orders, files that are never completed, other file systems."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clips import Clips
from harness import Daemon, daemon, files, sha256, until
from needs import missing, need_program, need_root
from pectin.intake import taking
from pectin.intake.arrivals import Arrivals, IntakeRules
from pectin.intake.settle import Patience
from pectin.model.errors import Cause, PectinError
from pectin.model.job import Job, State
from pectin.model.places import Places
from pectin.pipeline import claiming
from working import an_intake, working

SUBTITLE = "1\n00:00:00,100 --> 00:00:00,900\nHello\n"


def tree(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SUBTITLE)


def test_a_drop_folder_gives_all_that_belongs_to_its_film_and_is_removed(tmp_path: Path, clips: Clips) -> None:
    with daemon(tmp_path, {"intake": {"sidecar_wait": "4s"}}) as made:
        film = clips.film("film.mkv", seconds=1)
        aside = tmp_path / "drop"
        tree(aside, "Trip.en.srt", "Subs/Trip.de.srt", "Trip.nfo", ".DS_Store")
        shutil.copy(film, aside / "Trip.mkv")
        aside.rename(made.inbox / "Trip")
        job = made.job("Trip.mkv", "COMPLETED")
        original = Path(job["source_now"]).parent
        until(lambda: files(original) == ["Subs/Trip.de.srt", "Trip.en.srt", "Trip.mkv", "Trip.nfo"], "all came along")
        until(lambda: files(made.library) == ["Trip/Trip.de.srt", "Trip/Trip.en.srt", "Trip/Trip.mp4", "Trip/Trip.nfo"],
              f"all is beside the film: {files(made.library)}")
        until(lambda: os.listdir(made.inbox) == [], "the emptied folder is gone")
        assert sha256(original / "Trip.mkv") == sha256(film)
        assert not list((tmp_path / "work").iterdir())
        until(lambda: "an emptied folder was removed" in made.text(), "it is told")


def test_a_sidecar_that_comes_after_all_is_over_is_put_beside_the_film_and_one_too_late_is_told(
        tmp_path: Path, clips: Clips) -> None:
    with daemon(tmp_path, {"intake": {"sidecar_wait": "30s"}}) as made:
        made.drop(clips.film("film.mkv", seconds=1), "Film.mkv")
        job = made.job("Film.mkv", "COMPLETED")
        tree(made.inbox, "Film.en.srt")
        until(lambda: "Film/Film.en.srt" in files(made.library), "it is beside the film")
        shown = until(lambda: (j := made.client().get(f"/v1/jobs/{job['id']}"))["sidecars"] and j, "the job knows of it")
        assert Path(shown["sidecars"][0]["now"]).read_text() == SUBTITLE
        assert [o["role"] for o in shown["outputs"]] == ["video", "sidecar"]
        tree(made.inbox, "Other.srt")
        os.utime(made.inbox / "Other.srt", (1e9, 1e9))
        waits = until(lambda: made.json("status", "--inbox")["waiting"], "it waits for a film")
        assert [(w["reason"], Path(w["path"]).name) for w in waits] == [("sidecar", "Other.srt")]
    with daemon(tmp_path, {"intake": {"sidecar_wait": 0}}) as made:  # the claim is remembered over a restart
        tree(made.inbox, "Film.de.srt")
        until(lambda: [w["reason"] for w in made.json("status", "--inbox")["waiting"]] == ["late", "sidecar"], "it came too late")
        assert "Film/Film.de.srt" not in files(made.library)


def test_a_file_that_nobody_completes_is_rejected_in_the_end_and_retry_takes_it_as_it_is(tmp_path: Path, clips: Clips) -> None:
    data = clips.film("film.mkv", seconds=2).read_bytes()
    with daemon(tmp_path, {"intake": {"give_up_after": "3s"}}) as made:
        (made.inbox / "Cut.mkv").write_bytes(data[:len(data) * 6 // 10 + 1])
        came = (made.inbox / "Cut.mkv").stat().st_mtime  # a busy machine may have taken it before we ask again
        # Over the socket: a command takes longer to start than the file waits.
        told = until(lambda: made.client().get("/v1/status")["waiting"], "it waits")
        assert (told[0]["reason"], told[0]["sentence"]) == ("truncated", "cut short: 60 % of it is there")
        assert told[0]["since"] == pytest.approx(came, abs=2)
        job = made.job("Cut.mkv", "REJECTED")
        assert (job["cause"], "60 %" in job["message"]) == ("truncated", True)
        assert Path(job["source_now"]).read_bytes() == data[:len(data) * 6 // 10 + 1]
        assert "retry" in next(Path(job["source_now"]).parent.glob("*.why.txt")).read_text()
        made.cli("retry", job["id"])
        done = made.job("Cut.mkv", "COMPLETED", "FAILED")
        assert done["cause"] != "truncated"


def test_each_route_has_its_library_its_profile_and_the_structure_below_it(tmp_path: Path, clips: Clips) -> None:
    for name in ("in/kids", "in/films", "lib/kids", "lib/films"):
        (tmp_path / name).mkdir(parents=True)
    routes = [{"name": n, "inbox": str(tmp_path / "in" / n), "library": str(tmp_path / "lib" / n), "profile": p}
              for n, p in (("kids", "small"), ("films", "universal"))]
    profiles = {"universal": {"preset": "ultrafast"}, "small": {"preset": "ultrafast", "max_height": 144}}
    film = clips.film("film.mkv", seconds=1)
    with daemon(tmp_path, {"routes": routes, "profiles": profiles}) as made:
        for name in ("in/kids/Series/Season 1/E1.mkv", "in/films/A/E2.mkv"):
            (tmp_path / name).parent.mkdir(parents=True)
            shutil.copy(film, tmp_path / name)
        for name, profile in (("E1.mkv", "small"), ("E2.mkv", "universal")):
            assert made.job(name, "COMPLETED")["profile"] == profile
        assert files(tmp_path / "lib") == ["films/A/E2.mp4", "kids/Series/Season 1/E1.mp4"]


@pytest.mark.parametrize(("order", "expected"), [
    ("name", ["a.mkv", "B.mkv", "c.mkv"]), ("smallest", ["c.mkv", "a.mkv", "B.mkv"])])
def test_the_queue_goes_by_the_configured_order(tmp_path: Path, clips: Clips, order: str, expected: list[str]) -> None:
    with daemon(tmp_path, {"intake": {"order": order}}) as made:
        made.client().post("/v1/pause")
        for name, seconds in (("B.mkv", 3), ("c.mkv", 1), ("a.mkv", 2)):
            made.drop(clips.film(f"{name}-{seconds}.mkv", seconds=seconds), name)
            made.job(name, "PENDING")
        made.client().post("/v1/resume")
        started = sorted((made.job(name, "COMPLETED")["started_at"], name) for name in expected)
        assert [name for _, name in started] == expected


def test_status_tells_how_each_inbox_is_watched(tmp_path: Path) -> None:
    with daemon(tmp_path) as made:
        [inbox] = until(lambda: made.json("status", "--inbox")["inboxes"], "the inbox is told")
        assert (inbox["route"], inbox["path"], inbox["watching"], inbox["sentence"]) == ("films", str(made.inbox), "events", "")
        said = made.cli("status", "--inbox").stdout
        assert str(made.inbox) in said
        assert "nothing waits in the inbox" in said
        for number in range(700):
            (made.inbox / f"{number:03}.txt").touch()
        until(lambda: made.client().get("/v1/inbox", limit=1)["total"] == 700, "all are seen")
        assert made.cli("status", "--inbox").stdout.count("not the extension of a video") == 700
        assert made.client().get("/v1/inbox", reason=["hidden"])["total"] == 0


def test_status_says_when_nobody_can_tell_who_writes(tmp_path: Path, clips: Clips) -> None:
    """Another user's inbox, and no CAP_LEASE: then a whole film waits for quiet time, too."""
    need_root("have files of another user")
    made = Daemon(tmp_path, {"intake": {"quiet": "4s"}}, wrap=[need_program("setpriv", "util-linux"), "--bounding-set=-lease"])
    os.chown(made.inbox, 65534, 65534)
    made.start()
    try:
        [inbox] = until(lambda: [i for i in made.json("status", "--inbox")["inboxes"] if i["leases"] == "no_right"], "it knows")
        assert "CAP_LEASE" in inbox["leases_sentence"]
        assert "without CAP_LEASE" in made.cli("status").stdout
        (made.folder / "aside").write_bytes(clips.film("film.mkv", seconds=1).read_bytes())
        os.chown(made.folder / "aside", 65534, 65534)
        (made.folder / "aside").rename(made.inbox / "Film.mkv")
        dropped = (made.inbox / "Film.mkv").stat().st_ctime
        job = made.job("Film.mkv", "COMPLETED")
        assert job["created_at"] >= dropped + 4
    finally:
        made.stop()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than the inbox."""
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK) or shm.stat().st_dev == tmp_path.stat().st_dev:
        missing("a second file system", "mount a tmpfs on /dev/shm")
    folder = shm / f"pectin-intake-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


async def test_a_copy_that_lasts_holds_no_other_film_up_tells_how_far_it_is_and_ends_with_the_daemon(
        tmp_path: Path, elsewhere: Path, clips: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    film = clips.film("film.mkv", seconds=1)
    reached, go_on = threading.Event(), threading.Event()
    real = taking.copy_descriptor_durably

    def slow(source: int, part: Path, told: Callable[[float], None]) -> Any:
        told(0.25)
        reached.set()
        go_on.wait(60)
        return real(source, part, told)

    monkeypatch.setattr(taking, "copy_descriptor_durably", slow)
    async with working(tmp_path) as (store, worker):
        policy = worker.policy
        routes = {"films": policy.routes["films"], "far": policy.routes["films"]}
        far = elsewhere / "in"
        far.mkdir()
        policy.places.work.mkdir()
        (tmp_path / "in").mkdir()
        object.__setattr__(worker, "policy", policy)
        routes["far"] = type(policy.routes["films"])(name="far", inbox=far, library=tmp_path / "lib", profile="universal")
        intake = an_intake(store, worker, routes=routes)
        task = asyncio.create_task(intake.run())
        try:
            await asyncio.wait_for(intake.started.wait(), 60)
            shutil.copy(film, far / "Far.mkv")
            await asyncio.to_thread(reached.wait, 60)
            shutil.copy(film, tmp_path / "in" / "Near.mkv")
            async with asyncio.timeout(60):
                while not await store.jobs.in_state(State.PENDING):
                    await asyncio.sleep(0.02)
            assert [job.name for job in await store.jobs.in_state(State.PENDING)] == ["Near.mkv"]
            [waiting] = intake.waiting()
            assert (waiting.path, waiting.sentence) == (far / "Far.mkv", "25 % copied and compared")
        finally:
            task.cancel()
            await asyncio.sleep(0.1)
            go_on.set()
            with suppress(asyncio.CancelledError):
                await task
        assert (far / "Far.mkv").exists(), "the copy was not finished behind the back of a daemon that has ended"
        assert len(list(Places(tmp_path / "work", tmp_path, tmp_path).work.iterdir())) == 1


def test_a_daemon_that_stands_still_copies_nothing_and_says_so_and_what_needs_no_copy_is_taken(
        tmp_path: Path, elsewhere: Path, clips: Clips) -> None:
    film = clips.film("film.mkv", seconds=1)
    (elsewhere / "in").mkdir()
    (tmp_path / "library").mkdir()
    routes = [{"name": name, "inbox": str(inbox), "library": str(tmp_path / "library")}
              for name, inbox in (("films", tmp_path / "inbox"), ("far", elsewhere / "in"))]
    with daemon(tmp_path, {"routes": routes}) as made:
        made.client().post("/v1/pause")
        shutil.copy(film, elsewhere / "in" / "Far.mkv")
        until(lambda: [w for w in made.client().get("/v1/status")["waiting"] if "when the queue goes on" in w["sentence"]],
              "it says why it is not copied")
        made.drop(film, "Near.mkv")
        made.job("Near.mkv", "PENDING")
        assert made.client().get("/v1/jobs")["total"] == 1
        made.stop()  # at once, also while a copy waits
        made.start()
        until(lambda: made.client().get("/v1/status")["waiting"], "it is still paused, and waits again")
        made.client().post("/v1/resume")
        made.job("Far.mkv", "COMPLETED")


@contextmanager
def held_in_a_thread(monkeypatch: pytest.MonkeyPatch, where: Any, name: str) -> Iterator[threading.Event]:
    """A call that hangs, as on a dead file server, until the end. The event is set once somebody has made it."""
    reached, go_on = threading.Event(), threading.Event()
    real = getattr(where, name)

    def slow(*arguments: Any, **more: Any) -> Any:
        reached.set()
        go_on.wait(60)
        return real(*arguments, **more)

    monkeypatch.setattr(where, name, slow)
    try:
        yield reached
    finally:
        go_on.set()


async def test_a_disk_that_does_not_tell_what_has_gone_holds_up_nobody_who_asks_what_waits(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    async with working(tmp_path) as (store, worker):
        intake = an_intake(store, worker)
        with held_in_a_thread(monkeypatch, Arrivals, "sweep") as reached:
            for _ in range(100):
                assert intake.waiting() == []
            assert reached.is_set()


async def test_an_inbox_that_hangs_keeps_no_other_waiting(tmp_path: Path, clips: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    film, real = clips.film("film.mkv", seconds=1), Arrivals.look
    reached, go_on = threading.Event(), threading.Event()

    def hangs(book: Arrivals, path: Path, now: float) -> Any:
        if path.parent.name == "far":
            reached.set()
            go_on.wait(60)
        return real(book, path, now)

    monkeypatch.setattr(Arrivals, "look", hangs)
    async with working(tmp_path) as (store, worker):
        near = worker.policy.routes["films"]
        for folder in (near.inbox, tmp_path / "far", worker.policy.places.work):
            folder.mkdir()
        intake = an_intake(store, worker, routes={"films": near, "far": replace(near, name="far", inbox=tmp_path / "far")})
        task = asyncio.create_task(intake.run())
        await asyncio.wait_for(intake.started.wait(), 60)
        shutil.copy(film, tmp_path / "far" / "Far.mkv")
        await asyncio.to_thread(reached.wait, 60)
        shutil.copy(film, near.inbox / "Near.mkv")
        async with asyncio.timeout(60):
            while not await store.jobs.in_state(State.PENDING):
                await asyncio.sleep(0.02)
        task.cancel()  # also the end does not wait for it
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 60)
        go_on.set()


async def test_a_sidecar_whose_job_is_in_other_hands_holds_no_film_up(tmp_path: Path, clips: Clips) -> None:
    film, inbox = clips.film("film.mkv", seconds=1), tmp_path / "in"
    inbox.mkdir()
    async with working(tmp_path) as (store, worker):
        worker.policy.places.work.mkdir()
        intake = an_intake(store, worker, rules=IntakeRules(patience=Patience(linger=0, quiet=0), sidecar_wait=600))
        task = asyncio.create_task(intake.run())
        await asyncio.wait_for(intake.started.wait(), 60)

        async def claimed(count: int) -> list[Job]:
            async with asyncio.timeout(60):
                while len(jobs := await store.jobs.in_state(State.PENDING)) < count:
                    await asyncio.sleep(0.02)
            return jobs

        shutil.copy(film, inbox / "First.mkv")
        [first] = await claimed(1)
        async with worker.turns.of(first.id):
            tree(inbox, "First.srt")
            async with asyncio.timeout(60):
                while [w.reason for w in intake.waiting()] != ["settled"]:
                    await asyncio.sleep(0.02)
            shutil.copy(film, inbox / "Second.mkv")
            await claimed(2)
            assert (inbox / "First.srt").exists()
        await asyncio.to_thread(until, lambda: not (inbox / "First.srt").exists(), "it follows")
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_store_that_refuses_while_new_rules_come_ends_the_daemon_all_the_same(
        tmp_path: Path, clips: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(clips.film("film.mkv", seconds=1), tmp_path / "in" / "Film.mkv")
    async with working(tmp_path) as (store, worker):
        worker.policy.places.work.mkdir()
        intake = an_intake(store, worker)

        async def refuse(*_: object) -> None:
            await intake.configure(replace(intake._policy, rescan=7))
            for _ in range(10):  # until the reload has asked all tasks to end
                await asyncio.sleep(0.01)
            raise PectinError(Cause.NO_SPACE, "the disk of the store is full")

        monkeypatch.setattr(store.jobs, "add_all", refuse)
        with pytest.raises(PectinError, match="full"):
            async with asyncio.timeout(60):
                await intake.run()


async def test_a_file_that_comes_while_its_predecessor_is_found_gone_is_taken_without_a_rescan(
        tmp_path: Path, clips: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    film, path = clips.film("film.mkv", seconds=1), tmp_path / "in" / "Film.mkv"
    path.parent.mkdir()
    async with working(tmp_path) as (store, worker):
        worker.policy.places.work.mkdir()
        intake = an_intake(store, worker)
        real = claiming.claim_all

        def gone_and_come_again(wanted: Any, places: Places, *, now: float) -> Any:
            monkeypatch.setattr(claiming, "claim_all", real)
            path.unlink()
            outcomes = real(wanted, places, now=now)
            shutil.copy(film, tmp_path / "new")
            (tmp_path / "new").rename(path)
            until(lambda: intake._arrivals["films"]._book[path].version > 1, "its event was seen")
            return outcomes

        monkeypatch.setattr(claiming, "claim_all", gone_and_come_again)
        task = asyncio.create_task(intake.run())
        await asyncio.wait_for(intake.started.wait(), 60)
        shutil.copy(film, tmp_path / "old")
        (tmp_path / "old").rename(path)
        async with asyncio.timeout(60):
            while not await store.jobs.in_state(State.PENDING):
                await asyncio.sleep(0.02)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
