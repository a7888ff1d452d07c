"""Is a film whole? Read from its own outermost structure, without decoding anything. Pure: it is given a way to read.

MP4/MOV, Matroska/WebM, AVI and ASF/WMV say how long they are; a file that says so and is as long is whole, one that is shorter
is truncated. Everything else (TS, FLV, fragmented or live files) does not tell: unprovable, never a guess. A file that ends in
zeros is never whole: some clients set the final length first, and one that died leaves zeros behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

_READS = 1000      # at most so many small reads per file: a hostile file must not keep us busy
_ZERO_TAIL = 4096  # bytes of zeros at the end that no whole film has: one page, the unit in which lost writes go missing


class Wholeness(StrEnum):
    WHOLE = "whole"
    TRUNCATED = "truncated"
    UNPROVABLE = "unprovable"


@dataclass(frozen=True, slots=True)
class Structure:
    """`have` is the file's size in bytes, `want` what it should at least be (None: it does not say)."""

    verdict: Wholeness
    have: int
    want: int | None
    sentence: str


class _EndError(Exception):
    """The file ends where its format needs more."""


class _BudgetError(Exception):
    """Too many boxes."""


class _Reader:
    """Counts reads, and turns short ones into _EndError."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self.size = size
        self._read = read
        self._left = _READS

    def at(self, offset: int, length: int) -> bytes:
        if not self._left:
            raise _BudgetError
        self._left -= 1
        data = self._read(offset, length) if offset + length <= self.size else b""
        if len(data) < length:
            raise _EndError
        return data

    def big(self, offset: int, length: int) -> int:
        return int.from_bytes(self.at(offset, length), "big")

    def little(self, offset: int, length: int) -> int:
        return int.from_bytes(self.at(offset, length), "little")


def examine(read: Callable[[int, int], bytes], size: int) -> Structure:
    """Examine a file of `size` bytes; `read(offset, length)` gives its bytes (fewer at the end). Garbage never raises; what
    `read` raises passes through."""
    file = _Reader(read, size)
    content_end = size
    try:
        start = file.at(0, 12) if size >= 12 else b""
        if start[4:8] in _FIRST_BOXES:
            result, content_end = _mp4(file)
        elif start[:4] == b"\x1a\x45\xdf\xa3":
            result = _matroska(file)
        elif start[:4] == b"RIFF" and start[8:] == b"AVI ":
            result = _avi(file)
        elif start == _ASF_HEADER[:12]:
            result = _asf(file)
        else:
            result = _unprovable(size, "this format does not tell its length")
    except _EndError:
        result = Structure(Wholeness.TRUNCATED, size, None, "cut short: it ends within its own headers")
    except _BudgetError:
        result = _unprovable(size, "too many parts to count")
    if result.verdict is not Wholeness.TRUNCATED and content_end > _ZERO_TAIL:
        tail = read(content_end - _ZERO_TAIL, _ZERO_TAIL)
        if not any(tail):
            return Structure(Wholeness.TRUNCATED, size, None, "its end is all zeros: the upload stopped before it was filled")
    return result


def _whole(size: int) -> Structure:
    return Structure(Wholeness.WHOLE, size, size, "whole")


def _unprovable(size: int, why: str) -> Structure:
    return Structure(Wholeness.UNPROVABLE, size, None, why)


def _truncated(have: int, want: int) -> Structure:
    return Structure(Wholeness.TRUNCATED, have, want, f"cut short: {have * 100 // want} % of it is there")


# MP4 and MOV: boxes of (length, type); all samples lie where the index, moov, says.

_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx"})
_TOP_BOXES = _FIRST_BOXES | {b"mfra", b"ssix", b"uuid", b"meta", b"udta", b"prft", b"emsg", b"pdin", b"PICT", b"junk"}
_PADDING = frozenset({b"free", b"skip", b"wide"})


def _mp4(file: _Reader) -> tuple[Structure, int]:
    """The verdict, and where the content ends: padding at the end may well be zeros."""
    offset = content_end = 0
    index: tuple[int, int] | None = None
    fragmented = strange = False
    while offset < file.size:
        body, end, kind = _box(file, offset) if file.size - offset >= 8 else (8, 0, b"")
        if kind not in _TOP_BOXES or end < body:  # not a box we know: it may be anything, also the beginning of one
            strange = True
            content_end = file.size
            break
        if end > file.size:
            return _truncated(file.size, end), file.size
        index = (body, end) if kind == b"moov" else index
        strange = strange or file.big(offset, 4) == 0  # "to the end of the file", wherever that was meant to be
        fragmented = fragmented or kind == b"moof"
        content_end = content_end if kind in _PADDING else end
        offset = end
    return _mp4_verdict(file, index, fragmented=fragmented, strange=strange), content_end


def _mp4_verdict(file: _Reader, index: tuple[int, int] | None, *, fragmented: bool, strange: bool) -> Structure:
    if index is None:
        if fragmented:
            return _unprovable(file.size, "an MP4 without an index")
        return Structure(Wholeness.TRUNCATED, file.size, None, "cut short: its index (moov) has not arrived")
    furthest, extended = _mp4_index(file, *index)
    if fragmented or extended:
        return _unprovable(file.size, "a fragmented MP4 does not tell its length")
    if furthest is not None and furthest >= file.size:  # also: cut exactly between two boxes
        return _truncated(file.size, furthest + 1)
    if strange or furthest is None:
        return _unprovable(file.size, "an MP4 with parts we do not know")
    return _whole(file.size)


def _box(file: _Reader, offset: int) -> tuple[int, int, bytes]:
    """Where the box's body begins and ends, and its type. A nonsensical length gives an end before the body."""
    header = file.at(offset, 8)
    length, kind = int.from_bytes(header[:4], "big"), header[4:]
    if length == 1:
        return offset + 16, offset + file.big(offset + 8, 8), kind
    if length == 0 and kind in _TOP_BOXES:  # "to the end of the file"; zeros are no box at all
        return offset + 8, file.size, kind
    return offset + 8, offset + length, kind


def _boxes(file: _Reader, start: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    while start + 8 <= end:
        body, after, kind = _box(file, start)
        if after < body or after > end:
            return
        yield body, after, kind
        start = after


def _mp4_index(file: _Reader, start: int, end: int) -> tuple[int | None, bool]:
    """The furthest byte at which the index says a chunk begins (None: no chunks), and whether fragments may follow."""
    furthest: int | None = None
    extended = False
    waiting = [(start, end)]
    while waiting:
        for body, after, kind in _boxes(file, *waiting.pop()):
            if kind in (b"trak", b"mdia", b"minf", b"stbl"):
                waiting.append((body, after))
            elif kind in (b"stco", b"co64"):
                width = 4 if kind == b"stco" else 8
                count = file.big(body + 4, 4)
                last = body + 8 + (count - 1) * width
                if count and last + width <= after:
                    furthest = max(furthest or 0, file.big(last, width))
            extended = extended or kind == b"mvex"
    return furthest, extended


# Matroska and WebM: one EBML header, then one Segment that knows its size, or says that it does not.

def _matroska(file: _Reader) -> Structure:
    offset = 0
    while offset < file.size:
        kind, known, body, end = _element(file, offset)
        if not known:
            return _unprovable(file.size, "a live recording does not tell its length")
        if kind not in (_SEGMENT, *_BETWEEN):
            return _unprovable(file.size, "a Matroska file with parts we do not know")
        if end > file.size:
            return _truncated(file.size, end)
        if kind == _SEGMENT:
            return _whole(file.size) if end == file.size else _unprovable(file.size, "Matroska with something after its end")
        offset = max(end, body)
    return Structure(Wholeness.TRUNCATED, file.size, None, "cut short: only its header has arrived")


_SEGMENT = 0x18538067
_BETWEEN = frozenset({0x1A45DFA3, 0xEC, 0xBF})  # EBML header, Void, CRC-32


def _element(file: _Reader, offset: int) -> tuple[int, bool, int, int]:
    """EBML: id, whether the size is known, where the body begins and ends."""
    id_width = 9 - file.big(offset, 1).bit_length()
    kind = file.big(offset, id_width) if id_width <= 4 else 0
    first = file.big(offset + id_width, 1)
    width = 9 - first.bit_length()
    body = offset + id_width + width
    if width > 8:  # no length that EBML allows
        return 0, False, body, body
    value = file.big(offset + id_width, width) & (1 << 7 * width) - 1
    return kind, value != (1 << 7 * width) - 1, body, body + value


# AVI: a RIFF of at most 1 or 2 GB, followed in large files by further ones that the first one's index names.

def _avi(file: _Reader) -> Structure:
    offset = 0
    while file.size - offset > 1:  # one byte may be padding
        if file.size - offset < 12:
            return _unprovable(file.size, "an AVI with parts we do not know")
        header = file.at(offset, 12)
        length = int.from_bytes(header[4:8], "little")
        if header[:4] != b"RIFF" or header[8:] != (b"AVIX" if offset else b"AVI "):
            return _unprovable(file.size, "an AVI with parts we do not know")
        if length in (0, 0xFFFFFFFF):
            return _unprovable(file.size, "a live AVI does not tell its length")
        end = offset + 8 + length
        if end > file.size:
            return _truncated(file.size, end)
        offset = end + (length & 1)
    furthest = _avi_index(file)
    if furthest >= file.size:  # cut exactly between two RIFFs
        return _truncated(file.size, furthest + 1)
    return _whole(file.size)


def _avi_index(file: _Reader) -> int:
    """The furthest byte at which a stream's super index says a part of the index begins; 0 without one."""
    furthest = 0
    for body, end, kind in _chunks(file, 12, file.size):
        if kind != b"hdrl":
            break  # the header is the first list
        for stream, stream_end, list_kind in _chunks(file, body, end):
            if list_kind != b"strl":
                continue
            for index, index_end, index_kind in _chunks(file, stream, stream_end):
                count = file.little(index + 4, 4) if index_kind == b"indx" else 0
                last = index + 24 + (count - 1) * 16
                if count and last + 16 <= index_end and file.little(index + 3, 1) == 0:  # type 0: an index of indexes
                    furthest = max(furthest, file.little(last, 8))
    return furthest


def _chunks(file: _Reader, start: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    """Body, end and kind of each chunk; the kind of a LIST is its form, and its body begins after that."""
    while start + 12 <= end:
        header = file.at(start, 12)
        length = int.from_bytes(header[4:8], "little")
        after = start + 8 + length
        if after > end:
            return
        listed = header[:4] == b"LIST"
        yield start + (12 if listed else 8), after, header[8:] if listed else header[:4]
        start = after + (length & 1)


# ASF and WMV: objects of (GUID, length); one of those in the header tells the file's size. Source: Advanced Systems Format
# (ASF) Specification, revision 01.20.03, sections 3.1 and 3.2.

_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_PROPERTIES_LENGTH = 104


def _asf(file: _Reader) -> Structure:
    offset, end = 30, file.little(16, 8)
    while offset + 24 <= end:
        head = file.at(offset, 24)
        length = int.from_bytes(head[16:], "little")
        if head[:16] == _ASF_FILE_PROPERTIES and length >= _ASF_PROPERTIES_LENGTH:
            want, is_live = file.little(offset + 40, 8), file.little(offset + 88, 4) & 1
            if is_live or not want:
                return _unprovable(file.size, "a live recording does not tell its length")
            return _truncated(file.size, want) if want > file.size else _whole(file.size)
        if length < 24:
            break
        offset += length
    return _unprovable(file.size, "an ASF file that does not tell its length")
