"""The daemon at home: a real systemd starts, watches, reloads and stops it, in its whole sandbox, with people's own files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clips import Clips
from harness import sha256, until
from system.machine import CHECKOUT, INBOX, LIBRARY, QUICK, SLOW, SOON, Machine, machine

STOP = 10.0  # seconds: a stop must not take longer, however slow the encode it ends


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


def test_systemd_understands_every_line_of_the_units(installed: Machine) -> None:
    units = [f"/usr/lib/systemd/system/{name}" for name in ("pectin.service", "pectin.socket", "pectin.slice", "pectin@.service",
                                                            "pectin@.socket", "pectin@anime.service")]
    done = installed.box.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=one", *units)
    assert done.stdout + done.stderr == ""


def test_a_start_is_over_when_the_daemon_is_ready(installed: Machine) -> None:
    installed.fresh()
    shown = installed.box.unit("pectin.service", "ActiveState", "SubState", "StatusText", "User", "Group")
    assert shown == {"ActiveState": "active", "SubState": "running", "StatusText": "idle, watching the inbox",
                     "User": "pectin", "Group": "pectin"}
    assert installed.box.text("stat", "--format=%A %U %G", "/run/pectin/pectin.sock") == "srw-rw---- root pectin"


def test_doctor_is_content_with_a_fresh_installation(installed: Machine) -> None:
    installed.ready()
    for user in (None, "anna"):
        assert installed.box.text("pectin", "doctor", user=user).endswith("all well")


def test_a_film_of_anybody_in_the_group_ends_in_the_library(installed: Machine, film: Path) -> None:
    installed.ready()
    installed.drop(film, "Dropped.mkv")
    job = installed.job("Dropped.mkv", "COMPLETED")
    place = f"{LIBRARY}/Dropped/Dropped.mp4"
    assert [output["path"] for output in job["outputs"]] == [place]
    assert installed.box.text("stat", "--format=%A %U %G", place) == "-rw-rw-r-- pectin pectin"
    # The library has the setgid bit, and new folders in it have it too: chmod must be allowed to set it.
    assert installed.box.text("stat", "--format=%A %U %G", f"{LIBRARY}/Dropped") == "drwxrwsr-x pectin pectin"
    assert sha256(installed.box.path(job["source_now"])) == sha256(film)
    assert not installed.box.path(f"{INBOX}/Dropped.mkv").exists()
    # It was moved, not copied: within the unit's sandbox, inbox and work queue are one mount.
    assert installed.box.text("stat", "--format=%U", job["source_now"]) == "anna"
    installed.box.run("ffprobe", "-v", "error", place, user="otto")


def test_a_film_can_be_taken_out_of_a_folder_that_somebody_made(installed: Machine, film: Path) -> None:
    """The usual umask would keep the group from writing into it; the inbox's access list puts that right."""
    installed.ready()
    installed.box.run("sh", "-c", f"umask 022; mkdir {INBOX}/Trip", user="anna")
    installed.drop(film, "Trip/Day.mkv")
    installed.job("Day.mkv", "COMPLETED")


def test_the_kernel_tells_that_somebody_else_still_writes(installed: Machine, film: Path) -> None:
    """With no waiting time at all, only the lease keeps a complete file of another user in the inbox: CAP_LEASE works."""
    installed.ready()
    installed.bring(film, "/var/tmp/held.mkv", "anna")
    installed.box.run("systemd-run", "--quiet", "--unit=holder", "--uid=anna", "sh", "-c",
                      f"exec 3>>{INBOX}/Held.mkv; cat /var/tmp/held.mkv >&3; exec sleep 1000")

    until(lambda: installed.waiting("Held.mkv"), "the file waits")
    installed.client().post("/v1/rescan")
    assert "writ" in str(installed.waiting("Held.mkv"))
    assert not [job for job in installed.client().get("/v1/jobs")["jobs"] if job["name"] == "Held.mkv"]
    installed.box.run("systemctl", "stop", "holder")
    job = installed.job("Held.mkv", "COMPLETED")
    assert sha256(installed.box.path(job["source_now"])) == sha256(film)


def test_reload_puts_a_changed_configuration_into_effect(installed: Machine, film: Path) -> None:
    installed.ready()
    before = installed.box.unit("pectin.service", "MainPID")
    installed.configure(QUICK | {"intake": QUICK["intake"] | {"ignore": ["*.later.mkv"]}})
    installed.box.run("systemctl", "reload", "pectin")
    until(lambda: any("read again" in line for line in installed.box.journal("-u", "pectin", "-n", "5")), "the reload is told")
    installed.drop(film, "Film.later.mkv")
    installed.drop(film, "Now.mkv")
    installed.job("Now.mkv", "COMPLETED")
    assert installed.box.path(f"{INBOX}/Film.later.mkv").exists()
    installed.box.path(f"{INBOX}/Film.later.mkv").unlink()
    assert installed.box.unit("pectin.service", "MainPID") == before


def test_reload_refuses_a_broken_configuration_and_keeps_the_old_one(installed: Machine, film: Path) -> None:
    installed.ready()
    before = installed.box.unit("pectin.service", "MainPID", "ActiveState", "Result")
    installed.configure({"intake": {"lingre": "2s"}})
    installed.box.run("systemctl", "reload", "pectin")
    until(lambda: "lingre" in str(installed.box.journal("-u", "pectin", "-p", "err", "-n", "5")), "it is refused")
    until(lambda: installed.box.unit("pectin.service", "MainPID", "ActiveState", "Result") == before, "the old one runs on")
    installed.drop(film, "Still.mkv")
    installed.job("Still.mkv", "COMPLETED")


def test_a_daemon_that_hangs_is_started_again(installed: Machine) -> None:
    installed.fresh(drop_in=SOON + "WatchdogSec=6s\n")
    before = installed.box.unit("pectin.service", "MainPID")["MainPID"]
    installed.box.run("kill", "-STOP", before)
    until(lambda: installed.box.unit("pectin.service", "NRestarts")["NRestarts"] == "1", "systemd starts it again")
    until(lambda: installed.box.unit("pectin.service", "ActiveState")["ActiveState"] == "active", "it is ready again")
    assert installed.box.unit("pectin.service", "MainPID")["MainPID"] != before
    journal = "\n".join(installed.box.journal("-u", "pectin"))
    assert "Watchdog timeout" in journal
    assert "Fatal Python error: Aborted" in journal  # and below it: where it hung


def test_stop_ends_a_slow_encode_at_once_and_the_next_start_does_it_again(installed: Machine, slow_film: Path) -> None:
    installed.fresh(SLOW)
    installed.drop(slow_film, "Stopped.mkv")
    job = installed.encoding()
    until(lambda: installed.box.unit("pectin.service", "StatusText")["StatusText"].startswith("encoding 1 of 1: Stopped"),
          "`systemctl status` tells what is going on")
    installed.box.run("systemctl", "stop", "pectin.service", patience=STOP)
    assert installed.box.unit("pectin.service", "ActiveState", "Result") == {"ActiveState": "inactive", "Result": "success"}
    assert installed.processes() == []
    assert installed.states_on_disk()[job["id"]] == "PENDING"
    installed.fresh()
    assert installed.job("Stopped.mkv", "COMPLETED")["id"] == job["id"]


def test_a_killed_daemon_takes_its_ffmpeg_along_and_comes_back_to_its_job(installed: Machine, slow_film: Path) -> None:
    installed.fresh(SLOW)
    installed.drop(slow_film, "Killed.mkv")
    job = installed.encoding()
    assert "ffmpeg" in installed.processes()
    installed.configure(QUICK)
    old = installed.box.unit("pectin.service", "MainPID")["MainPID"]
    children = installed.box.text("pgrep", "-P", old).split()
    rights = [installed.box.text("grep", "CapEff", f"/proc/{pid}/status").split()[1] for pid in (old, *children)]
    assert [int(right, 16) for right in rights] == [1 << 28, *(0 for _ in children)], "only the daemon itself may ask for leases"
    installed.box.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "pectin.service")
    until(lambda: installed.box.unit("pectin.service", "NRestarts")["NRestarts"] == "1", "systemd starts it again")
    done = installed.job("Killed.mkv", "COMPLETED")
    assert (done["id"], done["interruptions"]) == (job["id"], 1)
    assert not [pid for pid in children if installed.box.path(f"/proc/{pid}").exists()]


def test_the_walls_around_ffmpeg_hold_inside_the_units_own(installed: Machine, slow_film: Path) -> None:
    """The unit may make no namespaces, so there is no network one; the filter of system calls refuses connections instead."""
    installed.fresh(SLOW | {"encoder": {"threads": 1, "sandbox": "required"}})
    told = installed.client().get("/v1/status")["sandbox"]
    assert (told["parts"], told["whole"], told["by"]) == (["files", "syscalls", "privileges"], True, "Landlock")
    assert set(told["missing"]) == {"network"}
    installed.drop(slow_film, "Walled.mkv")
    installed.encoding()
    daemon = installed.box.unit("pectin.service", "MainPID")["MainPID"]
    (child,) = installed.box.text("pgrep", "-P", daemon).split()
    status = dict(line.split(":\t", 1) for line in installed.box.text("cat", f"/proc/{child}/status").splitlines())
    filters = [int(installed.box.text("grep", "Seccomp_filters", f"/proc/{pid}/status").split()[1]) for pid in (daemon, child)]
    assert (status["NoNewPrivs"], status["Seccomp"], filters[1] - filters[0]) == ("1", "2", 1)
    # The unit lets nobody change capabilities, so CapInh is inherited from the daemon: it gives nothing to a program without any.
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapAmb")} == {0}
    installed.configure(QUICK)
    installed.box.run("systemctl", "restart", "pectin.service")
    installed.job("Walled.mkv", "COMPLETED")


def test_the_first_question_starts_the_daemon(installed: Machine) -> None:
    installed.ready()
    installed.box.run("systemctl", "stop", "pectin.service", "pectin.socket")
    installed.box.run("systemctl", "start", "pectin.socket")
    assert installed.box.unit("pectin.service", "ActiveState") == {"ActiveState": "inactive"}
    assert installed.box.text("pectin", "status", user="anna").startswith("Pectin ")
    assert installed.box.unit("pectin.service", "ActiveState") == {"ActiveState": "active"}


def test_the_socket_outlives_a_restart_of_the_daemon(installed: Machine) -> None:
    installed.ready()
    inode = installed.box.path("/run/pectin/pectin.sock").stat().st_ino
    installed.box.run("systemctl", "restart", "pectin.service")
    assert installed.box.path("/run/pectin/pectin.sock").stat().st_ino == inode
    assert installed.box.run("pectin", "status", user="anna").returncode == 0


def test_who_is_not_in_the_group_is_told_how_to_get_in(installed: Machine) -> None:
    installed.ready()
    refused = installed.box.run("pectin", "status", user="otto", check=False)
    assert refused.returncode == 77
    assert "usermod -aG pectin" in refused.stderr


def test_a_daemon_that_cannot_start_is_not_started_again_and_again(installed: Machine) -> None:
    installed.ready()
    installed.box.run("systemctl", "stop", "pectin.service")
    installed.configure({"intake": {"lingre": "2s"}})
    asked = installed.box.run("pectin", "status", user="anna", check=False)
    assert asked.returncode == 69, asked
    until(lambda: installed.box.unit("pectin.service", "ActiveState") == {"ActiveState": "failed"}, "it has failed")
    assert installed.box.unit("pectin.service", "ExecMainStatus", "NRestarts") == {"ExecMainStatus": "78", "NRestarts": "0"}
    assert "did you mean intake.linger?" in "\n".join(installed.box.journal("-u", "pectin", "-p", "err", "-n", "9"))
    assert installed.box.unit("pectin.socket", "ActiveState", "SubState") == {"ActiveState": "active", "SubState": "listening"}
    installed.configure(QUICK)
    assert installed.box.run("pectin", "status", user="anna").returncode == 0


def test_the_journal_has_our_priorities_and_the_id_on_every_line_about_a_job(installed: Machine, film: Path, tmp_path: Path,
                                                                           ) -> None:
    installed.ready()
    (tmp_path / "noise.mkv").write_bytes(b"this is no film" * 1000)
    installed.drop(film, "Told.mkv")
    installed.drop(tmp_path / "noise.mkv", "Noise.mkv")
    good, bad = installed.job("Told.mkv", "COMPLETED"), installed.job("Noise.mkv", "REJECTED", "FAILED")
    everything = installed.box.journal("-u", "pectin")
    for job in (good, bad):
        about = [line for line in everything if job["id"] in line or job["name"] in line]
        assert len(about) > 1
        assert all(re.match(rf"[A-Z]+ job={job['id']} ", line) for line in about), about
    important = "\n".join(installed.box.journal("-u", "pectin", "-p", "warning"))
    assert bad["id"] in important
    assert good["id"] not in important


@pytest.mark.parametrize(("library", "lines"), [
    ("/mnt/films", "[Service]\nReadWritePaths=/mnt/films\n"),
    ("/home/anna/Films", "[Service]\nProtectHome=tmpfs\nBindPaths=/home/anna/Films\n")])
def test_a_library_elsewhere_needs_what_the_unit_says(installed: Machine, film: Path, library: str, lines: str) -> None:
    unit = (CHECKOUT / "systemd/pectin.service").read_text()
    assert lines in re.sub(r"^# {5}", "", unit, flags=re.MULTILINE), "the unit tells this"
    installed.box.run("mkdir", "-p", library)
    installed.box.run("chown", "pectin:pectin", library)
    sections = QUICK | {"routes": [{"name": "films", "inbox": INBOX, "library": library}]}
    installed.fresh(sections, SOON + lines)
    name = f"For {library.split('/')[1]}.mkv"
    installed.drop(film, name)
    installed.job(name, "COMPLETED")
    assert installed.box.path(f"{library}/{Path(name).stem}/{Path(name).stem}.mp4").exists()


def test_doctor_knows_what_the_units_drop_in_gives_the_daemon(installed: Machine) -> None:
    """The README's library outside /srv/pectin: a group and a path that only the drop-in grants, then the path left out."""
    installed.box.run("sh", "-ec", "groupadd --force --system cinema; install -d -m 2775 -g cinema /srv/media/films")
    sections = QUICK | {"routes": [{"name": "films", "inbox": INBOX, "library": "/srv/media/films"}],
                        "publish": {"group": "cinema"}}
    whole = SOON + "SupplementaryGroups=cinema\nReadWritePaths=/srv/media/films\n"
    installed.fresh(sections, whole)
    for user in (None, "anna"):
        assert installed.box.text("pectin", "doctor", user=user).endswith("all well")
    installed.fresh(sections, SOON + "SupplementaryGroups=cinema\n")
    for user in (None, "anna"):
        told = installed.box.run("pectin", "doctor", user=user, check=False)
        assert told.returncode == 1
        assert "ReadWritePaths=/srv/media/films" in told.stdout
