"""One output on the disk, a file or a folder: whether it is there, whether it is it, on its way, with its permissions. All block,
and raise OSError besides what they name."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pectin.linux import trees
from pectin.linux.move import copy_durably, move_durably, rename_noreplace, sha256_of, sync_file_system
from pectin.model.errors import Cause, PectinError
from pectin.model.intent import Placement

_ROUNDED = 2_000_000_000  # nanoseconds: what the coarsest file system (FAT) may take off a time


def has_size(path: Path, placement: Placement) -> bool:
    """Whether a regular file, or a folder of them, of this output's size is there."""
    return _size(path, folder=bool(placement.files)) == placement.size


def is_it(path: Path, placement: Placement) -> bool:
    """Whether what is at `path` is this output, by size and content. A symlink is nothing of ours."""
    if not has_size(path, placement):
        return False
    return (trees.contents_of(path).sha256 if placement.files else sha256_of(path)) == placement.sha256


def is_ours(path: Path, placement: Placement) -> bool:
    """Whether what is at `path` is this very output, not the same content made by another job."""
    if not has_size(path, placement):
        return False
    if placement.files:
        found = trees.contents_of(path)
        return found.sha256 == placement.sha256 and abs(found.mtime_ns - placement.mtime_ns) < _ROUNDED
    return abs(path.lstat().st_mtime_ns - placement.mtime_ns) < _ROUNDED and sha256_of(path) == placement.sha256


def is_replaceable(path: Path, *, folder: bool) -> bool:
    """Whether what is there can give its name to one of the same kind: no link, no file for a folder."""
    return _size(path, folder=folder) is not None


def is_as_placed(output: Mapping[str, Any]) -> bool:
    """Whether a published output (as it is kept with its job) is still there with its size and kind."""
    return _size(Path(output["path"]), folder="files" in output) == int(output["size"])


def to_part(placement: Placement) -> None:
    """Within one file system a rename costs nothing and needs no space. Else a copy, compared with what was written down; the
    work file stays until the final name is durable. Raises PectinError OUTPUT_LOST."""
    try:
        rename(placement.work, placement.part)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        if placement.files:
            copied = trees.copy_tree(placement.work, placement.part)
            came = (copied.size, copied.sha256)
        else:
            came = copy_durably(placement.work, placement.part)
        if came != (placement.size, placement.sha256):
            trees.remove(placement.part)
            raise PectinError(Cause.OUTPUT_LOST, f"{placement.work} is not what was verified") from None


def rename(source: Path, target: Path) -> None:
    """Never over anything. Raises FileExistsError."""
    if trees.is_folder(source):
        trees.rename_tree(source, target)
    else:
        rename_noreplace(source, target)


def move(source: Path, target: Path) -> None:
    """Durable, also to another file system. Raises FileExistsError when another thing is there."""
    if trees.is_folder(source):
        trees.move_tree(source, target)
    else:
        move_durably(source, target)


def take_away(path: Path, aside: Path) -> None:
    """Remove it; nobody sees half of a folder: it goes under the name `aside`, which is swept if a crash comes."""
    if trees.is_folder(path):
        trees.remove(aside)
        os.rename(path, aside)
        trees.remove(aside)
    else:
        trees.remove(path)


def sync(path: Path) -> None:
    """What is only in memory has its name and no content after a power cut."""
    if trees.is_folder(path):
        sync_file_system(path)  # one wait: a film cut for web players has thousands of files
    else:
        sync_file(path)


def sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_public(part: Path, mode: int, group: int | None, owner: int | None = None, *, folder_mode: int = 0o755) -> None:
    """The exact permissions, durable, before it has its name: of a file, or of a folder and all in it. Raises PectinError
    NO_PERMISSION."""
    if not trees.is_folder(part):
        _permit(part, mode, group, owner, durable=True)
        return
    for file in trees.files_of(part):
        _permit(file, mode, group, owner)
    for folder in trees.folders_of(part):  # the deepest first: what is another's we may not look into any more
        _permit(folder, folder_mode, group, owner)
    sync_file_system(part.parent)


def _permit(path: Path, mode: int, group: int | None, owner: int | None, *, durable: bool = False) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        give(descriptor, -1, group)  # before the mode: a change of group clears bits of it
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
            os.fchmod(descriptor, mode)
        give(descriptor, owner, -1)  # last: what is another's we may not change any more
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def give(file: Path | int, owner: int | None, group: int | None) -> None:
    """Another owner or group, where it is not that one already (a second try after a crash may not be allowed to do it again).
    Raises PectinError NO_PERMISSION."""
    found = os.stat(file)
    wanted = (-1 if owner in (None, found.st_uid) else owner, -1 if group in (None, found.st_gid) else group)
    try:
        if wanted != (-1, -1):
            os.chown(file, *wanted)
    except PermissionError as error:
        why = "give files to another user (publish.owner): that needs CAP_CHOWN" if wanted[0] != -1 \
            else "give files to this group (publish.group): it must be a member, and the unit must allow chown"
        raise PectinError(Cause.NO_PERMISSION, f"the daemon may not {why}") from error


def _size(path: Path, *, folder: bool) -> int | None:
    """None: nothing of that kind is there."""
    try:
        found = path.lstat()
        if folder:
            return trees.size_of(path) if stat.S_ISDIR(found.st_mode) else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.EINVAL:  # somebody has put a link into it
            return None
        raise
    return found.st_size if stat.S_ISREG(found.st_mode) else None
