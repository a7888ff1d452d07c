"""publishing/{mp4_tracks,mp4_fragments,codecs,ts_stills}.py: bytes in, facts out; nonsense is refused."""

from __future__ import annotations

import random
import struct
from array import array
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.errors import Cause, PectinError
from pectin.publishing import codecs, mp4_fragments, ts_stills
from pectin.publishing.mp4_tracks import SOUND, VIDEO, Track, read_tracks


def box(kind: bytes, *content: bytes) -> bytes:
    inside = b"".join(content)
    return struct.pack(">I", len(inside) + 8) + kind + inside


def full(kind: bytes, *content: bytes) -> bytes:
    return box(kind, bytes(4), *content)


def table(kind: bytes, form: str, *rows: tuple[int, ...]) -> bytes:
    return full(kind, struct.pack(">I", len(rows)), *(struct.pack(form, *row) for row in rows))


def film(*, edits: bytes = b"", entries: int = 1, sizes: tuple[int, ...] = (5, 3, 4), counted: int = 3, first: int = 8) -> bytes:
    entry = box(b"avc1", bytes(24), struct.pack(">HH", 320, 180), bytes(50))
    tables = box(b"stbl", full(b"stsd", struct.pack(">I", entries), entry * entries), table(b"stts", ">II", (counted, 1000)),
                 table(b"ctts", ">II", (1, 2000), (2, 500)), table(b"stss", ">I", (1,)),
                 table(b"stsc", ">III", (1, 2, 1), (2, 1, 1)),
                 full(b"stsz", struct.pack(">II", 0, len(sizes)), *(struct.pack(">I", size) for size in sizes)),
                 table(b"stco", ">I", (first,), (first + 20,)))
    media = box(b"mdia", full(b"mdhd", bytes(8), struct.pack(">II", 24000, 0), bytes(4)),
                full(b"hdlr", bytes(4), b"vide", bytes(12)), box(b"minf", tables))
    return box(b"mdat", bytes(60)) + box(b"moov", full(b"mvhd", bytes(8), struct.pack(">II", 1000, 0), bytes(80)),
                                         box(b"trak", edits, media))


def tracks(data: bytes) -> list[Track]:
    return read_tracks(lambda offset, length: data[offset:offset + length], len(data))


def edit(*rows: tuple[int, int]) -> bytes:
    return box(b"edts", table(b"elst", ">IiI", *((length, begin, 0x10000) for length, begin in rows)))


def test_packets_are_found_in_their_chunks_with_their_moments() -> None:
    [found] = tracks(film(edits=edit((0, 2000))))
    assert (list(found.places), list(found.sizes)) == ([8, 13, 28], [5, 3, 4])
    assert [found.shown(packet) for packet in range(3)] == [0, -500, 500]
    assert (found.kind, found.timescale, list(found.keys or ()), found.last) == (VIDEO, 24000, [0], 1000)


def test_a_pause_before_the_track_counts() -> None:
    [found] = tracks(film(edits=edit((500, -1), (0, 2000))))
    assert found.shown(0) == 12000


@pytest.mark.parametrize("data", [
    film(entries=2), film(counted=4), film(sizes=(5, 3)), film(sizes=(5, 3, 4, 4)), film(first=5000),
    film(edits=edit((5, 0), (5, 9))), film()[:-40], b"",
])
def test_what_cannot_be_cut_is_refused(data: bytes) -> None:
    with pytest.raises(PectinError) as raised:
        assert tracks(data) == "nothing can be said"
    assert raised.value.cause is Cause.OUTPUT_WRONG


@given(st.integers(0, 2**32))
def test_flipped_bytes_never_do_more_than_refuse(seed: int) -> None:
    dice = random.Random(seed)
    data = bytearray(film(edits=edit((0, 2000))))
    for _ in range(dice.randint(1, 6)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    with suppress(PectinError):
        for found in tracks(bytes(data)):
            mp4_fragments.initialisation(found)
            if len(found):
                mp4_fragments.decoding_times(found)


def reordered(shown: list[int], *, shift: int = -2000) -> Track:
    count = len(shown)
    decoded = [1000 * number for number in range(count)]
    return Track(kind=VIDEO, timescale=24000, entry=bytes(80), places=array("Q", range(count)), sizes=array("I", [7] * count),
                 decoded=array("q", decoded), shift=shift, keys=array("I", [0]), last=1000,
                 offsets=array("i", [moment - shift - at for moment, at in zip(shown, decoded, strict=True)]))


def test_nothing_is_decoded_before_the_film_begins_nor_after_it_is_shown() -> None:
    found = reordered([0, 4000, 2000, 1000, 3000, 8000, 6000, 5000, 7000])
    times = list(mp4_fragments.decoding_times(found))
    assert times == [0, 333, 666, 1000, 2000, 3000, 4000, 5000, 6000]
    assert all(when <= found.shown(packet) for packet, when in enumerate(times))


def test_a_fragment_lists_its_packets_with_their_times() -> None:
    found = reordered([0, 4000, 2000, 1000, 3000])
    data = mp4_fragments.fragment(found, mp4_fragments.decoding_times(found), range(1, 3), number=2)
    assert data[4:8] == b"moof"
    assert data[-8:] == struct.pack(">I", 2 * 7 + 8) + b"mdat"
    start = data.index(b"tfdt") + 8
    assert int.from_bytes(data[start:start + 8], "big") == 333
    rows = data.index(b"trun") + 8
    count, place, *listed = struct.unpack(">Ii8I", data[rows:rows + 40])
    assert (count, place) == (2, len(data))
    assert listed == [333, 7, 0x01010000, 4000 - 333, 334, 7, 0x01010000, 2000 - 666]


def test_pictures_hidden_by_an_edit_list_are_refused() -> None:
    with pytest.raises(PectinError, match="before the film's beginning"):
        mp4_fragments.decoding_times(reordered([-4000, -2000, -3000, 0], shift=-6000))


def visual(kind: bytes, *inner: bytes) -> Track:
    return _with_entry(VIDEO, box(kind, bytes(78), *inner))


def _with_entry(kind: str, entry: bytes) -> Track:
    nothing = array("q")
    return Track(kind=kind, timescale=1, entry=entry, places=nothing, sizes=nothing, decoded=nothing, offsets=nothing, shift=0,
                 keys=None, last=0)


def esds(settings: bytes, kind: int = 0x40) -> bytes:
    own = b"\x05" + bytes([len(settings)]) + settings
    decoder = b"\x04\x80\x80\x80" + bytes([13 + len(own)]) + bytes([kind]) + bytes(12) + own
    return full(b"esds", b"\x03" + bytes([3 + len(decoder)]) + bytes(3) + decoder)


@pytest.mark.parametrize(("track", "word"), [
    (visual(b"avc1", box(b"avcC", bytes.fromhex("01640028ff"))), "avc1.640028"),
    (visual(b"avc1", box(b"pasp", bytes(8)), box(b"avcC", bytes.fromhex("014d401fff"))), "avc1.4d401f"),
    (visual(b"hvc1", box(b"hvcC", bytes.fromhex("01 01 60000000 900000000000 5d" + "00" * 20))), "hvc1.1.6.L93.90"),
    (visual(b"hvc1", box(b"hvcC", bytes.fromhex("01 22 20000000 b00000000000 99" + "00" * 20))), "hvc1.2.4.H153.B0"),
    (visual(b"av01", box(b"av1C", bytes.fromhex("81080c00"))), "av01.0.08M.08"),
    (visual(b"av01", box(b"av1C", bytes.fromhex("810d4c00"))), "av01.0.13M.10"),
    (visual(b"vp09", box(b"vpcC", bytes.fromhex("01000000 00 1f 82 020202"))), "vp09.00.31.08"),
    (_with_entry(SOUND, box(b"mp4a", bytes(28), esds(bytes.fromhex("1190")))), "mp4a.40.2"),
    (_with_entry(SOUND, box(b"mp4a", bytes(28), esds(bytes.fromhex("2b11")))), "mp4a.40.5"),
    (_with_entry(SOUND, box(b"Opus", bytes(16), b"\0\2", bytes(10))), "opus"),
])
def test_codings_are_named_as_players_ask_for_them(track: Track, word: str) -> None:
    assert codecs.codec(track) == word


@pytest.mark.parametrize(("settings", "count"), [("1190", 2), ("1188", 1), ("11b0", 6), ("11b8", 8), ("1180", None)])
def test_the_channels_are_those_of_the_sound_itself(settings: str, count: int | None) -> None:
    assert codecs.channels(_with_entry(SOUND, box(b"mp4a", bytes(28), esds(bytes.fromhex(settings))))) == count


@pytest.mark.parametrize("track", [visual(b"avc1"), visual(b"mp4v"), visual(b"hvc1", box(b"hvcC", bytes(5))),
                                   _with_entry(SOUND, box(b"mp4a", bytes(28), esds(b"\x11\x90", 0x6B)))])
def test_what_has_no_word_is_refused(track: Track) -> None:
    with pytest.raises(PectinError):
        codecs.codec(track)


@pytest.mark.parametrize(("transfer", "said"), [(16, "PQ"), (18, "HLG"), (1, "SDR")])
def test_hdr_is_told(transfer: int, said: str) -> None:
    assert codecs.picture_range(visual(b"hvc1", box(b"colr", b"nclx", struct.pack(">HHHB", 9, transfer, 9, 0)))) == said


def packet(number: int, *, begins: bool = False, key: bool = False, picture: bool = False) -> bytes:
    adapted = begins and picture
    head = bytes([0x47, number >> 8 | (0x40 if begins else 0), number & 255, 0x30 if adapted else 0x10])
    inside = bytes([7, 0x40 if key else 0]) + bytes(6) if adapted else b""
    return (head + inside + (b"\0\0\1\xe0" if begins and picture else b"")).ljust(188, b"\xff")


def test_a_still_picture_reaches_from_its_tables_to_those_of_the_next() -> None:
    tables = packet(0, begins=True) + packet(0x1000, begins=True)
    segment = (tables + packet(256, begins=True, key=True, picture=True) + packet(256) + packet(257, begins=True)
               + packet(256, begins=True, picture=True) + packet(256) + tables + packet(256, begins=True, key=True, picture=True)
               + packet(256))
    assert list(ts_stills.stills(segment)) == [(0, 5 * 188), (7 * 188, 4 * 188)]


@given(st.binary(max_size=2000))
def test_noise_is_no_reason_to_fail(data: bytes) -> None:
    assert all(0 <= place < len(data) and size > 0 for place, size in ts_stills.stills(data[:len(data) // 188 * 188]))
