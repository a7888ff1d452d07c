"""Takes a finished file out of the inbox into the work queue: durable, and at any crash the file is in one known place.

The order: a note of what is about to happen (fsynced), the move, then the names (fsynced). Whoever wakes up after a crash reads
the note and finishes or undoes with `mend`. Any failure puts everything back as it was."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePath

from pectin.intake.settle import Lease, Mark
from pectin.intake.writers import ask_lease
from pectin.linux.beneath import open_folder, open_regular_in
from pectin.linux.move import copy_descriptor_durably, fsync_folder, rename_noreplace
from pectin.model.errors import Cause, PectinError, os_cause
from pectin.model.places import CLAIM_NOTE, Places

_ARRIVING = "arriving.part"  # a copy from another file system until it is complete


class StillChangingError(Exception):
    """The file is being written to or is no longer the one that was judged: let it settle again."""


class _StrandedError(Exception):
    """The file could not be put back: its job folder must stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What was taken: `inbox_path` and `relative` as in model/job.py, `size` in bytes, times in Unix seconds."""

    job_id: str
    route: str
    inbox_path: Path
    relative: PurePath
    size: int
    mtime: float
    claimed_at: float

    def as_json(self) -> str:
        # Bytes that are not UTF-8 are lone surrogates in a str, and survive as \\udcXX escapes: any name comes back as it was.
        return json.dumps({"job_id": self.job_id, "route": self.route, "inbox_path": str(self.inbox_path),
                           "relative": str(self.relative), "size": self.size, "mtime": self.mtime, "claimed_at": self.claimed_at})

    @classmethod
    def from_json(cls, text: str) -> Claim:
        """Raises ValueError, KeyError or TypeError when the text is not a claim."""
        data = json.loads(text)
        return cls(job_id=str(data["job_id"]), route=str(data["route"]), inbox_path=Path(data["inbox_path"]),
                   relative=PurePath(data["relative"]), size=int(data["size"]), mtime=float(data["mtime"]),
                   claimed_at=float(data["claimed_at"]))


def claim(path: Path, root: Path, *, route: str, job_id: str, places: Places, now: float, mark: Mark | None = None) -> Claim:
    """Move the file `path` below the inbox folder `root` to `places.source(job_id, ...)`. Blocks (fsync; a copy between file
    systems). `mark` is what was judged, if it was.

    Raises FileNotFoundError (it has gone from the inbox), StillChangingError, PectinError (UNREADABLE, NOT_A_VIDEO for what is
    no regular file or behind a symlink, NO_SPACE, READ_ONLY, NO_PERMISSION, NAME_TAKEN when the job id has a folder already,
    IO_ERROR). After any of them the file is where it was (or beside it as `<job id>.<extension>`, if somebody has put another
    one there in that very instant), and there is no job folder. One exception: when the inbox refuses to have it back
    (IO_ERROR says so), the job folder stays, for `mend`."""
    relative = path.relative_to(root)
    with contextlib.ExitStack() as opened:
        try:
            folder = open_folder(path.parent, root)
            opened.callback(os.close, folder)
            file = open_regular_in(folder, path.name, path)
            opened.callback(os.close, file)
        except BlockingIOError:
            raise StillChangingError(f"{path} is being written to") from None
        info = os.fstat(file)
        if mark is not None and mark != _mark(info):
            raise StillChangingError(f"{path} is no longer the file that was judged")
        _nobody_writes(file, path)
        claimed = Claim(job_id=job_id, route=route, inbox_path=path, relative=PurePath(relative), size=info.st_size,
                        mtime=info.st_mtime, claimed_at=now)
        job_folder = places.job_folder(job_id)
        try:
            job_folder.mkdir(0o770)
        except FileExistsError:
            raise PectinError(Cause.NAME_TAKEN, f"there is already a job folder {job_folder}") from None
        except OSError as error:
            raise _explained(error, places.work) from error
        try:
            _take(claimed, places, folder, file)
        except _StrandedError as error:
            raise PectinError(Cause.IO_ERROR, f"{path} could not be put back into the inbox ({error}); {job_folder} has it, and "
                                              "the next start takes it up") from error
        except BaseException as error:
            if not os.path.lexists(places.source(job_id, relative)):  # a film never goes with a folder that is cleaned up
                shutil.rmtree(job_folder)
            if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
                raise _explained(error, path.parent) from error
            raise
    return claimed


def _take(claimed: Claim, places: Places, folder: int, file: int) -> None:
    source = places.source(claimed.job_id, claimed.relative)
    source.parent.mkdir(0o770)
    _write_note(places.claim_note(claimed.job_id), claimed.as_json())
    fsync_folder(places.job_folder(claimed.job_id))
    fsync_folder(places.work)
    os.fsync(file)  # what its sender left in memory: a file renamed without this is empty after a power cut
    try:
        rename_noreplace(claimed.inbox_path.name, source, source_folder=folder)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_in(claimed, source, folder, file)
        return
    try:
        _still_the_same(file, os.lstat(source), claimed)
        fsync_folder(source.parent)
    except BaseException:
        _give_back(source, None, folder, claimed)
        raise
    _sync(folder)


def _copy_in(claimed: Claim, source: Path, folder: int, file: int) -> None:
    """From another file system: copied, then put aside in the inbox under a hidden name (so that what is removed in the end
    is surely what was copied), then the copy gets its name, and only then the inbox lets go."""
    arriving = source.parent.parent / _ARRIVING
    copy_descriptor_durably(file, arriving)
    aside = _aside(claimed.job_id)
    rename_noreplace(claimed.inbox_path.name, aside, source_folder=folder, target_folder=folder)
    try:
        _still_the_same(file, os.stat(aside, dir_fd=folder, follow_symlinks=False), claimed)
        rename_noreplace(arriving, source)
        fsync_folder(source.parent)
        os.unlink(aside, dir_fd=folder)
    except BaseException:
        source.unlink(missing_ok=True)  # only a copy: the film is still aside in the inbox, or the unlink had not failed
        _give_back(aside, folder, folder, claimed)
        raise
    _sync(folder)


def _aside(job_id: str) -> str:
    return f".{job_id}.taken"


def _give_back(source: Path | str, source_folder: int | None, folder: int, claimed: Claim) -> None:
    """Back under its own name in the inbox; if another file has that name by now, under the job's id: a new arrival. Raises
    _StrandedError."""
    for name in (claimed.inbox_path.name, claimed.job_id + claimed.inbox_path.suffix):
        try:
            rename_noreplace(source, name, source_folder=source_folder, target_folder=folder)
        except FileExistsError:
            continue
        except OSError as error:
            raise _StrandedError(error.strerror) from error
        return
    raise _StrandedError("both names are taken")


def _sync(folder: int) -> None:
    """Make the names of an inbox folder durable. Where that fails, a power cut may show the old name once more, and `mend`
    removes it. No reason to undo a claim: the film is durable in the work queue by now."""
    with contextlib.suppress(OSError):
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _still_the_same(file: int, there: os.stat_result, claimed: Claim) -> None:
    """The last word before it is ours: the name led to the file we opened, nobody writes, and it is as it was judged."""
    info = os.fstat(file)
    if (there.st_dev, there.st_ino) != (info.st_dev, info.st_ino):
        raise StillChangingError(f"{claimed.inbox_path} was replaced while it was taken")
    if (info.st_size, info.st_mtime) != (claimed.size, claimed.mtime):
        raise StillChangingError(f"{claimed.inbox_path} changed while it was taken")
    _nobody_writes(file, claimed.inbox_path)


def _nobody_writes(file: int, path: Path) -> None:
    if ask_lease(file) is Lease.HELD:
        raise StillChangingError(f"{path} is being written to")


def _mark(info: os.stat_result) -> Mark:
    return Mark(info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns)


def _write_note(note: Path, text: str) -> None:
    with note.open("x", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read_note(folder: Path) -> Claim | None:
    """The claim that a job folder was made for; None when it has no whole note (the crash came before the move)."""
    try:
        return Claim.from_json((folder / CLAIM_NOTE).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def mend(claimed: Claim, root: Path, places: Places) -> bool:
    """After a crash during `claim`: finish it (True: the source is in the work queue and nowhere else) or take back what it had
    begun (False: the inbox has the file, the job folder is gone). May be called again, also for claims that were complete.
    Raises OSError, PectinError as claim does."""
    source = places.source(claimed.job_id, claimed.relative)
    aside = _aside(claimed.job_id)
    taken = os.path.lexists(source)
    with contextlib.ExitStack() as opened:
        try:
            folder = open_folder(claimed.inbox_path.parent, root)
            opened.callback(os.close, folder)
            os.stat(aside, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            # Nothing was put aside: the claim was a rename, or never came so far, or was complete. Unless the inbox is away
            # (not mounted yet): then the film may wait in it under its hidden name, and only this folder knows of that.
            if not taken and not root.is_dir() and (places.job_folder(claimed.job_id) / _ARRIVING).exists():
                raise PectinError(Cause.UNREADABLE, f"the inbox {root} is away") from None
        else:
            if taken:
                os.unlink(aside, dir_fd=folder)
            else:
                try:
                    _give_back(aside, folder, folder, claimed)
                except _StrandedError as error:
                    raise PectinError(Cause.IO_ERROR, f"{claimed.inbox_path}: {error}") from error
            _sync(folder)
    if not taken:
        shutil.rmtree(places.job_folder(claimed.job_id))
        fsync_folder(places.work)
    return taken


def _explained(error: OSError, folder: Path) -> PectinError:
    return PectinError(os_cause(error), f"{error.filename or folder}: {error.strerror}")
