"""How an inbox folder is watched, and why watching began anew: the values that status, metrics and doctor show."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

# What a person types when there are more folders than the kernel allows to watch.
RAISE_LIMIT = "echo fs.inotify.max_user_watches=524288 | sudo tee /etc/sysctl.d/60-pectin.conf && sudo sysctl --system"


class WatchMode(StrEnum):
    """How new files are noticed. The value is the word in JSON."""

    EVENTS = "events"            # the kernel tells at once
    POLLING = "polling"          # on a network mount: walked every intake.poll
    RESCAN_ONLY = "rescan_only"  # only intake.rescan finds them
    MISSING = "missing"          # the folder is not there


class RestartReason(StrEnum):
    """Why an inbox was searched and watched anew. The value is the metric label."""

    OVERFLOW = "overflow"              # more events than the kernel's queue (or ours) holds
    ROOT_REPLACED = "root_replaced"    # another folder has its name now, or something was mounted or unmounted there
    ROOT_BACK = "root_back"            # it was missing
    MOUNTS_CHANGED = "mounts_changed"  # something was mounted or unmounted below it
    OBSERVER_DIED = "observer_died"    # the thread that reads the kernel's events
    REQUESTED = "requested"


REASON_SENTENCES = {
    RestartReason.OVERFLOW: "more happened there than could be noted down",
    RestartReason.ROOT_REPLACED: "another folder has taken its place",
    RestartReason.ROOT_BACK: "it is there again",
    RestartReason.MOUNTS_CHANGED: "something was mounted or unmounted below it",
    RestartReason.OBSERVER_DIED: "its events were no longer read",
    RestartReason.REQUESTED: "it was asked for",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RootReport:
    """One inbox folder. `folders` and `unwatched` count the folders that events come from and those that only the rescan sees;
    both are 0 while polling. `file_system` is the kernel's word (ext4, nfs4), empty while missing. `shares` are the network
    mounts in it (the folder itself, or some below), which are polled. `sentence` says what is wrong, empty when all is well."""

    route: str
    path: Path
    mode: WatchMode
    folders: int
    unwatched: int
    file_system: str
    shares: tuple[Path, ...]
    sentence: str
