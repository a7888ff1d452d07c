"""The database is lost or an old one is put in its place, and a real daemon takes everything up again from the files."""

from __future__ import annotations

import shlex
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from clips import Clips
from fakes.receiver import Receiver
from harness import PATIENCE, Daemon, daemon, files, sha256, until


def states(made: Daemon) -> dict[str, str]:
    return {job["name"]: job["state"] for job in made.jobs()}


def wait_until_all_are_over(made: Daemon, *names: str) -> dict[str, Any]:
    return {name: made.job(name, "COMPLETED", "REJECTED", "FAILED", "CANCELLED") for name in names}


def bad(made: Daemon, name: str) -> Path:
    junk = made.folder / "junk"
    junk.write_bytes(f"{name} is no film ".encode() * 100)
    return made.drop(junk, name)


def sqlite(made: Daemon) -> sqlite3.Connection:
    return sqlite3.connect(made.folder / "state" / "pectin.db", isolation_level=None, timeout=30)


def test_a_database_damaged_under_the_daemon_ends_it_and_the_next_start_knows_every_film_again(tmp_path: Path,
                                                                                               clips: Clips) -> None:
    film = clips.film("one.mkv", seconds=1)
    with daemon(tmp_path, {"intake": {"duplicates": "reject"}}) as made:
        for name in ("Done.mkv", "sub/Deep.mkv"):
            made.drop(film if name == "Done.mkv" else clips.film("two.mkv", seconds=1.2), name)
        (made.inbox / "Done.en.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
        for name in ("Bad.mkv", "Again.mkv"):
            bad(made, name)
        before = wait_until_all_are_over(made, "Done.mkv", "Deep.mkv", "Bad.mkv", "Again.mkv")
        library = {name: sha256(made.library / name) for name in files(made.library)}
        made.client().post("/v1/pause")
        made.client().post(f"/v1/jobs/{before['Again.mkv']['id']}/retry")  # lies in the work folder, without a note of its claim
        made.drop(clips.film("three.mkv", seconds=1.4), "Waits.mkv")
        waits = made.job("Waits.mkv", "PENDING")

        with closing(sqlite(made)) as stranger:  # makes the daemon read from the disk again
            stranger.execute("INSERT INTO flag (name, value) VALUES ('x', 'y')")
            stranger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database = tmp_path / "state" / "pectin.db"
        with database.open("r+b") as file:
            file.seek(4096)
            file.write(b"\x55" * (database.stat().st_size - 4096))
        damaged = database.read_bytes()
        assert made.process is not None
        made.cli("jobs")  # whoever asks first
        assert made.process.wait(PATIENCE) == 70
        assert "the database is damaged" in made.text()

        said = len(made.text())
        made.start()
        [aside] = (tmp_path / "state").glob("pectin.db.damaged-????????-??????")
        assert aside.read_bytes() == damaged
        after = wait_until_all_are_over(made, "Done.mkv", "Deep.mkv", "Bad.mkv", "Again.mkv", "Waits.mkv")
        assert {name: job["state"] for name, job in after.items()} == {
            "Done.mkv": "COMPLETED", "Deep.mkv": "COMPLETED", "Bad.mkv": "REJECTED", "Again.mkv": "REJECTED",
            "Waits.mkv": "COMPLETED"}
        log = made.text()[said:]
        for job in (*before.values(), waits):  # each with a line, and under the id it had
            assert any("taken up" in line and job["name"] in line for line in log.splitlines())
            assert after[job["name"]]["id"] == job["id"]
        for name in ("Done.mkv", "Deep.mkv", "Bad.mkv"):
            for fact in ("outputs", "plan", "message", "source", "source_now", "finished_at", "sidecars"):
                assert after[name][fact] == before[name][fact]
        assert library.items() <= {name: sha256(made.library / name) for name in files(made.library)}.items()
        assert len(files(made.library)) == len(library) + 1  # Waits
        made.drop(made.library / "Done" / "Done.mp4", "Renamed.mp4")
        assert made.job("Renamed.mp4", "REJECTED")["cause"] == "own_output"


def test_an_old_backup_is_restored_as_told_and_nothing_is_encoded_twice(tmp_path: Path, clips: Clips) -> None:
    backup = tmp_path / "backup.db"
    with daemon(tmp_path) as made:
        made.drop(clips.film("one.mkv", seconds=1), "Before.mkv")
        made.job("Before.mkv", "COMPLETED")
        made.client().post("/v1/pause")
        made.drop(clips.film("two.mkv", seconds=1.2), "Waited.mkv")
        made.job("Waited.mkv", "PENDING")
        told = made.json("backup", str(backup))
        assert backup.stat().st_mode & 0o777 == 0o600
        refused = made.cli("backup", str(backup))
        assert refused.returncode == 1
        assert "--force" in refused.stderr

        made.client().post("/v1/resume")
        made.drop(clips.film("three.mkv", seconds=1.4), "Since.mkv")
        bad(made, "Bad.mkv")
        wait_until_all_are_over(made, "Waited.mkv", "Since.mkv", "Bad.mkv")
        made.client().post("/v1/pause")
        made.drop(clips.film("four.mkv", seconds=1.6), "New.mkv")
        made.job("New.mkv", "PENDING")
        library = {name: sha256(made.library / name) for name in files(made.library)}
        before = states(made)

        [stop, *commands, start] = told["restore"]
        assert (stop, start) == ("systemctl stop pectin", "systemctl start pectin")
        made.stop(signal.SIGKILL)  # worse than a stop: the newer database's log lies there still
        assert (tmp_path / "state" / "pectin.db-wal").exists()
        for command in commands:
            subprocess.run(shlex.split(command), check=True)
        said = len(made.text())
        made.start()
        assert states(made) == before
        made.client().post("/v1/resume")
        made.job("New.mkv", "COMPLETED")
        log = made.text()[said:]
        assert log.count(" -> PROCESSING") == 1
        assert library.items() <= {name: sha256(made.library / name) for name in files(made.library)}.items()
        assert len(files(made.library)) == len(library) + 1
        assert [step["message"] for step in made.client().get(f"/v1/jobs/{made.job('Waited.mkv', 'COMPLETED')['id']}")["history"]
                if "older than the files" in step["message"]]


def test_without_a_daemon_the_backup_is_made_of_the_file_itself(tmp_path: Path) -> None:
    with daemon(tmp_path) as made:
        bad(made, "Bad.mkv")
        made.job("Bad.mkv", "REJECTED")
        assert made.cli("backup", str(tmp_path / "running.db")).returncode == 0
        made.stop()
        here = sorted(path.name for path in (tmp_path / "state").iterdir())
        assert made.cli("backup", str(tmp_path / "stopped.db")).returncode == 0
        assert sorted(path.name for path in (tmp_path / "state").iterdir()) == here
        for name in ("running.db", "stopped.db"):
            with closing(sqlite3.connect(tmp_path / name)) as copy:
                assert copy.execute("SELECT state FROM job").fetchall() == [("REJECTED",)]
        (tmp_path / "stopped.db").write_text("mine")
        assert made.cli("backup", str(tmp_path / "stopped.db"), "--force").returncode == 0
        for name in ("nowhere/copy.db", "state"):
            refused = made.cli("backup", str(tmp_path / name), "--force")
            assert (refused.returncode, refused.stdout) == (1, "")
            assert len(refused.stderr.splitlines()) == 1
        assert not list(tmp_path.glob(".*.part"))


def test_events_outlive_a_daemon_that_dies_between_the_answer_and_its_mark(tmp_path: Path) -> None:
    with Receiver() as receiver:
        made = Daemon(tmp_path, {"webhooks": [{"name": "chat", "url": receiver.url}]},
                      environment={"PECTIN_CRASH_AT": "delivery_sent", "PECTIN_TESTING": "1"})
        bad(made, "Bad.mkv")
        process = made.spawn()
        assert process.wait(PATIENCE) == -signal.SIGKILL
        made.environment.clear()
        try:
            made.start()
            until(lambda: receiver.received and receiver.received[-1].json["type"] == "job.rejected", "all is told")
        finally:
            made.stop()
        first, again, *_ = receiver.received
        assert (first.id, first.json) == (again.id, again.json)
        # the death may have met the worker in the middle of the film: then it is started, and told, a second time
        kinds = [one.json["type"] for one in receiver.received[1:]]
        assert kinds in (["job.accepted", "job.started", "job.rejected"],
                         ["job.accepted", "job.started", "job.started", "job.rejected"])
        assert len({one.id for one in receiver.received[1:]}) == len(kinds)
