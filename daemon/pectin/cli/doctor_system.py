"""The part of `pectin doctor` about the machine itself: its clock, and who may use the daemon's socket."""

from __future__ import annotations

import ctypes
import grp
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

import pectin
from pectin.cli.findings import Finding, fail, ok, warn

_TIME_ERROR = 5     # adjtimex(2): the clock is not synchronised
_TIMEX_SIZE = 512   # bytes; struct timex has 208 where it is largest
_SLACK = 86400.0    # seconds: a file from tomorrow may come from another time zone's careless clock


def clock_findings(config: Path, now: float | None = None, *, synchronised: bool | None = None) -> Iterator[Finding]:
    """`now` and `synchronised` are for tests; by default they are asked of the system."""
    at = time.time() if now is None else now
    newest = max((path.stat().st_mtime for path in (config, Path(pectin.__file__)) if path.exists()), default=0.0)
    if at < newest - _SLACK:
        yield fail(f"clock: it shows {_day(at)}, and files here were written on {_day(newest)}",
                   "sudo timedatectl set-ntp true", "waits, schedules and dates in the history are wrong")
        return
    good = _synchronised() if synchronised is None else synchronised
    if good is False:
        yield warn(f"clock: it shows {_moment(at)}, and nobody sets it by the network",
                   "sudo timedatectl set-ntp true (systemd-timesyncd or chrony); in a container or a virtual machine the host's "
                   "clock counts", "schedules and waits go by it: a clock that runs wrong or jumps moves them")
    else:
        yield ok(f"clock: {_moment(at)}{', set by the network' if good else ''}")


def _synchronised() -> bool | None:
    """As the kernel has it from whoever sets the clock; None when it does not tell."""
    try:
        state = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_SIZE)))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(at))


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(at))


def socket_findings(path: Path) -> Iterator[Finding]:
    """A socket that is missing is told with the daemon."""
    try:
        info = path.stat()
    except OSError:
        return
    mode, group = stat.S_IMODE(info.st_mode), _group(info.st_gid)
    place = quote(str(path))
    open_to_group = f"sudo chmod 0660 {place}; SocketMode=0660 in pectin.socket"
    if not stat.S_ISSOCK(info.st_mode):
        yield fail(f"socket: {path} is not a socket", f"sudo rm {place} && sudo systemctl restart pectin.socket pectin")
    elif mode & 0o006:
        yield fail(f"socket: everybody may write to {path} (mode {mode:04o})",
                   open_to_group,
                   "every user of this machine may cancel jobs and command the daemon")
    elif mode & 0o060 != 0o060:
        yield warn(f"socket: group {group} may not use {path} (mode {mode:04o})",
                   open_to_group, "only its owner and root may use `pectin`")
    elif not info.st_gid and info.st_uid:
        yield warn(f"socket: {path} belongs to group root", "SocketGroup=pectin in pectin.socket, or socket.group: pectin",
                   "no ordinary user can be given the right to use `pectin`")
    else:
        yield ok(f"socket: {path}, for its owner and group {group}")


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
