"""Is a file really finished? The rule, pure: what was seen goes in, a verdict with its reason comes out.

Finished means: nobody writes (the kernel says so), the file is whole (its structure says so), and it has been left alone for a
moment (many clients set times by name right after an upload and would tell their user of an error if it had gone)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from pectin.intake.structure import Structure, Wholeness

# Seconds until a file that somebody writes is looked at again. Its close is an event, so this only serves what gives none.
WRITING_AGAIN = 5.0


class Lease(StrEnum):
    """What the kernel says about writers."""

    GRANTED = "granted"          # nobody has the file open for writing
    HELD = "held"                # somebody has
    UNSUPPORTED = "unsupported"  # this file system, or our rights, do not allow the question


class WaitReason(StrEnum):
    """Why a file is not yet claimed. The value is the JSON value."""

    NOTICED = "noticed"
    WRITING = "writing"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    LINGER = "linger"
    QUIET = "quiet"
    PARTNER = "partner"
    UNREADABLE = "unreadable"
    NOT_A_FILE = "not_a_file"
    POSTPONED = "postponed"  # it was finished, but could not be claimed
    SIDECAR = "sidecar"      # it belongs to a film that has not come
    LATE = "late"            # it belongs to a film that was taken too long ago
    COPYING = "copying"      # it is on its way from another file system
    LINKED = "linked"        # it was taken as a copy, for it has other names elsewhere
    PUT_BACK = "put_back"    # `pectin undo` put it there
    SETTLED = "settled"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: `linger` after the last change of a file that is proven whole, `quiet` of one that cannot be proven; `give_up`
    after that of one that is proven not to be."""

    linger: float
    quiet: float
    give_up: float = math.inf


@dataclass(frozen=True, slots=True)
class Mark:
    """Which file it was, and in which shape: a changed mark means that what was judged is no longer what lies there."""

    device: int
    inode: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`now` and `last_change` in seconds of one clock, `size` in bytes. `structure` is None when nobody looked (empty file)."""

    now: float
    last_change: float
    size: int
    lease: Lease
    structure: Structure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`again_in`: seconds until another look makes sense; None: only after a change (an event, or the next rescan).
    `last_change` (Unix seconds) and `mark` say which file was judged, where one could be opened."""

    settled: bool
    reason: WaitReason
    sentence: str
    again_in: float | None = None
    last_change: float | None = None
    mark: Mark | None = None


def judge(facts: Facts, patience: Patience) -> Verdict:
    """The rule. The order matters: who writes is asked first, since a growing file is always truncated. A truncated file that
    nobody has completed is settled too, in the end: to be rejected."""
    if facts.lease is Lease.HELD:
        return Verdict(settled=False, reason=WaitReason.WRITING, sentence="somebody is writing to it", again_in=WRITING_AGAIN)
    whole = facts.structure.verdict if facts.structure is not None else Wholeness.UNPROVABLE
    if facts.size and whole is Wholeness.TRUNCATED:
        sentence = facts.structure.sentence if facts.structure is not None else ""
        left = facts.last_change + patience.give_up - facts.now
        return Verdict(settled=left <= 0, reason=WaitReason.TRUNCATED, sentence=sentence,
                       again_in=left if 0 < left < math.inf else None)
    proven = whole is Wholeness.WHOLE and facts.lease is Lease.GRANTED and facts.size > 0
    needed = patience.linger if proven else max(patience.linger, patience.quiet)
    left = facts.last_change + needed - facts.now
    if left <= 0:
        return Verdict(settled=True, reason=WaitReason.SETTLED, sentence="finished")
    if proven:
        return Verdict(settled=False, reason=WaitReason.LINGER, again_in=left,
                       sentence="finished; its sender may still set its times")
    if not facts.size:
        return Verdict(settled=False, reason=WaitReason.EMPTY, again_in=left, sentence="empty so far")
    why = "nobody can be asked who writes here" if facts.lease is Lease.UNSUPPORTED else "this format does not tell its length"
    return Verdict(settled=False, reason=WaitReason.QUIET, again_in=left, sentence=f"{why}: it must be left alone for a while")
