"""The part of `pectin doctor` about the inboxes: whether new files are noticed at once, and whether the kernel tells who writes.

The running daemon is asked: what counts is what it sees and may. Without it the same is found out here, as far as that goes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pectin.cli.account import Account
from pectin.cli.findings import Finding, fail, ok, warn
from pectin.intake.ground import Ground, survey
from pectin.intake.leases import LEASE_SENTENCES, LeaseSupport, lease_support
from pectin.intake.watched import RAISE_LIMIT
from pectin.linux.mounts import is_network
from pectin.settings.sections import RouteSettings, Settings


def inbox_findings(settings: Settings, account: Account, status: Mapping[str, Any] | None) -> Iterator[Finding]:
    """`status` is the daemon's answer to GET /v1/status, None when it does not run or may not be asked. An inbox that is missing
    is told elsewhere."""
    told = {str(inbox.get("route")): inbox for inbox in (status or {}).get("inboxes", [])}
    inboxes: list[Mapping[str, Any]] = []
    for route in settings.routes:
        try:
            ground = survey(route.inbox)
        except OSError:
            continue
        inboxes.append({"shares": [str(share) for share in ground.shares],
                        **(told.get(route.name) or _find_out(route, account, ground))})
    for inbox in inboxes:
        yield from _network(inbox, settings)
        yield from _lease(inbox)
    if any(inbox.get("leases") == LeaseSupport.YES for inbox in inboxes):
        yield ok("leases: the kernel tells whether somebody still writes a file")
    yield from _watches(inboxes)


def _find_out(route: RouteSettings, account: Account, ground: Ground) -> Mapping[str, Any]:
    """What the daemon would tell of this inbox."""
    folders = 0 if ground.network else _count(route.inbox, {str(share) for share in ground.shares})
    return {"route": route.name, "path": str(route.inbox), "file_system": ground.file_system, "folders": folders,
            "leases": _leases(route.inbox, account)}


def _count(inbox: Path, shares: set[str]) -> int:
    count = 0
    for folder, below, _ in os.walk(inbox):
        count += 1
        below[:] = [name for name in below if os.path.join(folder, name) not in shares]
    return count


def _leases(inbox: Path, account: Account) -> LeaseSupport:
    """As the daemon would find it. The file system is asked; the right to ask about other users' files is not ours but the
    daemon's, who has it from the unit."""
    support = lease_support(inbox)
    if support in (LeaseSupport.NETWORK, LeaseSupport.NO_FILE_SYSTEM):
        return support
    if account.uid == 0 or _may_lease(account.pid) or not _others_write(inbox, account):
        return LeaseSupport.YES if support is LeaseSupport.NO_RIGHT else support
    return LeaseSupport.NO_RIGHT


def _may_lease(pid: int | None) -> bool:
    """Bit 28 of the effective capabilities, see capabilities(7) and linux/capability.h."""
    if pid is None:
        return any(Path(root, "systemd/system/pectin.service").exists() for root in ("/etc", "/usr/lib", "/lib"))
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return any(int(line.split()[1], 16) >> 28 & 1 for line in lines if line.startswith("CapEff:"))


def _others_write(inbox: Path, account: Account) -> bool:
    info = inbox.stat()
    return info.st_uid != account.uid or bool(info.st_mode & 0o022)


def _network(inbox: Mapping[str, Any], settings: Settings) -> Iterator[Finding]:
    file_system = str(inbox.get("file_system", ""))
    places = [str(inbox.get("path", ""))] if is_network(file_system) else [str(share) for share in inbox.get("shares", [])]
    intake = settings.intake
    often = f"every {intake.poll:g} s (intake.poll)" if intake.poll else f"every {intake.rescan:g} s (intake.rescan)"
    kind = f" ({file_system})" if is_network(file_system) else ""
    for place in places:
        yield warn(f"inbox of route {inbox.get('route')}: {place} is on a network mount{kind}. What other machines do there "
                   f"makes no sound here: it is searched {often}, and a file is taken when nobody has changed it for "
                   f"{intake.quiet:g} s (intake.quiet)",
                   "nothing, if that is quick enough; else let them copy into a folder on a disk of this machine")


def _lease(inbox: Mapping[str, Any]) -> Iterator[Finding]:
    what = f"inbox of route {inbox.get('route')}"
    match inbox.get("leases"):
        case LeaseSupport.NO_RIGHT:
            yield warn(f"{what}: {LEASE_SENTENCES[LeaseSupport.NO_RIGHT]}",
                       "run it by the systemd unit that comes with it, or as the user who owns the files")
        case LeaseSupport.NO_FILE_SYSTEM:
            yield warn(f"{what}: {LEASE_SENTENCES[LeaseSupport.NO_FILE_SYSTEM]}")


def _watches(inboxes: list[Mapping[str, Any]]) -> Iterator[Finding]:
    """inotify needs one watch per folder; the kernel has a limit per user. When it is used up already, the daemon says so among
    its problems."""
    limit = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text(encoding="ascii"))
    folders = sum(int(inbox.get("folders", 0)) + int(inbox.get("unwatched", 0)) for inbox in inboxes)
    unwatched = sum(int(inbox.get("unwatched", 0)) for inbox in inboxes)
    used_up = any("max_user_watches" in str(inbox.get("sentence", "")) for inbox in inboxes)
    if unwatched and not used_up and folders <= limit // 2:  # folders that may not be read: the limit would not help
        yield fail(f"inotify: {unwatched} of {folders} folders in the inboxes are not watched",
                   "see `pectin status --inbox` for why")
    elif used_up or folders > limit // 2:
        yield fail(f"inotify: {folders} folders in the inboxes, {unwatched} of them are not watched; the kernel allows "
                   f"{limit} watches per user, for all programs together", RAISE_LIMIT)
    else:
        yield ok(f"inotify: {folders} folders to watch, {limit} allowed")
