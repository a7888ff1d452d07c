"""One file on its way out of the inbox, step by step: each step can fail, and then everything is as it was before the first."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from pectin.intake.note import Claim
from pectin.intake.settle import Lease, Mark
from pectin.intake.writers import ask_lease
from pectin.linux.beneath import open_folder, open_regular_in
from pectin.linux.crash import CrashPoint, reached
from pectin.linux.move import copy_descriptor_durably, fsync_folder, rename_noreplace
from pectin.model.errors import Cause, PectinError, os_cause
from pectin.model.left_behind import LeftBehind, Why
from pectin.model.places import Places

ARRIVING = "arriving.part"  # a copy from another file system until it is complete


class StillChangingError(Exception):
    """The file is being written to or is no longer the one that was judged: let it settle again."""


class OtherFileSystemError(Exception):
    """A rename cannot take it: it has to be copied, which may last. Nothing has happened yet."""


class LinkedError(OtherFileSystemError):
    """It has other names elsewhere (of a program that shares it, for instance): what is done to one is done to all. So it is
    copied and stays where it is. Nothing has happened yet."""


class StrandedError(Exception):
    """The file could not be put back: its job folder must stay."""


Outcome = Claim | StillChangingError | OtherFileSystemError | FileNotFoundError | PectinError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file to take: `path` lies below the inbox folder `root`. `mark` is what was judged, if it was."""

    path: Path
    root: Path
    route: str
    job_id: str
    mark: Mark | None = None


class Taking:
    """One file on its way: descriptors stay open (in `opened`) so that whatever is swapped meanwhile leads nowhere."""

    def __init__(self, wanted: Wanted, places: Places, now: float, opened: contextlib.ExitStack) -> None:
        self.wanted = wanted
        self.error: Exception | None = None
        self.folder = self._file = -1
        self.folder_id: tuple[int, int] = (0, 0)
        self._places = places
        self._now = now
        self._opened = opened
        self._claim: Claim | None = None
        self._note = -1
        self._made = False

    @property
    def outcome(self) -> Outcome:
        return self._noted if self.error is None else self.error  # type: ignore[return-value]  # `attempt` lets nothing else through

    @property
    def _noted(self) -> Claim:
        if self._claim is None:
            raise RuntimeError("it was never opened")
        return self._claim

    @property
    def _source(self) -> Path:
        return self._places.source(self.wanted.job_id, PurePath(self.wanted.path.name))

    @property
    def _job_folder(self) -> Path:
        return self._places.job_folder(self.wanted.job_id)

    def attempt(self, step: Callable[[Taking], None]) -> None:
        """Run a step; after an error everything is as it was before the first."""
        try:
            step(self)
        except BaseException as error:
            self.error = self._explained(error)
            if self._made and not isinstance(error, StrandedError):
                self._withdraw()
            if not isinstance(error, Exception):
                raise

    def _explained(self, error: BaseException) -> Exception:
        if isinstance(error, StrandedError):
            return PectinError(Cause.IO_ERROR, f"{self.wanted.path} could not be put back into the inbox ({error}); "
                                               f"{self._job_folder} has it, and the next start takes it up")
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            return PectinError(os_cause(error), f"{error.filename or self.wanted.path.parent}: {error.strerror}")
        return error if isinstance(error, Exception) else StillChangingError(str(error))

    def _withdraw(self) -> None:
        """A film never goes with a folder that is cleaned up; a folder that stays behind is tidied away by the next start."""
        if not os.path.lexists(self._source):
            with contextlib.suppress(OSError):
                shutil.rmtree(self._job_folder)

    def open(self) -> None:
        path = self.wanted.path
        try:
            self.folder = open_folder(path.parent, self.wanted.root)
            self._opened.callback(os.close, self.folder)
            self._file = open_regular_in(self.folder, path.name, path)
            self._opened.callback(os.close, self._file)
        except BlockingIOError:
            raise StillChangingError(f"{path} is being written to") from None
        info = os.fstat(self._file)
        if self.wanted.mark not in (None, mark_of(info)):
            raise StillChangingError(f"{path} is no longer the file that was judged")
        self._nobody_writes()
        inbox = os.fstat(self.folder)
        self.folder_id = inbox.st_dev, inbox.st_ino
        left = LeftBehind(why=Why.LINKED, path=path, inode=info.st_ino, size=info.st_size, mtime_ns=info.st_mtime_ns)
        self._claim = Claim(job_id=self.wanted.job_id, route=self.wanted.route, inbox_path=path, size=info.st_size,
                            relative=PurePath(path.relative_to(self.wanted.root)), mtime=info.st_mtime, claimed_at=self._now,
                            left_behind=left if info.st_nlink > 1 else None)

    def refuse_what_no_rename_takes(self) -> None:
        if self._noted.left_behind is not None:
            raise LinkedError(str(self.wanted.path))
        try:
            work = self._places.work.stat().st_dev
        except OSError as error:
            raise PectinError(os_cause(error), f"{self._places.work}: {error.strerror}") from error
        if self.folder_id[0] != work:  # of the folder: on overlayfs a file's own device number is another
            raise OtherFileSystemError(str(self.wanted.path))

    def write_note(self) -> None:
        try:
            self._job_folder.mkdir(0o770)
        except FileExistsError:
            raise PectinError(Cause.NAME_TAKEN, f"there is already a job folder {self._job_folder}") from None
        except OSError as error:
            raise PectinError(os_cause(error), f"{error.filename or self._places.work}: {error.strerror}") from error
        self._made = True
        self._source.parent.mkdir(0o770)
        note = os.open(self._places.claim_note(self.wanted.job_id), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o660)
        self._opened.callback(os.close, note)
        self._note = note
        text = memoryview(self._noted.as_json().encode("ascii"))
        while text:
            text = text[os.write(note, text):]
        reached(CrashPoint.CLAIM_NOTE_WRITTEN)

    def sync_note(self) -> None:
        os.fsync(self._note)
        fsync_folder(self._job_folder)

    def sync_source(self) -> None:
        os.fsync(self._file)  # what its sender left in memory: a file renamed without this is empty after a power cut

    def rename(self) -> None:
        try:
            rename_noreplace(self.wanted.path.name, self._source, source_folder=self.folder)
        except OSError as error:
            if error.errno == errno.EXDEV:  # two mounts of one file system
                raise OtherFileSystemError(str(self.wanted.path)) from None
            raise
        reached(CrashPoint.CLAIM_RENAMED)

    def check(self) -> None:
        try:
            self._still_the_same(os.lstat(self._source))
        except BaseException:
            self.put_back()
            raise

    def sync_name(self) -> None:
        try:
            fsync_folder(self._source.parent)
        except BaseException:
            self.put_back()
            raise

    def put_back(self) -> None:
        """After `rename`: into the inbox again."""
        self._give_back(self._source, None)

    def copy(self, told: Callable[[float], None]) -> None:
        """From another file system: copied, then put aside in the inbox under a hidden name (so that what is removed in the end
        is surely what was copied), then the copy gets its name, and only then the inbox lets go. A film with other names
        elsewhere is not touched at all: the note says so, and the row will."""
        arriving, aside = self._job_folder / ARRIVING, aside_name(self.wanted.job_id)
        copy_descriptor_durably(self._file, arriving, told)
        reached(CrashPoint.CLAIM_COPIED)
        if self._noted.left_behind is not None:
            self._still_the_same(os.stat(self.wanted.path.name, dir_fd=self.folder, follow_symlinks=False))
            rename_noreplace(arriving, self._source)
            try:
                fsync_folder(self._source.parent)
            except BaseException:
                self._source.unlink(missing_ok=True)  # only a copy: the film would become two jobs
                raise
            reached(CrashPoint.CLAIM_COPY_NAMED)
            return
        rename_noreplace(self.wanted.path.name, aside, source_folder=self.folder, target_folder=self.folder)
        reached(CrashPoint.CLAIM_PUT_ASIDE)
        try:
            self._still_the_same(os.stat(aside, dir_fd=self.folder, follow_symlinks=False))
            rename_noreplace(arriving, self._source)
            fsync_folder(self._source.parent)
            reached(CrashPoint.CLAIM_COPY_NAMED)
            os.unlink(aside, dir_fd=self.folder)
            reached(CrashPoint.CLAIM_LET_GO)
        except BaseException:
            self._source.unlink(missing_ok=True)  # only a copy: else the unlink above had not failed
            self._give_back(aside, self.folder)
            raise

    def _give_back(self, source: Path | str, source_folder: int | None) -> None:
        give_back(source, source_folder, self.folder, self._noted)

    def _still_the_same(self, there: os.stat_result) -> None:
        """The last word before it is ours: the name led to the file we opened, nobody writes, and it is as it was judged."""
        info = os.fstat(self._file)
        if (there.st_dev, there.st_ino) != (info.st_dev, info.st_ino):
            raise StillChangingError(f"{self.wanted.path} was replaced while it was taken")
        if (info.st_size, info.st_mtime) != (self._noted.size, self._noted.mtime):
            raise StillChangingError(f"{self.wanted.path} changed while it was taken")
        self._nobody_writes()

    def _nobody_writes(self) -> None:
        if ask_lease(self._file) is Lease.HELD:
            raise StillChangingError(f"{self.wanted.path} is being written to")


def mark_of(info: os.stat_result) -> Mark:
    """Which file it is, and in which shape."""
    return Mark(info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns)


def aside_name(job_id: str) -> str:
    """What a film is called in the inbox while its copy gets its name."""
    return f".{job_id}.taken"


def give_back(source: Path | str, source_folder: int | None, folder: int, claimed: Claim) -> None:
    """Back under its own name in the inbox; if another file has that name by now, under the job's id: a new arrival. Raises
    StrandedError."""
    for name in (claimed.inbox_path.name, claimed.job_id + claimed.inbox_path.suffix):
        try:
            rename_noreplace(source, name, source_folder=source_folder, target_folder=folder)
        except FileExistsError:
            continue
        except OSError as error:
            raise StrandedError(error.strerror) from error
        return
    raise StrandedError("both names are taken")


def sync_names(folder: int) -> None:
    """Make the names of an inbox folder durable. Where that fails, a power cut may show the old name once more, and `mend`
    removes it. No reason to undo a claim: the film is durable in the work queue by now."""
    with contextlib.suppress(OSError):
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
