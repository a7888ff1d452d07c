"""What a media program is kept from on this machine: found out by really trying, once, and then a value that can be shown."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Part(StrEnum):
    """One of the walls around a child. The value is the metric label and the JSON value."""

    FILES = "files"            # Landlock or bubblewrap
    SYSCALLS = "syscalls"      # seccomp
    PRIVILEGES = "privileges"  # no_new_privs and no capability
    NETWORK = "network"        # a namespace of its own


class Mode(StrEnum):
    """encoder.sandbox."""

    AUTO = "auto"          # all that this machine offers
    REQUIRED = "required"  # nothing runs without NEEDED
    NONE = "none"


PART_SENTENCES: Mapping[Part, str] = MappingProxyType({
    Part.FILES: "sees only its input and its own folder",
    Part.SYSCALLS: "opens no connection, starts no process, keeps its CPUs and priority",
    Part.PRIVILEGES: "has no capability and gains none",
    Part.NETWORK: "is in a network of its own that leads nowhere",
})
# A network namespace is a second lock behind SYSCALLS, and well-kept units forbid to make one: not needed.
NEEDED = frozenset({Part.FILES, Part.SYSCALLS, Part.PRIVILEGES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """`parts` are in force for every child that is confined; `missing` says why the others are not. `bubblewrap` is its path
    where it does the work of Landlock. `max_memory`: bytes a child may use, None: no limit."""

    parts: frozenset[Part]
    missing: Mapping[Part, str] = field(default_factory=dict)
    bubblewrap: str | None = None
    max_memory: int | None = None

    @property
    def whole(self) -> bool:
        """Whether all that is needed is in force."""
        return self.parts >= NEEDED

    @property
    def sentence(self) -> str:
        """What ffmpeg is kept from, for a person."""
        if not self.parts:
            return "ffmpeg is not confined"
        return "ffmpeg " + "; ".join(PART_SENTENCES[part] for part in Part if part in self.parts)


def unconfined(why: str = "encoder.sandbox is none") -> Sandbox:
    """No wall at all."""
    return Sandbox(parts=frozenset(), missing=dict.fromkeys(Part, why))


def find_bubblewrap() -> str | None:
    """Its path, when it is installed."""
    return shutil.which("bwrap", path=os.environ.get("PATH", "") + os.pathsep + "/usr/bin:/bin")
