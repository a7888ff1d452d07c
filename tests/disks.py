"""Small file systems of one's own, to be filled, taken away and brought back. Needs root."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from needs import need_root

BALLAST = ".ballast"  # hidden: no film to anybody


class SmallDisk:
    """A tmpfs at `place`. Unmounted it would forget everything; so `mount` and `unmount` only bring it to `place` and take it
    away from there: it stays mounted in a corner."""

    def __init__(self, place: Path, size: str) -> None:
        self.place = place
        self._corner = place.with_name(f".{place.name}.corner")
        place.mkdir(exist_ok=True)
        self._corner.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self._corner)], check=True)
        self.mount()

    def mount(self) -> None:
        subprocess.run(["mount", "--bind", str(self._corner), str(self.place)], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.place)], check=True)

    def fill(self, leaving: int = 0) -> None:
        """Until only so many bytes are free."""
        with (self._corner / BALLAST).open("wb") as ballast:
            while True:
                free = os.statvfs(self._corner).f_bavail * os.statvfs(self._corner).f_frsize - leaving
                try:
                    return os.posix_fallocate(ballast.fileno(), 0, free) if free > 0 else None
                except OSError as error:  # somebody has written there meanwhile: then there is less
                    if error.errno != errno.ENOSPC:
                        raise
                    ballast.truncate(0)

    def empty(self) -> None:
        (self._corner / BALLAST).unlink()

    def close(self) -> None:
        if os.path.ismount(self.place):
            self.unmount()
        subprocess.run(["umount", "-l", str(self._corner)], check=True)


@contextmanager
def small_disk(place: Path, size: str = "64m") -> Iterator[SmallDisk]:
    need_root("mount a small file system")
    disk = SmallDisk(place, size)
    try:
        yield disk
    finally:
        disk.close()
