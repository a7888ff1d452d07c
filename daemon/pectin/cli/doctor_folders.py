"""The part of `pectin doctor` about whose folders these are: groups, the setgid bit, and file systems that should be mounted."""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from shlex import quote

from pectin.cli.account import Account, unit_forbids_chown
from pectin.cli.findings import Finding, fail, ok, warn
from pectin.linux.mounts import is_within, read_mounts
from pectin.settings.sections import RouteSettings, Settings

FSTAB = Path("/etc/fstab")


def folder_findings(settings: Settings, account: Account, fstab: Path = FSTAB, *,
                    chown_forbidden: Callable[[], bool] = unit_forbids_chown) -> list[Finding]:
    """Folders that are missing or hidden are told elsewhere."""
    found = [*_publish_group(settings, account, chown_forbidden), *_missing_mounts(settings, fstab)]
    for route in settings.routes:
        found += _inbox(route, account)
        found += _library(route, settings, account)
    return found or [ok("groups: inboxes and libraries hand their groups on; every file system of fstab is mounted")]


def _publish_group(settings: Settings, account: Account, chown_forbidden: Callable[[], bool]) -> Iterator[Finding]:
    """Only root and members of a group may give files to it."""
    name = settings.publish.group
    try:
        wanted = grp.getgrnam(name).gr_gid if name else None
    except KeyError:  # told with the configuration
        return
    if wanted is not None and account.uid != 0 and wanted not in account.groups:
        yield fail(f"publish.group: user {account.name} is no member of group {name}",
                   f"`sudo systemctl edit pectin`: below [Service] SupplementaryGroups={name} and "
                   "SystemCallFilter=@chown; then `sudo systemctl restart pectin`",
                   "no film can be published: only members may give files to a group")
    elif wanted not in (None, account.gid) and chown_forbidden():
        yield warn(f"publish.group: the unit forbids user {account.name} to give files to group {name}",
                   "`sudo systemctl edit pectin`: below [Service] SystemCallFilter=@chown; then `sudo systemctl restart pectin`",
                   "films can only be published where the library hands this group on by itself")


def _inbox(route: RouteSettings, account: Account) -> Iterator[Finding]:
    """Who drops a film owns it. Through the folder's group the daemon may rename and read it all the same."""
    info = _look(route.inbox)
    if info is None or account.uid == 0 or not stat.S_IMODE(info.st_mode) & 0o020 or info.st_mode & stat.S_ISGID:
        return
    place = quote(str(route.inbox))
    # A group that the daemon is in stays: others drop their films through it.
    change = "" if info.st_gid in account.groups else f"sudo chgrp -R {quote(account.group)} {place} && "
    yield warn(f"inbox of route {route.name}: {route.inbox} has no setgid bit",
               f"{change}sudo find {place} -type d -exec chmod g+rwxs {{}} +",
               f"folders that others make there get their own group, and user {account.name} may not take films out of them")


def _library(route: RouteSettings, settings: Settings, account: Account) -> Iterator[Finding]:
    """New folders get the group of whoever makes them, unless the setgid bit or publish.group says otherwise."""
    info = _look(route.library)
    if info is None or settings.publish.group is not None or info.st_mode & stat.S_ISGID or info.st_gid == account.gid:
        return
    theirs = _group(info.st_gid)
    yield warn(f"library of route {route.name}: {route.library} belongs to group {theirs} and has no setgid bit",
               f"sudo find {quote(str(route.library))} -type d -exec chmod g+s {{}} +; or publish.group: {theirs}",
               f"what is published there belongs to group {_group(account.gid)}, which others may not be in")


def _missing_mounts(settings: Settings, fstab: Path) -> Iterator[Finding]:
    """The bare folder below a missing mount looks like an empty library."""
    mounted = {mount.place for mount in read_mounts()}
    folders = {f"{what} of route {route.name}": folder for route in settings.routes
               for what, folder in (("inbox", route.inbox), ("library", route.library))}
    folders |= {f"paths.{name}": getattr(settings.paths, name) for name in ("state", "work", "originals", "rejected")}
    for place, options in _planned(fstab):
        touched = [what for what, folder in folders.items() if is_within(os.path.realpath(folder), place)]
        if touched and place not in mounted and not {"noauto", "x-systemd.automount"} & set(options):
            yield fail(f"mounts: /etc/fstab has a file system for {place}, and nothing is mounted there",
                       f"sudo mount {quote(place)}", f"{', '.join(touched)}: what lies there now is not the disk it should be")


def _planned(fstab: Path) -> Sequence[tuple[str, list[str]]]:
    """Mount points with their options. The format: fstab(5)."""
    try:
        lines = fstab.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    entries = [fields for line in lines if len(fields := line.split()) >= 4 and not fields[0].startswith("#")]
    return [(fields[1].replace("\\040", " ").rstrip("/") or "/", fields[3].split(",")) for fields in entries
            if fields[1].startswith("/") and fields[1] != "/"]


def _look(folder: Path) -> os.stat_result | None:
    try:
        return folder.stat()
    except OSError:
        return None


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
