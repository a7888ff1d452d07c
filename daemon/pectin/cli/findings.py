"""What a check has found: all right, worth knowing, or a fault, with what it means and the way to mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"  # Pectin works, but not as well as it could, or something was not checked
    FAIL = "fail"  # Pectin will not work, or not all of it


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` was found; `means`: what follows from it, empty where `what` says so itself; `mend` is what to do, empty when there
    is nothing to do."""

    level: Level
    what: str
    mend: str = ""
    means: str = ""

    def as_dict(self) -> dict[str, str]:
        return {key: str(value) for key, value in asdict(self).items()}


def ok(what: str) -> Finding:
    return Finding(Level.OK, what)


def warn(what: str, mend: str = "", means: str = "") -> Finding:
    return Finding(Level.WARN, what, mend, means)


def fail(what: str, mend: str, means: str = "") -> Finding:
    return Finding(Level.FAIL, what, mend, means)
