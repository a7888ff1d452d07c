"""The faces of a running daemon: command line, socket, metrics, webhooks, Jellyfin, systemd."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from clips import Clips
from fakes.jellyfin import FakeJellyfin
from fakes.receiver import Receiver
from harness import SLOW, Daemon, children_of_job, daemon, sha256, until
from needs import need_program
from pectin.cli.client import CommandError
from sources.catalogue import BY_NAME
from sources.making import Workshop


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory):
    with daemon(tmp_path_factory.mktemp("daemon")) as made:
        yield made


def test_cancel_stops_a_running_job_and_retry_takes_it_up_again(tmp_path: Path, long_film: Path) -> None:
    with daemon(tmp_path, SLOW) as made:
        made.drop(long_film, "Long.mkv")
        job = made.running("encoding", fraction=0.01)
        assert made.json("cancel", job["id"][:6])["state"] == "CANCELLED"
        assert children_of_job(job["id"]) == []
        details = made.json("show", job["id"])
        assert sha256(Path(details["source_now"])) == sha256(long_film)
        assert "rejected" in details["source_now"]
        assert made.cli("cancel", job["id"]).returncode == 1, "a cancelled job cannot be cancelled"
        made.write({"profiles": {"universal": {"preset": "ultrafast"}}})
        made.json("reload")
        assert made.json("retry", job["id"])["state"] == "PENDING"
        assert made.job("Long.mkv", "COMPLETED")["attempts"] == 0


def test_ffmpeg_is_nice_and_bound_to_as_many_cpus_as_it_may_have_threads(tmp_path: Path, long_film: Path) -> None:
    with daemon(tmp_path, SLOW | {"encoder": {"threads": 1, "nice": 12}}) as made:
        made.drop(long_film, "Long.mkv")
        job = made.running("encoding", fraction=0.01)
        [pid] = children_of_job(job["id"])
        assert os.getpriority(os.PRIO_PROCESS, pid) == 12
        assert len(os.sched_getaffinity(pid)) == 1 or len(os.sched_getaffinity(0)) == 1
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        assert [command[i + 1] for i, word in enumerate(command) if word == b"-threads"] == [b"1", b"1"]
        made.json("cancel", job["id"])


def test_a_waiting_job_can_be_cancelled(tmp_path: Path, clips: Clips) -> None:
    with daemon(tmp_path) as made:
        made.json("pause")
        made.drop(clips.film("film.mkv"), "Waits.mkv")
        job = made.job("Waits.mkv", "PENDING")
        assert made.json("cancel", job["id"])["state"] == "CANCELLED"
        assert made.json("show", job["id"])["cause"] == "cancelled_by_user"


def test_pause_lets_a_running_encode_stand_still_and_resume_goes_on(tmp_path: Path, long_film: Path) -> None:
    with daemon(tmp_path, SLOW) as made:
        made.drop(long_film, "Long.mkv")
        job = made.running("encoding", fraction=0.01)
        made.json("pause")
        states = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in children_of_job(job["id"])]
        assert states
        assert set(states) == {"T"}
        status = made.json("status")
        assert status["mode"] == "paused"
        assert status["running"][0]["suspended"] is True
        made.json("resume")
        assert made.json("status")["mode"] == "open"
        made.running("encoding", fraction=job["fraction"])
        made.json("cancel", job["id"])


def test_a_pause_outlives_a_restart(tmp_path: Path, clips: Clips) -> None:
    with daemon(tmp_path) as made:
        made.json("pause")
        made.stop()
        made.start()
        made.drop(clips.film("film.mkv"), "Waits.mkv")
        made.job("Waits.mkv", "PENDING")
        assert "somebody paused the queue" in made.json("status")["mode_sentence"]
        assert "somebody paused the queue" in made.text()
        with urllib.request.urlopen(f"http://127.0.0.1:{made.metrics_port}/metrics", timeout=10) as answer:
            assert 'pectin_queue_paused{cause="paused_by_user"} 1.0' in answer.read().decode()
        made.json("resume")
        made.job("Waits.mkv", "COMPLETED")


def test_drain_finishes_what_runs_and_starts_nothing(tmp_path: Path, long_film: Path, clips: Clips) -> None:
    with daemon(tmp_path) as made:
        made.drop(long_film, "Long.mkv")
        made.running("encoding")
        made.json("drain")
        made.drop(clips.film("film.mkv"), "Waits.mkv")
        made.job("Long.mkv", "COMPLETED")
        assert made.job("Waits.mkv", "PENDING")
        assert made.json("status")["mode"] == "draining"


def test_watch_follows_a_job_to_its_end(tmp_path: Path, clips: Clips) -> None:
    with daemon(tmp_path) as made:
        made.json("pause")
        made.drop(clips.film("film.mkv"), "Watched.mkv")
        job = made.job("Watched.mkv", "PENDING")
        made.json("resume")
        watched = made.cli("watch", job["id"])
        assert watched.returncode == 0, watched.stderr
        assert "COMPLETED 1" in watched.stdout
        lines = made.cli("watch", job["id"], "--json").stdout.splitlines()
        assert json.loads(lines[0])["jobs"]["COMPLETED"] == 1


@pytest.mark.parametrize("command", ["status", "status --inbox", "jobs", "jobs --state failed", "jobs --search x", "config show",
                                     "config check", "config example", "config schema", "--version", "--help", "rescan"])
def test_every_command_answers_a_person(idle: Daemon, command: str) -> None:
    done = idle.cli(*command.split())
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("command", ["status", "jobs", "doctor", "config show", "config check", "rescan", "reload"])
def test_every_command_answers_a_program(idle: Daemon, command: str) -> None:
    assert idle.json(*command.split()) is not None


def test_plan_explains_without_doing(idle: Daemon, clips: Clips) -> None:
    film = clips.film("film.mkv", video=("-c:v", "mpeg4"))
    before = sha256(film)
    told = idle.cli("plan", str(film))
    assert told.returncode == 0, told.stderr
    assert "encode" in told.stdout
    assert "copy" in told.stdout
    decided = idle.json("plan", str(film))["plan"]
    assert decided["method"] == "encode"
    assert [s["action"] for s in decided["streams"]] == ["encode", "copy"]
    assert sha256(film) == before
    assert idle.jobs() == []


def test_plan_says_why_a_file_is_refused(idle: Daemon, clips: Clips) -> None:
    tone = clips.make("tone.mka", ["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac"])
    told = idle.cli("plan", str(tone))
    assert told.returncode == 1
    assert "no moving picture" in told.stderr
    assert json.loads(idle.cli("plan", str(tone), "--json").stdout)["cause"] == "no_video_stream"


def test_plan_refuses_what_only_a_look_at_the_decoders_tells(idle: Daemon, clips: Clips) -> None:
    film = Workshop(clips).make(BY_NAME["no-track-left.mov"])
    told = idle.cli("plan", str(film), "--json")
    assert told.returncode == 1, told.stdout
    assert json.loads(told.stdout)["cause"] == "no_sound"


def test_the_socket_plans_only_files_below_its_own_folders(idle: Daemon, clips: Clips) -> None:
    film = clips.film("film.mkv")
    placed = idle.library / "x.mkv"
    placed.write_bytes(film.read_bytes())
    assert idle.client().get("/v1/plan", path=str(placed))["plan"]["method"] == "remux"
    for path in ("/etc/passwd", f"{idle.library}/../pectin.yaml", str(film)):
        with pytest.raises(CommandError, match="not below an inbox"):
            idle.client().get("/v1/plan", path=path)
    (idle.library / "link.mkv").symlink_to(film)
    with pytest.raises(CommandError, match="link"):
        idle.client().get("/v1/plan", path=f"{idle.library}/link.mkv")


def test_without_a_daemon_the_commands_say_how_to_start_it(tmp_path: Path) -> None:
    made = Daemon(tmp_path)
    told = made.cli("status")
    assert told.returncode == 69
    assert "systemctl start pectin" in told.stderr
    assert json.loads(made.cli("status", "--json").stdout)["title"]


def test_doctor_finds_what_is_wrong_and_says_how_to_mend_it(tmp_path: Path) -> None:
    made = Daemon(tmp_path, {"webhooks": [{"name": "chat", "url": "http://127.0.0.1:1/", "secret_file": str(tmp_path / "gone")}]})
    made.library.rmdir()
    found = json.loads(made.cli("doctor", "--json").stdout)
    bad = {f["what"]: f["mend"] for f in found if f["level"] == "fail"}
    assert made.cli("doctor").returncode == 1
    assert any("library of route films" in what for what in bad)
    assert any("webhook chat" in what for what in bad)
    assert all(bad.values())


def test_the_socket_is_for_owner_and_group_only(idle: Daemon) -> None:
    assert stat.S_IMODE((idle.folder / "s").stat().st_mode) == 0o660


def test_curl_is_enough_to_use_the_socket(idle: Daemon) -> None:
    curl = need_program("curl", "curl")

    def ask(*arguments: str) -> str:
        return subprocess.run([curl, "-s", "--unix-socket", str(idle.folder / "s"), *arguments], capture_output=True, text=True,
                              check=True, timeout=30).stdout

    assert ask("http://pectin/healthz") == "ok\n"
    assert ask("http://pectin/readyz") == "ok\n"
    assert json.loads(ask("http://pectin/v1/status"))["mode"] == "open"
    assert "/v1/jobs/{job_id}" in json.loads(ask("http://pectin/openapi.json"))["paths"]
    problem = json.loads(ask("-X", "POST", "http://pectin/v1/jobs/zzzz/cancel"))
    assert problem["type"] == "urn:pectin:problem:no-such-job"
    assert problem["status"] == 404
    assert "application/problem+json" in ask("-i", "http://pectin/nowhere")
    assert json.loads(ask("http://pectin/v1/jobs?limit=0"))["status"] == 422


def test_metrics_tell_what_happened(tmp_path: Path, clips: Clips) -> None:
    with daemon(tmp_path) as made:
        made.drop(clips.film("film.mkv"), "Counted.mkv")
        made.job("Counted.mkv", "COMPLETED")

        def scraped() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{made.metrics_port}/metrics", timeout=10) as answer:
                return str(answer.read().decode())

        until(lambda: 'pectin_jobs{state="COMPLETED"} 1.0' in scraped(), "the job is counted")
        text = scraped()
        assert 'pectin_job_transitions_total{cause="",state="COMPLETED",trigger="published"} 1.0' in text
        assert "Counted" not in text, "no file names in labels"


def test_systemd_is_told_ready_status_and_stopping(tmp_path: Path, clips: Clips) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.settimeout(30)
    made = Daemon(tmp_path, environment={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"})
    with listener:
        process = made.spawn()
        told: list[str] = []

        def hear(wanted: str) -> None:
            while not any(wanted in line for line in told):
                told.extend(listener.recv(4096).decode().splitlines())

        hear("READY=1")
        hear("STATUS=idle, watching the inbox")
        hear("WATCHDOG=1")
        made.drop(clips.film("film.mkv", seconds=4), "Told.mkv")
        hear("1 of 1: Told")
        process.terminate()
        hear("STOPPING=1")
        assert process.wait(30) == 0


def test_events_reach_a_webhook_signed_and_in_order_and_jellyfin_is_told(tmp_path: Path, clips: Clips) -> None:
    secret, key = "whsec_" + "cGVjdGluIHRlc3Qgc2VjcmV0IDEyMzQ=", "a-key"
    (tmp_path / "secret").write_text(secret)
    (tmp_path / "key").write_text(key)
    with Receiver(secret=secret) as receiver, FakeJellyfin(key=key) as jellyfin, daemon(tmp_path / "d", {
            "webhooks": [{"name": "chat", "url": receiver.url, "secret_file": str(tmp_path / "secret")}],
            "jellyfin": {"url": jellyfin.url, "key_file": str(tmp_path / "key"),
                         "map": [{"ours": str(tmp_path / "d" / "library"), "theirs": "/media/films"}]}}) as made:
        made.drop(clips.film("film.mkv"), "Told.mkv")
        job = made.job("Told.mkv", "COMPLETED")
        until(lambda: len(receiver.received) >= 3, "three events arrive")
        until(lambda: jellyfin.updates, "Jellyfin is told")
        assert [json.loads(r.body)["type"] for r in receiver.received] == ["job.accepted", "job.started", "job.completed"]
        assert all(r.genuine for r in receiver.received)
        data = json.loads(receiver.received[-1].body)["data"]
        assert data["job"] == job["id"]
        assert data["outputs"][0]["path"] == str(made.library / "Told" / "Told.mp4")
        assert "/media/films/Told/Told.mp4" in json.dumps(jellyfin.updates)
        until(lambda: not any(made.client().get("/v1/status")["outbox"].values()), "the outbox is empty")


def test_an_endpoint_that_is_dead_delays_no_job_and_gets_its_events_later(tmp_path: Path, clips: Clips) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with daemon(tmp_path, {"webhooks": [{"name": "dead", "url": f"http://127.0.0.1:{port}/"}]}) as made:
        made.drop(clips.film("film.mkv"), "Film.mkv")
        made.job("Film.mkv", "COMPLETED")
        assert made.json("status")["outbox"] == {"dead": 3}
        made.stop()
        with Receiver(port=port) as receiver:
            made.start()
            until(lambda: len(receiver.received) == 3, "the events arrive after all")
            assert [json.loads(r.body)["type"] for r in receiver.received] == ["job.accepted", "job.started", "job.completed"]


def test_a_hook_is_run_when_a_film_is_ready(tmp_path: Path, clips: Clips) -> None:
    program = tmp_path / "hook"
    program.write_text(f'#!/bin/sh\necho "$PECTIN_EVENT $PECTIN_NAME" >> {tmp_path}/said\n')
    program.chmod(0o755)
    with daemon(tmp_path / "d", {"hooks": [{"name": "say", "run": str(program)}]}) as made:
        made.drop(clips.film("film.mkv"), "Hooked.mkv")
        until(lambda: (tmp_path / "said").exists() and (tmp_path / "said").read_text(), "the hook has run")
        assert (tmp_path / "said").read_text() == "job.completed Hooked.mkv\n"


def test_logs_as_json_are_one_object_per_line(tmp_path: Path, clips: Clips) -> None:
    with daemon(tmp_path, {"log": {"format": "json"}}) as made:
        made.drop(clips.film("film.mkv"), "Film.mkv")
        job = made.job("Film.mkv", "COMPLETED")
        made.stop()
        lines = [json.loads(line) for line in made.text().splitlines()]
        assert {line["job"] for line in lines if line.get("job")} == {job["id"]}


def test_the_environment_names_the_configuration(tmp_path: Path) -> None:
    made = Daemon(tmp_path)
    done = subprocess.run([sys.executable, "-m", "pectin", "config", "check"], capture_output=True, text=True, check=False,
                          env={**os.environ, "PECTIN_CONFIG": str(made.config)}, timeout=60)
    assert done.stdout == f"{made.config}: good\n"
