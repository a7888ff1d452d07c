"""planning/layout.py: what ffprobe does not tell of an MP4, from boxes made by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pectin.model.media import Layout
from pectin.planning.layout import read_layout

PLAIN = Layout(faststart=True, fragmented=False, plain_edits=True, texts_enabled=False)


def box(kind: str, *content: bytes) -> bytes:
    body = b"".join(content)
    return (8 + len(body)).to_bytes(4, "big") + kind.encode() + body


def wide(kind: str, content: bytes) -> bytes:
    return b"\0\0\0\1" + kind.encode() + (16 + len(content)).to_bytes(8, "big") + content


def edits(*entries: tuple[int, int, int], version: int = 0) -> bytes:
    width = 8 if version else 4
    listed = b"".join(length.to_bytes(width, "big") + time.to_bytes(width, "big", signed=True) + rate.to_bytes(4, "big")
                      for length, time, rate in entries)
    return box("edts", box("elst", bytes([version, 0, 0, 0]), len(entries).to_bytes(4, "big"), listed))


def track(handler: str = "vide", *, enabled: bool = True, more: bytes = b"") -> bytes:
    return box("trak", box("tkhd", bytes([0, 0, 0, int(enabled)]), bytes(80)), more,
               box("mdia", box("hdlr", bytes(8), handler.encode(), bytes(12))))


FTYP, MDAT = box("ftyp", b"isom", bytes(4)), box("mdat", bytes(100))


def layout(*boxes: bytes) -> Layout | None:
    content = b"".join(boxes)
    return read_layout(lambda offset, length: content[offset:offset + length], len(content))


def test_an_index_in_front_is_faststart_and_one_behind_is_not() -> None:
    assert layout(FTYP, box("moov", track()), MDAT) == PLAIN
    assert layout(FTYP, box("moov", track()), box("free", bytes(9)), wide("mdat", bytes(50))) == PLAIN
    behind = layout(FTYP, MDAT, box("moov", track()))
    assert behind is not None
    assert not behind.faststart


def test_fragments_are_seen_in_the_file_and_in_the_index() -> None:
    for boxes in ((FTYP, box("moov", track(), box("mvex")), MDAT), (FTYP, box("moov", track()), box("moof"), MDAT)):
        found = layout(*boxes)
        assert found is not None
        assert found.fragmented


def test_a_pause_before_a_track_is_plain_and_a_cut_within_is_not() -> None:
    whole = 1 << 16
    for version in (0, 1):
        for entries, plain in (([(50, 0, whole)], True), ([(50, 1024, whole)], True), ([(9, -1, whole), (50, 0, whole)], True),
                               ([(5, 0, whole), (5, 9, whole)], False), ([(9, -1, whole)] * 3, False),
                               ([(50, 0, whole // 2)], False), ([(50, -1, whole)], False)):
            found = layout(FTYP, box("moov", track(more=edits(*entries, version=version))), MDAT)
            assert found is not None
            assert found.plain_edits is plain, entries
            assert found.pieced is not plain
            beside = layout(FTYP, box("moov", track(), track("text", enabled=False, more=edits(*entries, version=version))), MDAT)
            assert beside is not None
            assert (beside.plain_edits, beside.pieced) == (plain, False)


def test_a_subtitle_that_is_switched_on_is_seen() -> None:
    for handler, enabled, seen in (("sbtl", True, True), ("text", True, True), ("sbtl", False, False), ("soun", True, False)):
        found = layout(FTYP, box("moov", track(), track(handler, enabled=enabled)), MDAT)
        assert found is not None
        assert found.texts_enabled is seen


def timed(stated: int, *entries: tuple[int, int], handler: str = "vide", wide_header: bool = False) -> bytes:
    """A track that says it lasts `stated` thousandths of a second, with so many samples of a length each."""
    length = stated.to_bytes(8 if wide_header else 4, "big")
    header = bytes([wide_header, 0, 0, 0]) + bytes(16 if wide_header else 8) + (1000).to_bytes(4, "big") + length + bytes(4)
    listed = b"".join(number.to_bytes(4, "big") for entry in entries for number in entry)
    times = box("stts", bytes(4), len(entries).to_bytes(4, "big"), listed)
    return box("trak", box("tkhd", bytes([0, 0, 0, 1]), bytes(80)),
               box("mdia", box("mdhd", header), box("hdlr", bytes(8), handler.encode(), bytes(12)),
                   box("minf", box("vmhd", bytes(12)), box("stbl", box("stsd", bytes(8)), times))))


def test_samples_that_last_longer_than_their_track_are_seen() -> None:
    for track_, agree in ((timed(1200, (30, 40)), True), (timed(1200, (30, 40), wide_header=True), True),
                          (timed(1200, (29, 40), (1, 900)), True), (timed(1200, (29, 40), (1, 82_000)), False),
                          (timed(1200, (30, 2**31 - 1), wide_header=True), False), (timed(3_600_000, (100, 36_300)), True),
                          (timed(3_600_000, (100, 37_000)), False), (timed(0, (30, 40)), True),
                          (timed(2**32 - 1, (30, 40)), True), (timed(1200, (30, 2**31 - 1), handler="text"), True),
                          (timed(1200), True), (timed(10, *[(2, 5)] * 400), False)):
        found = layout(FTYP, box("moov", track(), track_), MDAT)
        assert found is not None
        assert found.times_agree is agree, track_


def test_what_is_no_whole_mp4_has_no_layout() -> None:
    assert layout(b"\x1a\x45\xdf\xa3" + bytes(100)) is None
    assert layout(box("moov", track()), MDAT) is None
    assert layout(FTYP, MDAT) is None
    assert layout(FTYP, box("moov", track()), MDAT[:50]) is None
    assert layout(b"") is None


def test_a_file_of_endless_boxes_is_given_up() -> None:
    assert layout(FTYP, box("free") * 6000, box("moov", track()), MDAT) is None


@given(st.binary(max_size=300), st.booleans())
def test_garbage_never_raises(content: bytes, real: bool) -> None:
    assert layout(FTYP if real else b"", content) is None or real
