"""Speaks the journal's own protocol: one datagram is one entry with named fields, so that `journalctl JOB_ID=...` finds it.
Source: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/. Forty lines of it, so no binding to libsystemd (DESIGN: dependencies)."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
_PATIENCE = 0.5  # seconds to wait for a journal that is busy: after that the line goes to stderr, and the event loop goes on
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL  # the journal maps nothing unsealed


class Journal:
    """A connection to the journal's socket. `send` raises OSError when the entry did not get there."""

    def __init__(self, path: Path = SOCKET) -> None:
        """Raises OSError when there is no journal to talk to."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.settimeout(_PATIENCE)
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._path = path

    def send(self, fields: Mapping[str, str | bytes | int]) -> None:
        """One entry. A journal that was restarted is connected to again. Raises OSError."""
        entry = encode(fields)
        try:
            self._send(entry)
        except TimeoutError:
            raise
        except OSError:  # refused by a socket that nobody has any more, or not connected since
            self._socket.connect(str(self._path))
            self._send(entry)

    def _send(self, entry: bytes) -> None:
        try:
            self._socket.send(entry)
        except OSError as error:
            if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                raise
            self._send_large(entry)

    def _send_large(self, entry: bytes) -> None:
        """What no datagram holds is written into memory without a name, and the journal gets that."""
        memory = os.memfd_create("pectin-journal", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with os.fdopen(os.dup(memory), "wb") as file:
                file.write(entry)
            fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _SEALS)
            socket.send_fds(self._socket, [b""], [memory])
        finally:
            os.close(memory)

    def close(self) -> None:
        self._socket.close()


def encode(fields: Mapping[str, str | bytes | int]) -> bytes:
    """The entry as the journal reads it. A value with a line break stands behind its length: as NAME=value it would begin a
    field of its own, and a film's name could pass for one of ours."""
    parts = []
    for name, value in fields.items():
        data = value if isinstance(value, bytes) else _bytes(str(value))
        if b"\n" in data:
            parts.append(name.encode("ascii") + b"\n" + struct.pack("<Q", len(data)) + data + b"\n")
        else:
            parts.append(name.encode("ascii") + b"=" + data + b"\n")
    return b"".join(parts)


def _bytes(text: str) -> bytes:
    """A file's name as the bytes it has on the disk; what is no such text, with question marks."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
