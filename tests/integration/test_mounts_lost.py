"""Libraries and inboxes on mounts: one that is missing is recognised, nothing is put into its empty mount point, and it heals by
itself."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from clips import Clips
from disks import SmallDisk, small_disk
from harness import Daemon, daemon, files, until
from intending import intend
from pectin.linux import footing
from pectin.linux.footing import astray, expect, expected, view
from pectin.model.errors import Cause, PectinError
from pectin.model.route import Route
from pectin.pipeline.mounts import Mounts
from pectin.pipeline.recover import recover
from pectin.publishing import place, things
from pectin.store.store import Store
from working import ONE, publishing, working


@pytest.fixture(autouse=True)
def nothing_expected() -> Iterator[None]:
    """What one test expects is none of the next one's business."""
    before = dict(footing._expected)
    yield
    footing._expected.clear()
    footing._expected.update(before)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "lib", "8m") as disk:
        yield disk


def routes(tmp_path: Path) -> list[Route]:
    for name in ("in", "lib"):
        (tmp_path / name).mkdir(exist_ok=True)
    return [Route(name="films", inbox=tmp_path / "in", library=tmp_path / "lib", profile="universal")]


async def test_a_mount_is_written_down_at_the_first_look_and_known_after_a_restart(tmp_path: Path, library: SmallDisk) -> None:
    async with Store.open(tmp_path / "pectin.db") as store:
        assert await Mounts(store.flags).troubles(routes(tmp_path)) == []
        known = expected(tmp_path / "lib")
        assert known is not None
        assert (known.type, known.inner, known.place) == ("tmpfs", "/", str(tmp_path / "lib"))
        assert expected(tmp_path / "in") is None, "what lies on the system's own disk may lie anywhere"
        expect(tmp_path / "lib", None)
        library.unmount()
        again = Mounts(store.flags)
        await again.restore()
        [trouble] = await again.troubles(routes(tmp_path))
        assert trouble.startswith("route films: nothing is mounted where the library was")
        library.mount()
        assert await again.troubles(routes(tmp_path)) == []


async def test_a_mount_that_comes_after_the_first_look_is_right(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "pectin.db") as store:
        mounts = Mounts(store.flags)
        assert await mounts.troubles(routes(tmp_path)) == []
        with small_disk(tmp_path / "lib") as first:
            assert await mounts.troubles(routes(tmp_path)) == []
            first.unmount()
            assert len(await mounts.troubles(routes(tmp_path))) == 1


async def test_a_library_that_has_moved_is_accepted_when_a_person_says_so(tmp_path: Path, library: SmallDisk) -> None:
    async with Store.open(tmp_path / "pectin.db") as store:
        mounts = Mounts(store.flags)
        await mounts.troubles(routes(tmp_path))
        library.unmount()
        assert astray(tmp_path / "lib") is not None
        assert await mounts.accept(routes(tmp_path)) == [f"{tmp_path / 'lib'} is a folder on the system's own disk"]
        assert await mounts.troubles(routes(tmp_path)) == []
        assert astray(tmp_path / "lib") is None
        again = Mounts(store.flags)
        await again.restore()
        assert expected(tmp_path / "lib") is None


async def test_a_library_that_does_not_answer_is_told_and_nothing_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, looks = threading.Event(), 0

    def hang(folder: Path) -> Any:
        nonlocal looks
        if folder.name == "lib":
            looks += 1
            answer.wait()
        return view(folder)

    async with Store.open(tmp_path / "pectin.db") as store:
        monkeypatch.setattr(footing, "view", hang)
        mounts = Mounts(store.flags)
        monkeypatch.setattr(mounts._glances, "_patience", 0.1)
        for _ in range(3):
            [trouble] = await mounts.troubles(routes(tmp_path))
            assert "does not answer" in trouble
        assert looks == 1, "one look at a time, however long it takes"
        answer.set()
        while await mounts.troubles(routes(tmp_path)):
            await asyncio.sleep(0.01)


def test_nothing_is_placed_in_an_empty_mount_point(tmp_path: Path, library: SmallDisk) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "video.mp4").write_bytes(b"film")
    expect(tmp_path / "lib", view(tmp_path / "lib").footing)
    intent = intend([("video", out / "video.mp4", "", "mp4")], library=tmp_path / "lib", place=PurePosixPath("F/F.mp4"),
                            job_id=ONE)
    library.unmount()
    with pytest.raises(PectinError) as caught:
        place.carry_out(intent, file_mode=0o644, folder_mode=0o755, group=None)
    assert caught.value.cause is Cause.LIBRARY_NOT_MOUNTED
    assert list((tmp_path / "lib").iterdir()) == []
    library.mount()
    place.carry_out(intent, file_mode=0o644, folder_mode=0o755, group=None)
    assert files(tmp_path / "lib") == ["F/F.mp4"]


def test_a_library_that_goes_while_a_film_is_copied_into_it_is_away_and_not_broken(
        tmp_path: Path, library: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "video.mp4").write_bytes(b"film")
    expect(tmp_path / "lib", view(tmp_path / "lib").footing)
    intent = intend([("video", out / "video.mp4", "", "mp4")], library=tmp_path / "lib", place=PurePosixPath("F/F.mp4"),
                            job_id=ONE)
    real = things.copy_durably

    def copy(*arguments: Any) -> Any:
        done = real(*arguments)
        library.unmount()
        return done

    with monkeypatch.context() as patched:
        patched.setattr(things, "copy_durably", copy)
        with pytest.raises(PectinError) as caught:
            place.carry_out(intent, file_mode=0o644, folder_mode=0o755, group=None)
    assert caught.value.cause is Cause.LIBRARY_NOT_MOUNTED
    assert list((tmp_path / "lib").iterdir()) == []
    library.mount()
    place.carry_out(intent, file_mode=0o644, folder_mode=0o755, group=None)
    assert files(tmp_path / "lib") == ["F/F.mp4"]


async def test_a_job_is_not_given_up_while_nobody_can_tell_whether_its_film_stands(tmp_path: Path, library: SmallDisk) -> None:
    """Given up, its film would be made and published once more."""
    async with working(tmp_path) as (store, worker):
        await publishing(store, tmp_path, interruptions=3)
        expect(tmp_path / "lib", view(tmp_path / "lib").footing)
        library.unmount()
        await recover(store, worker.policy)
        job = await store.jobs.get(ONE)
        assert job is not None
        assert job.state == "PUBLISHING"


def put(made: Daemon, film: Path, name: str) -> Path:
    """Into an inbox on a file system of its own, complete from the first moment."""
    hidden, target = made.inbox / ".aside", made.inbox / name
    shutil.copyfile(film, hidden)
    return hidden.rename(target)


def asked(made: Daemon) -> Any:
    return made.client().get("/v1/status")


def test_a_daemon_waits_for_its_library_and_its_inbox_and_goes_on_by_itself(tmp_path: Path, clips: Clips) -> None:
    with small_disk(tmp_path / "library") as library, small_disk(tmp_path / "inbox") as inbox, daemon(tmp_path) as made:
        put(made, clips.film("film.mkv", seconds=1), "Second.mkv")
        library.unmount()
        job = until(lambda: (j := made.job("Second.mkv", "PUBLISHING", "COMPLETED"))["cause"] and j, "it waits for its library")
        assert (job["state"], job["cause"], job["attempts"]) == ("PUBLISHING", "library_not_mounted", 0)
        made.client().post("/v1/rescan")
        until(lambda: "where the library was" in "".join(asked(made)["problems"]), "status tells")
        made.stop()
        inbox.unmount()
        made.start()
        dropped = put(made, clips.film("film.mkv", seconds=3), "Third.mkv")
        waiting = until(lambda: [w for w in asked(made)["waiting"] if "where the inbox was" in w["sentence"]],
                        "a file in the bare inbox is told")
        assert waiting[0]["path"] == str(dropped)
        assert files(made.library) == []
        assert len(made.jobs()) == 1
        library.mount()
        inbox.mount()
        made.client().post(f"/v1/jobs/{job['id']}/retry")
        made.job("Second.mkv", "COMPLETED")
        assert files(made.library) == ["Second/Second.mp4"]
        until(lambda: not asked(made)["problems"], "all is well again")
        assert "no longer so" in made.text()
        library.unmount()
        assert "is a folder on the system's own disk" in made.cli("accept-mounts").stdout
        put(made, clips.film("film.mkv", seconds=3), "Fourth.mkv")
        made.job("Fourth.mkv", "COMPLETED")
        assert files(made.library) == ["Fourth/Fourth.mp4"]
        assert dropped.exists() is False, "it is hidden below the mount, as before"
