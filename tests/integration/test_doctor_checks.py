"""Each check of `pectin doctor` that asks the machine, other machines or folders: once broken, once right."""

from __future__ import annotations

import grp
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from fakes.jellyfin import FakeJellyfin, watching
from fakes.receiver import Receiver
from needs import need_program, need_root
from pectin.cli.account import Account, unit_forbids_chown
from pectin.cli.doctor import own_folder, view
from pectin.cli.doctor_endpoints import endpoint_findings
from pectin.cli.doctor_folders import folder_findings
from pectin.cli.doctor_governor import governor_findings
from pectin.cli.doctor_jellyfin import jellyfin_findings
from pectin.cli.doctor_system import clock_findings, socket_findings
from pectin.cli.findings import Finding, Level, fail, ok, warn
from pectin.settings.load import parse
from pectin.settings.sections import Settings, Webhook

NOON = datetime(2026, 11, 20, 12).timestamp()  # noqa: DTZ001  (a Friday, by this machine's clock)
NOBODY = 65534


def settings(**sections: Any) -> Settings:
    return parse(yaml.safe_dump(sections), "test")


def levels(found: list[Finding]) -> list[Level]:
    for finding in found:
        assert finding.level is Level.OK or finding.mend, finding
    return [finding.level for finding in found]


def test_findings_are_shown_with_what_they_mean_and_how_to_mend_them(capsys: pytest.CaptureFixture[str]) -> None:
    found = [ok("all right"), warn("odd", "do this", "it is slower"), fail("broken", "do that")]
    Console(width=100).print(view(found))
    assert capsys.readouterr().out.splitlines() == ["OK   all right", "WARN odd", "     it is slower", "     -> do this",
                                                    "FAIL broken", "     -> do that", "1 FAIL, 1 WARN"]
    Console(width=100).print(view(found[:2]))
    assert capsys.readouterr().out.splitlines()[-1] == "1 WARN, all well"
    assert found[1].as_dict() == {"level": "warn", "what": "odd", "means": "it is slower", "mend": "do this"}


# --- folders

@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name in ("inbox", "library"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o2775)
    return tmp_path


def an_account(**changes: Any) -> Account:
    return replace(Account("pectin", NOBODY, NOBODY, frozenset({NOBODY}), None), **changes)


def of_folders(root: Path, account: Account, fstab: str = "", **publish: Any) -> list[Finding]:
    (root / "fstab").write_text(fstab)
    made = settings(routes=[{"name": "films", "inbox": str(root / "inbox"), "library": str(root / "library")}],
                    publish=publish, paths={name: str(root / name) for name in ("state", "work", "originals", "rejected")})
    return folder_findings(made, account, root / "fstab")


def test_folders_that_hand_their_groups_on_are_right(folders: Path) -> None:
    assert levels(of_folders(folders, an_account())) == [Level.OK]


def test_a_shared_inbox_without_setgid_is_told_with_the_command(folders: Path) -> None:
    (folders / "inbox").chmod(0o775)
    [found] = of_folders(folders, an_account())
    assert (found.level, "no setgid bit" in found.what, "chmod g+rwxs" in found.mend) == (Level.WARN, True, True)
    (folders / "inbox").chmod(0o755)  # nobody else writes there
    assert levels(of_folders(folders, an_account())) == [Level.OK]


def test_a_library_of_another_group_without_setgid_is_told(folders: Path) -> None:
    (folders / "library").chmod(0o775)
    [found] = of_folders(folders, an_account())
    assert (found.level, "publish.group" in found.mend) == (Level.WARN, True)
    own = (folders / "library").stat().st_gid
    assert levels(of_folders(folders, an_account(gid=own))) == [Level.OK]


def test_files_are_given_only_to_groups_the_daemon_is_in(folders: Path) -> None:
    group = grp.getgrgid(0)
    [found] = of_folders(folders, an_account(), group=group.gr_name)
    assert (found.level, f"SupplementaryGroups={group.gr_name}" in found.mend) == (Level.FAIL, True)
    assert levels(of_folders(folders, an_account(groups=frozenset({0})), group=group.gr_name)) == [Level.OK]


def test_a_unit_that_forbids_to_give_files_to_the_group_is_told_with_the_drop_in(folders: Path) -> None:
    group, account = grp.getgrgid(0).gr_name, an_account(groups=frozenset({0}))
    made = settings(routes=[{"name": "films", "inbox": str(folders / "inbox"), "library": str(folders / "library")}],
                    publish={"group": group})
    [found] = folder_findings(made, account, folders / "fstab", chown_forbidden=lambda: True)
    assert (found.level, "SystemCallFilter=@chown" in found.mend) == (Level.WARN, True)
    assert levels(folder_findings(made, account, folders / "fstab", chown_forbidden=lambda: False)) == [Level.OK]


@pytest.mark.parametrize(("told", "forbids"), [("", False), ("read write chown fchown", False), ("read write", True),
                                               ("~chown lchown", True), ("~mount umount2", False)])
def test_what_the_unit_allows_is_asked_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str,
                                                  forbids: bool) -> None:
    fake = tmp_path / "systemctl"
    fake.write_text(f"#!/bin/sh\necho '{told}'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert unit_forbids_chown() is forbids


def test_a_group_that_the_daemon_is_in_is_not_taken_from_an_inbox(folders: Path) -> None:
    (folders / "inbox").chmod(0o775)
    group = (folders / "inbox").stat().st_gid
    [found] = of_folders(folders, an_account(groups=frozenset({group})))
    assert "chgrp" not in found.mend


def test_advice_can_be_typed_as_it_stands_also_for_folders_with_blanks(folders: Path) -> None:
    """The advice is run."""
    inbox = (folders / "inbox").rename(folders / "my films")
    inbox.chmod(0o775)
    made = settings(routes=[{"name": "films", "inbox": str(inbox), "library": str(folders / "library")}])
    account = an_account(groups=frozenset({inbox.stat().st_gid}))
    [found] = folder_findings(made, account, folders / "fstab")
    subprocess.run(found.mend.replace("sudo ", ""), shell=True, check=True)
    assert levels(folder_findings(made, account, folders / "fstab")) == [Level.OK]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Which others may enter: pytest's own may not be."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_folders_of_our_own_are_never_mended_by_giving_away_what_is_above_them(open_folder: Path) -> None:
    need_root("become another user")
    account, folder = an_account(gid=NOBODY), open_folder / "the state"
    [found] = own_folder("state", folder, account)
    assert (found.level, str(open_folder) + " " in found.mend, "install -d" in found.mend) == (Level.FAIL, False, True)
    subprocess.run(found.mend.replace("sudo ", "").replace("pectin", "nobody", 1), shell=True, check=True)
    assert levels(list(own_folder("state", folder, account))) == [Level.OK]
    (folder / "pectin.db").touch(0o600)  # as after a `pectin run` by root
    [found] = own_folder("state", folder, account)
    assert (found.level, "chown -R" in found.mend) == (Level.FAIL, True)


def test_a_disk_of_fstab_that_is_not_mounted_is_told_where_it_matters(folders: Path) -> None:
    line = f"UUID=1 {folders / 'library'} ext4 defaults 0 2\n"
    [found] = of_folders(folders, an_account(), line)
    assert (found.level, found.mend) == (Level.FAIL, f"sudo mount {folders / 'library'}")
    assert "library of route films" in found.means
    for fine in (f"# {line}", line.replace("defaults", "noauto"), line.replace("library", "elsewhere"), "UUID=1 / ext4 x 0 1\n"):
        assert levels(of_folders(folders, an_account(), fine)) == [Level.OK], fine


def test_a_disk_of_fstab_that_is_mounted_is_right(folders: Path) -> None:
    need_root("mount a file system")
    place = folders / "library"
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], check=True)
    try:
        place.chmod(0o2775)
        assert levels(of_folders(folders, an_account(), f"tmpfs {place} tmpfs defaults 0 0\n")) == [Level.OK]
    finally:
        subprocess.run(["umount", str(place)], check=True)


# --- webhooks

def of_webhook(url: str) -> Finding:
    [found] = endpoint_findings(settings(webhooks=[{"name": "chat", "url": url, "timeout": "2s"}]))
    return found


def test_a_webhook_is_only_connected_to() -> None:
    with Receiver() as receiver:
        found = of_webhook(f"{receiver.url}?token=hush")
        assert not receiver.received
    assert found.level is Level.OK
    assert "no event was sent" in found.what
    assert "hush" not in found.what, "an address may hold a secret"
    gone = of_webhook(receiver.url)
    assert (gone.level, "cannot be reached" in gone.what, "none is lost" in gone.means) == (Level.FAIL, True, True)


def test_a_webhook_that_nobody_knows_or_that_is_silent_is_told() -> None:
    assert of_webhook("http://no-such-host.invalid/").level is Level.FAIL
    with socket.socket() as silent:  # it takes the connection and never speaks TLS
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        found = of_webhook(f"https://127.0.0.1:{silent.getsockname()[1]}/")
    assert (found.level, "does not answer within 2 s" in found.what) == (Level.FAIL, True)


@contextmanager
def https(folder: Path) -> Iterator[tuple[str, Path]]:
    """Somebody who speaks TLS for localhost, and the certificate."""
    openssl = need_program("openssl", "openssl")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run([openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out",
                    str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        try:
            with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
                connection.recv(1)
        except OSError:  # the other end did not like the certificate
            pass

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield f"https://localhost:{listener.getsockname()[1]}/", certificate
    finally:
        thread.join()
        listener.close()


def test_a_webhook_whose_url_names_no_host_is_told() -> None:
    """The configuration refuses it; the name of a proxy may still turn out to be none."""
    made = Webhook.model_construct(name="chat", url="http://a..b/", timeout=1.0)
    [found] = endpoint_findings(Settings.model_construct(webhooks=(made,)))
    assert (found.level, found.mend) == (Level.FAIL, "correct its url")


def test_a_webhook_with_a_certificate_that_nobody_vouches_for_is_told(tmp_path: Path) -> None:
    with https(tmp_path) as (url, _):
        found = of_webhook(url)
    assert (found.level, "cannot prove who it is" in found.what) == (Level.FAIL, True)


def test_a_webhook_with_a_good_certificate_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with https(tmp_path) as (url, certificate):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert of_webhook(url).level is Level.OK


# --- the clock and the socket

def test_a_clock_that_shows_yesterdays_year_is_a_fault(tmp_path: Path) -> None:
    config = tmp_path / "pectin.yaml"
    config.touch()
    assert levels(list(clock_findings(config, 0.0, synchronised=True))) == [Level.FAIL]
    assert levels(list(clock_findings(config, time.time(), synchronised=False))) == [Level.WARN]
    assert levels(list(clock_findings(config, time.time(), synchronised=True))) == [Level.OK]
    assert levels(list(clock_findings(config)))[0] in (Level.OK, Level.WARN), "as this machine is"


@pytest.mark.parametrize(("mode", "level"), [(0o660, Level.OK), (0o666, Level.FAIL), (0o600, Level.WARN), (0o662, Level.FAIL)])
def test_the_socket_is_for_its_owner_and_group(tmp_path: Path, mode: int, level: Level) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        (tmp_path / "s").chmod(mode)
        assert levels(list(socket_findings(tmp_path / "s"))) == [level]


def test_what_lies_in_the_sockets_place_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "s").touch()
    assert levels(list(socket_findings(tmp_path / "s"))) == [Level.FAIL]
    assert list(socket_findings(tmp_path / "none")) == [], "told with the daemon"


def test_a_socket_of_group_root_gives_nobody_the_right(tmp_path: Path) -> None:
    need_root("give a socket away")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        os.chown(tmp_path / "s", NOBODY, 0)
        (tmp_path / "s").chmod(0o660)
        assert levels(list(socket_findings(tmp_path / "s"))) == [Level.WARN]


# --- the governor and Jellyfin

RULES = {"schedule": ["mon-fri 22:00-07:00"], "max_load": 0.5, "max_pressure": 40, "max_temperature": 80, "on_battery": "pause"}
FINE: Mapping[str, Any] = {"load": lambda: 0.1, "pressure": lambda: 1.0, "temperature": lambda: 50.0, "battery": lambda: False}


def of_governor(**sensors: Any) -> list[Finding]:
    return list(governor_findings(settings(governor=RULES).governor, None, now=NOON, sensors={**FINE, **sensors}))


def test_rules_that_this_machine_can_keep_are_right() -> None:
    found = of_governor()
    assert levels(found) == [Level.OK] * 5
    assert found[0].what.startswith("governor.schedule: closed until Fri 22:00")
    assert list(governor_findings(Settings().governor, None)) == [], "without rules there is nothing to say"


@pytest.mark.parametrize(("sensor", "key"), [("load", "max_load"), ("pressure", "max_pressure"),
                                             ("temperature", "max_temperature"), ("battery", "on_battery")])
def test_a_rule_that_this_machine_cannot_keep_is_told(sensor: str, key: str) -> None:
    found = [one for one in of_governor(**{sensor: lambda: None}) if one.level is not Level.OK]
    assert [(one.level, one.means) for one in found] == [(Level.WARN, f"governor.{key} has no effect")]


def test_a_machine_that_is_too_warm_already_is_told() -> None:
    [found] = [one for one in of_governor(temperature=lambda: 91.0) if one.level is not Level.OK]
    assert "it is 91 °C already" in found.what


def test_the_real_sensors_answer_or_say_that_they_do_not() -> None:
    found = list(governor_findings(settings(governor=RULES).governor, {"pid": os.getpid()}))
    assert len(levels(found)) == 5


def of_jellyfin(folder: Path, server: FakeJellyfin, key: str) -> list[Finding]:
    (folder / "key").write_text(key)
    return list(jellyfin_findings(settings(
        routes=[{"name": "films", "inbox": "/in", "library": "/media/films"}],
        jellyfin={"url": server.url, "key_file": str(folder / "key")}, governor={"yield_to": "playing"})))


def test_jellyfin_is_asked_who_watches_where_that_counts(tmp_path: Path) -> None:
    with FakeJellyfin(sessions=[watching(transcoding=True)]) as server:
        found = of_jellyfin(tmp_path, server, server.key)
        assert levels(found) == [Level.OK] * 3
        assert "Jellyfin tells who watches: 1 now, 1 transcoded" in found[1].what
        refused = of_jellyfin(tmp_path, server, "f" * 16)
    assert [one.level for one in refused] == [Level.OK, Level.FAIL, Level.FAIL]
    assert "governor.yield_to has no effect" in refused[1].means


def test_a_viewer_who_seeks_needs_a_quiet_minute() -> None:
    made = settings(jellyfin={"url": "http://127.0.0.1:1", "key_file": "/k"}, governor={"yield_to": "playing", "quiet": "5s"})
    assert levels(list(governor_findings(made.governor, None))) == [Level.WARN]
