"""Opens files below a root without ever following a symlink, whatever somebody swaps while we look."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from pectin.model.errors import Cause, PectinError

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


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


def walk(root: Path, unreadable: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Every regular file below `root`, folder by folder, in no meaningful order; symlinks are neither given nor entered.

    What vanishes meanwhile is passed over. A folder that cannot be read (no permission, bad disk) is told to `unreadable`. Raises
    OSError only for the root itself."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            files, folders = _listing(folder, follow=folder == root)
        except (FileNotFoundError, NotADirectoryError):  # vanished, or swapped for something else
            if folder == root:
                raise
            continue
        except OSError:
            if folder == root:
                raise
            if unreadable is not None:
                unreadable(folder)
            continue
        yield from (folder / name for name in files)
        waiting.extend(folder / name for name in reversed(folders))


def _listing(folder: Path, *, follow: bool) -> tuple[list[str], list[str]]:
    """Names of the regular files and of the folders in `folder`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    try:
        files, folders = [], []
        with os.scandir(descriptor) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif entry.is_file(follow_symlinks=False):
                    files.append(entry.name)
    finally:
        os.close(descriptor)
    return files, folders
