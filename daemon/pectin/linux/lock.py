"""One daemon per state folder: a lock that the kernel gives up by itself when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class AlreadyRunningError(Exception):
    """Another process holds the lock; `pid` is its number, None when it has not written it yet."""

    def __init__(self, pid: int | None) -> None:
        self.pid = pid
        who = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"{who} already runs on this state folder; stop it first, or give this one a folder of its own")


class InstanceLock:
    """A lock file that stays open as long as the lock is held; children do not inherit it (O_CLOEXEC).

    The file is never removed: if it were, a newcomer could lock a fresh file of that name while an old one still holds the
    removed one, and two daemons would run. Holding is the kernel's flock, so a file left by kill -9 locks nobody out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock and write our pid into it. Raises AlreadyRunningError, or OSError when the file cannot be made."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            pid = _pid(os.pread(descriptor, 32, 0))
            os.close(descriptor)
            raise AlreadyRunningError(pid) from None
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock up. Without effect when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


def _pid(text: bytes) -> int | None:
    with contextlib.suppress(ValueError):
        return int(text)
    return None
