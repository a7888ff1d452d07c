"""What to do when something is there already: a film of that name in the library, or the same film once more."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Conflict(StrEnum):
    """A film has the name of one that is in the library. The value is the word of the configuration."""

    KEEP_BOTH = "keep-both"  # the new one gets a version's name
    REPLACE = "replace"      # the old one is archived, the new one has its name in the same step
    REJECT = "reject"        # the new source is set aside


@dataclass(frozen=True, slots=True)
class Terms:
    """By which a new film finds its names. `earlier`: what an earlier publish of the same job has placed, the film first, if it
    is there still (`film_first`); `ours`: what is placed beside the film whose name it has; `goes`: what was made of that film
    and leaves with it, renditions for example. All only as far as nobody has changed it since."""

    conflict: Conflict = Conflict.KEEP_BOTH
    earlier: tuple[Path, ...] = ()
    ours: Set[Path] = frozenset()
    goes: Set[Path] = frozenset()
    film_first: bool = True


class Duplicates(StrEnum):
    """A film has the content of one that was filed already, or of one of our own outputs."""

    REJECT = "reject"
    KEEP = "keep"


class Mtime(StrEnum):
    """The time of a file in the library."""

    NOW = "now"
    SOURCE = "source"
