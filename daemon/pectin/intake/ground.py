"""What an inbox folder stands on: which folder it really is, on which mounts. Two looks that differ mean: watch it anew."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from pectin.linux.mounts import Mount, is_network, mount_of, mounts_below, read_mounts


@dataclass(frozen=True, slots=True)
class Ground:
    """`real` is the path without links; device and inode tell whether it is still the same folder. `mount` is what it lies on
    (None: unknown), `below` what is mounted further down."""

    path: Path
    real: str
    device: int
    inode: int
    mount: Mount | None
    below: tuple[Mount, ...]

    @property
    def file_system(self) -> str:
        return self.mount.type if self.mount else ""

    @property
    def network(self) -> bool:
        return self.mount is not None and is_network(self.mount.type)

    @property
    def shares(self) -> tuple[Path, ...]:
        """The network mounts below it, as paths that begin with the configured one."""
        return tuple(self.path / os.path.relpath(mount.place, self.real) for mount in self.below
                     if is_network(mount.type))

    def same_folder(self, other: Ground) -> bool:
        return (self.real, self.device, self.inode, self.mount) == (other.real, other.device, other.inode, other.mount)


def survey(path: Path) -> Ground:
    """Look at an inbox folder. Raises OSError when there is no folder or it cannot be reached. May block for as long as a dead
    file server pleases."""
    info = path.stat()
    if not stat.S_ISDIR(info.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    real = os.path.realpath(path)
    mounts = read_mounts()
    return Ground(path, real, info.st_dev, info.st_ino, mount_of(mounts, real), mounts_below(mounts, real))
