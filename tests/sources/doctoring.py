"""Changes to a finished source that no ffmpeg makes: each takes the file's bytes and gives others."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

# A box -> how many bytes stand before the boxes in it.
_INSIDE = {b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0, b"stsd": 8, b"hvc1": 78}


def unknown_sound(film: bytes) -> bytes:
    """PCM that calls itself MPEG-H 3D audio, for which ffmpeg has no decoder."""
    assert b"sowt" in film
    return film.replace(b"sowt", b"mhm1")


def latin1(film: bytes) -> bytes:
    """A text that demands UTF-8 is written in Latin-1."""
    assert b"GrQQe" in film
    return film.replace(b"GrQQe", b"Gr\xfc\xdfe")


def dolby_vision_8(film: bytes) -> bytes:
    return _dolby_vision(film, profile=8, compatibility=1)


def dolby_vision_5(film: bytes) -> bytes:
    return _dolby_vision(film, profile=5, compatibility=0)


def _dolby_vision(film: bytes, *, profile: int, compatibility: int) -> bytes:
    """An MP4 whose index stands at its end, with Dolby Vision's configuration record: version 1.0, level 1, a reference picture
    unit and a base layer. Source: the Dolby Vision streams within the ISO base media file format, version 2.1.2."""
    bits = profile << 9 | 1 << 3 | 0b101
    record = struct.pack(">BBHB", 1, 0, bits, compatibility << 4) + bytes(19)
    box = struct.pack(">I4s", 8 + len(record), b"dvvC" if profile > 7 else b"dvcC") + record
    return _append(film, box)


def pieced(film: bytes, pieces: Sequence[tuple[float, float]]) -> bytes:
    """An MP4 whose index stands at its end, of which only these pieces are shown (begin and length in seconds), in this order."""
    made, position = b"", 0
    while position < len(film):
        size, kind = struct.unpack_from(">I4s", film, position)
        body = film[position + 8:position + size]
        if kind == b"trak":
            scale = struct.unpack_from(">I", body, body.index(b"mdhd") + 16)[0]
            edits, first = body.index(b"edts") - 4, struct.unpack_from(">i", body, body.index(b"elst") + 16)[0]
            listed = b"".join(struct.pack(">IiI", round(1000 * length), first + round(begin * scale), 1 << 16)
                              for begin, length in pieces)
            elst = struct.pack(">I4sII", 16 + len(listed), b"elst", 0, len(pieces)) + listed
            after = edits + struct.unpack_from(">I", body, edits)[0]
            body = body[:edits] + struct.pack(">I4s", 8 + len(elst), b"edts") + elst + body[after:]
        elif kind == b"moov":
            body = pieced(body, pieces)
        made += struct.pack(">I4s", 8 + len(body), kind) + body
        position += size
    return made


def _append(data: bytes, box: bytes) -> bytes:
    """The boxes of `data`, with `box` at the end of the first hvc1, all sizes around it adjusted."""
    made, position = b"", 0
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8:position + size]
        if kind in _INSIDE and b"hvc1" in data[position:position + size]:
            skip = _INSIDE[kind]
            body = body[:skip] + (body[skip:] + box if kind == b"hvc1" else _append(body[skip:], box))
        made += struct.pack(">I4s", 8 + len(body), kind) + body
        position += size
    return made


DOCTORS: Mapping[str, Callable[[bytes], bytes]] = {
    doctor.__name__: doctor for doctor in (unknown_sound, latin1, dolby_vision_8, dolby_vision_5)}
