"""How much room there is on the file system of a folder, and with which other folders it shares that."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pectin.linux.mounts import mount_of, read_mounts


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes. `pool` is equal for folders that share their free space; `volume` for those between which a rename moves a file."""

    pool: str
    volume: str
    free: int
    size: int


def disk_of(folder: Path) -> Disk | None:
    """None where the file system does not tell (some cloud mounts say that they have no blocks at all). Raises OSError. May block
    for as long as a dead file server pleases."""
    figures = os.statvfs(folder)
    if not figures.f_blocks:
        return None
    device = os.stat(folder).st_dev
    mount = mount_of(read_mounts(), os.path.realpath(folder))
    # Subvolumes of btrfs have device numbers of their own and one free space, which only their common source tells.
    pool = mount.source if mount and mount.source.startswith("/dev/") else str(device)
    return Disk(pool, f"{device} {mount.id if mount else ''}", figures.f_bavail * figures.f_frsize,
                figures.f_blocks * figures.f_frsize)
