"""The daemon's life under a real systemd: what it says while it works, and that nothing is lost however it ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clips import Clips
from harness import sha256, until
from pectin.cli.client import Client
from system.machine import CHECKOUT, CONFIG, QUICK, SLOW, SOON, STEADY, Machine, machine

STOP = 10.0  # seconds: a stop that finishes nothing must not take longer
METRICS = "http://127.0.0.1:9847/metrics"
# Python runs this in every process of the program: a signal then stops the event loop's thread, and no other.
BLOCKED = "import signal, time; signal.signal(signal.SIGUSR1, lambda *_: time.sleep(100000))\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, staged: Path) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("box"), staged) as made:
        yield made


@pytest.fixture(scope="module")
def film(clips: Clips) -> Path:
    return clips.film("film.mkv", seconds=1)


@pytest.fixture(scope="module")
def slow_film(clips: Clips) -> Path:
    """Noise: seconds of work for the slowest preset, one for the fastest."""
    return clips.make("slow.mkv", ["-f", "lavfi", "-i", "nullsrc=size=640x360:rate=25:duration=4,geq=random(1)*255:128:128",
                                   "-c:v", "mpeg4", "-q:v", "6"])


def status_text(installed: Machine, unit: str = "pectin.service") -> str:
    return installed.box.unit(unit, "StatusText")["StatusText"]


def test_when_the_start_is_over_everything_answers(installed: Machine, film: Path) -> None:
    """READY comes after the store, the socket, the metrics and the watcher; asked at once, each of them is there."""
    installed.configure(QUICK | {"intake": QUICK["intake"] | {"rescan": 0}})  # only the watcher can notice the film
    installed.drop_in()
    installed.box.run("systemctl", "start", "pectin.service")
    assert "pectin_build_info" in installed.box.text("curl", "--silent", "--fail", "--max-time", "5", METRICS)
    assert installed.box.text("curl", "--silent", "--fail", "--max-time", "5", "--unix-socket", "/run/pectin/pectin.sock",
                              "http://pectin/readyz") == "ok"
    assert installed.client().get("/v1/jobs")["total"] == 0
    installed.drop(film, "First.mkv")
    installed.job("First.mkv", "COMPLETED")


def test_without_one_of_them_it_never_says_that_it_is_ready(installed: Machine) -> None:
    installed.box.run("systemctl", "stop", "pectin.service")
    installed.box.run("systemd-run", "--quiet", "--unit=taken", "python3", "-m", "http.server", "--bind", "127.0.0.1", "9847")
    until(lambda: installed.box.run("curl", "--silent", METRICS, check=False).returncode == 0, "the port is taken")
    installed.drop_in("[Service]\nRestart=no\n")
    started = installed.box.run("systemctl", "start", "pectin.service", check=False)
    assert started.returncode != 0
    assert installed.box.unit("pectin.service", "ExecMainStatus") == {"ExecMainStatus": "69"}
    installed.box.run("systemctl", "stop", "taken")


def test_the_status_follows_the_work(installed: Machine, slow_film: Path) -> None:
    """`systemctl status` counts the films up to the last, says how far and how long, and why it stands still."""
    installed.fresh(SLOW)
    installed.drop(slow_film, "One (2010).mkv")
    installed.job("One (2010).mkv", "PENDING", "PROCESSING")
    installed.drop(slow_film, "Two (2011).mkv")
    installed.job("Two (2011).mkv", "PENDING", "PROCESSING")
    line = re.compile(r"encoding 1 of 2: One \(2010\) \d+ %, \d+\.\dx, \d+ (s|min) left")
    until(lambda: line.fullmatch(status_text(installed)), "the first film is told")
    assert "encoding 1 of 2: One (2010)" in installed.box.text("systemctl", "status", "pectin")
    installed.box.run("pectin", "pause")
    until(lambda: re.fullmatch(r"somebody paused the queue; .*: encoding 1 of 2: One \(2010\) \d+ %, paused",
                               status_text(installed)), "the pause and its reason are told")
    installed.box.run("pectin", "resume")
    installed.box.run("pectin", "cancel", installed.job("One (2010).mkv", "PROCESSING")["id"])
    until(lambda: re.match(r"\w+ 2 of 2: Two \(2011\)", status_text(installed)), "the second film is told")
    installed.box.run("pectin", "cancel", installed.job("Two (2011).mkv", "PROCESSING")["id"])
    until(lambda: status_text(installed) == "idle, watching the inbox", "the end")


def test_a_blocked_event_loop_is_ended_by_the_watchdog_and_nothing_is_lost(installed: Machine, slow_film: Path) -> None:
    """Not the whole process stands still, only the loop: its threads and its ffmpeg go on. systemd sees that it is not fed."""
    (packages,) = installed.box.path("/opt/pectin/lib").glob("python3*/site-packages")
    (packages / "blocked.pth").write_text(BLOCKED)
    installed.fresh(SLOW, SOON + "WatchdogSec=6s\n")
    installed.drop(slow_film, "Blocked.mkv")
    job = installed.encoding()
    old = installed.box.unit("pectin.service", "MainPID")["MainPID"]
    children = installed.box.text("pgrep", "-P", old).split()
    installed.configure(QUICK)
    installed.box.run("systemctl", "kill", "--kill-whom=main", "--signal=USR1", "pectin.service")
    until(lambda: installed.box.unit("pectin.service", "NRestarts")["NRestarts"] == "1", "systemd starts it again")
    (packages / "blocked.pth").unlink()
    done = installed.job("Blocked.mkv", "COMPLETED")
    assert (done["id"], done["interruptions"]) == (job["id"], 1)
    assert sha256(installed.box.path(done["source_now"])) == sha256(slow_film)
    assert not [pid for pid in children if installed.box.path(f"/proc/{pid}").exists()]
    journal = "\n".join(installed.box.journal("-u", "pectin", "-n", "200"))
    assert "Watchdog timeout" in journal
    assert "Killing process" in journal
    assert "Fatal Python error: Aborted" in journal
    assert not list(installed.box.path("/var/lib/systemd/coredump").glob("core.pectin*")), "no core with keys in it"


def test_stop_is_quick_while_everything_else_is_busy_too(installed: Machine, slow_film: Path) -> None:
    installed.fresh(SLOW | {"encoder": {"threads": 1, "jobs": 2}})
    for name in ("Left.mkv", "Right.mkv"):
        installed.drop(slow_film, name)
    for number in range(4):
        installed.box.run("systemd-run", "--quiet", f"--unit=load{number}", "sh", "-c", "while :; do :; done")
    until(lambda: [job["stage"] for job in installed.client().get("/v1/status")["running"]] == ["encoding"] * 2, "both run")
    installed.box.run("systemctl", "stop", "pectin.service", patience=STOP)
    installed.box.run("systemctl", "stop", *(f"load{number}" for number in range(4)))
    assert installed.box.unit("pectin.service", "ActiveState", "Result") == {"ActiveState": "inactive", "Result": "success"}
    assert installed.processes() == []
    installed.fresh()
    for name in ("Left.mkv", "Right.mkv"):
        assert installed.job(name, "COMPLETED")["interruptions"] == 0


def test_drain_and_stop_finishes_what_runs_however_long_the_unit_would_wait(installed: Machine, slow_film: Path) -> None:
    """The encode takes longer than TimeoutStopSec here, so that only the daemon's own requests for time let it end."""
    installed.fresh(STEADY, SOON + "TimeoutStopSec=1s\n")
    for name in ("Finished.mkv", "Next.mkv"):
        installed.drop(slow_film, name)
    job = installed.encoding()
    installed.box.run("pectin", "drain")
    stopping = installed.box.start("systemctl", "stop", "pectin.service")
    until(lambda: status_text(installed).startswith("stopping. the queue drains"), "it says what it waits for")
    assert installed.box.unit("pectin.service", "ActiveState") == {"ActiveState": "deactivating"}
    told, _ = stopping.communicate(timeout=90)
    assert stopping.returncode == 0, told
    assert installed.box.unit("pectin.service", "ActiveState", "Result") == {"ActiveState": "inactive", "Result": "success"}
    states = installed.states_on_disk()
    assert states.pop(job["id"]) == "COMPLETED"
    assert [state for state in states.values() if state not in ("COMPLETED", "CANCELLED")] == ["PENDING"], "nothing new began"
    installed.fresh()
    installed.box.run("pectin", "resume")
    installed.job("Next.mkv", "COMPLETED")


def test_a_second_signal_does_not_wait_for_what_drains(installed: Machine, slow_film: Path) -> None:
    installed.fresh(SLOW)
    installed.drop(slow_film, "Hurry.mkv")
    job = installed.encoding()
    installed.box.run("pectin", "drain")
    installed.box.run("systemctl", "stop", "--no-block", "pectin.service")
    until(lambda: status_text(installed).startswith("stopping. "), "it waits")
    installed.box.run("systemctl", "kill", "--kill-whom=main", "pectin.service")
    until(lambda: installed.box.unit("pectin.service", "ActiveState") == {"ActiveState": "inactive"}, "it has ended", STOP)
    assert installed.states_on_disk()[job["id"]] == "PENDING"
    installed.fresh()
    installed.box.run("pectin", "resume")
    installed.job("Hurry.mkv", "COMPLETED")


def test_a_job_that_stands_still_is_not_waited_for(installed: Machine, slow_film: Path) -> None:
    installed.fresh(SLOW)
    installed.drop(slow_film, "Still.mkv")
    job = installed.encoding()
    installed.box.run("pectin", "pause", job["id"])
    installed.box.run("pectin", "drain")
    installed.box.run("systemctl", "stop", "pectin.service", patience=STOP)
    assert installed.states_on_disk()[job["id"]] == "PENDING"
    installed.fresh()
    installed.box.run("pectin", "resume")
    installed.job("Still.mkv", "COMPLETED")


def test_reload_moves_the_metrics_and_says_what_waits_for_a_restart(installed: Machine) -> None:
    installed.fresh()
    installed.configure(QUICK | {"metrics": {"listen": "127.0.0.1:9850"}, "socket": {"path": "/run/pectin/other.sock"}})
    installed.box.run("systemctl", "reload", "pectin")
    until(lambda: "restart pectin" in "\n".join(installed.box.journal("-u", "pectin", "-p", "warning", "-n", "3")), "it is told")
    assert "socket has changed" in "\n".join(installed.box.journal("-u", "pectin", "-p", "warning", "-n", "3"))
    assert "pectin_build_info" in installed.box.text("curl", "--silent", "--fail", METRICS.replace("9847", "9850"))
    assert installed.box.run("curl", "--silent", METRICS, check=False).returncode != 0
    assert installed.box.text("pectin", "--socket", "/run/pectin/pectin.sock", "status").startswith("Pectin ")


def test_a_daemon_that_cannot_run_is_given_up_for_a_while_and_comes_back_when_it_is_told_to(installed: Machine) -> None:
    limits = installed.box.unit("pectin.service", "StartLimitIntervalUSec", "StartLimitBurst", "RestartUSec")
    assert limits == {"StartLimitIntervalUSec": "1h", "StartLimitBurst": "60", "RestartUSec": "100ms"}
    installed.fresh()
    installed.configure(QUICK | {"encoder": {"ffmpeg": "/nowhere/ffmpeg"}})
    installed.drop_in("[Unit]\nStartLimitBurst=3\n" + SOON)
    installed.box.run("systemctl", "restart", "pectin.service", check=False)
    until(lambda: installed.box.unit("pectin.service", "ActiveState") == {"ActiveState": "failed"}, "it is given up")
    assert "Start request repeated too quickly" in "\n".join(installed.box.journal("-u", "pectin", "-n", "20"))
    installed.configure(QUICK)
    installed.box.run("systemctl", "reset-failed", "pectin.service", "pectin.socket", check=False)
    installed.box.run("systemctl", "start", "pectin.service")
    installed.drop_in()


def test_a_second_instance_lives_beside_the_first_as_its_unit_says(installed: Machine, film: Path) -> None:
    told = (CHECKOUT / "systemd/pectin@.service").read_text()
    lines = [line.removeprefix("#     ") for line in told.splitlines() if line.startswith("#     ")]
    folders = [line for line in lines if line.startswith("install ")]
    assert len(folders) == 2
    for line in folders:
        installed.box.run(*line.split())
    config = "\n".join(line for line in lines if not line.startswith("install "))
    installed.box.path(CONFIG).with_name("anime.yaml").write_text(config + "\nintake: {linger: 0, quiet: 0}\n")
    installed.ready()
    installed.box.run("systemctl", "start", "pectin@anime")
    installed.bring(film, "/srv/pectin/anime/inbox/Second.mkv", "anna")
    client = Client(installed.box.path("/run/pectin/anime.sock"), timeout=30)
    until(lambda: [job["state"] for job in client.get("/v1/jobs")["jobs"]] == ["COMPLETED"], "it files its own films")
    assert installed.box.path("/srv/pectin/anime/library/Second/Second.mp4").exists()
    assert installed.box.text("pectin", "--config", "/etc/pectin/anime.yaml", "status", user="anna").startswith("Pectin ")
    assert "Second.mkv" not in installed.box.text("pectin", "jobs")
    for unit in ("pectin.service", "pectin@anime.service"):
        assert installed.box.unit(unit, "ControlGroup")["ControlGroup"] == f"/pectin.slice/{unit}"
    assert installed.box.unit("pectin.slice", "CPUWeight", "IOWeight") == {"CPUWeight": "20", "IOWeight": "20"}
    assert installed.box.text("stat", "--format=%A %U %G", "/run/pectin/anime.sock") == "srw-rw---- root pectin"
    installed.box.run("systemctl", "stop", "pectin@anime.service", "pectin@anime.socket")
    assert installed.box.run("pectin", "status").returncode == 0, "the first has its socket still"


def test_the_two_services_are_the_same_but_for_their_names() -> None:
    def lines(name: str) -> list[str]:
        text = (CHECKOUT / "systemd" / name).read_text()
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    for kind, theirs in {"service": {"ExecStart=/opt/pectin/bin/pectin run": "ExecStart=/opt/pectin/bin/pectin --config "
                                                                             "/etc/pectin/%i.yaml run",
                                     "\nStateDirectory=pectin\n": "\nStateDirectory=pectin/%i\n",
                                     "Description=Pectin, ": "Description=Pectin (%i), ",
                                     "pectin.socket": "pectin@%i.socket"},
                         "socket": {"status socket": "status socket (%i)", "/pectin.sock": "/%i.sock"}}.items():
        expected = "\n".join(lines(f"pectin.{kind}"))
        for ours, other in theirs.items():
            expected = expected.replace(ours, other)
        assert lines(f"pectin@.{kind}") == expected.splitlines()
