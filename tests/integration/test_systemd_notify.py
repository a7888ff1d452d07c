"""What systemd hears from us and hands to us, over real sockets and real file descriptors."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from needs import need_program
from pectin.observing.systemd import Notifier, listen_sockets, watchdog_interval


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """systemd's end of the notification socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield end


def test_systemd_hears_each_step_of_our_life(manager: socket.socket) -> None:
    notifier = Notifier()
    notifier.ready("waiting for films")
    assert manager.recv(4096) == b"READY=1\nSTATUS=waiting for films"
    notifier.watchdog()
    assert manager.recv(4096) == b"WATCHDOG=1"
    before = time.monotonic_ns() // 1000
    notifier.reloading()
    found = re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=(\d+)", manager.recv(4096))
    assert found is not None
    assert before <= int(found[1]) <= time.monotonic_ns() // 1000
    notifier.ready()
    assert manager.recv(4096) == b"READY=1"
    notifier.stopping()
    assert manager.recv(4096) == b"STOPPING=1"
    notifier.close()
    notifier.status("nobody hears this")


@pytest.mark.parametrize(("text", "line"), [
    ("encoding 2 of 7: Amélie (2001) 43 %, 1.8x", "encoding 2 of 7: Amélie (2001) 43 %, 1.8x"),
    ("千と千尋の神隠し", "千と千尋の神隠し"),
    ("a\nMAINPID=1\rb\x1b", "a MAINPID=1 b "),
    ("odd \udcff byte", "odd   byte"),
    ("x" * 1000, "x" * 300),
])
def test_the_status_is_one_line_of_utf_8(manager: socket.socket, text: str, line: str) -> None:
    notifier = Notifier()
    notifier.status(text)
    assert manager.recv(4096).decode() == f"STATUS={line}"
    notifier.close()


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = Notifier()
    notifier.ready("x")
    notifier.watchdog()
    notifier.close()
    assert listen_sockets({}) == {}
    assert watchdog_interval({}) is None


def test_a_manager_that_has_gone_does_not_stop_us(manager: socket.socket) -> None:
    notifier = Notifier()
    manager.close()
    notifier.watchdog()
    notifier.close()


@pytest.mark.parametrize(("environment", "interval"), [
    ({"WATCHDOG_USEC": "30000000"}, 15.0),
    ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
    ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
    ({"WATCHDOG_USEC": "0"}, None),
    ({"WATCHDOG_USEC": "soon"}, None),
])
def test_the_watchdog_is_fed_twice_as_often_as_it_asks(environment: dict[str, str], interval: float | None) -> None:
    assert watchdog_interval(environment) == interval


def test_sockets_meant_for_another_process_are_left_alone() -> None:
    assert listen_sockets({"LISTEN_PID": "1", "LISTEN_FDS": "1"}) == {}


_ACTIVATED = """
import os, sys
from pectin.observing.systemd import listen_sockets
found = listen_sockets()
for name, one in found.items():
    print(name, one.getsockname(), one.get_inheritable(), flush=True)
connection, _ = next(iter(found.values())).accept()
connection.sendall(b"hello")
"""


def test_the_sockets_that_systemd_opened_are_ours_by_name(tmp_path: Path) -> None:
    program = need_program("systemd-socket-activate", "systemd")
    path = tmp_path / "pectin.sock"
    process = subprocess.Popen([program, f"--listen={path}", f"--listen={tmp_path / 'second'}", "--fdname=api:api",
                                sys.executable, "-c", _ACTIVATED], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            for _ in range(1000):
                try:
                    client.connect(str(path))
                    break
                except OSError:
                    time.sleep(0.02)
            assert client.recv(100) == b"hello"
        assert process.stdout is not None
        assert process.stdout.read().splitlines() == [f"api {path} False", f"api:2 {tmp_path / 'second'} False"]
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


def test_a_listener_that_takes_nothing_out_does_not_hold_the_daemon_up(tmp_path: Path) -> None:
    """The kernel keeps few messages; without a reader, a sender that waits would wait for ever."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf, pytest.MonkeyPatch.context() as patched:
        deaf.bind(str(tmp_path / "notify"))
        patched.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notifier = Notifier()

        def talk() -> None:
            for number in range(2000):
                notifier.status(f"line {number}")
                notifier.watchdog()
            notifier.stopping()

        talking = threading.Thread(target=talk, daemon=True)
        talking.start()
        talking.join(60)
        assert not talking.is_alive()
        notifier.close()
