"""Where a source rests after its job: archived, set aside with the reason beside it, or brought back for another try. It is
always in exactly one place; every function may be called again after a crash. All block: use `asyncio.to_thread`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path, PurePath

from pectin.linux.move import fsync_folder, move_durably
from pectin.model.errors import Cause, PectinError, os_cause
from pectin.model.identity import is_job_id
from pectin.model.places import Places

WHY_SUFFIX = ".why.txt"
WHY_NAME = "WHY.txt"  # where the source's name leaves no room for the suffix
NAME_BYTES = 255


class Where(StrEnum):
    """Under which root a source lies."""

    WORK = "work"
    ORIGINALS = "originals"
    REJECTED = "rejected"


def locate(places: Places, job_id: str, relative: PurePath) -> tuple[Where, Path] | None:
    """Where the source is, or None when it is nowhere. While a move between file systems runs it is in two places with the
    same content; then the first of the list counts, and the move is finished by calling it again."""
    for where, path in _everywhere(places, job_id, relative).items():
        if os.path.lexists(path):
            return where, path
    return None


def archive(places: Places, job_id: str, relative: PurePath) -> Path:
    """From the work folder to the originals, with its folder structure. Raises PectinError (SOURCE_LOST, NO_SPACE, ...)."""
    target = places.original(job_id, relative)
    _move(places.source(job_id, relative), target)
    return target


def set_aside(places: Places, job_id: str, relative: PurePath, why: str) -> Path:
    """From the work folder to the rejected ones, with a small text beside it that says why. Raises PectinError."""
    target = places.set_aside(job_id, relative)
    _move(places.source(job_id, relative), target)
    note = _why_note(target)
    with _explained(note):
        _write(note, why)
    return target


def bring_back(places: Places, job_id: str, relative: PurePath) -> Path:
    """From wherever it rests to the work folder, for another try. Raises PectinError (SOURCE_LOST when it is nowhere)."""
    target = places.source(job_id, relative)
    everywhere = _everywhere(places, job_id, relative)
    resting = next((everywhere[where] for where in (Where.ORIGINALS, Where.REJECTED) if os.path.lexists(everywhere[where])), None)
    if resting is not None:
        _move(resting, target)
    elif not os.path.lexists(target):
        raise PectinError(Cause.SOURCE_LOST, f"{relative.name} is in none of {', '.join(str(p) for p in everywhere.values())}")
    rejected = everywhere[Where.REJECTED]
    with _explained(rejected):
        _why_note(rejected).unlink(missing_ok=True)
        _remove_empty(rejected.parent, places.rejected)
        _remove_empty(everywhere[Where.ORIGINALS].parent, places.originals)
    return target


def purge(places: Places, job_id: str) -> int:
    """Remove the originals of a job for good; gives the bytes they had. Whether they may go is the caller's to know."""
    folder = places.originals / _checked(job_id)
    with _explained(folder):
        size = sum(Path(below, name).lstat().st_size for below, _, names in os.walk(folder) for name in names)
        _remove_tree(folder)
    return size


def tidy_work(places: Places, job_id: str) -> bool:
    """Remove the job's work folder (scratch, outputs, claim note) once its source is gone from there. Gives False, and has
    removed nothing, while anything lies in `source/`. Raises PectinError."""
    folder = places.job_folder(_checked(job_id))
    source = places.source(job_id, PurePath("any")).parent
    with _explained(folder):
        if source.is_dir() and any(source.iterdir()):
            return False
        for part in (places.scratch(job_id), places.out(job_id), source):
            _remove_tree(part)
        _remove_tree(folder)  # the claim note goes last: it says whose folder this is
    return True


def _everywhere(places: Places, job_id: str, relative: PurePath) -> dict[Where, Path]:
    return {Where.WORK: places.source(job_id, relative), Where.ORIGINALS: places.original(job_id, relative),
            Where.REJECTED: places.set_aside(job_id, relative)}


def _checked(job_id: str) -> str:
    """An empty or foreign id would name all folders, or another one."""
    if not is_job_id(job_id):
        raise ValueError(f"{job_id!r} is no job id")
    return job_id


def _move(source: Path, target: Path) -> None:
    with _explained(source):
        try:
            move_durably(source, target)
        except FileNotFoundError:
            raise PectinError(Cause.SOURCE_LOST, str(source)) from None
        except FileExistsError:
            raise PectinError(Cause.IO_ERROR, f"{source} and {target} are both there and differ: look at both") from None


def _why_note(source: Path) -> Path:
    fits = len(os.fsencode(source.name)) + len(WHY_SUFFIX) <= NAME_BYTES
    return source.with_name(source.name + WHY_SUFFIX if fits else WHY_NAME)


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text.rstrip("\n") + "\n")
        file.flush()
        os.fsync(file.fileno())
    fsync_folder(path.parent)


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove empty folders upwards, never the root."""
    with suppress(OSError):  # not empty: it and all above it stay
        while folder != root:
            with suppress(FileNotFoundError):
                folder.rmdir()
            folder = folder.parent


def _remove_tree(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)  # follows no links


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PectinError(os_cause(error), f"{path}: {error.strerror or error}") from error
