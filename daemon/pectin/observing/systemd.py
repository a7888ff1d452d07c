"""Speaks with systemd: readiness, status line, watchdog, and the sockets it opened for us. Without systemd none of it does
anything."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

from sdnotify import SystemdNotifier

_FIRST_SOCKET = 3  # SD_LISTEN_FDS_START of sd_listen_fds(3)
_PATIENCE = 1.0    # seconds to wait for systemd with what it must hear; the rest is said again soon anyhow
_LONGEST_STATUS = 300  # characters: it is one line of `systemctl status`


class Notifier:
    """Sends to NOTIFY_SOCKET. A message that cannot be sent is lost: systemd's own deadlines then act."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        # sdnotify makes its socket before it looks whether there is anybody to talk to, and leaves it open.
        self._notifier = SystemdNotifier() if environment.get("NOTIFY_SOCKET") else None

    def ready(self, status: str = "") -> None:
        self._send("READY=1" + (f"\nSTATUS={_line(status)}" if status else ""), patience=_PATIENCE)

    def status(self, text: str) -> None:
        """The line that `systemctl status pectin` shows."""
        self._send(f"STATUS={_line(text)}")

    def watchdog(self) -> None:
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """Call `ready` when it is done. The time lets systemd tell this reload's READY from an earlier one."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}", patience=_PATIENCE)

    def extend(self, seconds: float) -> None:
        """A start or a stop takes longer than the unit allows: from now on it may last so long, unless this is said again."""
        self._send(f"EXTEND_TIMEOUT_USEC={seconds * 1_000_000:.0f}", patience=_PATIENCE)

    def stopping(self) -> None:
        self._send("STOPPING=1", patience=_PATIENCE)

    def close(self) -> None:
        if self._notifier is not None and self._notifier.socket is not None:
            self._notifier.socket.close()
        self._notifier = None

    def _send(self, message: str, patience: float = 0.0) -> None:
        if self._notifier is not None and self._notifier.socket is not None:
            # By default it would wait for ever where nobody takes the messages out, and the event loop with it.
            self._notifier.socket.settimeout(patience)
            # sdnotify encodes as Latin-1 and swallows what does not fit; systemd reads UTF-8. So: the bytes of the one,
            # dressed as the other.
            self._notifier.notify(message.encode("utf-8", "replace").decode("latin-1"))


def watchdog_interval(environment: Mapping[str, str] = os.environ) -> float | None:
    """Every how many seconds to call `watchdog`: half of what systemd allows. None when it does not watch us."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    if not microseconds.isdigit() or environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 2_000_000 or None


def listen_sockets(environment: Mapping[str, str] = os.environ) -> dict[str, socket.socket]:
    """The sockets systemd opened for us, by FileDescriptorName; a second of the same name is `name:2`. Call it once: the
    caller owns them. Empty without socket activation."""
    if environment.get("LISTEN_PID") != str(os.getpid()):  # meant for the process that started us
        return {}
    count = int(environment.get("LISTEN_FDS", "0"))
    names = environment.get("LISTEN_FDNAMES", "").split(":") if environment.get("LISTEN_FDNAMES") else []
    sockets: dict[str, socket.socket] = {}
    for place in range(count):
        name = names[place] if place < len(names) else "unknown"
        repeats = sum(earlier == name for earlier in names[:place])
        descriptor = _FIRST_SOCKET + place
        os.set_inheritable(descriptor, False)  # or ffmpeg would hold the status socket open after us
        sockets[f"{name}:{repeats + 1}" if repeats or name in sockets else name] = socket.socket(fileno=descriptor)
    return sockets


def _line(text: str) -> str:
    """One line: a line break in a file name would begin a message of its own, such as MAINPID=."""
    return "".join(character if character.isprintable() else " " for character in text)[:_LONGEST_STATUS]
