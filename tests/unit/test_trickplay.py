"""Pictures along a film: how many, on which sheets, where on them; and their index for web players."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pectin.encoding import trickplay
from pectin.publishing import sprites

CUE = re.compile(r"(\d+):(\d\d):(\d\d\.\d{3}) --> (\d+):(\d\d):(\d\d\.\d{3})\nsheet-(\d+)\.jpg#xywh=(\d+),(\d+),(\d+),(\d+)\n")


@pytest.mark.parametrize(("seconds", "pictures"), [
    (0.04, 1), (4, 1), (10, 1), (10.001, 1), (10.1, 2), (11, 2), (20, 2), (7200, 720)])
def test_every_ten_seconds_that_have_begun_have_a_picture(seconds: float, pictures: int) -> None:
    assert trickplay.grid(seconds, 1920, 1080).pictures == pictures


@pytest.mark.parametrize(("width", "height", "expected"), [
    (1920, 1080, (320, 180)), (1920, 800, (320, 134)), (180, 320, (180, 320)), (321, 241, (320, 240)), (101, 50, (100, 50)),
    (1, 500, (2, 1000))])
def test_a_picture_is_320_wide_or_as_wide_as_the_film(width: int, height: int, expected: tuple[int, int]) -> None:
    made = trickplay.grid(60, width, height)
    assert (made.width, made.height) == expected


def test_the_folder_is_called_as_jellyfin_calls_it() -> None:
    assert trickplay.grid(60, 1920, 1080).folder == "320 - 10x10"
    assert trickplay.grid(60, 240, 180).folder == "240 - 10x10"


@settings(deadline=None)
@given(st.floats(0.01, 99_000), st.integers(2, 4000), st.integers(2, 4000))
def test_the_sheets_hold_all_pictures_and_no_sheet_is_empty(seconds: float, width: int, height: int) -> None:
    made = trickplay.grid(seconds, width, height)
    assert (made.sheets - 1) * 100 < made.pictures <= made.sheets * 100
    assert made.sheet_size == (made.width * 10, made.height * 10)
    assert made.width % 2 == made.height % 2 == 0


def sheets_seen(bright: int, sheets: int, value: int = 120) -> bytes:
    """Sheets of 80x80 pixels whose first `bright` pictures show something."""
    data = bytearray(sheets * 6400)
    for number in range(bright):
        page, cell = divmod(number, 100)
        for row in range(8):
            start = page * 6400 + (cell // 10 * 8 + row) * 80 + cell % 10 * 8
            data[start : start + 8] = bytes([value]) * 8
    return bytes(data)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 250))
def test_padding_is_told_from_pictures(pictures: int) -> None:
    made = trickplay.Grid(pictures=pictures, width=320, height=180)
    seen = trickplay.means(sheets_seen(pictures, made.sheets))
    assert [mean > 100 for mean in seen] == [number < pictures for number in range(made.sheets * 100)]
    assert trickplay.wrong(seen, made) == ""
    assert not trickplay.all_black(seen, made)


def test_one_picture_too_many_and_a_sheet_too_few_are_seen() -> None:
    made = trickplay.Grid(pictures=120, width=320, height=180)
    assert trickplay.wrong(trickplay.means(sheets_seen(121, 2)), made) == "there are more than 120 pictures"
    assert trickplay.wrong(trickplay.means(sheets_seen(100, 1)), made) == "there are 1 sheets instead of 2"


def test_sheets_without_any_picture_are_seen() -> None:
    made = trickplay.Grid(pictures=3, width=320, height=180)
    assert trickplay.all_black(trickplay.means(sheets_seen(0, 1)), made)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.01, 9_000), st.integers(2, 320), st.integers(2, 320))
def test_the_index_covers_the_film_without_a_gap_and_stays_on_the_sheets(seconds: float, width: int, height: int) -> None:
    pictures = max(1, math.ceil(round(seconds, 2) / 10))
    text = sprites.index(pictures=pictures, interval=10, seconds=seconds, columns=10, rows=10, width=width, height=height)
    assert text.startswith("WEBVTT\n\n")
    cues = CUE.findall(text)
    assert len(cues) == text.count("-->") == pictures
    before = 0.0
    for number, cue in enumerate(cues):
        begin, end = (int(hours) * 3600 + int(minutes) * 60 + float(rest) for hours, minutes, rest in (cue[:3], cue[3:6]))
        sheet, left, top, wide, high = map(int, cue[6:])
        assert begin == pytest.approx(before)
        assert end > begin
        assert (sheet, left, top) == (number // 100, number % 10 * width, number % 100 // 10 * height)
        assert (wide, high) == (width, height)
        before = end
    assert before == pytest.approx(seconds, abs=0.01)
