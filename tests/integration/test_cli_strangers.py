"""The command line against sockets, files and terminals that are not as they should be: a sentence, never a traceback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import Daemon, daemon
from needs import need_root

OK, JSON = b"HTTP/1.1 200 OK\r\n", b"content-type: application/json\r\n"
STRANGERS = {
    "noise": b"\x00\xff noise\r\n\r\n",
    "silence": b"",
    "page": OK + b"content-length: 2\r\n\r\nhi",
    "list": OK + JSON + b"content-length: 2\r\n\r\n[]",
    "object": OK + JSON + b"content-length: 2\r\n\r\n{}",
    "bytes": OK + JSON + b"content-length: 2\r\n\r\n\xff\xfe",
    "packed": OK + JSON + b"content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
    "short": OK + JSON + b"content-length: 99\r\n\r\n{",
    "angry list": b"HTTP/1.1 500 X\r\n" + JSON + b"content-length: 3\r\n\r\n[1]",
    "angry bytes": b"HTTP/1.1 500 X\r\ncontent-length: 2\r\n\r\n\xff\xfe",
}


def pectin(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PECTIN_", "COLUMNS"))} | more
    done = subprocess.run([sys.executable, "-m", "pectin", *arguments], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env=environment, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@contextmanager
def stranger(path: Path, answer: bytes) -> Iterator[None]:
    """Somebody who says the same to everyone."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    if not connection.recv(65536):
                        return
                    connection.sendall(answer)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            with socket.socket(socket.AF_UNIX) as last:
                last.connect(str(path))
            thread.join()


@pytest.mark.parametrize("kind", STRANGERS)
def test_who_is_not_pectin_is_told_apart(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "s"
    with stranger(place, STRANGERS[kind]):
        for command in (["status"], ["show", "7k2"], ["pause"]):
            done = pectin("--socket", str(place), *command)
            assert done.returncode == 69
            assert str(place) in done.stderr
        assert json.loads(pectin("--socket", str(place), "jobs", "--json").stdout)["title"]


def test_a_file_in_the_sockets_place_is_no_daemon_that_could_be_started(tmp_path: Path) -> None:
    (tmp_path / "s").touch()
    assert "is not a socket" in pectin("--socket", str(tmp_path / "s"), "status").stderr


def test_a_configuration_or_socket_nobody_may_see_is_a_matter_of_permission(tmp_path: Path) -> None:
    need_root("become somebody else")
    for hidden, words in (("--config", "Permission denied"), ("--socket", "you may not use")):
        done = subprocess.run([sys.executable, "-c", f"""
import os, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.argv = ["pectin", "{hidden}", "{tmp_path}/x/y", "status"]
from pectin.__main__ import main
main()"""], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60)
        if "No module named" in done.stderr:
            pytest.skip("the tests' Python is not readable for others")
        assert "Traceback" not in done.stderr, done.stderr
        assert words in done.stderr


def test_a_configuration_that_cannot_be_used_is_json_where_json_was_asked_for(tmp_path: Path) -> None:
    config = tmp_path / "pectin.yaml"
    config.write_text("routs: 3\n")
    for command in (["config", "show"], ["status"], ["plan", str(config)], ["config", "check"]):
        done = pectin("--config", str(config), *command, "--json")
        assert done.returncode == 78
        assert json.loads(done.stdout)["problems"][0]["path"] == "routs"


def test_a_group_that_does_not_exist_is_found_before_the_daemon_refuses_it(tmp_path: Path) -> None:
    config = tmp_path / "pectin.yaml"
    config.write_text("publish: {group: no-such-group}\n")
    done = pectin("config", "check", str(config))
    assert done.returncode == 78
    assert "publish.group: there is no group 'no-such-group'" in done.stderr


def test_links_in_a_circle_and_folders_cannot_be_planned(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert "symbolic links" in pectin("plan", str(tmp_path / "a")).stderr
    assert "is a folder" in pectin("plan", str(tmp_path)).stderr


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon(tmp_path_factory.mktemp("idle")) as made:
        yield made


@pytest.mark.parametrize("job", ["", "../resume?", "a/b", "x?y", "%2e%2e", "7#"])
def test_an_id_with_other_signs_is_not_made_into_an_address(idle: Daemon, job: str) -> None:
    for command in ("show", "cancel", "retry"):
        done = pectin("--socket", str(idle.folder / "s"), command, "--", job)
        assert done.returncode == 1
        assert "is no job's id" in done.stderr


def test_a_page_beyond_all_numbers_is_the_askers_mistake(idle: Daemon) -> None:
    assert pectin("--socket", str(idle.folder / "s"), "jobs", "--page", "9" * 20).returncode == 2


def test_the_inbox_alone_says_nothing_about_jobs(idle: Daemon) -> None:
    said = pectin("--socket", str(idle.folder / "s"), "status", "--inbox").stdout
    assert str(idle.inbox) in said
    assert said.rstrip().endswith("nothing waits in the inbox")
    assert "job" not in said.replace(str(idle.folder), "")


def test_watching_into_a_pipe_tells_at_once_and_ends_with_its_reader(idle: Daemon) -> None:
    with subprocess.Popen([sys.executable, "-m", "pectin", "--socket", str(idle.folder / "s"), "watch"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        assert watching.stdout.readline().startswith(b"Pectin ")
        watching.stdout.close()
        assert watching.wait(60) == 1
        assert b"Error" not in watching.stderr.read()


def test_the_doctor_counts_a_daemon_that_does_not_run_as_a_problem(tmp_path: Path) -> None:
    found = json.loads(Daemon(tmp_path).cli("doctor", "--json").stdout)
    assert [one for one in found if one["level"] == "fail" and one["what"].startswith("daemon:")]


def test_the_doctor_reads_a_key_that_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff two\nlines")
    made = Daemon(tmp_path, {"jellyfin": {"url": "http://127.0.0.1:1", "key_file": str(tmp_path / "key")}})
    told = made.cli("doctor")
    assert "does not hold an API key" in told.stdout
    assert "Traceback" not in told.stderr
