"""Whether a lease will tell, in this inbox, that somebody still writes: asked of the kernel beforehand, for status and doctor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from pectin.intake.settle import Lease
from pectin.intake.writers import ask_lease
from pectin.linux.mounts import is_network, mount_of, read_mounts

_CAP_LEASE = 28  # linux/capability.h


class LeaseSupport(StrEnum):
    """The value is the word in JSON."""

    YES = "yes"
    NO_RIGHT = "no_right"              # files of other users, and no CAP_LEASE
    NO_FILE_SYSTEM = "no_file_system"
    NETWORK = "network"                # perhaps granted, but it knows nothing of writers on other machines
    UNKNOWN = "unknown"                # it shows with the first file


LEASE_SENTENCES: Mapping[LeaseSupport, str] = MappingProxyType({
    LeaseSupport.YES: "the kernel tells whether somebody still writes a file",
    LeaseSupport.NO_RIGHT: "files of other users: without CAP_LEASE the kernel does not tell who writes, and a file must have "
                           "been left alone for intake.quiet instead",
    LeaseSupport.NO_FILE_SYSTEM: "this file system has no leases: a file must have been left alone for intake.quiet instead",
    LeaseSupport.NETWORK: "writers on other machines are not known here: a file must have been left alone for intake.quiet "
                          "instead",
    LeaseSupport.UNKNOWN: "whether the kernel tells who writes shows with the first file",
})


def lease_support(root: Path) -> LeaseSupport:
    """Ask in an inbox folder, as the user we are, with a file that never has a name. Blocks for a few system calls, on a dead
    file server for longer. UNKNOWN where such files cannot be made (mergerfs, a folder we may not write). Whoever watches the
    folder gets one event, for a name like #123 that is not there."""
    mount = mount_of(read_mounts(), os.path.realpath(root))
    if mount is not None and is_network(mount.type):
        return LeaseSupport.NETWORK
    try:
        answer = _ask(root)
    except OSError:
        return LeaseSupport.UNKNOWN
    if answer is Lease.UNSUPPORTED:
        return LeaseSupport.NO_FILE_SYSTEM
    with suppress(OSError):
        info = root.stat()
        only_ours = info.st_uid == os.geteuid() and not info.st_mode & 0o022
        return LeaseSupport.YES if only_ours or _may_lease() else LeaseSupport.NO_RIGHT
    return LeaseSupport.UNKNOWN


def _ask(root: Path) -> Lease:
    written = os.open(root, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        read = os.open(f"/proc/self/fd/{written}", os.O_RDONLY | os.O_CLOEXEC)  # a lease is for those who read
    finally:
        os.close(written)
    try:
        return ask_lease(read)
    finally:
        os.close(read)


def _may_lease() -> bool:
    """Whether we have CAP_LEASE, and in the first user namespace: the kernel asks for it there. See capabilities(7)."""
    with suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        held = any(int(line.split()[1], 16) >> _CAP_LEASE & 1 for line in status if line.startswith("CapEff:"))
        return held and Path("/proc/self/uid_map").read_text(encoding="ascii").split() == ["0", "0", "4294967295"]
    return False
