"""A real daemon with a real ffmpeg under the governor: paused means no CPU at all, and it goes on by itself."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from clips import Clips
from fakes.jellyfin import FakeJellyfin, watching
from harness import Daemon, children_of_job, daemon, until
from pectin.cli.client import CommandError

KEY = "0123456789abcdef"


def window(hours_from_now: int) -> str:
    hour = (time.localtime().tm_hour + hours_from_now) % 24
    return f"{hour:02}:00-{(hour + 2) % 24:02}:00"


def ticks(job: str) -> int:
    """The CPU time of all processes of a job, in the kernel's ticks."""
    used = 0
    for pid in children_of_job(job):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used


def metrics(made: Daemon) -> str:
    return httpx.get(f"http://127.0.0.1:{made.metrics_port}/metrics", trust_env=False).text


def reloaded(made: Daemon, **governor: Any) -> None:
    made.sections["governor"] = {"quiet": 0, **governor}
    made.write({})
    made.client().post("/v1/reload")


@pytest.fixture(scope="module")
def server() -> Iterator[FakeJellyfin]:
    with FakeJellyfin(key=KEY) as made:
        yield made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, server: FakeJellyfin, long_film: Path) -> Iterator[Daemon]:
    """A daemon whose schedule is closed, with a film in its queue."""
    folder = tmp_path_factory.mktemp("g")
    (folder / "key").write_text(KEY)
    sections = {"profiles": {"universal": {"preset": "veryslow"}}, "encoder": {"threads": len(os.sched_getaffinity(0))},
                "jellyfin": {"url": server.url, "key_file": str(folder / "key")},
                "governor": {"quiet": 0, "schedule": [window(3)]}}
    with daemon(folder, sections) as running:
        running.drop(long_film, "long.mkv")
        yield running


def test_outside_of_the_schedule_a_film_waits_and_everything_says_why(made: Daemon) -> None:
    made.job("long.mkv", "PENDING")
    status = made.client().get("/v1/status")
    assert (status["mode"], status["paused_for"]) == ("open", ["outside_schedule"])
    assert status["governor"][0]["until"] > time.time()
    assert "it is not the time to work by governor.schedule: until" in made.cli("status").stdout
    until(lambda: 'pectin_queue_paused{cause="outside_schedule"} 1.0' in metrics(made), "the metric tells it")
    assert "work rests: it is not the time to work" in made.text()
    assert 'pectin_disk_free_bytes{place="library of films"}' in metrics(made)


def test_when_it_opens_the_film_starts_and_when_it_closes_ffmpeg_uses_no_cpu(made: Daemon) -> None:
    reloaded(made, schedule=[window(-1)])
    job = made.running("encoding", 0.001)["id"]
    reloaded(made, schedule=[window(3)])
    until(lambda: made.client().get("/v1/status")["running"][0]["suspended"], "it stands still")
    assert children_of_job(job)
    before = ticks(job)
    time.sleep(2)
    assert ticks(job) == before
    until(lambda: 'pectin_jobs_held_back{cause="outside_schedule"} 1.0' in metrics(made), "the metric tells it")
    reloaded(made, schedule=[window(-1)])
    until(lambda: ticks(job) > before, "it goes on")


def test_finish_lets_a_running_job_go_on(made: Daemon) -> None:
    reloaded(made, schedule=[window(3)], outside="finish")
    status = until(lambda: (s := made.client().get("/v1/status"))["paused_for"] and s, "nothing new starts")
    assert (status["paused_for"], status["running"][0]["suspended"]) == (["outside_schedule"], False)
    reloaded(made)


def test_it_makes_room_for_jellyfin_and_says_for_whom(made: Daemon, server: FakeJellyfin) -> None:
    job = made.jobs()[0]["id"]
    server.sessions = [watching(), watching(transcoding=True)]
    reloaded(made, yield_to="transcoding", yield_by="slow")
    running = until(lambda: (r := made.client().get("/v1/status")["running"][0])["held_back"] and r, "it is slowed down")
    assert running["held_back"] == ["Jellyfin needs the power: it transcodes: 1"]
    assert not running["suspended"]
    if len(os.sched_getaffinity(0)) > 1:
        assert {len(os.sched_getaffinity(pid)) for pid in children_of_job(job)} == {1}
    assert made.client().get("/v1/status")["paused_for"] == []
    assert "slowed down: Jellyfin needs the power" in made.cli("status").stdout
    reloaded(made, yield_to="playing")
    until(lambda: made.client().get("/v1/status")["running"][0]["suspended"], "and paused")
    assert "2 viewers" in made.client().get("/v1/status")["mode_sentence"]


def test_a_jellyfin_that_refuses_is_told_once_and_keeps_nobody_waiting(made: Daemon, server: FakeJellyfin) -> None:
    """A reload makes it look at once; it looks every five seconds by itself, as the last step shows."""
    def stands() -> bool:
        return bool(made.client().get("/v1/status")["running"][0]["suspended"])

    server.starting = True
    for quiet in ("10ms", "20ms"):
        reloaded(made, yield_to="playing", quiet=quiet)
        until(lambda: not stands(), "work goes on")
    until(lambda: "Jellyfin does not tell who watches (answered 503)" in made.text(), "it is said")
    server.starting = False
    reloaded(made, yield_to="playing", quiet="30ms")
    until(stands, "it tells again")
    assert made.text().count("Jellyfin does not tell who watches") == 1
    assert "Jellyfin tells again who watches" in made.text()
    server.sessions = []
    until(lambda: not stands(), "and nobody watches any more")


def test_a_pause_for_a_while_ends_by_itself_and_a_wrong_length_is_refused(made: Daemon) -> None:
    reloaded(made)
    assert made.cli("pause", "--for", "soon").returncode == 1
    status = made.client()
    status.post("/v1/pause", seconds=1.5)
    shown = status.get("/v1/status")
    assert shown["until"] > time.time() - 2
    until(lambda: status.get("/v1/status")["mode"] == "open", "it is over")
    until(lambda: not status.get("/v1/status")["running"][0]["suspended"], "what runs goes on")


def test_a_daemon_that_drains_still_drains_after_a_restart_and_priorities_stay(made: Daemon, clips: Clips) -> None:
    """The last test: the long film is cancelled here."""
    made.client().post("/v1/drain")
    made.client().post(f"/v1/jobs/{made.jobs()[0]['id']}/cancel")
    film = clips.film("film.mkv", seconds=1)
    ids = {}
    for name in ("a.mkv", "c.mkv", "d.mkv"):
        made.drop(film, name)
        ids[name] = made.job(name, "PENDING")["id"]
    assert made.cli("priority", ids["a.mkv"], "low").returncode == 0
    made.client().post(f"/v1/jobs/{ids['c.mkv']}/priority", level="high")
    assert made.json("next", ids["d.mkv"])["priority_word"] == "next"
    with pytest.raises(CommandError, match="low, normal, high"):
        made.client().post(f"/v1/jobs/{ids['a.mkv']}/priority", level="urgent")
    made.stop()
    made.sections["profiles"] = {"universal": {"preset": "ultrafast"}}
    made.write({})
    made.start()
    status = made.client().get("/v1/status")
    assert (status["mode"], status["paused_for"]) == ("draining", ["draining"])
    assert "still so since the last run: the queue drains" in made.text()
    shown = made.cli("jobs").stdout
    assert "comes next" in shown
    assert "priority high" in shown
    findings = {one["what"]: one for one in json.loads(made.cli("doctor", "--json").stdout)}
    [told] = [one for what, one in findings.items() if what.startswith("daemon: the queue drains")]
    assert (told["level"], told["mend"]) == ("warn", "pectin resume")
    made.client().post("/v1/resume")
    begun = [made.job(name, "COMPLETED")["started_at"] for name in ("d.mkv", "c.mkv", "a.mkv")]
    assert begun == sorted(begun)
    assert made.job("d.mkv", "COMPLETED")["priority"] == 0, "`next` was for this time"
    with pytest.raises(CommandError, match="the job is COMPLETED"):
        made.client().post(f"/v1/jobs/{ids['a.mkv']}/next")
