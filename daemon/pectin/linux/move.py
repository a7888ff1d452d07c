"""Moves and copies files so that a power cut at any moment leaves the old place or the new one, never neither and never half.

All functions block: from asyncio they go through `asyncio.to_thread`. They raise OSError as Linux gives it (FileExistsError when
the name is taken, EXDEV, ENOSPC, ...); what such an error means for a job is for the caller to say."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from pectin.linux import pace
from pectin.linux.crash import CrashPoint, reached
from pectin.model.errors import Cause, PectinError

_RENAME_NOREPLACE = 1    # linux/fs.h
_FICLONE = 0x40049409    # linux/fs.h; Python 3.11 does not name it. Elsewhere numbered: ENOTTY, and we copy
_BLOCK = 1 << 20         # bytes per read: large enough that the calls cost nothing beside the disk
_LIBC = ctypes.CDLL(None, use_errno=True)


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable: without this a renamed file can be gone after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network and FUSE file systems cannot sync a folder: nothing more to ask of them
            raise
    finally:
        os.close(descriptor)


def sync_file_system(folder: Path) -> None:
    """Make everything durable that was written to the file system of `folder`, by anybody: one wait for many files."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _LIBC.syncfs(descriptor):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), os.fspath(folder))
    finally:
        os.close(descriptor)


def make_folders(folder: Path, mode: int = 0o777) -> None:
    """Make `folder` and what is missing above it, each new name durable. `mode` is subject to the umask."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        with contextlib.suppress(FileExistsError):  # somebody was faster: as good as ours
            new.mkdir(mode)
        fsync_folder(new.parent)


def rename_noreplace(source: Path | str, target: Path | str, *, source_folder: int | None = None,
                     target_folder: int | None = None) -> None:
    """Rename, never over an existing file. Raises FileExistsError, or OSError EXDEV between file systems.

    `source_folder` and `target_folder` are folder descriptors that relative names start from: a folder swapped for a
    symlink meanwhile leads nowhere then."""
    code = _renameat2(source, target, source_folder, target_folder)
    if code in (errno.EINVAL, errno.ENOSYS):
        _link_then_unlink(source, target, source_folder, target_folder)
    elif code:
        raise OSError(code, os.strerror(code), os.fspath(source), None, os.fspath(target))


def _renameat2(source: Path | str, target: Path | str, source_folder: int | None, target_folder: int | None) -> int:
    """The errno, 0 for success."""
    call = getattr(_LIBC, "renameat2", None)  # glibc has it since 2.28, musl since 1.2.6
    if call is None:
        return errno.ENOSYS
    here = -100  # AT_FDCWD
    result: int = call(here if source_folder is None else source_folder, os.fsencode(source),
                       here if target_folder is None else target_folder, os.fsencode(target), _RENAME_NOREPLACE)
    return ctypes.get_errno() if result else 0


def _link_then_unlink(source: Path | str, target: Path | str, source_folder: int | None, target_folder: int | None) -> None:
    """For file systems without RENAME_NOREPLACE (NFS, old FUSE): a hard link refuses a taken name just as well. A crash in
    between leaves both names on one file, which move_durably recognises."""
    os.link(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder, follow_symlinks=False)
    os.unlink(source, dir_fd=source_folder)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            pace.step()
    return digest.hexdigest()


def copy_durably(source: Path, part: Path) -> tuple[int, str]:
    """Copy `source` to the new file `part`; give its size in bytes and the SHA-256 of what stands there. A symlink as source
    is refused (ELOOP). See copy_descriptor_durably."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return copy_descriptor_durably(descriptor, part)
    finally:
        os.close(descriptor)


def copy_descriptor_durably(source: int, part: Path, told: Callable[[float], None] = lambda _: None) -> tuple[int, str]:
    """Copy the open file `source` to the new file `part`, fsynced, with the source's mtime and permissions.

    The source is hashed while it is read, and the part is read back after fsync with its cached pages given up: each side
    is read once, and what is compared is what the disk gives, not what we meant to write. Where the file system can share
    blocks (xfs, btrfs) they are shared and hashed once, since both names have the same bytes. copy_file_range would gain
    nothing: the source has to be read for its hash anyway. `told` is called now and then with the share that is
    done, 0 to 1 (half of it is the reading back); what it raises ends the copy.
    Raises FileExistsError (part exists), PectinError IO_ERROR (the source changed meanwhile, or the part came out different),
    OSError. The part is gone after any error."""
    before = os.fstat(source)
    if not stat.S_ISREG(before.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(part))
    target = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        return _fill(target, source, before, part, told)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(target)


def _fill(target: int, source: int, before: os.stat_result, part: Path, told: Callable[[float], None]) -> tuple[int, str]:
    whole = 2 * max(before.st_size, 1)
    read = None if _share_blocks(source, target) else _copy_bytes(source, target, lambda done: told(done / whole))
    os.fchmod(target, stat.S_IMODE(before.st_mode) & 0o777)  # never set-uid bits
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.fsync(target)
    size, written = _read_back(target, lambda done: told(min(1.0, 0.5 + done / whole)))
    after = os.fstat(source)
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns) or size != after.st_size:
        raise PectinError(Cause.IO_ERROR, f"the file changed while it was copied to {part}")
    if read not in (None, written):
        raise PectinError(Cause.IO_ERROR, f"the copy {part} is not what was written to it: check this disk")
    return size, written


def _share_blocks(source: int, target: int) -> bool:
    """Whether the file system made the copy by itself, at no cost (FICLONE). Any refusal means: copy."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _copy_bytes(source: int, target: int, told: Callable[[int], None]) -> str:
    """Read, hash, write. Gives the SHA-256 of what was read."""
    digest = hashlib.sha256()
    position = 0
    while block := os.pread(source, _BLOCK, position):
        digest.update(block)
        position += len(block)
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(target, rest):]
        told(position)
        pace.step()
    return digest.hexdigest()


def _read_back(target: int, told: Callable[[int], None]) -> tuple[int, str]:
    os.posix_fadvise(target, 0, 0, os.POSIX_FADV_DONTNEED)
    digest = hashlib.sha256()
    position = 0
    while block := os.pread(target, _BLOCK, position):
        digest.update(block)
        position += len(block)
        told(position)
        pace.step()
    return position, digest.hexdigest()


def move_durably(source: Path, target: Path) -> None:
    """Move a regular file, also across file systems, making the folders above `target`. Never overwrites.

    May be called again after a crash at any point: it finishes what its predecessor began. If only `target` is there it is
    taken for done. Raises FileExistsError when `target` is another file, FileNotFoundError when neither is there."""
    if not os.path.lexists(source):
        if os.path.lexists(target):
            fsync_folder(target.parent)
            return
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(source))
    make_folders(target.parent)
    if os.path.lexists(target):
        if not _same_file(source, target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(source), None, os.fspath(target))
        _fsync_file(target)  # the predecessor may have died before its own fsync
    else:
        _fsync_file(source)  # a renamed file whose bytes were only in memory is empty after a power cut
        try:
            rename_noreplace(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy_across(source, target)
        reached(CrashPoint.MOVE_NAMED)
    fsync_folder(target.parent)  # the new name is on the disk before the old one goes
    reached(CrashPoint.MOVE_SYNCED)
    source.unlink(missing_ok=True)
    fsync_folder(source.parent)


def _copy_across(source: Path, target: Path) -> None:
    # The part's name follows from the move, so that a second try finds and sweeps what a crash left of the first.
    mark = hashlib.sha256(os.fsencode(source)).hexdigest()[:8]
    short = os.fsencode(target.name)[:200].decode("utf-8", "ignore")  # 255 bytes are a name's limit
    part = target.with_name(f".{short}.{mark}.part")
    part.unlink(missing_ok=True)
    copy_durably(source, part)
    reached(CrashPoint.MOVE_COPIED)
    try:
        rename_noreplace(part, target)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _same_file(first: Path, second: Path) -> bool:
    """One file under two names, or two with the same content. Symlinks are never the same as anything."""
    a, b = first.lstat(), second.lstat()
    if not (stat.S_ISREG(a.st_mode) and stat.S_ISREG(b.st_mode)) or a.st_size != b.st_size:
        return False
    return (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino) or sha256_of(first) == sha256_of(second)


def _fsync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
