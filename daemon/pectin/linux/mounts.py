"""What is mounted where, and whether other machines can change it behind our back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

# File systems whose files other machines (or a hypervisor's host) change without a sound here: no inotify event, and a lease
# says nothing of their writers. autofs stands where something will be mounted on the first visit, mostly from a server. With FUSE
# the type is "fuse." and the program's own name; a pool of local disks (fuse.mergerfs), NTFS (fuseblk) and the like are not
# among them.
_NETWORK = frozenset({
    "9p", "acfs", "afs", "autofs", "beegfs", "ceph", "cifs", "coda", "davfs", "fakeowner", "gfs", "gfs2", "glusterfs", "gpfs",
    "lustre", "mfs", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})
_NETWORK_FUSE = frozenset({
    "beegfs", "ceph-fuse", "cifs2", "curlftpfs", "davfs", "davfs2", "gcsfuse", "geesefs", "glusterfs", "google-drive-ocamlfuse",
    "goofys", "grpcfuse", "gvfsd-fuse", "juicefs", "lizardfs", "mfs", "moosefs", "mountpoint-s3", "onedriver", "osxfs", "rclone",
    "s3fs", "saunafs", "seaweedfs", "smbnetfs", "sshfs", "vmhgfs-fuse",
})
_OCTAL = re.compile(rb"\\([0-7]{3})")
_TOP = 0  # stands for the mount above all that we can see; the kernel numbers from 1


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo. `place` is where it is mounted, `type` the kernel's word for the file system (`fuse.sshfs`),
    `source` what is mounted (`/dev/sda1`, `nas:/films`), `root` the folder of it that stands at `place`."""

    id: int
    parent: int
    place: str
    type: str
    source: str = field(default="", compare=False)
    root: str = field(default="/", compare=False)


def parse(text: bytes) -> tuple[Mount, ...]:
    """The mounts that /proc/self/mountinfo tells, in its order. Lines that are none are passed over: a kernel to come may add
    some. The format: proc(5)."""
    found = []
    for line in text.split(b"\n"):  # not splitlines: a carriage return in a name stands as it is
        fields = line.split(b" ")
        try:
            after = fields.index(b"-", 6)  # before it stand any number of optional fields
            found.append(Mount(int(fields[0]), int(fields[1]), _plain(fields[4]), _plain(fields[after + 1]),
                               source=_plain(b"".join(fields[after + 2:after + 3])), root=_plain(fields[3])))
        except (ValueError, IndexError):
            continue
    return tuple(found)


def mount_of(mounts: Sequence[Mount], path: str) -> Mount | None:
    """The mount that the absolute `path` (links resolved) lies on. Of two on one place the later counts, and what was mounted
    below a place before that place was covered is out of reach. None when nothing is known, as without /proc."""
    known = {mount.id for mount in mounts}
    current, here = None, _TOP
    while True:
        # As the kernel walks: from the mount we are on into the first that lies on the way.
        way = [m for m in reversed(mounts) if _parent(m, known) == here and is_within(path, m.place)]
        if not way:
            return current
        current = min(way, key=lambda m: len(m.place))
        here = current.id


def mounts_below(mounts: Sequence[Mount], path: str) -> tuple[Mount, ...]:
    """The mounts that can be reached strictly below `path`, in order of their place."""
    places = {m.place for m in mounts if m.place != path and is_within(m.place, path)}
    return tuple(found for place in sorted(places) if (found := mount_of(mounts, place)) is not None and found.place == place)


def is_network(file_system: str) -> bool:
    """Whether other machines may change files of this type without an event here."""
    kind, _, program = file_system.partition(".")
    return file_system in _NETWORK or (kind == "fuse" and program.lower() in _NETWORK_FUSE)


def read_mounts() -> tuple[Mount, ...]:
    """The mounts of this process as they are now; none where /proc is not mounted. Never blocks on a dead server."""
    try:
        return parse(Path("/proc/self/mountinfo").read_bytes())
    except OSError:
        return ()


def is_within(path: str, place: str) -> bool:
    """Whether the absolute `path` is `place` or below it."""
    return path == place or path.startswith(place.rstrip("/") + "/")


def _parent(mount: Mount, known: set[int]) -> int:
    """In a container or chroot the mount above the first is not told; the very first is its own parent."""
    return _TOP if mount.parent not in known or mount.parent == mount.id else mount.parent


def _plain(field: bytes) -> str:
    """The kernel writes blank, tab, line break and backslash as \\040 and the like."""
    return _OCTAL.sub(lambda found: bytes([int(found[1], 8) & 0xFF]), field).decode("utf-8", "surrogateescape")
