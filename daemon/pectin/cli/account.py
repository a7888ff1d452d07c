"""Whose permissions `pectin doctor` looks at, and what that user may do."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")  # how the kernel writes blanks and line breaks in mountinfo
_CAP_CHOWN = 0  # its number in linux/capability.h
_LETTERS = {4: "r", 2: "w", 1: "x"}


@dataclass(frozen=True, slots=True)
class Account:
    """`pid` is the daemon's while it runs: its unit may give it more groups than the user has, and fewer folders."""

    name: str
    uid: int
    gid: int
    groups: frozenset[int]
    pid: int | None

    @property
    def group(self) -> str:
        """The name of the main group, for commands to type."""
        try:
            return grp.getgrgid(self.gid).gr_name
        except KeyError:
            return str(self.gid)

    def may(self, path: Path, wanted: int) -> bool:
        """Whether this user may do `wanted` (4 read, 2 write, 1 enter) there. Asked of the kernel where the caller can become
        this user; else what modes say, which leaves access lists out."""
        if self.uid == 0:
            return True
        if os.geteuid() == 0:
            return self._asked(path, wanted)
        if os.geteuid() == self.uid:
            return os.access(path, wanted)
        return self._by_mode(path, wanted) and all(self._by_mode(parent, 1) for parent in path.absolute().parents)

    def _asked(self, path: Path, wanted: int) -> bool:
        tests = [f'test -{letter} "$1"' for bit, letter in _LETTERS.items() if wanted & bit]
        return subprocess.run(["/bin/sh", "-c", " && ".join(tests), "sh", str(path)], check=False, user=self.uid, group=self.gid,
                              extra_groups=sorted(self.groups), stdin=subprocess.DEVNULL).returncode == 0

    def _by_mode(self, path: Path, wanted: int) -> bool:
        info = path.stat()
        shift = 6 if info.st_uid == self.uid else 3 if info.st_gid in self.groups else 0
        return (stat.S_IMODE(info.st_mode) >> shift) & wanted == wanted

    def may_give_away(self) -> bool:
        """Whether this user, or the running daemon with its unit's capabilities, may give files to another user (CAP_CHOWN)."""
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
            return bool(next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")) & 1 << _CAP_CHOWN)
        except (OSError, StopIteration):
            return self.uid == 0

    def read_only(self, path: Path) -> bool:
        """Whether the running daemon sees this folder on a read-only mount: its unit opens only ReadWritePaths= to it. False
        when that cannot be known. The format of mountinfo: proc(5)."""
        if self.pid is None:
            return False
        try:
            lines = Path(f"/proc/{self.pid}/mountinfo").read_bytes().split(b"\n")  # not splitlines: a name may hold \r
            real = Path(os.path.realpath(path))
        except OSError:
            return False
        best: tuple[int, bool] = (0, False)
        for fields in map(bytes.split, filter(None, lines)):
            place = Path(os.fsdecode(_OCTAL.sub(lambda found: bytes([int(found[1], 8)]), fields[4])))
            if real.is_relative_to(place) and len(place.parts) >= best[0]:  # of two on one place, the later lies on top
                best = (len(place.parts), b"ro" in fields[5].split(b","))
        return best[1]


def unit_forbids_chown() -> bool:
    """Whether the unit's SystemCallFilter= leaves out what gives files to a group; False where there is no systemd to ask."""
    names = _of_unit("SystemCallFilter")
    return bool(names) and (names[0].startswith("~") if "chown" in {name.lstrip("~") for name in names}
                            else not names[0].startswith("~"))


def account_of(pid: int | None) -> Account:
    """The daemon's user when it runs, else user pectin when there is one, else the caller."""
    if pid is not None:
        try:
            return _of_process(pid)
        except OSError:  # it ended just now, or it runs in a container and has another id here
            pid = None
    try:
        entry = pwd.getpwnam("pectin")
    except KeyError:
        return _named(os.getuid(), os.getgid(), frozenset(os.getgroups()) | {os.getgid()}, None)
    return _named(entry.pw_uid, entry.pw_gid, frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid)) | _unit_groups(), None)


def _unit_groups() -> frozenset[int]:
    """What the unit's SupplementaryGroups= will add once the daemon runs; nothing where there is no systemd to ask."""
    names = {group.gr_name: group.gr_gid for group in grp.getgrall()}
    return frozenset(names[one] for one in _of_unit("SupplementaryGroups") if one in names)


def _of_unit(key: str) -> list[str]:
    try:
        return subprocess.run(["systemctl", "show", f"--property={key}", "--value", "pectin.service"], check=False,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=10).stdout.split()
    except (OSError, subprocess.TimeoutExpired):
        return []


def _of_process(pid: int) -> Account:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    gid = int(facts["Gid"].split()[1])
    groups = frozenset(int(one) for one in facts["Groups"].split()) | {gid}
    return _named(int(facts["Uid"].split()[1]), gid, groups, pid)


def _named(uid: int, gid: int, groups: frozenset[int], pid: int | None) -> Account:
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # as in many containers
        name = str(uid)
    return Account(name, uid, gid, groups, pid)
