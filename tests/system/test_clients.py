"""Real clients drop films their own ways, all at once, into a daemon with its default waiting times: each film is taken exactly
once, byte for byte, never before its end, and no client sees an error. Everything is set up by the README's own commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clips import Clips
from system.clients.every import SCENARIOS, every_client, table
from system.clients.samba import LOGIN, SHARE
from system.clients.ssh import BEN, SFTP
from system.clients.told import Outcome
from system.clients.world import PASSWORD, World, world
from system.machine import INBOX

# Seconds by which something may seem later than it was: the onlooker reads an event a moment after it happened.
_SEEN_LATE = 0.5


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory, staged: Path, clips: Clips) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("box"), staged, clips) as made:
        yield made


@pytest.fixture(scope="module")
def outcomes(there: World) -> dict[str, Outcome]:
    found = every_client(there)
    print("\nseconds from the last touch to the claim, beyond the time to be left alone\n" + table(list(found.values())))
    return found


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_film_is_taken_once_and_whole_and_not_before_its_end(outcomes: dict[str, Outcome], scenario: str,
                                                              record_property: Callable[[str, object], None]) -> None:
    one = outcomes[scenario]
    assert not one.error, one.error
    assert one.sent is not None
    if not one.sent.taken:
        assert one.claims == (), "it was never completed"
        return
    assert not one.truncated, "what was taken is not what was sent"
    [claim] = one.claims
    assert claim.created_at is not None, "a source in the work queue without a job"
    assert claim.created_at >= one.touched + one.patience - _SEEN_LATE
    assert claim.created_at >= one.sent.not_before
    record_property("seconds_to_claim", one.delay)


def test_nothing_is_taken_that_nobody_sent(outcomes: dict[str, Outcome], there: World) -> None:
    sent = {claim.job_id for one in outcomes.values() for claim in one.claims}
    assert {job["id"] for job in there.machine.client().get("/v1/jobs", limit=500)["jobs"]} == sent


def test_status_tells_why_what_is_left_was_not_taken(outcomes: dict[str, Outcome], there: World) -> None:
    told = json.loads(there.machine.box.text("pectin", "status", "--inbox", "--json", user="anna"))
    reasons = {entry["path"].rpartition("/")[2]: entry["reason"] for entry in told["waiting"]}
    never = {one.sent.name.decode(): "truncated" for one in outcomes.values() if one.sent is not None and not one.sent.taken}
    assert never
    assert reasons == {"._Finder.mp4": "companion", ".DS_Store": "companion", "Linked.mkv": "linked"} | never


def test_samba_understands_every_line_of_the_share(there: World) -> None:
    done = there.machine.box.run("testparm", "-s")
    assert "[inbox]" in done.stdout
    assert "Unknown" not in done.stderr
    assert "Ignoring" not in done.stderr


def test_who_is_not_in_the_group_may_not_use_the_share(there: World) -> None:
    box = there.machine.box
    box.run("sh", "-ec", f"printf '{PASSWORD}\\n{PASSWORD}\\n' | smbpasswd -s -a otto")
    refused = box.run("smbclient", SHARE, "--user", f"otto%{PASSWORD}", "-c", "ls", check=False)
    assert refused.returncode != 0
    assert "NT_STATUS_ACCESS_DENIED" in refused.stdout


def test_films_can_be_taken_out_of_folders_that_samba_and_sftp_make(there: World) -> None:
    there.run("smbclient", SHARE, "--user", LOGIN, "-c", "mkdir BySamba")
    _sftp(there, "mkdir BySftp")
    for folder, owner in (("BySamba", "anna"), ("BySftp", "ben")):
        assert there.machine.box.text("stat", "--format=%A %U %G", f"{INBOX}/{folder}") == f"drwxrwsr-x {owner} pectin"


@pytest.mark.parametrize("command", ["ls /library", "ls /work", "ls /originals", "put /var/tmp/film.mkv /film.mkv",
                                     "put /var/tmp/film.mkv /work/film.mkv", "put /var/tmp/film.mkv /library/film.mkv",
                                     "rename /inbox /mine", "ls /etc"])
def test_who_may_only_use_sftp_reaches_the_inbox_and_nothing_else(there: World, command: str) -> None:
    _sftp(there, "ls /inbox")
    with pytest.raises(AssertionError, match=r"ermission denied|not found"):
        _sftp(there, command)


def test_who_may_only_use_sftp_has_no_shell_and_no_say_over_the_daemon(there: World) -> None:
    refused = there.machine.box.run("ssh", "-F", "/var/tmp/ssh_config", BEN, "id", user="ben", check=False)
    assert refused.returncode != 0
    assert "sftp connections only" in refused.stdout
    groups = there.machine.box.text("id", "--name", "--groups", "ben").split()
    assert "pectin-sftp" in groups
    assert "pectin" not in groups


def _sftp(there: World, command: str) -> None:
    upload = there.start(*SFTP, "-b", "-", BEN, user="ben")
    upload.say(command.encode() + b"\n")
    upload.succeed()
