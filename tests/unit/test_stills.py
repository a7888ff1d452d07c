"""Where pictures of a film are looked for, what makes a frame good, and what is read from a finished JPEG."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pectin.encoding import shown, stills
from pectin.encoding.shown import Shown
from unit.mediamaker import film, picture

FRAME = stills.WIDTH * stills.HEIGHT
_RANDOM = random.Random(1)
PHOTOGRAPH = bytes(_RANDOM.choice((20, 90, 140, 230)) for _ in range(FRAME))


def a_film(**facts: object) -> Shown:
    return Shown(**({"file": "video.mp4", "demuxer": "mov", "seconds": 100.0, "width": 1920, "height": 1080,
                     "keys": tuple(float(at) for at in range(0, 100, 2))} | facts))  # type: ignore[arg-type]


def flat(value: int) -> bytes:
    return bytes([value]) * FRAME


def dimmed(share: float) -> bytes:
    return bytes(int(value * share) for value in PHOTOGRAPH)


@pytest.mark.parametrize("frames", [
    pytest.param([flat(0)] * 3, id="black"), pytest.param([flat(255)] * 3, id="white"), pytest.param([flat(120)] * 3, id="empty"),
    pytest.param([dimmed(0.5), dimmed(0.6), dimmed(0.7)], id="fade"),
    pytest.param([flat(255), PHOTOGRAPH], id="flash just before it")])
def test_a_frame_that_shows_little_is_poor(frames: list[bytes]) -> None:
    assert all(look.poor for look in stills.looks(5.0, b"".join(frames)))


def test_a_steady_picture_is_good() -> None:
    seen = list(stills.looks(5.0, PHOTOGRAPH * 3))
    assert [round(look.at, 1) for look in seen] == [5.0, 5.2, 5.4]
    assert not any(look.poor for look in seen)


def test_the_best_place_comes_first_and_the_poor_ones_last() -> None:
    faint = bytes(100 + value // 8 for value in PHOTOGRAPH)
    seen = [list(stills.looks(at, frame * 3)) for at, frame in ((1.0, flat(0)), (2.0, faint), (3.0, PHOTOGRAPH))]
    assert [look.at for look in stills.best(seen)] == [3.0, 2.0, 1.0]


def test_of_a_black_film_the_black_frames_are_the_best_there_are() -> None:
    assert [look.poor for look in stills.best([list(stills.looks(0.0, flat(0) * 3)), []])] == [True]


def test_half_a_frame_is_none() -> None:
    assert len(list(stills.looks(0.0, PHOTOGRAPH + PHOTOGRAPH[:100]))) == 1


def test_a_film_is_looked_at_where_decoding_begins_anyway() -> None:
    film_seen = a_film()
    assert set(stills.places(film_seen)) <= set(film_seen.keys)
    assert min(stills.places(film_seen)) >= 10
    assert max(stills.places(film_seen)) < 70


@settings(deadline=None)
@given(st.floats(0.04, 90_000), st.lists(st.floats(0, 90_000), max_size=50))
def test_every_place_is_in_the_film(seconds: float, keys: list[float]) -> None:
    placed = stills.places(a_film(seconds=seconds, keys=tuple(sorted(key for key in keys if key < seconds))))
    assert 1 <= len(placed) <= 7
    assert all(0 <= place < seconds for place in placed)


def test_a_film_without_key_frames_is_not_decoded_to_its_end_for_a_poster() -> None:
    assert max(stills.places(a_film(seconds=7200.0, keys=(0.0,)))) <= 60


@pytest.mark.parametrize(("keys", "dense"), [
    ((0.0, 9.0, 18.0, 27.0), True), ((0.0, 18.0, 27.0), False), ((0.0, 9.0), False), ((), False), ((12.0, 20.0, 27.0), False)])
def test_key_frames_are_dense_when_no_picture_is_shown_twice(keys: tuple[float, ...], dense: bool) -> None:
    assert a_film(seconds=30.0, keys=keys).dense is dense


def test_the_list_of_key_frames_is_read_in_its_own_clock() -> None:
    lines = ["#tb 0: 1/12800", "#media_type 0: video", "0,  -512, 0, 512, 7534, 0x84", "0, 25600, 25600, 512, 8747, 0xff",
             "0, 51200, 51712, 512, 8698, 0xd6, F=0x5",
             "0, 52000, 52000, 512, 9, 0xd6, F=0x0", "0, 0, -512, 512, 1, 0x0"]
    assert shown.keys_in(lines) == (0.0, 2.0, 4.04)


def test_a_film_is_seen_upright_and_in_its_shape() -> None:
    anamorphic = shown.seen("video.mkv", "matroska", film(picture(width=720, height=576, sample_aspect_ratio=Fraction(64, 45))))
    turned = shown.seen("video.mkv", "matroska", film(picture(rotation=-90)))
    assert anamorphic is not None
    assert (anamorphic.width, anamorphic.height) == (1024, 576)
    assert turned is not None
    assert (turned.width, turned.height) == (1080, 1920)
    assert shown.seen("video.mkv", "matroska", film(picture(width=None))) is None


@settings(deadline=None)
@given(st.integers(1, 8000), st.integers(1, 8000), st.integers(64, 2000))
def test_a_picture_fits_its_box_in_even_numbers_and_is_not_enlarged(width: int, height: int, box: int) -> None:
    wide, high = a_film(width=width, height=height).fitted(box, box)
    assert wide % 2 == high % 2 == 0
    assert 2 <= wide <= max(2, min(width, box) + 1)
    assert 2 <= high <= max(2, min(height, box) + 1)


def test_hdr_is_tone_mapped_for_every_picture_and_sdr_never() -> None:
    command = " ".join(stills.still_argv(a_film(transfer="smpte2084"), 1.0, 320, 180, "poster.jpg", 2))
    assert "tonemap" in command
    assert "color_trc=smpte2084" in command
    assert "tonemap" not in " ".join(stills.still_argv(a_film(), 1.0, 320, 180, "poster.jpg", 2))


def test_a_jpeg_tells_its_size_when_it_is_whole() -> None:
    whole = (b"\xff\xd8" + b"\xff\xe0\0\x10JFIF" + b"\0" * 10 + b"\xff\xc4\0\x03\0"
             + b"\xff\xc0\0\x11\x08" + (720).to_bytes(2) + (1280).to_bytes(2) + b"\x03" + b"\0" * 9 + b"data\xff\xd9")
    assert stills.jpeg_size(whole) == (1280, 720)
    assert stills.jpeg_size(whole[:-2]) is None


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_anything_at_all_is_read_as_a_jpeg_without_harm(data: bytes) -> None:
    stills.jpeg_size(data)
    stills.jpeg_size(b"\xff\xd8" + data + b"\xff\xd9")
