"""A route: which inbox folder feeds which library folder, with which profile."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Naming(StrEnum):
    """Where names in the library come from."""

    SOURCE = "source"  # the source's own name, made safe
    PARSED = "parsed"  # title, year, season, episode, ids, as far as they can be read from it


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Absolute folders. `own_folder`: a film dropped at the top of the inbox gets a folder of its own name in the library."""

    name: str
    inbox: Path
    library: Path
    profile: str
    own_folder: bool = True
    naming: Naming = Naming.SOURCE
