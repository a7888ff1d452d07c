"""Takes finished files out of the inbox into the work queue: durable, and at any crash each file is in one known place.

The order: a note of what is about to happen (fsynced), the move, then the names (fsynced). Whoever wakes up after a crash reads
the note and finishes or undoes with `mend`. Any failure puts everything back as it was. Many files are taken step by step
together, and then the disk is waited for twice, not four times for each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from pectin.intake.note import Claim
from pectin.intake.taking import OtherFileSystemError, Outcome, Taking, Wanted, sync_names
from pectin.linux.crash import CrashPoint, reached
from pectin.linux.move import fsync_folder, sync_file_system
from pectin.model.places import Places

MOST = 60  # files of one batch: each needs four descriptors meanwhile
# From so many on, the whole file system is synced: each fsync makes the disk empty its cache, which takes a millisecond or more
# even when nothing is left to write. For a few films that would mean to wait for what others are writing.
_MANY = 8
_APART = 1e-6  # seconds between two claims of one batch: the queue keeps their order


def claim_all(wanted: Sequence[Wanted], places: Places, *, now: float) -> list[Outcome]:
    """Move each file to `places.source(job_id, ...)` by rename; what became of each, in the same order. Blocks for a few waits
    for the disk altogether. At most MOST at once.

    Not a Claim: FileNotFoundError (it has gone from the inbox), StillChangingError, OtherFileSystemError, PectinError
    (UNREADABLE, NOT_A_VIDEO for what is no regular file or behind a symlink, NO_SPACE, READ_ONLY, NO_PERMISSION, NAME_TAKEN when
    the job id has a folder already, IO_ERROR). LinkedError is an OtherFileSystemError. Then the file is where it was (or beside
    it as `<job id>.<extension>`, if somebody has put another one there in that very instant), and there is no job folder. One
    exception: when the inbox refuses to have it back (IO_ERROR says so), the job folder stays, for `mend`."""
    with contextlib.ExitStack() as opened:
        batch = [Taking(one, places, now + number * _APART, opened) for number, one in enumerate(wanted)]
        _each(batch, Taking.open)
        _each(batch, Taking.refuse_what_no_rename_takes)
        _each(batch, Taking.write_note)
        together = len(wanted) >= _MANY
        if together:
            _all(batch, lambda: sync_file_system(places.work))
        else:
            _each(batch, Taking.sync_note)
            _all(batch, lambda: fsync_folder(places.work))
            _each(batch, Taking.sync_source)
        reached(CrashPoint.CLAIM_NOTE_SYNCED)
        _each(batch, Taking.rename)
        _each(batch, Taking.check)
        if together:
            _all(batch, lambda: sync_file_system(places.work), Taking.put_back)
        else:
            _each(batch, Taking.sync_name)
        reached(CrashPoint.CLAIM_SYNCED)
        if not together:
            for folder in {taking.folder_id: taking.folder for taking in batch if taking.error is None}.values():
                sync_names(folder)
        reached(CrashPoint.INBOX_SYNCED)
        return [taking.outcome for taking in batch]


def claim(wanted: Wanted, places: Places, *, now: float, told: Callable[[float], None] = lambda _: None) -> Claim:
    """Take one file, by rename or, from another file system or when it has other names elsewhere, by a copy that is compared.
    Blocks, for a copy perhaps long: `told` hears of the share that is done, and may end it by raising. Raises what claim_all
    gives, but never OtherFileSystemError."""
    [outcome] = claim_all([wanted], places, now=now)
    if isinstance(outcome, OtherFileSystemError):
        outcome = _claim_by_copy(wanted, places, now, told)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _claim_by_copy(wanted: Wanted, places: Places, now: float, told: Callable[[float], None]) -> Outcome:
    with contextlib.ExitStack() as opened:
        taking = Taking(wanted, places, now, opened)
        _each([taking], Taking.open)
        _each([taking], Taking.write_note)
        _each([taking], Taking.sync_note)
        _all([taking], lambda: fsync_folder(places.work))
        _each([taking], lambda one: one.copy(told))
        if taking.error is None:
            sync_names(taking.folder)
        return taking.outcome


def _each(batch: Sequence[Taking], step: Callable[[Taking], None]) -> None:
    """One step of all that are still on their way. Who fails is put back, and the others go on."""
    for taking in batch:
        if taking.error is None:
            taking.attempt(step)


def _all(batch: Sequence[Taking], step: Callable[[], None], undo: Callable[[Taking], None] = lambda _: None) -> None:
    """One step for all that are still on their way: where it fails, it has failed for each."""
    begun = [taking for taking in batch if taking.error is None]
    if not begun:
        return
    try:
        step()
    except OSError as error:
        refused = error

        def fail(taking: Taking) -> None:
            undo(taking)
            raise refused

        _each(begun, fail)
