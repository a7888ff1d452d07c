"""Switches text tracks in a finished MP4 off: ffmpeg marks the first one as enabled whatever it is told, and Jellyfin would show
it to everyone. One bit for each track, nowhere else a byte changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pectin.model.errors import Cause, PectinError
from pectin.publishing.place import explained

Read = Callable[[int, int], bytes]

_TEXT_HANDLERS = frozenset({b"sbtl", b"text", b"subt", b"clcp"})
_ENABLED = 1
_MOST_BOXES = 100_000  # of one level: then the file is nonsense


def disable_texts(path: Path) -> int:
    """Switch them off in place; gives how many were on. Raises PectinError: OUTPUT_WRONG when it is no MP4."""
    with explained(path), path.open("r+b") as file:
        fd = file.fileno()
        found = list(enabled(lambda offset, length: os.pread(fd, length, offset), os.fstat(fd).st_size))
        for offset, flags in found:
            os.pwrite(fd, bytes([flags & ~_ENABLED]), offset)
    return len(found)


def enabled(read: Read, size: int) -> Iterator[tuple[int, int]]:
    """Of each text track that is enabled: where in the file the last byte of its flags stands, and that byte. `read(offset,
    length)` may give less at the end. Raises PectinError OUTPUT_WRONG when the boxes do not fit into each other."""
    for _, inside, end in _boxes(read, 0, size, b"moov"):
        for _, start, stop in _boxes(read, inside, end, b"trak"):
            handler = next((read(at + 8, 4) for _, within, until in _boxes(read, start, stop, b"mdia")
                            for _, at, _ in _boxes(read, within, until, b"hdlr")), b"")
            if handler in _TEXT_HANDLERS:
                for _, at, behind in _boxes(read, start, stop, b"tkhd"):
                    flags = read(at + 3, 1)  # behind the version: three bytes, the lowest bits last
                    if behind - at >= 4 and flags and flags[0] & _ENABLED:
                        yield at + 3, flags[0]


def _boxes(read: Read, start: int, end: int, wanted: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The boxes of one kind between two places: kind, where the content begins and ends. A size of 1 means that 64 bits of it
    follow, 0 that it goes on to the end."""
    for _ in range(_MOST_BOXES):
        if end - start < 8:
            return
        header = read(start, 16)
        length, kind, inside = int.from_bytes(header[:4], "big"), header[4:8], start + 8
        if length == 1:
            length, inside = int.from_bytes(header[8:16], "big"), start + 16
        elif length == 0:
            length = end - start
        if len(header) < 8 or start + length > end or inside > start + length:
            raise PectinError(Cause.OUTPUT_WRONG, f"the MP4 holds a box that does not fit, at byte {start}")
        if kind == wanted:
            yield kind, inside, start + length
        start += length
