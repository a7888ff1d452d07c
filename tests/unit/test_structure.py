"""What counts as a whole film: hand-made MP4, Matroska and AVI files, cut everywhere, and garbage."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.intake.structure import Structure, Wholeness, examine

WHOLE, TRUNCATED, UNPROVABLE = Wholeness.WHOLE, Wholeness.TRUNCATED, Wholeness.UNPROVABLE


def look(data: bytes) -> Structure:
    return examine(lambda offset, length: data[offset:offset + length], len(data))


def box(kind: bytes, body: bytes = b"", *, wide: bool = False) -> bytes:
    if wide:
        return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body
    return struct.pack(">I4s", 8 + len(body), kind) + body


FTYP = box(b"ftyp", b"isom\0\0\2\0isomavc1")
DATA = bytes(range(1, 256)) * 40


def moov(*chunks: int, wide: bool = False, extra: bytes = b"") -> bytes:
    table = struct.pack(f">II{len(chunks)}{'Q' if wide else 'I'}", 0, len(chunks), *chunks)
    boxes = box(b"mvhd", b"h" * 100)
    boxes += box(b"trak", box(b"tkhd", b"t" * 80)
                 + box(b"mdia", box(b"minf", box(b"stbl", box(b"stsd") + box(b"co64" if wide else b"stco", table)))))
    return box(b"moov", boxes + extra)


INDEX_LAST = FTYP + box(b"free") + box(b"mdat", DATA) + moov(len(FTYP) + 16, len(FTYP) + 5000)
SHORT = len(FTYP) + len(moov(0, 0))
INDEX_FIRST = FTYP + moov(SHORT + 8, SHORT + 9000) + box(b"mdat", DATA)
LONG = len(FTYP) + len(moov(0, wide=True))
WIDE = FTYP + moov(LONG + 16, wide=True) + box(b"mdat", DATA, wide=True)
TWO_PARTS = FTYP + moov(SHORT + 8, SHORT + 8 + 200 + 8) + box(b"mdat", b"x" * 200) + box(b"mdat", DATA)


def vint(value: int, width: int = 8) -> bytes:
    return (value | 1 << 7 * width).to_bytes(width, "big")


HEADER = b"\x1a\x45\xdf\xa3" + vint(20, 1) + b"\x42\x82\x84webm" + b"\xec" + vint(11, 1) + b"\0" * 11
SEGMENT = b"\x18\x53\x80\x67"
MATROSKA = HEADER + SEGMENT + vint(len(DATA)) + DATA
VOID_BETWEEN = HEADER + b"\xec" + vint(3, 1) + b"abc" + SEGMENT + vint(len(DATA), 3) + DATA


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


def avi(second: bytes = b"", index: int | None = None) -> bytes:
    entries = struct.pack("<HBBI4s12xQII", 4, 0, 0, 1, b"00dc", index, 100, 25) if index is not None else b""
    stream = chunk(b"LIST", b"strl" + chunk(b"strh", b"s" * 56) + (chunk(b"indx", entries) if entries else b""))
    header = chunk(b"LIST", b"hdrl" + chunk(b"avih", b"a" * 56) + stream)
    return chunk(b"RIFF", b"AVI " + header + chunk(b"LIST", b"movi" + DATA)) + second


SECOND = chunk(b"RIFF", b"AVIX" + chunk(b"LIST", b"movi" + DATA))
LARGE_AVI = avi(SECOND, len(avi(index=0)) + 12)

def asf(*, live: bool = False, size: int | None = None) -> bytes:
    """The header (an object we do not know, then the file properties) and packets."""
    length = 30 + 40 + 104 + len(DATA)
    properties = struct.pack("<16x16xQ16x8x8x8xI12x", length if size is None else size, 1 if live else 2)
    objects = (bytes(range(16)) + struct.pack("<Q16x", 40)
               + bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365") + struct.pack("<Q", 104) + properties[16:])
    header = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + struct.pack("<QIBB", 30 + len(objects), 2, 1, 2)
    return header + objects + DATA


ALL = {"asf": asf(), "index last": INDEX_LAST, "index first": INDEX_FIRST, "64 bit": WIDE, "two mdat": TWO_PARTS,
       "matroska": MATROSKA, "void": VOID_BETWEEN, "avi": avi(), "large avi": LARGE_AVI}


@pytest.mark.parametrize("data", ALL.values(), ids=ALL.keys())
def test_a_whole_file_is_whole_and_no_shorter_one_is(data: bytes) -> None:
    assert look(data) == Structure(WHOLE, len(data), len(data), "whole")
    # The first bytes and all around each box's edge, then in steps: every cut would take seconds.
    for length in sorted({*range(600), *range(600, len(data), 97), *range(max(0, len(data) - 400), len(data))}):
        if length < len(data):
            assert look(data[:length]).verdict is not WHOLE, length


@given(st.sampled_from(sorted(ALL)), st.data())
def test_a_truncation_is_never_whole(name: str, data: st.DataObject) -> None:
    film = ALL[name]
    assert look(film[:data.draw(st.integers(0, len(film) - 1))]).verdict is not WHOLE


@given(st.sampled_from(sorted(ALL)), st.data())
def test_a_preallocated_file_with_zeros_at_its_end_is_never_whole(name: str, data: st.DataObject) -> None:
    film = ALL[name]
    kept = data.draw(st.integers(0, len(film) - 4096))
    assert look(film[:kept] + bytes(len(film) - kept)).verdict is TRUNCATED


@given(st.binary(max_size=3000),
       st.sampled_from([b"", FTYP, HEADER, HEADER + SEGMENT, b"RIFF\xff\xff\0\0AVI ", INDEX_LAST, avi()]))
def test_garbage_never_raises(garbage: bytes, before: bytes) -> None:
    assert look(before + garbage).have == len(before + garbage)


@given(st.sampled_from(sorted(ALL)), st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=8))
def test_damaged_headers_never_raise(name: str, damage: list[tuple[int, int]]) -> None:
    film = bytearray(ALL[name])
    for offset, value in damage:
        film[offset] = value
    look(bytes(film))


def test_a_truncated_file_says_how_much_is_there() -> None:
    half = look(INDEX_FIRST[:len(INDEX_FIRST) // 2])
    assert (half.verdict, half.want) == (TRUNCATED, len(INDEX_FIRST))
    assert half.sentence == "cut short: 50 % of it is there"
    assert look(MATROSKA[:-1]).sentence == "cut short: 99 % of it is there"
    assert look(avi()[:-1000]).want == len(avi())


def test_an_mp4_cut_exactly_between_two_boxes_is_truncated() -> None:
    assert look(FTYP + moov(SHORT + 8, SHORT + 9000)).verdict is TRUNCATED
    assert look(TWO_PARTS[:SHORT + 208]).verdict is TRUNCATED
    assert look(FTYP + box(b"mdat", DATA)).verdict is TRUNCATED


def test_an_avi_cut_exactly_between_two_parts_is_truncated() -> None:
    assert look(LARGE_AVI[:-len(SECOND)]).verdict is TRUNCATED


def test_a_recording_that_was_never_closed_is_truncated() -> None:
    assert look(FTYP + box(b"free") + struct.pack(">I4s", 0, b"mdat") + DATA).verdict is TRUNCATED


@pytest.mark.parametrize("data", [
    b"", b"\x47" + b"x" * 187, b"FLV\x01" + DATA, DATA,
    FTYP + moov(30, extra=box(b"mvex", box(b"trex"))),                              # fragments may follow or not
    FTYP + moov() + box(b"moof") + box(b"mdat", DATA),
    FTYP + moov(SHORT + 8) + struct.pack(">I4s", 0, b"mdat") + DATA,                # "to the end of the file"
    INDEX_LAST + b"junk!", INDEX_LAST + b"TAG" + b"x" * 125, MATROSKA + b"abc", MATROSKA + MATROSKA, avi() + b"x" * 30,
    HEADER + SEGMENT + b"\x01" + b"\xff" * 7 + DATA, HEADER + SEGMENT + b"\xff" + DATA,  # live Matroska
    asf(live=True), asf(size=0), asf()[:30] + b"\0" * 40 + DATA,
    b"RIFF\0\0\0\0AVI " + DATA, b"RIFF" + struct.pack("<I", len(DATA) + 4) + b"WAVE" + DATA,
])
def test_what_does_not_tell_its_length_is_unprovable(data: bytes) -> None:
    assert look(data).verdict is UNPROVABLE


def test_zeros_in_padding_at_the_end_of_an_mp4_are_fine() -> None:
    assert look(INDEX_LAST + box(b"free", bytes(9000))).verdict is WHOLE


def test_zeros_at_the_end_of_any_format_are_not() -> None:
    assert look(b"\x47" * 5000 + bytes(4096)).verdict is TRUNCATED
    assert look(b"\x47" * 5000 + bytes(4095)).verdict is UNPROVABLE
    assert look(bytes(50_000)).verdict is TRUNCATED


def test_a_million_boxes_cost_a_thousand_reads() -> None:
    data = FTYP + box(b"free") * 1_000_000
    reads = []

    def read(offset: int, length: int) -> bytes:
        reads.append(offset)
        return data[offset:offset + length]

    assert examine(read, len(data)).verdict is UNPROVABLE
    assert len(reads) <= 1001


def test_a_file_that_shrinks_while_it_is_read_is_truncated() -> None:
    assert examine(lambda offset, length: INDEX_LAST[:500][offset:offset + length], len(INDEX_LAST)).verdict is TRUNCATED
