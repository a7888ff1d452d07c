"""Where a source and its sidecars rest after the job: archived, set aside with the reason beside them, or brought back for
another try. Each is always in exactly one place; every function may be called again after a crash. All block: use
`asyncio.to_thread`.

The source leaves the work folder first and comes back last: where it lies in the work folder, all that came with it does, or can
be brought there by bring_back."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path, PurePath

from pectin.linux.beneath import walk
from pectin.linux.crash import CrashPoint, reached
from pectin.linux.move import fsync_folder, make_folders, move_durably
from pectin.model.errors import Cause, PectinError, os_cause
from pectin.model.identity import is_job_id
from pectin.model.places import CLAIM_NOTE, JOB_NOTE, Places

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
    reached(CrashPoint.ORIGINAL_ARCHIVED)
    return target


def set_aside(places: Places, job_id: str, relative: PurePath, why: str) -> Path:
    """From the work folder to the rejected ones, with a small text beside it that says why. Raises PectinError."""
    target = places.set_aside(job_id, relative)
    _move(places.source(job_id, relative), target)
    reached(CrashPoint.SOURCE_SET_ASIDE)
    note = _why_note(target)
    with _explained(note):
        _write(note, why)
    reached(CrashPoint.WHY_WRITTEN)
    return target


def bring_back(places: Places, job_id: str, relative: PurePath) -> Path:
    """From wherever they rest to the work folder, for another try. Raises PectinError (SOURCE_LOST when it is nowhere)."""
    target = places.source(job_id, relative)
    everywhere = _everywhere(places, job_id, relative)
    resting = next((everywhere[where] for where in (Where.ORIGINALS, Where.REJECTED) if os.path.lexists(everywhere[where])), None)
    if resting is None and not os.path.lexists(target):
        raise PectinError(Cause.SOURCE_LOST, f"{relative.name} is in none of {', '.join(str(p) for p in everywhere.values())}")
    _bring_note(places, _checked(job_id))
    for where, sidecar, path in sidecars(places, job_id, relative):
        if where is not Where.WORK:
            _move_beside(path, places.sidecars(job_id) / sidecar)
            reached(CrashPoint.SIDECAR_BROUGHT_BACK)
    if resting is not None:
        _move(resting, target)
        reached(CrashPoint.BROUGHT_BACK)
    rejected = everywhere[Where.REJECTED]
    with _explained(rejected):
        _why_note(rejected).unlink(missing_ok=True)
        _remove_empty_below(places.rejected / _checked(job_id))
        _remove_empty_below(places.originals / job_id)
    return target


def sidecars(places: Places, job_id: str, relative: PurePath) -> list[tuple[Where, PurePath, Path]]:
    """What came with the source, wherever it lies now: its path below the folder the source was dropped in, and where it is.
    Raises PectinError."""
    everywhere = _everywhere(places, job_id, relative)
    roots = {Where.WORK: places.sidecars(_checked(job_id)), Where.ORIGINALS: everywhere[Where.ORIGINALS].parent,
             Where.REJECTED: everywhere[Where.REJECTED].parent}
    source_and_notes = {*everywhere.values(), _why_note(everywhere[Where.REJECTED]), *places.job_notes(job_id)}
    found = []
    for where, root in roots.items():
        with _explained(root), suppress(FileNotFoundError, NotADirectoryError):
            found += [(where, PurePath(path.relative_to(root)), path) for path in sorted(walk(root))
                      if path not in source_and_notes and not _is_ours(PurePath(path.relative_to(root)))]
    return found


def rest_sidecar(places: Places, job_id: str, relative: PurePath, sidecar: PurePath, where: Where) -> Path:
    """One sidecar from the work folder to where its source rests, ORIGINALS or REJECTED, with its own folders. Another one
    that came under that name before stays there: then it gets a number. Raises PectinError."""
    rests = _everywhere(places, _checked(job_id), relative)[where].parent
    rested = _move_beside(places.sidecars(job_id) / sidecar, rests / sidecar)
    reached(CrashPoint.SIDECAR_RESTED)
    return rested


def purge(places: Places, job_id: str) -> int:
    """Remove the originals of a job for good, sidecars too; gives the bytes they had. Whether they may go is the caller's to
    know."""
    folder = places.originals / _checked(job_id)
    with _explained(folder):
        size = sum(Path(below, name).lstat().st_size for below, _, names in os.walk(folder) for name in names)
        _remove_tree(folder)
    reached(CrashPoint.PURGED)
    return size


def tidy_rest(places: Places, job_id: str) -> None:
    """Remove what is left where the source rested, if nothing is but its note: the film was put back, or somebody has taken it
    away. What it had replaced in the library stays. Raises PectinError."""
    for root in (places.originals, places.rejected):
        with _explained(root):
            _remove_empty_below(root / _checked(job_id))


def tidy_work(places: Places, job_id: str) -> bool:
    """Remove the job's work folder (scratch, outputs, claim note) once nothing that somebody dropped is in it. Gives False
    while anything lies in `source/` (then nothing is removed) or in `sidecars/`. A sidecar may come in at any moment: neither
    its folder nor the job's is ever removed with something in it. Raises PectinError."""
    folder = places.job_folder(_checked(job_id))
    source = places.source(job_id, PurePath("any")).parent
    with _explained(folder):
        if source.is_dir() and any(source.iterdir()):
            return False
        for part in (places.scratch(job_id), places.out(job_id), source):
            _remove_tree(part)
        reached(CrashPoint.WORK_EMPTIED)
        if os.path.lexists(places.sidecars(job_id)):
            for stray in [path for path in walk(places.sidecars(job_id)) if _on_its_way(path.name)]:
                stray.unlink(missing_ok=True)
            _remove_empty_below(places.sidecars(job_id))
            if os.path.lexists(places.sidecars(job_id)):
                return False
        for rest in folder.iterdir() if folder.is_dir() else ():
            if rest.name not in (CLAIM_NOTE, places.sidecars(job_id).name):
                _remove_tree(rest) if rest.is_dir() else rest.unlink(missing_ok=True)
        places.claim_note(job_id).unlink(missing_ok=True)  # last: it says whose folder this is
        reached(CrashPoint.WORK_NOTE_REMOVED)
        try:
            folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return False
    reached(CrashPoint.WORK_REMOVED)
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


def _is_ours(within: PurePath) -> bool:
    """Half a copy, or what was replaced in the library: the intake takes nothing with a leading dot, so nobody dropped it."""
    return any(part.startswith(".") for part in within.parts)


def _on_its_way(name: str) -> bool:
    """Half a copy that a crash left: what was copied is still where it came from, and no sidecar has a hidden name."""
    return name.startswith(".") and name.endswith(".part")


def _move_beside(source: Path, target: Path) -> Path:
    """Move without replacing: a file of that name that differs stays, and this one is called `name (2).ext`."""
    with _explained(source):
        for number in itertools.count(1):
            place = target if number == 1 else numbered(target, f" ({number})")
            with suppress(FileExistsError):
                move_durably(source, place)
                break
    return place


def numbered(path: Path, number: str) -> Path:
    """The path with `number` before its extension; a long name is cut for it."""
    room = NAME_BYTES - len(os.fsencode(path.suffix)) - len(number)
    return path.with_name(os.fsdecode(os.fsencode(path.stem)[:room]) + number + path.suffix)


def _why_note(source: Path) -> Path:
    fits = len(os.fsencode(source.name)) + len(WHY_SUFFIX) <= NAME_BYTES
    return source.with_name(source.name + WHY_SUFFIX if fits else WHY_NAME)


def _bring_note(places: Places, job_id: str) -> None:
    """The job's note as a copy in the work folder: a job that is over has no claim note any more. The one where the source rests
    goes when nothing else is there."""
    for note in places.job_notes(job_id):
        with _explained(note), suppress(FileNotFoundError):
            text = note.read_text(encoding="ascii")
            make_folders(places.job_folder(job_id))
            _write(places.job_folder(job_id) / JOB_NOTE, text)


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text.rstrip("\n") + "\n")
        file.flush()
        os.fsync(file.fileno())
    fsync_folder(path.parent)


def _remove_empty_below(folder: Path) -> None:
    """Remove `folder` if nothing is in it but folders in which nothing is, and the job's note; a file that comes in this moment
    stays."""
    if [path.name for path in folder.rglob("*") if not path.is_dir()] == [JOB_NOTE]:
        (folder / JOB_NOTE).unlink(missing_ok=True)
    for below, _, _ in os.walk(folder, topdown=False):  # follows no links
        with suppress(OSError):  # not empty: it and all above it stay
            os.rmdir(below)


def _remove_tree(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)  # follows no links


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PectinError(os_cause(error), f"{path}: {error.strerror or error}") from error
