"""Puts verified outputs into a library: the only writer there. No reader ever sees half a file, and a crash at any line is
finished by calling carry_out again with the same intent.

The way of each file: work -> part (beside its target: hidden, no video by name) -> final. A name in the library is taken in
one step and never from another file. All functions block: from asyncio they go through `asyncio.to_thread`."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pectin.linux.move import copy_durably, fsync_folder, move_durably, rename_noreplace, sha256_of
from pectin.model.errors import Cause, PectinError, os_cause
from pectin.model.intent import Intent, Placement
from pectin.model.sidecar import ROLE as SIDECAR_ROLE
from pectin.publishing.naming import alternative, numbered_suffix, part_name, sidecar_name

VIDEO_ROLE = "video"
MOST_VERSIONS = 999  # of one name; then something else is wrong than a taken name
_ROUNDED = 2_000_000_000  # nanoseconds: what the coarsest file system (FAT) may take off a time


def intend(outputs: Sequence[tuple[str, Path, str, str]], *, library: Path, place: PurePosixPath, job_id: str) -> Intent:
    """Decide where each output goes. `outputs` are (role, file, suffix, extension), e.g. ("subtitle", out/sub0.srt, ".eng",
    "srt"); the one with role "video" has the name of `place`. If any of the names is taken, all get another version's. Only those
    with role "sidecar" do not decide that: they get a number, or are left out (see numbered_suffix).

    The files are fsynced and hashed: what is written down here can be relied on after a power cut.
    Raises PectinError NAME_TAKEN, OUTPUT_LOST, IO_ERROR, NO_PERMISSION."""
    measured = []
    for role, work, suffix, extension in sorted(outputs, key=lambda output: output[0] == VIDEO_ROLE):  # the video last
        with explained(work):
            if not work.is_file():
                raise PectinError(Cause.OUTPUT_LOST, str(work))
            _sync_file(work)
            found = work.stat()
            measured.append(_Output(role, work, suffix, extension, found.st_size, sha256_of(work), found.st_mtime_ns))
    for folder in {output.work.parent for output in measured}:
        with explained(folder):
            fsync_folder(folder)
    return _addressed(measured, library, place, job_id)


def renamed(intent: Intent, place: PurePosixPath, job_id: str) -> Intent:
    """The same outputs under a name that is free now: after take_back, when somebody else took the first one's."""
    stem = intent.video.final.stem
    outputs = [_Output(p.role, p.work, p.final.name[len(stem):-len(p.final.suffix)], p.final.suffix[1:], p.size, p.sha256,
                       p.mtime_ns)
               for p in intent.placements]
    return _addressed(outputs, intent.library, place, job_id)


def carry_out(intent: Intent, *, file_mode: int, folder_mode: int, group: int | None) -> None:
    """Place everything. May be called again after any crash or error, and again when all is done. Modes are exact (no
    umask); `group` is a group id, None leaves it.

    Raises PectinError: LIBRARY_MISSING, NAME_TAKEN (see take_back), OUTPUT_LOST, NO_SPACE, READ_ONLY, NO_PERMISSION, IO_ERROR."""
    need_library(intent.library)
    if not _settled(intent.video):  # it is the last: where it stands, all of them stood, and what became of them since was wished
        waiting = [placement for placement in intent.placements if not _settled(placement)]
        for placement in waiting:  # all of them before the first gets its name: a sidecar must not wait for a copy of its film
            _make_folders(intent.library, placement.final.parent, folder_mode, group)
            _make_part(intent.library, placement, file_mode, group)
        for placement in waiting:
            _name(intent.library, placement)
    for placement in intent.placements:
        _leave_nothing(placement)


def withdraw(intent: Intent) -> None:
    """Remove the part files of an intent that is given up, the sidecars that are there already without their film, and the
    film's own folder if nothing is in it. A film that has its final name stays, and its sidecars with it. Raises PectinError."""
    film_stands = os.path.lexists(intent.video.final)
    for placement in intent.placements:
        with explained(placement.part):
            _remove(placement.part)
            if not film_stands and _is_ours(placement.final, placement):
                _remove(placement.final)
    folder = intent.video.final.parent
    if folder.name == intent.video.final.stem and folder != intent.library:
        with suppress(OSError):  # it has other files in it, or was never made
            folder.rmdir()


def stands(intent: Intent) -> bool:
    """Whether the film has its final name: then it is published, whatever was refused after that. Raises PectinError."""
    with explained(intent.video.final):
        return has_size(intent.video.final, intent.video)


def take_back(intent: Intent) -> None:
    """After NAME_TAKEN: bring back to the work folder what waits beside the taken name, and the sidecars that stand there
    already (known by their content and time: another job's may have the same content). Nothing of ours is left in the
    library; then `renamed` finds another name. May be called again. Raises PectinError."""
    for placement in intent.placements:
        # A film under its final name is never touched here: if it is ours, the intent is carried out.
        with explained(placement.work):
            held = [placement.part] if _is(placement.part, placement) else []
            if placement is not intent.video and _is_ours(placement.final, placement):
                held.append(placement.final)
            if held and not _is(placement.work, placement):
                placement.work.unlink(missing_ok=True)  # half a copy, from before a crash
                move_durably(held[0], placement.work)
            for path in held:
                path.unlink(missing_ok=True)
            _remove(placement.part)


@dataclass(frozen=True, slots=True)
class _Output:
    """An output that has no name in the library yet."""

    role: str
    work: Path
    suffix: str
    extension: str
    size: int
    sha256: str
    mtime_ns: int

    def at(self, target: Path, job_id: str) -> Placement:
        """Its placement beside the video `target`."""
        name = target.name if self.role == VIDEO_ROLE else sidecar_name(target.name, self.suffix, self.extension)
        return Placement(role=self.role, work=self.work, part=target.with_name(part_name(name, job_id)),
                         final=target.with_name(name), size=self.size, sha256=self.sha256, mtime_ns=self.mtime_ns)


def _addressed(outputs: Sequence[_Output], library: Path, place: PurePosixPath, job_id: str) -> Intent:
    """The outputs under the first version of `place` whose names are all free. A library that is away right now takes any
    name: a finished film must not be made again for that, and placing looks again."""
    for number in range(1, MOST_VERSIONS + 1):
        target = library / (place if number == 1 else alternative(place, number))
        made = [output.at(target, job_id) for output in outputs if output.role != SIDECAR_ROLE]
        if not any(os.path.lexists(placement.final) for placement in made):
            came = _sidecars_beside(target, [o for o in outputs if o.role == SIDECAR_ROLE], made, job_id)
            return Intent(library=library, placements=(*came, *made))
    raise PectinError(Cause.NAME_TAKEN, f"{library / place} and {MOST_VERSIONS - 1} other versions of it")


def _sidecars_beside(target: Path, sidecars: Sequence[_Output], made: Sequence[Placement], job_id: str) -> list[Placement]:
    """Those that find a name beside what is made: a poster that is there already does not make the film another version."""
    taken = {placement.final.name.casefold() for placement in made}  # a library on exFAT or behind Samba knows no case
    found = []
    for sidecar in sidecars:
        for number in range(1, MOST_VERSIONS + 1):
            if (suffix := numbered_suffix(sidecar.suffix, sidecar.extension, number)) is None:
                break
            placement = replace(sidecar, suffix=suffix).at(target, job_id)
            if placement.final.name.casefold() not in taken and not os.path.lexists(placement.final):
                taken.add(placement.final.name.casefold())
                found.append(placement)
                break
    return found


def _settled(placement: Placement) -> bool:
    """Whether it has its final name already. Raises NAME_TAKEN when something else has."""
    with explained(placement.final):
        if not os.path.lexists(placement.final):
            return False
        if not _is(placement.final, placement):
            raise PectinError(Cause.NAME_TAKEN, str(placement.final))
        fsync_folder(placement.final.parent)  # a predecessor may have died between its rename and this
        return True


def _make_folders(library: Path, folder: Path, mode: int, group: int | None) -> None:
    """The folders between the library and the film. Never the library itself: where it is not mounted, nothing is written."""
    missing = []
    with explained(folder, library):
        while folder != library and not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
    for new in reversed(missing):
        with explained(new, library):
            with suppress(FileExistsError):  # another job was faster: as good as ours, if it is a folder
                new.mkdir()
                if group is not None:
                    os.chown(new, -1, group)
                # A folder inherits set-gid from the one above, where a share relies on it: that bit stays.
                new.chmod(mode | (new.stat().st_mode & stat.S_ISGID))
                fsync_folder(new.parent)
            if not new.is_dir():
                raise PectinError(Cause.NAME_TAKEN, f"{new} is not a folder")


def _make_part(library: Path, placement: Placement, mode: int, group: int | None) -> None:
    """The whole output beside its target, with owner and mode set: a file that changes after it has its name is scanned
    again by Jellyfin."""
    work, part = placement.work, placement.part
    with explained(part, library):
        if not _is(part, placement):
            if not has_size(work, placement):
                raise PectinError(Cause.OUTPUT_LOST, f"neither {work} nor {part} nor {placement.final} is it")
            part.unlink(missing_ok=True)  # half a copy, from before a crash
            _sync_file(work)
            _move_or_copy(placement)
        make_public(part, mode, group)


def make_public(part: Path, mode: int, group: int | None) -> None:
    """The exact permissions, durable, before the file has its name."""
    descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if group is not None:
            os.fchown(descriptor, -1, group)  # before the mode: a change of group clears bits of it
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move_or_copy(placement: Placement) -> None:
    """Within one file system a rename costs nothing and needs no space. Else a copy, compared with what was written down;
    the work file stays until the final name is durable."""
    try:
        rename_noreplace(placement.work, placement.part)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        if copy_durably(placement.work, placement.part) != (placement.size, placement.sha256):
            placement.part.unlink()
            raise PectinError(Cause.OUTPUT_LOST, f"{placement.work} is not what was verified") from None


def _name(library: Path, placement: Placement) -> None:
    with explained(placement.final, library):
        try:
            rename_noreplace(placement.part, placement.final)
        except FileExistsError:
            raise PectinError(Cause.NAME_TAKEN, str(placement.final)) from None
        fsync_folder(placement.final.parent)  # or the name is gone after a power cut, and the work file with it


def _leave_nothing(placement: Placement) -> None:
    """The final is durable: nothing else of this output may stay. (Where a rename is a link and an unlink, a crash between
    the two leaves the part.) A disk that refuses now must not undo a published film, or it would be made and published once
    more: the work folder goes as a whole, and part files that nobody needs are swept."""
    for leftover in (placement.part, placement.work):
        with suppress(OSError):
            leftover.unlink(missing_ok=True)


def _is(path: Path, placement: Placement) -> bool:
    """Whether the file at `path` is this output, by size and content. A symlink is nothing of ours."""
    return has_size(path, placement) and sha256_of(path) == placement.sha256


def _is_ours(path: Path, placement: Placement) -> bool:
    """Whether the file at `path` is this very output, not the same content made by another job."""
    return has_size(path, placement) and abs(path.lstat().st_mtime_ns - placement.mtime_ns) < _ROUNDED \
        and sha256_of(path) == placement.sha256


def _remove(path: Path) -> None:
    """Also when a file has come where its folder was, or should have been."""
    with suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()


def has_size(path: Path, placement: Placement) -> bool:
    """Whether a regular file of this output's size is there."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == placement.size


def _sync_file(path: Path) -> None:
    """A file whose bytes are only in memory has its name and no content after a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def need_library(library: Path) -> None:
    """Raises PectinError LIBRARY_MISSING, NO_PERMISSION, ... when it is away."""
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
    return None if found else PectinError(Cause.LIBRARY_MISSING, str(library))


@contextmanager
def explained(path: Path, library: Path | None = None) -> Iterator[None]:
    """What the system's refusal means here. A library that goes away in the middle of it all is missing, not broken."""
    try:
        yield
    except OSError as error:
        if library is not None and os_cause(error) is Cause.IO_ERROR and (away := _unreachable(library)) is not None:
            raise away from error
        raise PectinError(os_cause(error), f"{path}: {error.strerror or error}") from error
