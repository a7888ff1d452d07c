"""How an MP4 is laid out: what ffprobe does not tell, read from its boxes. Pure: it is given a way to read."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pectin.model.media import Layout

_READS = 5000   # at most so many small reads per file: a hostile file must not keep us busy
_MOST_TIMES = 1 << 20  # entries of a table of times, 8 bytes each: more than a film of four hours with 60 uneven frames
_DISAGREE = (1.0, 0.01)  # seconds, and a share: no muxer's rounding makes so much of a difference
_WHOLE = 1 << 16  # the media rate 1.0 of an edit: 16.16 fixed point
_EMPTY = -1     # the media time of an edit that shows nothing: the track begins late
_MOST_EDITS = 2  # that pause, and all of the track behind it
_TEXTS = frozenset({b"sbtl", b"text", b"subt", b"clcp"})
_SEEN_AND_HEARD = frozenset({b"vide", b"soun"})
_UNKNOWN = frozenset({2**32 - 1, 2**64 - 1})  # a length that is not stated

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
    tracks: list[_Track] = []
    for kind, body, end in _boxes(at, *index):
        fragmented = fragmented or kind == b"mvex"
        if kind == b"trak":
            tracks.append(_track(at, body, end))
    film_tracks = [track for track in tracks if track.handler in _SEEN_AND_HEARD]
    return Layout(faststart=index[0] < film, fragmented=fragmented, plain_edits=all(track.plain for track in tracks),
                  texts_enabled=any(track.switched_on and track.handler in _TEXTS for track in tracks),
                  times_agree=all(track.times_agree for track in film_tracks),
                  pieced=not all(track.plain for track in film_tracks))


@dataclass(frozen=True, slots=True)
class _Track:
    """`plain`: as Layout's plain_edits, of this track."""

    handler: bytes
    plain: bool
    switched_on: bool
    times_agree: bool


def _track(at: Read, start: int, end: int) -> _Track:
    plain, switched_on, handler, agree = True, False, b"", True
    for kind, body, after in _boxes(at, start, end):
        if kind == b"tkhd":
            switched_on = bool(at(body + 3, 1)[0] & 1)
        elif kind == b"edts":
            plain = all(_plain(at, inner) for name, inner, _ in _boxes(at, body, after) if name == b"elst")
        elif kind == b"mdia":
            handler = next((at(inner + 8, 4) for name, inner, _ in _boxes(at, body, after) if name == b"hdlr"), b"")
            agree = _times_agree(at, body, after)
    return _Track(handler, plain, switched_on, agree)


def _times_agree(at: Read, start: int, end: int) -> bool:
    """Whether the samples of a track last as long together as its header says (edits come later, and change neither). Where a bit
    has made one of them last for hours, all that follow lie behind the end of the film, and the edit list hides them."""
    inside = {kind: (body, after) for kind, body, after in _boxes(at, start, end)}
    if b"mdhd" not in inside or b"minf" not in inside:
        return True
    body = inside[b"mdhd"][0]
    wide = at(body, 1) == b"\x01"
    scale = int.from_bytes(at(body + (20 if wide else 12), 4), "big")
    stated = int.from_bytes(at(body + (24 if wide else 16), 8 if wide else 4), "big")
    table = next((b for kind, b, after in _boxes(at, *inside[b"minf"]) if kind == b"stbl" for kind, b, _ in _boxes(at, b, after)
                  if kind == b"stts"), None)
    if table is None or not scale or not stated or stated in _UNKNOWN:
        return True
    entries = int.from_bytes(at(table + 4, 4), "big")
    if entries > _MOST_TIMES:
        return True
    listed: int = sum(count * each for count, each in struct.iter_unpack(">II", at(table + 8, 8 * entries))) if entries else 0
    return listed - stated <= max(_DISAGREE[0] * scale, _DISAGREE[1] * stated)


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
