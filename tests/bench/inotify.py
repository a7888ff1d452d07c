"""What the kernel tells about files while it happens, for moments that are to be seen from outside the daemon: inotify(7)."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OPENED = 0x20      # IN_OPEN of sys/inotify.h
MOVED_AWAY = 0x40  # IN_MOVED_FROM: a name has left a folder

_HEADER = struct.Struct("iIII")  # watch, mask, cookie, length of the name behind it
_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def watching(path: Path, mask: int) -> Iterator[int]:
    """A descriptor that can be read from whenever something of `mask` has happened to `path`, or to a name in that folder."""
    descriptor = _LIBC.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    if descriptor < 0 or _LIBC.inotify_add_watch(descriptor, os.fsencode(path), mask) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def take_names(descriptor: int) -> list[str]:
    """The names in the folder to which something has happened since the last call, in that order; a file itself is ''."""
    found = []
    try:
        while events := os.read(descriptor, 65536):
            while events:
                length = _HEADER.unpack_from(events)[3]
                found.append(os.fsdecode(events[_HEADER.size:_HEADER.size + length].rstrip(b"\0")))
                events = events[_HEADER.size + length:]
    except BlockingIOError:
        pass
    return found
