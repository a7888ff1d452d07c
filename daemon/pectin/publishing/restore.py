"""The way back, file by file: a source leaves for the folder it came from, outputs leave the library. Nothing is overwritten, and
only what still is what we placed is removed. All block: use `asyncio.to_thread`."""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path, PurePath
from typing import Any

from pectin.linux.beneath import open_folder
from pectin.linux.crash import CrashPoint, reached
from pectin.linux.move import fsync_folder, move_durably
from pectin.linux.trees import contents_of, remove
from pectin.model.errors import Cause, PectinError
from pectin.model.intent import Intent
from pectin.model.output import VIDEO_ROLE
from pectin.publishing.naming import part_name
from pectin.publishing.originals import numbered
from pectin.publishing.place import explained, leave_no_folder
from pectin.publishing.things import is_as_placed, take_away


class TakenError(Exception):
    """Another file has that name. Nothing has happened."""


def put_back(source: Path, target: Path, root: Path) -> None:
    """Move `source` to `target`, which lies below the folder `root`; folders in between are made again, links are not followed.
    A file of the same content that is there already is taken for it. May be called again after a crash.

    Raises TakenError when another file has that name, PectinError (SOURCE_LOST, NO_SPACE, READ_ONLY, NO_PERMISSION, ...)."""
    with explained(target), below(target.parent, root) as folder:
        try:
            move_durably(source, folder / target.name)
        except FileExistsError:
            raise TakenError(str(target)) from None
        except FileNotFoundError:
            raise PectinError(Cause.SOURCE_LOST, str(source)) from None


@contextmanager
def below(folder: Path, root: Path) -> Iterator[Path]:
    """A folder below `root`, made if it is missing, under a name that leads there whatever is swapped for a link meanwhile."""
    for part in reversed([folder, *folder.parents]):
        if part != root and part.is_relative_to(root):
            descriptor = _open(part.parent, root)
            try:
                with suppress(FileExistsError):
                    os.mkdir(part.name, dir_fd=descriptor)
                    fsync_folder(Path(f"/proc/self/fd/{descriptor}"))
            finally:
                os.close(descriptor)
    descriptor = _open(folder, root)
    try:
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _open(folder: Path, root: Path) -> int:
    try:
        return open_folder(folder, root)
    except PectinError as error:
        raise PectinError(Cause.NO_PERMISSION, error.detail) from error


def next_names(target: Path) -> Iterator[Path]:
    """`Film.mkv`, `Film (2).mkv`, `Film (3).mkv`, ..."""
    yield target
    for number in itertools.count(2):
        yield numbered(target, f" ({number})")


def beside(sidecar: PurePath, film: PurePath, target: Path) -> Path:
    """Where a sidecar goes when its film goes to `target`: by its path from the film's folder on, and if the film gets another
    name, its sidecars get it too. `film` is the name they came with."""
    name = sidecar.name
    if target.stem != film.stem and name.startswith(film.stem):
        name = target.stem + name[len(film.stem):]
    return target.parent / sidecar.with_name(name)


def withdraw_outputs(outputs: Sequence[Mapping[str, Any]], intent: Intent, job_id: str) -> None:
    """Remove those of a job's published files and folders that still are what was placed, by size and content; the film first, so
    that nobody starts it without its subtitles. Then the film's own folders, if nothing is in them. May be called again. Raises
    PectinError."""
    for output in sorted(outputs, key=lambda one: one["role"] != VIDEO_ROLE):
        path = Path(output["path"])
        with explained(path, intent.root_of(path)):
            aside = path.with_name(part_name(path.name, job_id))
            if "files" in output:
                remove(aside)  # a crash came while it was removed
            if is_what_was_placed(path, int(output["size"]), str(output["sha256"]), folder="files" in output):
                with suppress(FileNotFoundError):
                    take_away(path, aside)
                    fsync_folder(path.parent)
                reached(CrashPoint.UNDO_WITHDRAWN)
            leave_no_folder(intent, path)
    for output in outputs:
        path = Path(output["path"])
        if output["role"] == VIDEO_ROLE and path.parent.name == path.stem and path.parent != intent.library:
            with suppress(OSError):  # other files are in it: a person's, or pictures that Jellyfin keeps there
                path.parent.rmdir()


def is_what_was_placed(path: Path, size: int, sha256: str, *, folder: bool = False) -> bool:
    """Whether a regular file (or a folder) of that content has that name, now and after all of it was read. Raises OSError."""
    if folder:
        return is_as_placed({"path": path, "size": size, "files": 0}) and contents_of(path).sha256 == sha256
    try:
        file = open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb")  # noqa: SIM115  (closing)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        if path.is_symlink():
            return False
        raise
    with closing(file):
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size != size or hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            return False
    with suppress(FileNotFoundError):
        now = path.lstat()  # reading a film takes a while: somebody may have put another there
        return os.path.samestat(now, found) and (now.st_size, now.st_mtime_ns) == (found.st_size, found.st_mtime_ns)
    return False
