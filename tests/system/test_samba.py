"""A real Samba server with the share as it is installed: what anna puts there becomes a job, once and whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clips import Clips
from harness import sha256, until
from needs import need_program
from system.machine import INBOX, Machine, machine

# What the comment in the share's file tells people to do, and what Debian's package has done for them.
SETUP = """
echo 'include = /usr/share/pectin/samba/pectin-inbox.conf' >> /etc/samba/smb.conf
printf 'secret\\nsecret\\n' | smbpasswd -s -a anna
printf 'secret\\nsecret\\n' | smbpasswd -s -a otto
systemctl start smbd
"""
LOGIN = ("//127.0.0.1/inbox", "--user", "anna%secret")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, staged: Path) -> Iterator[Machine]:
    for program, package in (("smbd", "samba"), ("smbpasswd", "samba-common-bin"), ("testparm", "samba-common-bin"),
                             ("smbclient", "smbclient")):
        need_program(program, package)
    with machine(tmp_path_factory.mktemp("box"), staged) as made:
        made.fresh()
        made.box.run("sh", "-e", "-c", SETUP)
        until(lambda: made.box.run("smbclient", *LOGIN, "-c", "ls", check=False).returncode == 0, "smbd answers")
        yield made


def put(served: Machine, film: Path, commands: str) -> None:
    """Copy the film into the machine as film.mkv, then give smbclient these commands there."""
    served.bring(film, "/var/tmp/film.mkv", "anna")
    served.box.run("smbclient", *LOGIN, "-c", f"lcd /var/tmp; {commands}", user="anna")


def test_samba_understands_every_line_of_the_share(served: Machine) -> None:
    done = served.box.run("testparm", "-s")
    assert "[inbox]" in done.stdout
    assert "Unknown" not in done.stderr
    assert "Ignoring" not in done.stderr


def test_who_is_not_in_the_group_may_not_use_the_share(served: Machine) -> None:
    refused = served.box.run("smbclient", LOGIN[0], "--user", "otto%secret", "-c", "ls", check=False)
    assert refused.returncode != 0
    assert "NT_STATUS_ACCESS_DENIED" in refused.stdout


def test_a_film_put_on_the_share_becomes_exactly_one_job_with_the_same_bytes(served: Machine, clips: Clips) -> None:
    film = clips.film("film.mkv", seconds=1)
    put(served, film, 'put film.mkv "By Samba (2020).mkv"')
    job = served.job("By Samba (2020).mkv", "COMPLETED")
    assert sha256(served.box.path(job["source_now"])) == sha256(film)
    assert len(job["outputs"]) == 1


def test_a_film_in_a_folder_made_over_samba_can_be_taken(served: Machine, clips: Clips) -> None:
    served.client().post("/v1/pause")
    put(served, clips.film("film.mkv", seconds=1), "mkdir Trip; put film.mkv Trip/Day.mkv")
    served.job("Day.mkv", "PENDING")
    if served.box.path(f"{INBOX}/Trip").exists():  # an emptied folder may be cleared away
        assert served.box.text("stat", "--format=%A %U %G", f"{INBOX}/Trip") == "drwxrwsr-x anna pectin"
    served.client().post("/v1/resume")
    served.job("Day.mkv", "COMPLETED")


def test_a_slow_upload_is_not_taken_before_its_end(served: Machine, clips: Clips) -> None:
    """smbclient sends what comes through a pipe, and the test holds back the end. There are no waiting times in this daemon:
    only that smbd has the file open tells that more will come."""
    film = clips.film("film.mkv", seconds=1).read_bytes()
    client = served.box.start("smbclient", *LOGIN, "-c", "put - Slow.mkv", user="anna")
    assert client.stdin is not None
    client.stdin.write(film)
    client.stdin.flush()
    until(lambda: served.waiting("Slow.mkv"), "the file is seen and waits")
    served.client().post("/v1/rescan")
    assert served.waiting("Slow.mkv")
    assert not [job for job in served.client().get("/v1/jobs")["jobs"] if job["name"] == "Slow.mkv"]
    said, _ = client.communicate(timeout=60)
    assert client.returncode == 0, said
    job = served.job("Slow.mkv", "COMPLETED")
    assert served.box.path(job["source_now"]).read_bytes() == film
