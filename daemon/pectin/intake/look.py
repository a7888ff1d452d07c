"""Looks at one file of the inbox: who writes to it, is it whole, when did it last change. Blocks for a few small reads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from pectin.intake.names import NameAction, judge_name, partners
from pectin.intake.settle import WRITING_AGAIN, Facts, Lease, Mark, Patience, Verdict, WaitReason, judge
from pectin.intake.structure import Structure, examine
from pectin.intake.writers import ask_lease
from pectin.linux.beneath import open_regular
from pectin.model.errors import Cause, PectinError

_Shape = tuple[int, int, int, int, int]  # device, inode, size, mtime_ns, ctime_ns: another one means that somebody was there


@dataclass(slots=True)
class Seen:
    """What is known of a file from one look to the next. `last_change` in Unix seconds; None: found by a scan, the file's own
    times say it."""

    root: Path
    path: Path
    relative: PurePath
    sidecar: bool
    last_change: float | None
    looked: float = 0.0
    shape: _Shape | None = None
    examined: _Shape | None = None
    structure: Structure | None = None


class Looker:
    """`wait` are further endings of unfinished downloads. `on_network` says of a path whether other machines write there
    too: then no lease proves anything. `lock` guards `last_change`, which events set meanwhile."""

    def __init__(self, patience: Patience, wait: tuple[str, ...], on_network: Callable[[Path], bool],
                 lock: threading.Lock) -> None:
        self._patience = patience
        self._wait = wait
        self._on_network = on_network
        self._lock = lock

    def look(self, seen: Seen, now: float) -> Verdict:
        """Open the file, ask and judge. A verdict on a file that could be opened carries its mark and last change."""
        try:
            descriptor = open_regular(seen.path, seen.root)
        except FileNotFoundError:
            return Verdict(settled=False, reason=WaitReason.GONE, sentence="it has gone")
        except BlockingIOError:  # smbd holds a lease of its own on it
            return Verdict(settled=False, reason=WaitReason.WRITING, sentence="somebody is writing to it", again_in=WRITING_AGAIN)
        except PectinError as error:
            if error.cause is Cause.UNREADABLE:
                return Verdict(settled=False, reason=WaitReason.UNREADABLE, sentence=error.sentence)
            return Verdict(settled=False, reason=WaitReason.NOT_A_FILE, sentence=error.detail)
        except OSError as error:
            return Verdict(settled=False, reason=WaitReason.UNREADABLE, sentence=f"it cannot be read: {error.strerror}")
        try:
            return self._judge(seen, descriptor, now)
        except OSError as error:
            return Verdict(settled=False, reason=WaitReason.UNREADABLE, sentence=f"it cannot be read: {error.strerror}")
        finally:
            os.close(descriptor)

    def _judge(self, seen: Seen, descriptor: int, now: float) -> Verdict:
        beside = [name for name in partners(seen.path.name, self._wait) if os.path.lexists(seen.path.with_name(name))]
        name = judge_name(seen.relative, siblings=beside, wait=self._wait)
        lease = ask_lease(descriptor)
        info = os.fstat(descriptor)  # after the lease: what is judged is what nobody wrote to at that moment
        shape = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
        if lease is Lease.GRANTED and self._on_network(seen.path):
            lease = Lease.UNSUPPORTED  # who writes from another machine is not known to this kernel
        if lease is not Lease.HELD and info.st_size and seen.examined != shape and not seen.sidecar:
            seen.structure = examine(lambda offset, length: os.pread(descriptor, length, offset), info.st_size)
            seen.examined = shape
        last_change = self._last_change(seen, shape, info, now)
        if name.action is NameAction.WAIT:
            return Verdict(settled=False, reason=WaitReason.PARTNER, sentence=name.sentence, again_in=WRITING_AGAIN)
        verdict = judge(Facts(now=now, last_change=last_change, size=info.st_size, lease=lease,
                              structure=seen.structure if info.st_size else None), self._patience)
        return replace(verdict, last_change=last_change, mark=Mark(info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns))

    def _last_change(self, seen: Seen, shape: _Shape, info: os.stat_result, now: float) -> float:
        """The latest of what events told and what the file's own times tell, as far as these can be believed."""
        own = max((t for t in (info.st_mtime, info.st_ctime) if t <= now), default=now)  # a time to come proves nothing
        with self._lock:
            if seen.last_change is None:
                seen.last_change = own
            elif seen.shape is not None and seen.shape != shape:
                # Another machine's clock may lag: a change seen between two looks happened between them.
                seen.last_change = max(seen.last_change, own if own >= seen.looked else now)
            seen.last_change = min(seen.last_change, now)  # our own clock was set back
            seen.shape, seen.looked = shape, now
            return seen.last_change
