"""Trouble of every kind, with a real daemon: a clear sentence each time, and nothing lost."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clips import Clips
from harness import SLOW, Daemon, children_of_job, daemon, files, sha256, until
from needs import need_program, need_root


def test_a_missing_library_lets_the_finished_film_wait_and_go_on_by_itself(tmp_path: Path, clips: Clips) -> None:
    with daemon(tmp_path) as made:
        made.library.rmdir()
        made.drop(clips.film("film.mkv"), "Waits.mkv")
        job = made.job("Waits.mkv", "PUBLISHING")
        job = until(lambda: (j := made.job("Waits.mkv", "PUBLISHING"))["cause"] and j, "the job tells its reason")
        assert job["cause"] == "library_missing"
        assert str(made.library) in job["message"]
        assert not made.library.exists(), "an unmounted mount point must not be filled"
        assert any(str(made.library) in p for p in made.client().get("/v1/status")["problems"])
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM):
            made.stop(number)  # more often than max_interruptions: it only waited, so no restart counts against it
            made.start()
        assert made.job("Waits.mkv", "PUBLISHING")["interruptions"] == 0
        made.library.mkdir()
        made.client().post(f"/v1/jobs/{job['id']}/retry")
        job = made.job("Waits.mkv", "COMPLETED")
        assert [h["to_state"] for h in job["history"]].count("PROCESSING") == 1, "it must not be encoded twice"
        assert files(made.library) == ["Waits/Waits.mp4"]


def test_a_file_the_daemon_may_not_read_waits_in_the_inbox_and_says_so(tmp_path: Path, clips: Clips) -> None:
    """Root without its capabilities is an ordinary user who owns other files."""
    need_root("make a file of another user")
    setpriv = need_program("setpriv", "util-linux")
    with daemon(tmp_path, wrap=(setpriv, "--inh-caps=-all", "--bounding-set=-all")) as made:
        film = tmp_path / "secret.mkv"
        shutil.copyfile(clips.film("film.mkv"), film)
        os.chown(film, 65534, 65534)
        film.chmod(0o600)
        film.rename(made.inbox / "secret.mkv")
        waiting = until(lambda: made.client().get("/v1/status")["waiting"], "the file is noticed")
        assert waiting[0]["reason"] == "unreadable"
        os.chown(made.inbox / "secret.mkv", 0, 0)
        made.client().post("/v1/rescan")
        made.job("secret.mkv", "COMPLETED")


@pytest.mark.parametrize(("ffmpeg", "words"), [("/nowhere/ffmpeg", "ffmpeg was not found"), ("old", "older than 5.1")])
def test_without_a_usable_ffmpeg_the_daemon_says_what_to_install_and_does_not_start(tmp_path: Path, ffmpeg: str,
                                                                                   words: str) -> None:
    if ffmpeg == "old":
        ffmpeg = str(tmp_path / "ffmpeg")
        for name in ("ffmpeg", "ffprobe"):
            (tmp_path / name).write_text(f"#!/bin/sh\necho '{name} version 4.3.6-0+deb11u1 Copyright (c) them'\n")
            (tmp_path / name).chmod(0o755)
    made = Daemon(tmp_path, {"encoder": {"ffmpeg": ffmpeg}})
    assert made.spawn().wait(60) == 69
    assert words in made.text()
    assert "install ffmpeg" in made.text()


def test_a_second_daemon_on_the_same_configuration_refuses_and_names_the_first(tmp_path: Path) -> None:
    with daemon(tmp_path) as made:
        assert made.process is not None
        second = subprocess.run([sys.executable, "-m", "pectin", "run", "--config", str(made.config)], capture_output=True,
                                text=True, timeout=60, check=False)
        assert second.returncode == 75
        assert f"{made.process.pid}" in second.stderr
        assert made.client().get("/v1/status")["pid"] == made.process.pid


def test_a_broken_configuration_ends_with_78_and_lists_everything(tmp_path: Path) -> None:
    made = Daemon(tmp_path, {"intake": {"quite": 1}, "encoder": {"jobs": 99}})
    assert made.spawn().wait(60) == 78
    assert "intake.quite: unknown key -- did you mean intake.quiet?" in made.text()
    assert "encoder.jobs: 99 is not allowed" in made.text()


def test_a_profile_whose_encoder_this_ffmpeg_lacks_is_refused_before_any_film_is_taken(tmp_path: Path) -> None:
    for name in ("ffmpeg", "ffprobe"):
        real = need_program(name, "ffmpeg")
        filtered = f'{real} "$@" | grep -v libsvtav1' if name == "ffmpeg" else f'exec {real} "$@"'
        (tmp_path / name).write_text(f'#!/bin/sh\ncase "$*" in *-encoders*) {filtered};; *) exec {real} "$@";; esac\n')
        (tmp_path / name).chmod(0o755)
    made = Daemon(tmp_path, {"encoder": {"ffmpeg": str(tmp_path / "ffmpeg")}})
    made.write({"routes": [made.sections["routes"][0] | {"profile": "archive-av1"}]})
    assert made.spawn().wait(60) == 78
    assert "profile archive-av1 needs the encoder libsvtav1, which" in made.text()


def test_sigterm_during_an_encode_stops_at_once_and_the_job_goes_on_at_the_next_start(tmp_path: Path, long_film: Path) -> None:
    with daemon(tmp_path, SLOW) as made:
        made.drop(long_film, "Long.mkv")
        job = made.running("encoding", fraction=0.01)
        assert children_of_job(job["id"])
        assert made.process is not None
        made.process.send_signal(signal.SIGTERM)
        assert made.process.wait(10) == 0  # the promise: within 10 s
        assert children_of_job(job["id"]) == []
        assert "stopped" in made.text()
        made.write({"profiles": {"universal": {"preset": "ultrafast"}}})
        made.start()
        job = made.job("Long.mkv", "COMPLETED")
        assert job["interruptions"] == 0, "an orderly stop is nobody's fault"
        assert "daemon_stopped" in [h["cause"] for h in job["history"]]
        assert files(made.library) == ["Long/Long.mp4"]


def test_kill_9_during_an_encode_leaves_no_child_and_the_job_goes_on_at_the_next_start(tmp_path: Path, long_film: Path) -> None:
    with daemon(tmp_path, SLOW) as made:
        made.drop(long_film, "Long.mkv")
        job = made.running("encoding", fraction=0.01)
        made.stop(signal.SIGKILL)
        until(lambda: not children_of_job(job["id"]), "ffmpeg dies with the daemon")
        made.write({"profiles": {"universal": {"preset": "ultrafast"}}})
        made.start()
        done = made.job("Long.mkv", "COMPLETED")
        assert done["interruptions"] == 1
        assert sha256(Path(done["source_now"])) == sha256(long_film)
        assert files(made.library) == ["Long/Long.mp4"]
        assert files(made.folder / "work") == []


def test_a_file_under_which_the_daemon_dies_again_and_again_is_set_aside(tmp_path: Path, long_film: Path) -> None:
    with daemon(tmp_path, SLOW | {"retry": {"max_interruptions": 1}}) as made:
        made.drop(long_film, "Killer.mkv")
        for _ in range(2):
            made.running("encoding")
            made.stop(signal.SIGKILL)
            made.start()
        job = made.job("Killer.mkv", "FAILED")
        assert job["cause"] == "too_many_interruptions"
        assert sha256(Path(job["source_now"])) == sha256(long_film)
        assert "rejected" in job["source_now"]


def test_sighup_takes_a_new_configuration_and_refuses_a_broken_one(tmp_path: Path, clips: Clips) -> None:
    with daemon(tmp_path) as made:
        assert made.process is not None
        good = made.config.read_text()
        made.config.write_text("intake: {quite: 3}\n")
        made.process.send_signal(signal.SIGHUP)
        until(lambda: "the new configuration is refused" in made.text(), "the refusal is told")
        assert "did you mean intake.quiet?" in made.text()
        made.drop(clips.film("film.mkv"), "Still works.mkv")
        made.job("Still works.mkv", "COMPLETED")
        made.config.write_text(good)
        second = tmp_path / "second"
        second.mkdir()
        made.write({"routes": [*made.sections["routes"], {"name": "more", "inbox": str(second), "library": str(made.library)}]})
        made.process.send_signal(signal.SIGHUP)
        until(lambda: "was read again" in made.text(), "the reload is told")
        shutil.copyfile(clips.film("film.mkv"), second / "By the new route.mkv")
        assert made.job("By the new route.mkv", "COMPLETED")["route"] == "more"


def test_an_inbox_that_comes_later_is_watched_when_it_is_there(tmp_path: Path, clips: Clips) -> None:
    made = Daemon(tmp_path)
    made.inbox.rmdir()
    try:
        made.start()
        assert "cannot be reached" in made.client().get("/v1/status")["problems"][0]
        made.inbox.mkdir()
        made.client().post("/v1/rescan")
        assert made.client().get("/v1/status")["problems"] == []
        made.drop(clips.film("film.mkv"), "Later.mkv")
        made.job("Later.mkv", "COMPLETED")
    finally:
        made.stop()


def test_a_claim_that_a_crash_cut_in_two_becomes_a_job(tmp_path: Path, clips: Clips) -> None:
    """The file is in the work queue with its note, the row was never written."""
    with daemon(tmp_path) as made:
        made.cli("pause")
        made.drop(clips.film("film.mkv"), "Cut.mkv")
        job = made.job("Cut.mkv", "PENDING")
        made.stop(signal.SIGKILL)
        for path in (made.folder / "state").glob("pectin.db*"):
            path.unlink()
        made.start()
        assert made.job("Cut.mkv", "COMPLETED")["id"] == job["id"]


def test_a_socket_left_by_a_dead_daemon_is_no_obstacle(tmp_path: Path) -> None:
    with daemon(tmp_path) as made:
        made.stop(signal.SIGKILL)
        assert (tmp_path / "s").exists()
        made.start()
        assert made.client().get("/v1/status")["mode"] == "open"


@pytest.mark.parametrize("seed", [1, 2])
def test_kill_9_at_random_moments_loses_no_film_and_publishes_none_twice(tmp_path: Path, clips: Clips, seed: int) -> None:
    moments = random.Random(seed)
    film = clips.film("two.mkv", video=("-c:v", "mpeg4"))
    names = [f"film {number}" for number in range(4)]
    with daemon(tmp_path, {"retry": {"max_interruptions": 20}}) as made:
        for name in names:
            made.drop(film, f"{name}.mkv")
        for _ in range(7):
            time.sleep(moments.uniform(0.02, 0.9))
            made.stop(signal.SIGKILL)
            made.start()
        jobs = [made.job(f"{name}.mkv", "COMPLETED") for name in names]
        made.stop()
        assert {sha256(Path(job["source_now"])) for job in jobs} == {sha256(film)}
        assert files(made.library) == [f"{name}/{name}.mp4" for name in names]
        assert len(files(made.folder / "originals")) == len(names)
        assert files(made.folder / "work") == files(made.inbox) == files(made.folder / "rejected") == []
        assert all(children_of_job(job["id"]) == [] for job in jobs)


def test_a_key_that_is_none_ends_with_78_and_a_sentence(tmp_path: Path) -> None:
    for number, content in enumerate((None, "", "two\nlines")):
        folder = tmp_path / str(number)
        key = tmp_path / f"key{number}"
        if content is not None:
            key.write_text(content)
        made = Daemon(folder, {"jellyfin": {"url": "http://127.0.0.1:1", "key_file": str(key)}})
        assert made.spawn().wait(60) == 78
        assert "jellyfin.key_file" in made.text()
        assert "Traceback" not in made.text()
