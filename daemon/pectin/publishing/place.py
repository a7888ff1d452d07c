"""Puts verified outputs into a library, and among the renditions: the only writer there. No reader ever sees half a file or half
a folder, and a crash at any line is finished by calling carry_out again with the same intent.

The way of each: work -> part (beside its target: hidden, no video by name) -> final. A name is taken in one step and never from
another file. All functions block: from asyncio they go through `asyncio.to_thread`."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pectin.linux import trees
from pectin.linux.crash import CrashPoint, reached
from pectin.linux.folder import make_folder
from pectin.linux.footing import astray
from pectin.linux.move import fsync_folder
from pectin.model.errors import Cause, PectinError, os_cause
from pectin.model.intent import Intent, Placement
from pectin.publishing.naming import job_of, part_name
from pectin.publishing.replace import give_back, hidden_of, put_away, stands_there, take_over
from pectin.publishing.things import (
    give,
    has_size,
    is_it,
    is_ours,
    is_replaceable,
    make_public,
    move,
    rename,
    sync,
    take_away,
    to_part,
)


def carry_out(intent: Intent, *, file_mode: int, folder_mode: int, group: int | None,
              owner: int | None = None, archive: Path | None = None) -> None:
    """Place everything. May be called again after any crash or error, and again when all is done. Modes are exact (no
    umask); `group` and `owner` are ids, None leaves them. `archive`: the folder for what is replaced.

    Raises PectinError: LIBRARY_MISSING, NAME_TAKEN (see take_back), OUTPUT_LOST, NO_SPACE, READ_ONLY, NO_PERMISSION, IO_ERROR."""
    need_roots(intent)
    if not _all_stood(intent):
        waiting = [placement for placement in intent.placements if not _settled(placement, intent)]
        for placement in waiting:  # all of them before the first gets its name: a sidecar must not wait for a copy of its film
            root = intent.root_of(placement.final)
            _make_folders(root, placement.final.parent, folder_mode, group, owner)
            _make_part(root, placement, file_mode, folder_mode, group, owner)
        for placement in waiting:
            root = intent.root_of(placement.final)
            if placement.final in intent.replaces:
                _name(root, placement, _archived(intent, archive, placement.final))
            else:
                _name(root, placement)
    _archive_replaced(intent, archive)
    for placement in intent.placements:
        _leave_nothing(placement)


def withdraw(intent: Intent) -> None:
    """Remove the part files of an intent that is given up, the sidecars that are there already without their film, and the
    film's own folder if nothing is in it. A film that has its final name stays, and its sidecars with it. Raises PectinError."""
    film_stands = _film_stands(intent)
    for placement in intent.placements:
        with explained(placement.part):
            trees.remove(placement.part)
            if not film_stands:
                ours = is_ours(placement.final, placement)
                if stands_there(hidden_of(placement.part)):
                    give_back(placement.final, hidden_of(placement.part), over=ours)
                elif ours and placement.final not in intent.replaces:  # else it is the old one, which came out the same
                    take_away(placement.final, placement.part)
        reached(CrashPoint.WITHDRAWN)
    folder = intent.video.final.parent
    if folder.name == intent.video.final.stem and folder != intent.library:
        with suppress(OSError):  # it has other files in it, or was never made
            folder.rmdir()
    for placement in intent.placements:
        leave_no_folder(intent, placement.final)


def leave_no_folder(intent: Intent, path: Path) -> None:
    """What was among the renditions has gone: the film's folder goes too, if nothing is in it. The route's stays: another job may
    be about to use it."""
    if intent.renditions is not None and path.is_relative_to(intent.renditions):
        trees.remove_empty(path.parent, intent.renditions / path.relative_to(intent.renditions).parts[0])


def stands(intent: Intent) -> bool:
    """Whether the film has its final name: then it is published, whatever was refused after that. Raises PectinError."""
    with explained(intent.video.final):
        return has_size(intent.video.final, intent.video) and _film_stands(intent)


def take_back(intent: Intent) -> None:
    """After NAME_TAKEN: bring back to the work folder what waits beside the taken name, and the sidecars that stand there
    already (known by their content and time: another job's may have the same content). Nothing of ours is left in the
    library; then `renamed` finds another name. May be called again. Raises PectinError."""
    for placement in intent.placements:
        # A film under its final name is never touched here: if it is ours, the intent is carried out.
        with explained(placement.work):
            held = [placement.part] if is_it(placement.part, placement) else []
            replaced = stands_there(hidden_of(placement.part))
            # What it was to replace, and is the same to the last byte and second (publish.mtime: source), is not ours.
            old = placement.final in intent.replaces and not replaced and (bool(held) or is_it(placement.work, placement))
            if placement is not intent.video and not old and is_ours(placement.final, placement):
                held.append(placement.final)
            if held and not is_it(placement.work, placement):
                trees.remove(placement.work)  # half a copy, from before a crash
                move(held[0], placement.work)
            for path in held:
                take_away(path, placement.part) if path != placement.part and stands_there(path) else trees.remove(path)
            trees.remove(placement.part)
            if replaced and placement is not intent.video:
                give_back(placement.final, hidden_of(placement.part), over=False)
            leave_no_folder(intent, placement.final)
        reached(CrashPoint.TAKEN_BACK)


def _film_stands(intent: Intent) -> bool:
    """Whether anything has the film's name; where it replaces something, whether it is this very film."""
    video = intent.video
    return is_it(video.final, video) if video.final in intent.replaces else os.path.lexists(video.final)


def _all_stood(intent: Intent) -> bool:
    """The film is placed last: where it stands, all of them stood, and what became of them since was wished. Where it replaces
    one that is equal to the last byte (encoded again by the same settings), its name says nothing while it waits at work."""
    return _settled(intent.video, intent) and not (intent.replaces and os.path.lexists(intent.video.work))


def _settled(placement: Placement, intent: Intent) -> bool:
    """Whether it has its final name already. Raises NAME_TAKEN when something else has that it does not replace."""
    with explained(placement.final):
        if not os.path.lexists(placement.final):
            return False
        if not is_it(placement.final, placement):
            if placement.final in intent.replaces and is_replaceable(placement.final, folder=bool(placement.files)):
                return False
            raise PectinError(Cause.NAME_TAKEN, str(placement.final))
        fsync_folder(placement.final.parent)  # a predecessor may have died between its rename and this
        return True


def _make_folders(library: Path, folder: Path, mode: int, group: int | None, owner: int | None) -> None:
    """The folders between the library and the film. Never the library itself: where it is not mounted, nothing is written."""
    missing = []
    with explained(folder, library):
        while folder != library and not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
    for new in reversed(missing):
        with explained(new, library):
            with suppress(FileExistsError):  # another job was faster: as good as ours, if it is a folder
                make_folder(new, mode)  # it inherits set-gid from the one above, where a share relies on it: that bit stays
                give(new, -1, group)
                give(new, owner, -1)
                fsync_folder(new.parent)
                reached(CrashPoint.LIBRARY_FOLDER_MADE)
            if not new.is_dir():
                raise PectinError(Cause.NAME_TAKEN, f"{new} is not a folder")


def _make_part(library: Path, placement: Placement, mode: int, folder_mode: int, group: int | None, owner: int | None) -> None:
    """The whole output beside its target, with owner and mode set: a file that changes after it has its name is scanned
    again by Jellyfin."""
    work, part = placement.work, placement.part
    with explained(part, library):
        if not is_it(part, placement):
            if not has_size(work, placement):
                raise PectinError(Cause.OUTPUT_LOST, f"neither {work} nor {part} nor {placement.final} is it")
            trees.remove(part)  # half a copy, from before a crash
            sync(work)
            to_part(placement)
            reached(CrashPoint.PART_WRITTEN)
        make_public(part, mode, group, owner, folder_mode=folder_mode)
        reached(CrashPoint.PART_SYNCED)


def _archived(intent: Intent, archive: Path | None, path: Path) -> Path:
    """Where a replaced file is kept: by its path below its library, or below the folder of the renditions."""
    if archive is None:
        raise ValueError("an intent that replaces something needs an archive for it")
    root = intent.root_of(path)
    return archive / path.relative_to(root if path.is_relative_to(root) else path.anchor)


def _archive_replaced(intent: Intent, archive: Path | None) -> None:
    """The new ones stand: what they have replaced leaves the library."""
    parts = {placement.final: placement.part for placement in intent.placements}
    job_id = job_of(intent.video.part)
    for path in intent.replaces:
        leaves = hidden_of(parts.get(path, path.with_name(part_name(path.name, job_id))))
        archived = _archived(intent, archive, path)
        with explained(archived):
            if path not in parts and trees.is_folder(path):  # to another file system it goes file by file: nobody sees half of it
                if stands_there(leaves):
                    put_away(leaves, archived)
                trees.rename_tree(path, leaves)
            elif path not in parts and not stands_there(leaves):
                leaves = path
            if stands_there(leaves):
                put_away(leaves, archived)
            leave_no_folder(intent, path)


def _name(library: Path, placement: Placement, archived: Path | None = None) -> None:
    """`archived`: where a file goes whose name it may take."""
    with explained(placement.final, library):
        try:
            if archived is not None and is_replaceable(placement.final, folder=bool(placement.files)):
                take_over(placement.part, placement.final, archived)
                reached(CrashPoint.FINAL_NAMED)
                fsync_folder(placement.final.parent)
                return
            rename(placement.part, placement.final)
        except FileExistsError:
            raise PectinError(Cause.NAME_TAKEN, str(placement.final)) from None
        reached(CrashPoint.FINAL_NAMED)
        fsync_folder(placement.final.parent)  # or the name is gone after a power cut, and the work file with it
        reached(CrashPoint.FINAL_SYNCED)


def _leave_nothing(placement: Placement) -> None:
    """The final is durable: nothing else of this output may stay. (Where a rename is a link and an unlink, a crash between
    the two leaves the part.) A disk that refuses now must not undo a published film, or it would be made and published once
    more: the work folder goes as a whole, and part files that nobody needs are swept."""
    for leftover in (placement.part, placement.work):
        with suppress(OSError):
            trees.remove(leftover)
    reached(CrashPoint.OUTPUT_LEFT_WORK)


def need_roots(intent: Intent) -> None:
    """Every folder that it needs to be there: see need_library."""
    for root in intent.roots:
        need_library(root)


def need_library(library: Path) -> None:
    """Raises PectinError LIBRARY_MISSING, LIBRARY_NOT_MOUNTED, NO_PERMISSION, ... when it is away."""
    if (error := _unreachable(library)) is not None:
        raise error


def _unreachable(library: Path) -> PectinError | None:
    """Why the library is not there. A mount whose server or program has died gives errors of its own (ESTALE, ENOTCONN,
    EHOSTDOWN): it is as far away as one that was unmounted, and comes back like one."""
    try:
        found = stat.S_ISDIR(os.stat(library).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        found = False
    except OSError as error:
        cause = os_cause(error)
        return PectinError(Cause.LIBRARY_MISSING if cause is Cause.IO_ERROR else cause, f"{library}: {error.strerror}")
    if not found:
        return PectinError(Cause.LIBRARY_MISSING, str(library))
    elsewhere = astray(library)  # an empty mount point is a folder, too: what is put there is hidden by the next mount
    return PectinError(Cause.LIBRARY_NOT_MOUNTED, elsewhere) if elsewhere else None


@contextmanager
def explained(path: Path, library: Path | None = None) -> Iterator[None]:
    """What the system's refusal means here. A library that goes away in the middle of it all is missing, not broken."""
    try:
        yield
    except OSError as error:
        if library is not None and os_cause(error) is Cause.IO_ERROR and (away := _unreachable(library)) is not None:
            raise away from error
        raise PectinError(os_cause(error), f"{path}: {error.strerror or error}") from error
