"""The exit statuses of the `pectin` program, one table: the README's is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType


class ExitStatus(IntEnum):
    """As in sysexits.h where it has one; 2 is what command lines say to a wrong option."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNAVAILABLE = 69
    SOFTWARE = 70
    TEMPFAIL = 75
    NOPERM = 77
    CONFIG = 78


STATUSES: Mapping[ExitStatus, str] = MappingProxyType({
    ExitStatus.OK: "it worked; for `pectin run`: it was told to stop, and did",
    ExitStatus.FAILED: "the daemon said no, the file was refused, or `pectin doctor` found a FAIL (a WARN alone is 0)",
    ExitStatus.USAGE: "there is no such command or option",
    ExitStatus.UNAVAILABLE: "something needed is missing: the daemon; for `pectin run` an ffmpeg, an address or the store",
    ExitStatus.SOFTWARE: "a part of the daemon died: a fault of Pectin's own; systemd starts it again",
    ExitStatus.TEMPFAIL: "another daemon runs on this configuration",
    ExitStatus.NOPERM: "you may not use the daemon's socket",
    ExitStatus.CONFIG: "the configuration is missing or wrong; every mistake is listed",
})
