"""Names every step after which the disk is another, so that tests can make the process die right there, by name and for real.

Off unless PECTIN_CRASH_AT is set, and that is refused unless PECTIN_TESTING=1: nobody's daemon dies of a forgotten variable."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from pectin.model.job import Trigger

CRASH_AT = "PECTIN_CRASH_AT"   # name[:nth[:stop]]; `stop` stands still (SIGSTOP) instead, for a look at what the disk holds
TESTING = "PECTIN_TESTING"


class CrashPoint(StrEnum):
    """A moment right after the step it is named after, if it does not say `before`. In the order of a film's way."""

    DATABASE_MADE = "database_made"                # the file has its name, and no tables yet
    BEFORE_MIGRATED = "before_migrated"            # a migration has run, its commit comes next

    CLAIM_NOTE_WRITTEN = "claim_note_written"
    CLAIM_NOTE_SYNCED = "claim_note_synced"
    CLAIM_RENAMED = "claim_renamed"                # the film is in the work queue, the disk may not know it yet
    CLAIM_SYNCED = "claim_synced"
    CLAIM_COPIED = "claim_copied"                  # from another file system; the inbox has the film still
    CLAIM_PUT_ASIDE = "claim_put_aside"            # hidden in the inbox, the copy has no name yet
    CLAIM_COPY_NAMED = "claim_copy_named"          # both have their names
    CLAIM_LET_GO = "claim_let_go"                  # the inbox has nothing any more
    INBOX_SYNCED = "inbox_synced"
    CLAIM_MENDED = "claim_mended"                  # at a start: what a crash had begun is finished or undone
    SIDECAR_COPIED = "sidecar_copied"              # from another file system: the inbox has it still
    SIDECAR_MOVED = "sidecar_moved"
    SIDECAR_SYNCED = "sidecar_synced"
    BEFORE_INSERTED = "before_inserted"            # rows of new jobs, before their commit
    INSERTED = "inserted"
    OUTBOX_INSERTED = "outbox_inserted"            # events with their deliveries, before the commit of what they tell

    BEFORE_CLAIM = "before_claim"                  # the transitions of model/job.py, before and after their commit
    AFTER_CLAIM = "after_claim"
    BEFORE_ENCODED = "before_encoded"
    AFTER_ENCODED = "after_encoded"
    BEFORE_PUBLISHED = "before_published"
    AFTER_PUBLISHED = "after_published"
    BEFORE_REJECT = "before_reject"
    AFTER_REJECT = "after_reject"
    BEFORE_RETRY = "before_retry"
    AFTER_RETRY = "after_retry"
    BEFORE_INTERRUPT = "before_interrupt"
    AFTER_INTERRUPT = "after_interrupt"
    BEFORE_GIVE_UP = "before_give_up"
    AFTER_GIVE_UP = "after_give_up"
    BEFORE_CANCEL = "before_cancel"
    AFTER_CANCEL = "after_cancel"
    BEFORE_REQUEUE = "before_requeue"
    AFTER_REQUEUE = "after_requeue"
    BEFORE_REDO = "before_redo"
    AFTER_REDO = "after_redo"
    BEFORE_UNDO = "before_undo"
    AFTER_UNDO = "after_undo"
    BEFORE_NOTED = "before_noted"                  # a row that learns something and stays in its state
    AFTER_NOTED = "after_noted"

    SCRATCH_MADE = "scratch_made"
    SIDECARS_COPIED = "sidecars_copied"            # what goes into the library of them lies beside the outputs
    OUTPUTS_KEPT = "outputs_kept"                  # scratch/ has become out/
    OUTPUTS_SYNCED = "outputs_synced"

    LIBRARY_FOLDER_MADE = "library_folder_made"
    PART_WRITTEN = "part_written"
    PART_SYNCED = "part_synced"
    FINAL_NAMED = "final_named"
    FINAL_SYNCED = "final_synced"
    OUTPUT_LEFT_WORK = "output_left_work"
    TAKEN_BACK = "taken_back"                      # outputs whose name was taken are in the work folder again
    WITHDRAWN = "withdrawn"                        # part files of a job that gives its outputs up are gone

    MOVE_COPIED = "move_copied"                    # between file systems: the copy has no name yet
    MOVE_NAMED = "move_named"                      # to the originals, to the rejected, or back
    MOVE_SYNCED = "move_synced"                    # the new name is durable; the old one is there still if it was a copy
    ORIGINAL_ARCHIVED = "original_archived"
    SOURCE_SET_ASIDE = "source_set_aside"
    WHY_WRITTEN = "why_written"
    LATE_PLACED = "late_placed"                    # a sidecar that came after its film has its name in the library
    LATE_NOTED = "late_noted"
    SIDECAR_RESTED = "sidecar_rested"
    WORK_EMPTIED = "work_emptied"
    WORK_NOTE_REMOVED = "work_note_removed"
    WORK_REMOVED = "work_removed"
    SIDECAR_BROUGHT_BACK = "sidecar_brought_back"
    BROUGHT_BACK = "brought_back"
    PURGED = "purged"
    STRAY_REMOVED = "stray_removed"

    DELIVERY_SENT = "delivery_sent"                # the endpoint has it, the outbox does not know
    DELIVERY_MARKED = "delivery_marked"

    UNDO_ORIGINAL_BACK = "undo_original_back"
    UNDO_WITHDRAWN = "undo_withdrawn"
    REDO_HIDDEN = "redo_hidden"                    # an old folder has given its name away, the new one does not have it yet
    REDO_REPLACED_ARCHIVED = "redo_replaced_archived"
    REDO_REPLACED = "redo_replaced"


BEFORE: Mapping[Trigger, CrashPoint] = MappingProxyType({trigger: CrashPoint(f"before_{trigger}") for trigger in Trigger})
AFTER: Mapping[Trigger, CrashPoint] = MappingProxyType({trigger: CrashPoint(f"after_{trigger}") for trigger in Trigger})


class RefusedError(Exception):
    """The wish to crash is refused; the text is for a person."""


class _Wish:
    """The `nth` time a point is reached, from whatever thread."""

    def __init__(self, nth: int, number: signal.Signals) -> None:
        self._left = nth
        self._number = number
        self._lock = threading.Lock()

    def count(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                # To this very thread: it does not run one instruction more, whichever thread the kernel would have chosen.
                signal.pthread_kill(threading.get_ident(), self._number)


_wishes: dict[CrashPoint, _Wish] = {}


def reached(point: CrashPoint) -> None:
    """Say that a step is done. Dies here when somebody wished it; else it is one look into an empty dict."""
    if (wish := _wishes.get(point)) is not None:
        wish.count()


def arm(environment: Mapping[str, str] = os.environ) -> str:
    """Take the wish from the environment; gives it as a sentence, empty when there is none. Raises RefusedError."""
    _wishes.clear()
    text = environment.get(CRASH_AT, "")
    if not text:
        return ""
    if environment.get(TESTING) != "1":
        raise RefusedError(f"{CRASH_AT} is set: it makes the daemon die on purpose, for tests. Unset it (or set {TESTING}=1)")
    name, _, rest = text.partition(":")
    nth, _, how = rest.partition(":")
    try:
        point = CrashPoint(name)
    except ValueError:
        raise RefusedError(f"{CRASH_AT}: there is no point {name!r}; there are: {', '.join(CrashPoint)}") from None
    if not (nth or "1").isdecimal() or int(nth or "1") < 1 or how not in ("", "stop"):
        raise RefusedError(f"{CRASH_AT}: {text!r} is not name[:nth[:stop]] with nth from 1 on")
    _wishes[point] = _Wish(int(nth or "1"), signal.SIGSTOP if how else signal.SIGKILL)
    return f"will {'stand still' if how else 'die'} at {point}, time {nth or '1'}"
