"""publishing/mp4_flags.py: one bit of each text track, found in any legal order of boxes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.errors import Cause, PectinError
from pectin.publishing.mp4_flags import disable_texts, enabled


def box(kind: bytes, *content: bytes, wide: bool = False, open_end: bool = False) -> bytes:
    inside = b"".join(content)
    if wide:
        return b"\0\0\0\1" + kind + (len(inside) + 16).to_bytes(8, "big") + inside
    return (0 if open_end else len(inside) + 8).to_bytes(4, "big") + kind + inside


def track(handler: bytes, flags: int, *, wide: bool = False, version: int = 0) -> bytes:
    """The handler may come before the header."""
    head = box(b"tkhd", bytes([version, 0, 0, flags]), bytes(80))
    media = box(b"mdia", box(b"mdhd", bytes(24)), box(b"hdlr", bytes(8), handler, bytes(12), b"name\0"), wide=wide)
    return box(b"trak", *((media, head) if wide else (head, media)), wide=wide)


def found(data: bytes) -> list[tuple[int, int]]:
    return list(enabled(lambda offset, length: data[offset:offset + length], len(data)))


MOOV = box(b"moov", box(b"mvhd", bytes(100)), track(b"vide", 3), track(b"sbtl", 3), track(b"soun", 3), track(b"text", 7),
           track(b"sbtl", 2), track(b"subt", 1, version=1))


@pytest.mark.parametrize("data", [
    box(b"ftyp", b"isom") + MOOV + box(b"mdat", bytes(50)),
    box(b"ftyp", b"isom") + box(b"mdat", bytes(50), wide=True) + MOOV,
    box(b"ftyp", b"isom") + box(b"free") + MOOV + box(b"mdat", bytes(50), open_end=True),
    box(b"moov", track(b"vide", 3, wide=True), track(b"sbtl", 3, wide=True), track(b"text", 7, wide=True),
        track(b"subt", 1, wide=True), wide=True),
])
def test_enabled_texts_are_found_wherever_they_stand(data: bytes, tmp_path: Path) -> None:
    places = found(data)
    assert [flags for _, flags in places] == [3, 7, 1]
    assert all(data[offset] == flags for offset, flags in places)
    file = tmp_path / "film.mp4"
    file.write_bytes(data)
    assert disable_texts(file) == 3
    cured = file.read_bytes()
    changed = [(at, before ^ after) for at, (before, after) in enumerate(zip(data, cured, strict=True)) if before != after]
    assert changed == [(at, 1) for at, _ in places]
    assert disable_texts(file) == 0


@pytest.mark.parametrize("data", [
    box(b"moov", b"\0\0\0\x50trak"), box(b"moov", b"\0\0\0\4trak"), b"\0\0\xff\xffmoov", box(b"ftyp") + b"\0\0\0\7moov    ",
    b"\0\0\0\1moov" + bytes(8),
])
def test_boxes_that_do_not_fit_are_no_mp4(data: bytes) -> None:
    with pytest.raises(PectinError) as caught:
        found(data)
    assert caught.value.cause is Cause.OUTPUT_WRONG


@given(st.binary(max_size=200), st.integers(0, len(MOOV)), st.integers(0, 255))
def test_nothing_makes_it_hang_or_leave_the_file(noise: bytes, at: int, value: int) -> None:
    damaged = bytearray(MOOV + noise)
    damaged[at % len(damaged)] = value
    try:
        places = found(bytes(damaged))
    except PectinError:
        return
    assert all(damaged[offset] == flags for offset, flags in places)
