"""The way back: undo puts the original where it came from and withdraws the outputs, redo makes them once more."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from clips import Clips
from crashing import crash_at
from fakes.jellyfin import FakeJellyfin
from harness import Daemon, daemon, files, sha256, until
from needs import need_program, need_root
from pectin.cli.client import CommandError
from pectin.linux import move
from pectin.model.intent import Intent
from pectin.model.job import State, Trigger
from pectin.pipeline import undo as pipeline_undo
from pectin.pipeline.disposal import dispose
from pectin.pipeline.sidecars import outputs_of
from pectin.pipeline.turns import Turns
from pectin.pipeline.undo import Undo, go_on_undoing
from pectin.publishing import place, restore
from pectin.store.store import Store
from working import ONE, a_policy, publishing, working

FILM = "Film (2010)/Film.mkv"


def subtitle(folder: Path) -> Path:
    path = folder / "Film.en.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    return path


def with_sidecar(made: Daemon, film: Path) -> dict[str, Any]:
    """A completed job whose film came with a subtitle."""
    (made.inbox / FILM).parent.mkdir(parents=True, exist_ok=True)
    subtitle((made.inbox / FILM).parent)
    made.drop(film, FILM)
    job = made.job("Film.mkv", "COMPLETED")

    def both() -> bool:
        return files(made.library) == ["Film (2010)/Film.en.srt", "Film (2010)/Film.mp4"]

    until(both, f"film and subtitle are in the library: {files(made.library)}\n{made.text()}")
    made.job("Film.mkv", "COMPLETED")
    return job


def ask(made: Daemon, job: dict[str, Any], wish: str, **more: str) -> dict[str, Any]:
    answer: dict[str, Any] = made.client().post(f"/v1/jobs/{job['id']}/{wish}", **more)
    return answer


def ask_about(made: Daemon, job: dict[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = made.client().get(f"/v1/jobs/{job['id']}")
    return details


def refused(made: Daemon, job: dict[str, Any], wish: str, why: str, **more: str) -> None:
    with pytest.raises(CommandError, match=why):
        ask(made, job, wish, **more)


def rests(made: Daemon) -> dict[str, list[str]]:
    return {name: files(made.folder / name) for name in ("work", "originals", "rejected")}


NOTHING: dict[str, list[str]] = {"work": [], "originals": [], "rejected": []}


def test_undo_puts_everything_back_and_it_is_not_taken_again_until_somebody_asks(tmp_path: Path, clips: Clips) -> None:
    film = clips.film("film.mkv")
    key = tmp_path / "key"
    key.write_text("0123456789abcdef")
    with FakeJellyfin() as jellyfin, daemon(tmp_path / "d", {"jellyfin": {"url": jellyfin.url, "key_file": str(key)}}) as made:
        job = with_sidecar(made, film)
        shutil.rmtree((made.inbox / FILM).parent, ignore_errors=True)  # its folder is made again
        undone = made.json("undo", job["id"][:6])
        assert undone["state"] == "CANCELLED"
        assert undone["cause"] == "undone_by_user"
        assert str(made.inbox / FILM) in undone["message"]
        assert sha256(made.inbox / FILM) == sha256(film)
        assert files(made.inbox) == ["Film (2010)/Film.en.srt", FILM]
        assert files(made.library) == []
        assert rests(made) == NOTHING
        told = until(lambda: [p for p, kind in jellyfin.updates if kind == "Deleted"], "Jellyfin is told")
        assert sorted(told) == [str(made.library / "Film (2010)" / name) for name in ("Film.en.srt", "Film.mp4")]

        def left_alone() -> dict[str, Any] | None:
            waiting = {Path(w["path"]).name: w for w in made.client().get("/v1/status")["waiting"]}
            return waiting["Film.mkv"] if waiting.keys() == {"Film.mkv", "Film.en.srt"} and \
                waiting["Film.mkv"]["reason"] == "put_back" else None

        assert job["id"] in until(left_alone, "the film is left alone")["sentence"]
        made.client().post("/v1/rescan")
        made.stop(signal.SIGKILL)
        made.start()
        until(left_alone, "also by another daemon")
        assert len(made.jobs()) == 1

        assert ask(made, job, "retry")["state"] == "PENDING"
        again = made.job("Film.mkv", "COMPLETED")
        assert again["id"] == job["id"]
        assert files(made.library) == ["Film (2010)/Film.en.srt", "Film (2010)/Film.mp4"]
        assert files(made.inbox) == []
        assert sha256(Path(again["source_now"])) == sha256(film)


def test_undo_puts_a_film_under_a_free_name_and_leaves_what_was_changed(tmp_path: Path, clips: Clips) -> None:
    film = clips.film("film.mkv")
    with daemon(tmp_path) as made:
        job = with_sidecar(made, film)
        made.client().post("/v1/pause")
        other = clips.film("two.mkv", video=("-c:v", "mpeg4"))
        (made.inbox / "Film (2010)").mkdir(exist_ok=True)
        with (made.inbox / FILM).open("wb") as writer:  # another film arrives there in this moment
            writer.write(other.read_bytes())
            writer.flush()
            (made.library / "Film (2010)/Film.en.srt").write_text("mine\n")
            undone = ask(made, job, "undo")
        assert "Film (2).mkv" in undone["message"]
        assert "Film.en.srt" in undone["message"]
        assert files(made.library) == ["Film (2010)/Film.en.srt"]
        assert sha256(made.inbox / "Film (2010)/Film (2).mkv") == sha256(film)
        assert (made.inbox / "Film (2010)/Film (2).en.srt").exists(), "it goes on belonging to its film"
        # A change makes it an arrival like any other.
        os.utime(made.inbox / "Film (2010)/Film (2).mkv")
        made.client().post("/v1/rescan")
        assert made.job("Film (2).mkv", "PENDING")["id"] != job["id"]


def test_undo_into_a_folder_that_somebody_names_and_nothing_changes_when_that_cannot_be(tmp_path: Path, clips: Clips) -> None:
    film = clips.film("film.mkv")
    aside = tmp_path / "aside"
    with daemon(tmp_path / "d") as made:
        job = with_sidecar(made, film)
        (tmp_path / "link").symlink_to(made.inbox)
        for ours in (made.inbox, made.library / "x", made.folder / "work", tmp_path / "link"):
            refused(made, job, "undo", "itself looks after", to=str(ours))
        refused(made, job, "undo", "is not there", to=str(aside))
        refused(made, job, "undo", "absolute", to="here")
        made.library.rename(tmp_path / "away")
        refused(made, job, "undo", "library folder does not exist")
        assert files(made.inbox) == []
        (tmp_path / "away").rename(made.library)
        assert made.job("Film.mkv", "COMPLETED")["outputs"], "nothing has changed"
        aside.mkdir()
        assert ask(made, job, "undo", to=str(aside))["state"] == "CANCELLED"
        assert files(aside) == ["Film.en.srt", "Film.mkv"]
        assert rests(made) == NOTHING
        refused(made, job, "undo", "cannot be undone")
        assert ask(made, job, "retry")["state"] == "PENDING"
        made.job("Film.mkv", "COMPLETED")
        assert files(aside) == []
        assert ask(made, job, "undo", to=str(aside))["state"] == "CANCELLED"
        (aside / "Film.mkv").unlink()
        refused(made, job, "retry", "drop it into the inbox again")


def test_an_undo_that_kill_9_cuts_short_is_finished_by_the_next_start(tmp_path: Path, clips: Clips) -> None:
    film = clips.film("film.mkv")
    with daemon(tmp_path, environment={"PECTIN_TESTING": "1", "PECTIN_CRASH_AT": "undo_original_back"}) as made:
        job = with_sidecar(made, film)
        with pytest.raises(CommandError):
            ask(made, job, "undo")
        assert made.process is not None
        assert made.process.wait(30) == -signal.SIGKILL
        made.environment = {}
        made.start()
        made.job("Film.mkv", "CANCELLED")
        assert files(made.library) == []
        assert files(made.inbox) == ["Film (2010)/Film.en.srt", FILM]
        assert sha256(made.inbox / FILM) == sha256(film)
        assert rests(made) == NOTHING


@asynccontextmanager
async def completed(folder: Path) -> AsyncIterator[Store]:
    """A job whose outputs are in the library and whose original is archived, with what came with it."""
    async with working(folder) as (store, worker):
        job = await publishing(store, folder)
        places = worker.policy.places
        places.sidecars(ONE).mkdir()
        (places.sidecars(ONE) / "Film.en.srt").write_bytes(b"1\n00:00:00,000 --> 00:00:01,000\nHello\n")
        (folder / "in").mkdir(exist_ok=True)
        job = await store.jobs.get(ONE) or job
        intent = Intent.from_json(job.intent or "")
        place.carry_out(intent, file_mode=0o644, folder_mode=0o755, group=None)
        done = await store.jobs.apply(ONE, Trigger.PUBLISHED, now=4.0,
                                      changes={"outputs": json.dumps(outputs_of(intent, places, ONE)), "finished_at": 4.0})
        await dispose(done, store, places, worker.policy.publishing)
        yield store


async def undo(folder: Path) -> None:
    async with Store.open(folder / "pectin.db") as store:
        job = await store.jobs.get(ONE)
        assert job is not None
        await Undo(store).undo(job, None, a_policy(folder))


def undo_in_one_thread(folder: Path) -> None:
    async def here(call: Any, *arguments: Any) -> Any:
        return call(*arguments)

    asyncio.to_thread = here  # type: ignore[assignment]  # in a process of its own, where each line is watched
    asyncio.run(undo(folder))


async def test_an_undo_that_dies_at_any_line_is_finished_by_the_next_start(tmp_path: Path) -> None:
    async with completed(tmp_path / "first"):
        pass
    begun = []
    for line in itertools.count(1, 7):  # every line would take a minute; seven is no divisor of a loop's length
        folder = tmp_path / "first"
        aside = tmp_path / "aside"
        shutil.copytree(folder, aside)
        crashed = crash_at(line, (pipeline_undo, restore, move), partial(undo_in_one_thread, folder))
        async with Store.open(folder / "pectin.db") as store:
            await go_on_undoing(store, a_policy(folder).places, Undo(store), Turns().of)
            job = await store.jobs.get(ONE)
        assert job is not None
        if job.left_behind is None:  # it died before the wish was durable: nothing has happened
            assert files(folder / "in") == []
            assert files(folder / "lib") == ["Film/Film.en.srt", "Film/Film.mp4"]
        else:
            assert job.state is State.CANCELLED, line
            assert (files(folder / "in"), files(folder / "lib")) == (["Film.en.srt", "Film.mkv"], []), line
            assert (folder / "in/Film.mkv").read_bytes() == b"film"
            assert not list((folder / "originals").iterdir())
        shutil.rmtree(folder)
        aside.rename(folder)
        begun.append(job.left_behind is not None)
        if not crashed:
            break
    assert begun.count(True) > 10
    assert begun.count(False) > 1


def test_redo_replaces_the_outputs_and_needs_the_original(tmp_path: Path, clips: Clips) -> None:
    film = clips.film("film.mkv", video=("-c:v", "mpeg4"))
    profiles = {"universal": {"preset": "ultrafast"}, "small": {"preset": "ultrafast", "crf": 38}}
    with daemon(tmp_path, {"profiles": profiles}) as made:
        job = with_sidecar(made, film)
        before = sha256(made.library / "Film (2010)/Film.mp4")
        told = made.cli("redo", job["id"], "--profile", "tiny")
        assert told.returncode == 1
        assert "there are: archive-av1, copy, original, small, universal, universal-hevc" in told.stderr
        made.client().post("/v1/pause")
        assert ask(made, job, "redo", profile="small")["state"] == "PENDING"
        assert sha256(made.library / "Film (2010)/Film.mp4") == before, "what is there stays until the new one takes its place"
        made.client().post("/v1/resume")
        again = made.job("Film.mkv", "COMPLETED")
        assert again["profile"] == "small"
        assert sha256(made.library / "Film (2010)/Film.mp4") != before
        assert files(made.library) == ["Film (2010)/Film.en.srt", "Film (2010)/Film.mp4"]
        assert sha256(Path(again["source_now"])) == sha256(film)
        replaced = list((made.folder / "originals").rglob("*.mp4"))
        assert [sha256(p) for p in replaced] == [before], "the old one is archived"

        shutil.rmtree(made.folder / "originals" / job["id"])
        for command in ("redo", "undo"):
            refused(made, job, command, "removed from the originals")
        made.job("Film.mkv", "COMPLETED")


def test_a_film_with_other_names_elsewhere_is_copied_and_stays(tmp_path: Path, clips: Clips) -> None:
    """Torrent clients go on sharing it."""
    film = clips.film("film.mkv")
    seeding = tmp_path / "seeding.mkv"
    with daemon(tmp_path / "d", {"intake": {"duplicates": "reject"}}) as made:
        made.client().post("/v1/drain")  # nothing starts; paused, it would not even be copied
        shutil.copyfile(film, seeding)
        os.utime(seeding, (1e9, 1e9))
        os.link(seeding, made.inbox / "Linked.mkv")
        made.job("Linked.mkv", "PENDING")

        def told() -> list[dict[str, Any]]:
            return [w for w in made.client().get("/v1/status")["waiting"] if w["reason"] == "linked"]

        assert "was taken as a copy" in until(told, "it is left alone")[0]["sentence"]
        made.stop(signal.SIGKILL)
        made.start()
        until(told, "also by another daemon")
        made.client().post("/v1/resume")
        job = made.job("Linked.mkv", "COMPLETED")
        assert os.path.samefile(seeding, made.inbox / "Linked.mkv")
        assert sha256(Path(job["source_now"])) == sha256(film)
        assert Path(job["source_now"]).stat().st_nlink == 1
        assert seeding.stat().st_mtime == 1e9
        # Its program gives it another name: it is the same file still.
        (made.inbox / "Linked.mkv").rename(made.inbox / "Renamed.mkv")
        made.client().post("/v1/rescan")
        until(lambda: [w for w in told() if w["path"].endswith("Renamed.mkv")], "it is known under another name")
        (made.inbox / "Renamed.mkv").rename(made.inbox / "Linked.mkv")
        undone = ask(made, job, "undo")
        assert undone["state"] == "CANCELLED"
        assert files(made.inbox) == ["Linked.mkv"], "it is where it came from still: no second one is put there"
        assert rests(made) == NOTHING
        assert ask(made, job, "retry")["state"] == "PENDING"
        made.job("Linked.mkv", "COMPLETED")
        assert os.path.samefile(seeding, made.inbox / "Linked.mkv")
        assert len(made.jobs()) == 1


def test_owner_group_and_time_follow_the_configuration(tmp_path: Path, clips: Clips) -> None:
    need_root("give files away")
    film = clips.film("film.mkv")
    aside = tmp_path / "Film.mkv"
    shutil.copyfile(film, aside)
    os.utime(aside, (1e9, 1e9))
    publish = {"owner": "nobody", "group": "daemon", "file_mode": "0640", "mtime": "source"}
    with daemon(tmp_path / "d", {"publish": publish}) as made:
        aside.rename(made.inbox / "Film.mkv")
        made.job("Film.mkv", "COMPLETED")
        placed = (made.library / "Film/Film.mp4").stat()
        assert (placed.st_uid, placed.st_mode & 0o777, placed.st_mtime) == (65534, 0o640, 1e9)
        assert (made.library / "Film").stat().st_uid == 65534
        assert placed.st_gid == (made.library / "Film").stat().st_gid == 1
        told = made.cli("doctor").stdout
        assert "files are given to user nobody" in told
        assert "originals: " in told
        assert ask(made, made.jobs()[0], "undo")["state"] == "CANCELLED"
        assert files(made.library) == []


def test_a_daemon_that_may_not_give_files_away_says_so(tmp_path: Path, clips: Clips) -> None:
    need_root("take a capability away")
    setpriv = need_program("setpriv", "util-linux")
    wrap = (setpriv, "--inh-caps=-all", "--bounding-set=-all")
    with daemon(tmp_path / "d", {"publish": {"owner": "nobody"}}, wrap=wrap) as made:
        made.drop(clips.film("film.mkv"), "Film.mkv")
        job = made.job("Film.mkv", "PUBLISHING", stage="waiting")
        assert "CAP_CHOWN" in until(lambda: ask_about(made, job)["message"], "it waits")
        assert "may not give files to user nobody" in made.cli("doctor").stdout
        assert [name for name in files(made.library) if not name.rpartition("/")[2].startswith(".")] == []
