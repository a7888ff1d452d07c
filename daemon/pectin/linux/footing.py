"""Which file system a folder of ours should lie on, and whether it does: the bare folder below a mount that is missing looks like
an empty library, and is none.

What should be is told here once (`expect`) and may be asked by whoever is about to write, however deep in a call (`astray`): one
table per process, as the kernel's own table of mounts is one, so that nobody can forget to hand it down."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pectin.linux.mounts import Mount, is_network, is_within, mount_of, read_mounts

_UUIDS = Path("/dev/disk/by-uuid")
_NAMED = frozenset({"zfs"})  # types whose source is a name that stays
_expected: dict[Path, Footing] = {}


@dataclass(frozen=True, slots=True)
class Footing:
    """Where a folder lies, in words that are the same after a restart: `type` of the file system, the folder's path `inner`
    within it, `disk` (its UUID, or the server's own name for it; empty: not known) and the `place` where it is mounted.

    Device numbers change from one start to the next. `inner` is the strongest sign: in a sandbox each folder may be a mount of
    its own, and still a bare mount point is `/mnt/films` within the system's disk, and the real library `/` within its own."""

    place: str
    type: str
    inner: str
    disk: str

    def same(self, other: Footing) -> bool:
        """The same folder of the same file system, wherever that is mounted now. What is not known differs from nothing."""
        return (self.type, self.inner) == (other.type, other.inner) and _agree(self.disk, other.disk)


@dataclass(frozen=True, slots=True)
class View:
    """What a look at a folder has shown. `footing` None: the kernel does not tell. `bare`: the folder lies where it would lie if
    nothing but the system's own disk were mounted, or its first visitor should have mounted something and could not. `others`:
    what is mounted besides."""

    footing: Footing | None
    bare: bool
    others: tuple[Mount, ...]


def view(folder: Path) -> View:
    """Look at a folder. Raises OSError when it is none or cannot be reached. May block for as long as a dead file server
    pleases."""
    if not stat.S_ISDIR(os.stat(folder).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    os.statvfs(folder)  # a folder that is mounted on the first visit (autofs) is not mounted by a stat
    real = os.path.realpath(folder)
    mounts = read_mounts()
    mount, top = mount_of(mounts, real), mount_of(mounts, "/")
    if mount is None or top is None:
        return View(None, bare=False, others=())
    found = _footing(mount, real)
    bare = mount.type == "autofs" or found.same(_footing(top, real))
    return View(found, bare, tuple(m for m in mounts if m is not mount))


def lost(was: Footing, now: View) -> bool:
    """Whether the folder is no longer what it was. It still is when something was mounted on top of that: this was somebody's
    wish, or a mount that came later than our first look."""
    if now.footing is None or was.same(now.footing):
        return False
    on_top = is_within(now.footing.place, was.place) and any(
        m.place == was.place and m.type == was.type and _agree(_disk(m), was.disk) for m in now.others)
    return not on_top


def expect(folder: Path, footing: Footing | None) -> None:
    """From now on `folder` should lie there; None: anywhere."""
    if footing is None:
        _expected.pop(folder, None)
    else:
        _expected[folder] = footing


def expected(folder: Path) -> Footing | None:
    return _expected.get(folder)


def astray(folder: Path) -> str | None:
    """Why `folder` is not the one it should be, in a sentence; None: it is, or nobody can tell (an unreachable one is for others
    to tell). Blocks as `view` does; costs nothing for a folder of which nothing is expected."""
    was = _expected.get(folder)
    if was is None:
        return None
    try:
        now = view(folder)
    except OSError:
        return None
    return sentence(folder, was, now) if lost(was, now) else None


def sentence(folder: Path, was: Footing, now: View) -> str:
    """What is there instead."""
    known = f"{was.type}{f' {was.disk}' if was.disk else ''}"
    if now.footing is not None and now.footing.place == was.place and not now.bare:
        return f"{folder} was on {known}; now another file system ({now.footing.type}) is mounted at {was.place}"
    return f"{folder} was on {known}, which is not mounted at {was.place} now"


def _footing(mount: Mount, real: str) -> Footing:
    inner = os.path.normpath(os.path.join(mount.root, os.path.relpath(real, mount.place)))
    return Footing(mount.place, mount.type, inner, _disk(mount))


def _disk(mount: Mount) -> str:
    """The disk's UUID where udev tells it; the name under which a server or a pool gives it. Other sources are mere words."""
    if mount.source.startswith("/dev/"):
        return _uuid(os.path.realpath(mount.source))
    return mount.source if is_network(mount.type) or mount.type in _NAMED else ""


def _uuid(device: str) -> str:
    try:
        names: Sequence[str] = os.listdir(_UUIDS)
    except OSError:  # no udev, or a sandbox without devices
        return ""
    return next((name for name in names if os.path.realpath(_UUIDS / name) == device), "")


def _agree(one: str, other: str) -> bool:
    return not one or not other or one == other
