"""Opens files below a root without ever following a symlink, whatever somebody swaps while we look."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Generator
from pathlib import Path

from pectin.model.errors import Cause, PectinError

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEPEST = 100  # folders in folders; each holds a descriptor while it is walked, and a process may have 1,024 by default
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})  # vanished, or swapped for something that is no folder


def open_folder(folder: Path, root: Path) -> int:
    """A descriptor (O_PATH) of `folder`, which is `root` or lies below it. The root itself may be a symlink: whoever
    configured it meant that. Below it every component must be a real folder.

    Raises ValueError (not below the root), FileNotFoundError (vanished), PectinError NOT_A_VIDEO (a symlink on the way) or
    UNREADABLE (no permission), OSError."""
    parts = folder.relative_to(root).parts
    if ".." in parts:
        raise ValueError(f"{folder} leaves {root}")
    try:
        current = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError as error:
        raise PectinError(Cause.UNREADABLE, str(root)) from error
    for part in parts:
        try:
            below = os.open(part, _FOLDER, dir_fd=current)
        except OSError as error:
            raise _explained(error, folder) from error
        finally:
            os.close(current)
        current = below
    return current


def open_regular_in(folder: int, name: str, shown: Path) -> int:
    """A descriptor for reading the regular file `name` of an open folder; `shown` is its path for messages. Raises as
    open_regular does. Never blocks."""
    try:
        # Looked at before it is opened: opening a pipe would wake its writer, opening a device may move a tape.
        _must_be_regular(os.stat(name, dir_fd=folder, follow_symlinks=False), shown)
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        raise _explained(error, shown) from error
    try:
        _must_be_regular(os.fstat(descriptor), shown)  # once more: it may have been swapped in between
    except PectinError:
        os.close(descriptor)
        raise
    return descriptor


def open_regular(path: Path, root: Path) -> int:
    """A descriptor for reading the regular file `path` below `root`, with no symlink in any component below the root.

    Raises ValueError (not below the root), FileNotFoundError (vanished), BlockingIOError (a file server holds a lease on it:
    somebody writes), PectinError NOT_A_VIDEO (a symlink, folder, pipe, socket or device, or below a symlink) or UNREADABLE (no
    permission), OSError for the rest. Never blocks."""
    folder = open_folder(path.parent, root)
    try:
        return open_regular_in(folder, path.name, path)
    finally:
        os.close(folder)


def _must_be_regular(info: os.stat_result, shown: Path) -> None:
    if not stat.S_ISREG(info.st_mode):
        kinds = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        kind = kinds.get(stat.S_IFMT(info.st_mode), "a device")
        raise PectinError(Cause.NOT_A_VIDEO, f"{shown} is {kind}; only regular files are taken")


def _explained(error: OSError, shown: Path) -> OSError | PectinError:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):  # O_NOFOLLOW met a link; O_DIRECTORY met anything but a folder
        return PectinError(Cause.NOT_A_VIDEO, f"{shown} is or lies below a symbolic link; links are not followed")
    if error.errno in (errno.EACCES, errno.EPERM):
        return PectinError(Cause.UNREADABLE, str(shown))
    return error


def walk(root: Path, unreadable: Callable[[Path], None] | None = None, *,
         entering: Callable[[str], bool] | None = None, follow: bool = True) -> Generator[Path, None, None]:
    """Every regular file below `root`, folder by folder, in no meaningful order; symlinks are neither given nor entered. The root
    itself may be one, unless `follow` is false.

    `entering` is called with the path of each folder (the root first) before it is read, and says whether to go in. What
    vanishes meanwhile is passed over. A folder that cannot be read (no permission, bad disk, absurdly deep) is told to
    `unreadable`. Raises OSError only for the root itself. Between two files up to 100 descriptors are held open: exhaust the
    iterator or close it."""
    top = str(root)
    if entering is not None and not entering(top):
        return
    # The way down to where we are: each folder with its path and what is still to be entered there. Each is opened from the one
    # above, so that no folder can be swapped for a link between two steps; that is also less work than a whole path.
    way: list[tuple[int, str, list[str]]] = []
    try:
        descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
        way.append((descriptor, top, []))
        files, folders = _listing(descriptor)
        way[0][2].extend(folders)
        for name in files:
            yield root / name
        while way:
            above, path, left = way[-1]
            if not left:
                os.close(above)
                way.pop()
                continue
            here = f"{path}/{left.pop()}"
            if entering is not None and not entering(here):
                continue
            try:
                descriptor = -1
                descriptor = _enter(here.rpartition("/")[2], above, len(way))
                files, folders = _listing(descriptor)
            except OSError as error:
                if descriptor >= 0:
                    os.close(descriptor)
                if error.errno not in _GONE and unreadable is not None:
                    unreadable(Path(here))
                continue
            if folders:
                way.append((descriptor, here, folders))
            else:
                os.close(descriptor)
            for name in files:
                yield Path(f"{here}/{name}")
    finally:
        for descriptor, _, _ in way:
            os.close(descriptor)


def _enter(name: str, above: int, depth: int) -> int:
    if depth >= _DEEPEST:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)


def _listing(folder: int) -> tuple[list[str], list[str]]:
    """Names of the regular files and of the folders in an open folder."""
    files, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif entry.is_file(follow_symlinks=False):
                files.append(entry.name)
    return files, folders
