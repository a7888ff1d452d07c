"""A film in the inbox that must not be claimed: a job has it already. `pectin undo` put it back, or a copy of it was taken."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath

# Nanoseconds. A file system with coarse times (FAT: 2 s, exFAT: 10 ms) takes something off, and what it tells looks like it;
# other times are exact but for the last digits (NTFS and SMB count in 100 ns).
_COARSE, _ROUNDED, _EXACT = 10_000_000, 2_000_000_000, 1000


class Why(StrEnum):
    """What makes it left alone."""

    LINKED = "linked"    # it has other names elsewhere (a program shares it): a copy of it was taken
    UNDOING = "undoing"  # `pectin undo` has begun: the original is on its way back to there
    UNDONE = "undone"    # `pectin undo` put it there


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """`path` is where it lies. `inode`, `size` (bytes) and `mtime_ns` say which file it was, and in which shape: a changed one is
    a new arrival. `sidecars` went with it: each by its path as of its claim, and where it lies; `elsewhere`: not in the inbox but
    in a folder that a person has named."""

    why: Why
    path: Path
    inode: int
    size: int
    mtime_ns: int
    elsewhere: bool = False
    sidecars: tuple[tuple[PurePath, Path], ...] = ()

    def is_at(self, path: Path, *, inode: int, size: int, mtime_ns: int) -> bool:
        """Whether that file is it, unchanged. One with several names may be renamed by its program; one that was put back and has
        another name since is a new arrival: somebody may have undone it for its name."""
        same_file = path == self.path or (self.why is Why.LINKED and inode == self.inode)
        slack = _EXACT if mtime_ns % _COARSE else _ROUNDED
        return same_file and size == self.size and abs(mtime_ns - self.mtime_ns) < slack

    def as_json(self) -> str:
        # Bytes that are not UTF-8 are lone surrogates in a str, and survive as \\udcXX escapes.
        return json.dumps({"why": self.why, "path": str(self.path), "inode": self.inode, "size": self.size,
                           "mtime_ns": self.mtime_ns, "elsewhere": self.elsewhere,
                           "sidecars": [[str(within), str(path)] for within, path in self.sidecars]})

    @classmethod
    def from_json(cls, text: str) -> LeftBehind:
        """Raises ValueError, KeyError or TypeError when the text is none."""
        data = json.loads(text)
        return cls(why=Why(data["why"]), path=Path(data["path"]), inode=int(data["inode"]), size=int(data["size"]),
                   mtime_ns=int(data["mtime_ns"]), elsewhere=bool(data["elsewhere"]),
                   sidecars=tuple((PurePath(within), Path(path)) for within, path in data["sidecars"]))
