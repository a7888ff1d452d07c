"""Where the pictures that need no other lie in a segment of MPEG-TS, as ffmpeg writes it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

PACKET = 188
_BEGINS = re.compile(rb"[\x40-\x7f\xc0-\xff]")  # a packet with which something begins: the second bit of its second byte
_TABLE = 0       # the number of the table of contents; ffmpeg repeats it, and what it leads to, before each key frame
_ADAPTED = 0x20
_RANDOM_ACCESS = 0x40


def stills(segment: bytes) -> Iterator[tuple[int, int]]:
    """Place and size of each, with the tables before it that a player needs to read it by itself."""
    table: int | None = None
    start: int | None = None
    picture: int | None = None
    for match in _BEGINS.finditer(segment[1::PACKET]):
        place = match.start() * PACKET
        number = int.from_bytes(segment[place + 1:place + 3], "big") & 0x1FFF
        if number == _TABLE:
            table = place
        elif segment[place + 3] & _ADAPTED and _is_picture(segment, place):
            if picture is None:
                picture = number
            if start is not None and number == picture:
                yield start, _until(place, table, start) - start
                start = None
            if number == picture and segment[place + 5] & _RANDOM_ACCESS:
                start = place if table is None else table
        elif number == picture and start is not None:
            yield start, _until(place, table, start) - start
            start = None
    if start is not None:
        yield start, len(segment) - start


def _until(place: int, table: int | None, start: int) -> int:
    """Up to the next picture, or the tables that were repeated for it."""
    return table if table is not None and start < table < place else place


def _is_picture(segment: bytes, place: int) -> bool:
    at = place + 5 + segment[place + 4]
    return segment[at:at + 3] == b"\0\0\1" and segment[at + 3:at + 4] >= b"\xe0"
