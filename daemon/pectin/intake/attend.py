"""Takes a finished sidecar out of the inbox to its film's job: durable, never over another file, and whole at any crash."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path, PurePath

from pectin.intake.settle import Lease, Mark
from pectin.intake.taking import StillChangingError, mark_of, sync_names
from pectin.intake.writers import ask_lease
from pectin.linux.beneath import open_folder, open_regular_in
from pectin.linux.crash import CrashPoint, reached
from pectin.linux.move import copy_descriptor_durably, fsync_folder, make_folders, rename_noreplace, sha256_of
from pectin.model.errors import PectinError, os_cause

_VERSIONS = 99  # of one name: somebody sends the same subtitle again and again


def attend(path: Path, root: Path, folder: Path, within: PurePath, *, mark: Mark | None) -> Path:
    """Move the sidecar `path`, below the inbox folder `root`, to `folder / within`; gives where it lies now. Where another file
    has that name already, it gets a number; the very same bytes are not kept twice. May be called again after a crash. Blocks.

    Raises FileNotFoundError (it has gone from the inbox), StillChangingError, PectinError; then it lies where it lay."""
    with contextlib.ExitStack() as opened:
        try:
            beside = open_folder(path.parent, root)
            opened.callback(os.close, beside)
            file = open_regular_in(beside, path.name, path)
            opened.callback(os.close, file)
        except FileNotFoundError:
            raise
        except BlockingIOError:
            raise StillChangingError(f"{path} is being written to") from None
        except OSError as error:  # a bad disk, no descriptors: trouble with this file, not the end of the daemon
            raise PectinError(os_cause(error), f"{error.filename or path}: {error.strerror}") from error
        try:
            if mark not in (None, mark_of(os.fstat(file))) or ask_lease(file) is Lease.HELD:
                raise StillChangingError(f"{path} is no longer the file that was judged")
            target = _move(file, path.name, beside, folder / within)
        except OSError as error:
            raise PectinError(os_cause(error), f"{error.filename or path}: {error.strerror}") from error
        sync_names(beside)
        reached(CrashPoint.SIDECAR_SYNCED)
        return target


def _move(file: int, name: str, beside: int, wished: Path) -> Path:
    make_folders(wished.parent, 0o770)
    os.fsync(file)
    for number in range(1, _VERSIONS):
        target = wished if number == 1 else wished.with_name(f"{wished.stem}.{number}{wished.suffix}")
        try:
            _take(file, name, beside, target)
        except FileExistsError:
            if not _same(file, target):
                continue
            _remove(file, name, beside)  # a crash came between the copy and this
        reached(CrashPoint.SIDECAR_MOVED)
        fsync_folder(target.parent)
        return target
    raise OSError(errno.EEXIST, "there are too many of this name", os.fspath(wished))


def _take(file: int, name: str, beside: int, target: Path) -> None:
    try:
        rename_noreplace(name, target, source_folder=beside)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    else:
        return
    if os.path.lexists(target):  # also before the work of a copy
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target))
    part = target.with_name(f".{target.stem[:60]}.part")
    part.unlink(missing_ok=True)
    copy_descriptor_durably(file, part)
    rename_noreplace(part, target)
    fsync_folder(target.parent)
    reached(CrashPoint.SIDECAR_COPIED)
    _remove(file, name, beside)


def _remove(file: int, name: str, beside: int) -> None:
    """From the inbox: only what was copied, not what somebody has put there meanwhile."""
    if os.path.samestat(os.fstat(file), os.stat(name, dir_fd=beside, follow_symlinks=False)):
        os.unlink(name, dir_fd=beside)


def _same(file: int, target: Path) -> bool:
    if os.fstat(file).st_size != target.stat().st_size:
        return False
    return sha256_of(Path(f"/proc/self/fd/{file}")) == sha256_of(target)
