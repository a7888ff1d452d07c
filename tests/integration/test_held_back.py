"""What a person does to a job that runs: pause it, let it go on, give it fewer CPUs; and a reload that changes the cap."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from harness import Daemon, children_of_job, daemon, until


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, long_film: Path) -> Iterator[Daemon]:
    """A daemon in the middle of a long encode, on one CPU. The last test ends it."""
    slowest = {"profiles": {"universal": {"preset": "veryslow"}}, "encoder": {"threads": 1}}
    with daemon(tmp_path_factory.mktemp("k"), slowest) as made:
        made.drop(long_film, "long.mkv")
        made.running("encoding", 0.001)
        yield made


def ffmpeg_of(made: Daemon) -> psutil.Process:
    """The encode itself."""
    job = made.jobs()[0]["id"]
    return psutil.Process(until(lambda: children_of_job(job), "it has an ffmpeg")[0])


def cpus_of(process: psutil.Process) -> set[frozenset[int]]:
    return {frozenset(os.sched_getaffinity(thread.id)) for thread in process.threads()}


def test_a_reload_that_changes_the_cap_moves_the_running_encode(running: Daemon) -> None:
    ours = frozenset(os.sched_getaffinity(0))
    if len(ours) < 2:
        pytest.skip("one CPU: there is nothing to change")
    encode = ffmpeg_of(running)
    assert {len(cpus) for cpus in cpus_of(encode)} == {1}
    running.write({"encoder": {"threads": len(ours)}})
    running.client().post("/v1/reload")
    assert cpus_of(encode) == {ours}
    running.write({"encoder": {"threads": 1}})
    running.client().post("/v1/reload")
    assert {len(cpus) for cpus in cpus_of(encode)} == {1}


def test_one_job_is_paused_and_goes_on_while_the_queue_is_open(running: Daemon) -> None:
    encode, job = ffmpeg_of(running), running.jobs()[0]["id"]
    assert "long.mkv: PROCESSING" in running.cli("pause", job).stdout
    until(lambda: encode.status() == psutil.STATUS_STOPPED, "it stands still")
    shown = running.client().get("/v1/status")
    assert (shown["mode"], shown["running"][0]["suspended"]) == ("open", True)
    assert shown["running"][0]["held_back"] == ["somebody paused this job"]
    until(lambda: 'pectin_jobs_held_back{cause="job_paused_by_user"} 1.0' in metrics(running), "the metric tells it")
    running.client().post("/v1/pause")
    running.client().post("/v1/resume")  # the queue, not the job
    assert encode.status() == psutil.STATUS_STOPPED
    running.cli("resume", job)
    until(lambda: encode.status() != psutil.STATUS_STOPPED, "it goes on")
    assert not running.client().get("/v1/status")["running"][0]["suspended"]


def test_one_job_is_slowed_down_and_let_go(running: Daemon) -> None:
    job = running.jobs()[0]["id"]
    running.write({"encoder": {"threads": len(os.sched_getaffinity(0))}})
    running.client().post("/v1/reload")
    running.client().post(f"/v1/jobs/{job}/limit", cpus=1)
    assert {len(cpus) for cpus in cpus_of(ffmpeg_of(running))} == {1}
    assert running.client().get("/v1/status")["running"][0]["held_back"] == ["somebody gave this job fewer CPUs: 1"]
    assert running.cli("limit", job, "all").returncode == 0
    assert cpus_of(ffmpeg_of(running)) == {frozenset(os.sched_getaffinity(0))}
    assert running.cli("limit", job, "0").returncode == 1


def test_the_status_and_the_metrics_say_which_walls_hold(running: Daemon) -> None:
    told = running.client().get("/v1/status")["sandbox"]
    page = metrics(running)
    for part in ("files", "syscalls", "privileges", "network"):
        assert f'pectin_sandbox_active{{part="{part}"}} {1.0 if part in told["parts"] else 0.0}' in page
    said = running.cli("doctor").stdout
    if told["whole"]:
        assert "sandbox: ffmpeg sees only its input and its own folder" in said


def test_a_job_that_does_not_run_cannot_be_paused(running: Daemon) -> None:
    job = running.jobs()[0]["id"]
    running.client().post(f"/v1/jobs/{job}/cancel")
    told = running.cli("pause", job)
    assert told.returncode == 1
    assert "does not run now" in told.stderr


def metrics(made: Daemon) -> str:
    return httpx.get(f"http://127.0.0.1:{made.metrics_port}/metrics").text
