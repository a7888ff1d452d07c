"""Where each packet of a finished MP4 lies and when it is shown: the sample tables of its pictures and its sound. Pure: it is
given a way to read. Why ffmpeg does not do this for us stands in mp4_fragments.py."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate, repeat

from pectin.model.errors import Cause, PectinError

Read = Callable[[int, int], bytes]

VIDEO, SOUND = "vide", "soun"
_MOST_BOXES = 10_000   # on one level
_LARGEST_TABLE = 1 << 28  # bytes; 24 hours of 60 pictures a second have a table of 42 MB
_EMPTY = -1            # the media time of an edit that shows nothing: the track begins late


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One track. `entry` is its sample entry, the box that says how it is coded. Times are in units of 1/`timescale` s; packet i
    is decoded at `decoded[i]`, shown at `decoded[i] + offsets[i] + shift`, and lies at `places[i]` with `sizes[i]` bytes.
    `keys`: the packets that can be begun with; None: all of them. `last`: how long the last packet lasts."""

    kind: str
    timescale: int
    entry: bytes
    places: array[int]
    sizes: array[int]
    decoded: array[int]
    offsets: array[int] = field(repr=False)
    shift: int
    keys: array[int] | None
    last: int

    def __len__(self) -> int:
        return len(self.sizes)

    def shown(self, packet: int) -> int:
        """When it is shown, in units of 1/timescale s."""
        return self.decoded[packet] + self.offsets[packet] + self.shift

    def lasts(self, packet: int) -> int:
        """Until the next one is decoded."""
        return self.decoded[packet + 1] - self.decoded[packet] if packet + 1 < len(self.decoded) else self.last

    @property
    def end(self) -> int:
        """When the last of it has been shown; the latest pictures are never far from the last packet."""
        return max((self.shown(packet) + self.lasts(packet) for packet in range(max(0, len(self) - 64), len(self))), default=0)


def read_tracks(read: Read, size: int) -> list[Track]:
    """The tracks of pictures and sound, in the file's order. Raises PectinError OUTPUT_WRONG when the boxes make no sense, when a
    track changes its format half way, or is hidden in part by an edit list."""
    def inside(start: int, end: int, *way: bytes) -> tuple[int, int] | None:
        found: tuple[int, int] | None = (start, end)
        for kind in way:
            found = next(((body, after) for name, body, after in boxes(read, *found) if name == kind), None) if found else None
        return found

    film = inside(0, size, b"moov")
    if film is None:
        raise _wrong("it has no index")
    header = inside(*film, b"mvhd")
    clock = _clock(read, header[0]) if header else 0
    found = []
    for name, start, end in boxes(read, *film):
        if name != b"trak":
            continue
        handler, media, tables = (inside(start, end, b"mdia", *way) for way in ((b"hdlr",), (b"mdhd",), (b"minf", b"stbl")))
        if handler is None or media is None or tables is None:
            raise _wrong("a track has no tables")
        kind = read(handler[0] + 8, 4).decode("latin-1")
        if kind in (VIDEO, SOUND):
            timescale = _clock(read, media[0])
            if not timescale or not clock:
                raise _wrong("a track has no clock")
            edits = inside(start, end, b"edts", b"elst")
            found.append(_track(read, kind, timescale, {name: (body, after) for name, body, after in boxes(read, *tables)}, size,
                                _shift(read, edits[0], timescale, clock) if edits else 0))
    return found


def boxes(read: Read, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two places: kind, where the content begins and ends."""
    for _ in range(_MOST_BOXES):
        if end - start < 8:
            return
        header = read(start, 16)
        length, kind, body = int.from_bytes(header[:4], "big"), header[4:8], start + 8
        if length == 1:
            length, body = int.from_bytes(header[8:16], "big"), start + 16
        elif length == 0:
            length = end - start
        if len(header) < 8 or start + length > end or body > start + length:
            raise _wrong(f"it holds a box that does not fit, at byte {start}")
        yield kind, body, start + length
        start += length


def _track(read: Read, kind: str, timescale: int, tables: dict[bytes, tuple[int, int]], size: int, shift: int) -> Track:
    try:
        entries = list(_entries(read, *tables[b"stsd"]))
        sizes = _sizes(read, tables[b"stsz"], size)
        times = list(_numbers(read, tables[b"stts"], ">II"))
        chunks = _chunks(read, tables)
        spread = list(_numbers(read, tables[b"stsc"], ">III"))
    except KeyError as error:
        raise _wrong(f"a track has no table {error.args[0].decode('latin-1')}") from error
    if len(entries) != 1:
        raise _wrong("a track changes its format half way")
    if sum(count for count, _ in times) != len(sizes):
        raise _wrong("a track's tables contradict each other")
    decoded = array("q", accumulate((each for count, each in times for _ in range(count)), initial=0))
    last = decoded.pop() - decoded[-1] if len(decoded) > 1 else 0
    offsets = _offsets(read, tables.get(b"ctts"), len(sizes))
    keys = array("I", (number - 1 for number, in _numbers(read, tables[b"stss"], ">I"))) if b"stss" in tables else None
    places = _places(chunks, spread, sizes)
    if len(places) != len(sizes) or (keys and keys[-1] >= len(sizes)):
        raise _wrong("a track's tables contradict each other")
    if any(place + length > size for place, length in zip(places, sizes, strict=True)):
        raise _wrong("a packet lies behind the end of the file")
    return Track(kind=kind, timescale=timescale, entry=entries[0], places=places, sizes=sizes, decoded=decoded, offsets=offsets,
                 shift=shift, keys=keys, last=last)


def _offsets(read: Read, table: tuple[int, int] | None, packets: int) -> array[int]:
    """Row by row: as a list, those of a day's film would take some hundred megabytes."""
    if table is None:
        return array("i", bytes(packets * array("i").itemsize))
    found = array("i")
    for count, offset in _numbers(read, table, ">Ii"):
        if count > packets - len(found):
            raise _wrong("a track's tables contradict each other")
        found.extend(repeat(offset, count))
    if len(found) != packets:
        raise _wrong("a track's tables contradict each other")
    return found


def _places(chunks: array[int], spread: list[tuple[int, ...]], sizes: array[int]) -> array[int]:
    """Packets lie in chunks, behind each other; `spread`: from which chunk on (counted from 1) each has how many."""
    found, at = array("Q"), 0
    for number, (first, each, _) in enumerate(spread):
        until = spread[number + 1][0] if number + 1 < len(spread) else len(chunks) + 1
        for chunk in chunks[first - 1:until - 1]:
            if at + each > len(sizes):
                raise _wrong("a track's tables contradict each other")
            here = accumulate(sizes[at:at + each], initial=chunk)
            found.extend(place for _, place in zip(range(each), here, strict=False))
            at += each
    return found


def _chunks(read: Read, tables: dict[bytes, tuple[int, int]]) -> array[int]:
    wide = b"co64" in tables
    return array("Q", (place for place, in _numbers(read, tables[b"co64" if wide else b"stco"], ">Q" if wide else ">I")))


def _sizes(read: Read, table: tuple[int, int], size: int) -> array[int]:
    each, count = struct.unpack(">II", _exactly(read, table[0] + 4, 8))
    if not each:
        return array("I", (row[0] for row in _numbers(read, (table[0] + 4, table[1]), ">I")))
    if count * each > size:
        raise _wrong("its packets are larger than itself")
    same: array[int] = array("I", [each])
    return array("I", same * count)


def _numbers(read: Read, table: tuple[int, int], form: str) -> Iterator[tuple[int, ...]]:
    """The rows of a table: behind version and flags stands how many there are."""
    count = int.from_bytes(_exactly(read, table[0] + 4, 4), "big")
    length = count * struct.calcsize(form)
    if length > _LARGEST_TABLE or table[0] + 8 + length > table[1]:
        raise _wrong("a table does not fit into its box")
    return struct.iter_unpack(form, _exactly(read, table[0] + 8, length))


def _entries(read: Read, start: int, end: int) -> Iterator[bytes]:
    for _, body, after in boxes(read, start + 8, end):
        if after - body > 1 << 20:
            raise _wrong("its description of a track is larger than 1 MiB")
        yield _exactly(read, body - 8, after - body + 8)


def _shift(read: Read, start: int, timescale: int, clock: int) -> int:
    """What an edit list adds to all times: at most a pause, then all of the track at its own speed."""
    wide = _exactly(read, start, 1) == b"\x01"
    row = ">QqI" if wide else ">IiI"
    rows = list(_numbers(read, (start, start + 8 + 20 * 3), row)) if _exactly(read, start + 4, 4) <= b"\0\0\0\2" else []
    pauses = [length for length, begin, _ in rows[:-1] if begin == _EMPTY]
    if not rows or len(pauses) != len(rows) - 1 or rows[-1][1] == _EMPTY:
        raise _wrong("parts of a track are hidden by an edit list")
    return round(Fraction(sum(pauses) * timescale, clock)) - rows[-1][1]


def _clock(read: Read, start: int) -> int:
    """Units per second, from the header of a film or a track."""
    wide = _exactly(read, start, 1) == b"\x01"
    return int.from_bytes(_exactly(read, start + (20 if wide else 12), 4), "big")


def _exactly(read: Read, start: int, length: int) -> bytes:
    data = read(start, length)
    if len(data) < length:
        raise _wrong("it ends early")
    return data


def _wrong(what: str) -> PectinError:
    return PectinError(Cause.OUTPUT_WRONG, f"the MP4 cannot be cut: {what}")
