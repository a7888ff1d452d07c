"""What a check has found: good, worth knowing, or a problem, with the way to mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    GOOD = "good"
    NOTE = "note"        # fine, but worth knowing
    PROBLEM = "problem"  # Pectin will not work, or not all of it


@dataclass(frozen=True, slots=True)
class Finding:
    """`mend` is what to do, empty when there is nothing to do."""

    level: Level
    what: str
    mend: str = ""

    def as_dict(self) -> dict[str, str]:
        return {key: str(value) for key, value in asdict(self).items()}


def good(what: str) -> Finding:
    return Finding(Level.GOOD, what)


def note(what: str, mend: str = "") -> Finding:
    return Finding(Level.NOTE, what, mend)


def problem(what: str, mend: str) -> Finding:
    return Finding(Level.PROBLEM, what, mend)
