"""Folders that are one thing: all that is in them as one value; copied, moved and removed so that under its name nobody ever sees
half of one. All functions block, and raise OSError."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pectin.linux.crash import CrashPoint, reached
from pectin.linux.move import copy_durably, fsync_folder, make_folders, rename_noreplace, sha256_of

# What link(2) says of a folder where the file system has no RENAME_NOREPLACE, and rename_noreplace tries a link instead.
_NO_LINK = frozenset([errno.EPERM, errno.EACCES, errno.EISDIR, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK])


@dataclass(frozen=True, slots=True)
class Contents:
    """`size` in bytes of all files, `sha256` over their names, sizes and contents, `mtime_ns` of the newest one."""

    size: int
    sha256: str
    mtime_ns: int
    files: int


def is_folder(path: Path) -> bool:
    """Whether a folder is there, not a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def contents_of(folder: Path) -> Contents:
    """All of it is read. Raises OSError EINVAL for what is neither a file nor a folder: a link could lead anywhere."""
    return _summed(_files(folder), sha256_of)


def size_of(folder: Path) -> int:
    """In bytes, of all files; nothing is read."""
    return sum(info.st_size for _, _, info in _files(folder))


def folders_of(folder: Path) -> list[Path]:
    """It and all folders in it, the deepest first."""
    return [Path(below) for below, _, _ in os.walk(folder, topdown=False, onerror=_refuse)]


def files_of(folder: Path) -> list[Path]:
    return [path for _, path, _ in _files(folder)]


def copy_tree(source: Path, part: Path) -> Contents:
    """A durable copy under a name that nobody has; gives what stands there."""
    part.mkdir()
    files = _files(source)
    for _, path, _ in files:
        make_folders((part / path.relative_to(source)).parent)
    copied = _summed(files, lambda path: copy_durably(path, part / path.relative_to(source))[1])
    for below in folders_of(part):
        fsync_folder(below)
    return copied


def rename_tree(source: Path, target: Path) -> None:
    """Never over anything. Raises FileExistsError, OSError EXDEV."""
    try:
        rename_noreplace(source, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target)) from None
        os.rename(source, target)  # a folder takes the place of an empty folder at most


def move_tree(source: Path, target: Path) -> None:
    """As move_durably does with a file: afterwards it is at `target`, and only there. May be called again after a crash. Raises
    FileExistsError when another thing is there."""
    make_folders(target.parent)
    if os.path.lexists(target):
        if not is_folder(target) or not _holds(target, source):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target))
    else:
        try:
            rename_tree(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy_across(source, target)
        reached(CrashPoint.MOVE_NAMED)
    fsync_folder(target.parent)
    reached(CrashPoint.MOVE_SYNCED)
    remove(source)
    fsync_folder(source.parent)


def remove(path: Path) -> None:
    """A file, a link, or a folder with all that is in it; nothing is there: nothing to do."""
    if is_folder(path):
        with suppress(FileNotFoundError):
            shutil.rmtree(path)  # follows no links
    else:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()


def remove_empty(folder: Path, root: Path) -> None:
    """`folder` and those above it, below `root`, as far as nothing is in them."""
    while folder != root and folder.is_relative_to(root):
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError:  # something is in it
            return
        folder = folder.parent


def _holds(target: Path, source: Path) -> bool:
    """Whether all files of `source` are in `target` as well: of a folder that was being removed when a crash came, only some are
    left."""
    there = {name: (path, info.st_size) for name, path, info in _files(target)}
    for name, path, info in _files(source):
        other, size = there.get(name, (path, -1))
        if size != info.st_size or sha256_of(other) != sha256_of(path):
            return False
    return True


def _copy_across(source: Path, target: Path) -> None:
    mark = hashlib.sha256(os.fsencode(source)).hexdigest()[:8]  # a second try finds what a crash left of the first
    part = target.with_name(f".{os.fsencode(target.name)[:200].decode('utf-8', 'ignore')}.{mark}.part")
    remove(part)
    copy_tree(source, part)
    reached(CrashPoint.MOVE_COPIED)
    rename_tree(part, target)


def _files(folder: Path) -> list[tuple[bytes, Path, os.stat_result]]:
    """In the order of their names within the folder, which is the same on every file system."""
    found = []
    for below, folders, names in os.walk(folder, onerror=_refuse):
        for name in (*folders, *names):
            path = Path(below, name)
            info = path.lstat()
            if stat.S_ISREG(info.st_mode):
                found.append((os.fsencode(path.relative_to(folder)), path, info))
            elif not stat.S_ISDIR(info.st_mode):
                raise OSError(errno.EINVAL, "neither a file nor a folder", os.fspath(path))
    return sorted(found, key=lambda one: one[0])


def _summed(files: Iterable[tuple[bytes, Path, os.stat_result]], digest_of: Callable[[Path], str]) -> Contents:
    digest, size, newest, count = hashlib.sha256(), 0, 0, 0
    for name, path, info in files:
        digest.update(b"%s\0%d\0%s\n" % (name, info.st_size, digest_of(path).encode()))
        size, newest, count = size + info.st_size, max(newest, info.st_mtime_ns), count + 1
    return Contents(size, digest.hexdigest(), newest, count)


def _refuse(error: OSError) -> None:
    raise error
