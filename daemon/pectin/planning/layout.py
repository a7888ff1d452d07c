"""How an MP4 is laid out: what ffprobe does not tell, read from its boxes. Pure: it is given a way to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pectin.model.media import Layout

_READS = 2000   # at most so many small reads per file: a hostile file must not keep us busy
_WHOLE = 1 << 16  # the media rate 1.0 of an edit: 16.16 fixed point
_EMPTY = -1     # the media time of an edit that shows nothing: the track begins late
_MOST_EDITS = 2  # that pause, and all of the track behind it
_TEXTS = frozenset({b"sbtl", b"text", b"subt", b"clcp"})

Read = Callable[[int, int], bytes]


class _NotReadableError(Exception):
    """The boxes end early, make no sense, or are too many."""


def read_layout(read: Read, size: int) -> Layout | None:
    """The layout of a file of `size` bytes; `read(offset, length)` gives its bytes (fewer at the end). None: it is no MP4, or its
    boxes make no sense. What `read` raises passes through."""
    left = _READS

    def at(offset: int, length: int) -> bytes:
        nonlocal left
        left -= 1
        data = read(offset, length) if left >= 0 else b""
        if len(data) < length:
            raise _NotReadableError
        return data

    try:
        return _layout(at, size)
    except _NotReadableError:
        return None


def _layout(at: Read, size: int) -> Layout | None:
    index: tuple[int, int] | None = None
    film: int | None = None
    first, fragmented = True, False
    for kind, body, end in _boxes(at, 0, size):
        if first and kind != b"ftyp":  # QuickTime's old films begin otherwise, and other formats too
            return None
        first = False
        if kind == b"moov" and index is None:
            index = (body, end)
        elif kind == b"mdat" and film is None:
            film = body
        fragmented = fragmented or kind == b"moof"
    if index is None or film is None:
        return None
    plain, enabled = True, False
    for kind, body, end in _boxes(at, *index):
        fragmented = fragmented or kind == b"mvex"
        if kind == b"trak":
            is_plain, is_enabled = _track(at, body, end)
            plain, enabled = plain and is_plain, enabled or is_enabled
    return Layout(faststart=index[0] < film, fragmented=fragmented, plain_edits=plain, texts_enabled=enabled)


def _track(at: Read, start: int, end: int) -> tuple[bool, bool]:
    """Whether its edits are plain, and whether it is a text that is switched on."""
    plain, switched_on, handler = True, False, b""
    for kind, body, after in _boxes(at, start, end):
        if kind == b"tkhd":
            switched_on = bool(at(body + 3, 1)[0] & 1)
        elif kind == b"edts":
            plain = all(_plain(at, inner) for name, inner, _ in _boxes(at, body, after) if name == b"elst")
        elif kind == b"mdia":
            handler = next((at(inner + 8, 4) for name, inner, _ in _boxes(at, body, after) if name == b"hdlr"), b"")
    return plain, switched_on and handler in _TEXTS


def _plain(at: Read, body: int) -> bool:
    """At most a pause, then all of the track at its own speed."""
    wide = at(body, 1) == b"\x01"
    count = int.from_bytes(at(body + 4, 4), "big")
    if count > _MOST_EDITS:
        return False
    width = 8 if wide else 4
    for number in range(count):
        entry = at(body + 8 + number * (2 * width + 4), 2 * width + 4)
        pause = int.from_bytes(entry[width:2 * width], "big", signed=True) == _EMPTY
        if pause != (count == _MOST_EDITS and number == 0) or int.from_bytes(entry[2 * width:], "big") != _WHOLE:
            return False
    return True


def _boxes(at: Read, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two places: type, where its body begins, where it ends."""
    while start + 8 <= end:
        header = at(start, 8)
        length, kind, body = int.from_bytes(header[:4], "big"), header[4:], start + 8
        if length == 1:
            length, body = int.from_bytes(at(start + 8, 8), "big"), start + 16
        after = end if length == 0 else start + length
        if after < body or after > end:
            raise _NotReadableError
        yield kind, body, after
        start = after
