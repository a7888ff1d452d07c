"""encoding/fields.py, borders.py and looking.py: where to look, and what the filters' words mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.encoding import borders, fields
from pectin.encoding.fields import Frame, Spot
from pectin.encoding.looking import places
from pectin.model.measured import CropBox, Scan
from unit.mediamaker import film

IDET = """frame:0    pts:0       pts_time:0
lavfi.idet.repeated.current_frame=neither
lavfi.idet.repeated.neither=1.00
lavfi.idet.single.current_frame=undetermined
lavfi.idet.multiple.current_frame=progressive
frame:1    pts:3003    pts_time:0.0333667
lavfi.idet.repeated.current_frame=top
lavfi.idet.single.current_frame=tff
lavfi.idet.multiple.current_frame=tff
lavfi.idet.multiple.tff=1.00""".splitlines()

WORDS = {"p": "progressive", "t": "tff", "b": "bff", "u": "undetermined", "n": "neither", "T": "top", "B": "bottom"}


def frames(orders: str, repeated: str = "") -> list[Frame]:
    return [Frame(WORDS[order], WORDS[again]) for order, again in zip(orders, repeated.ljust(len(orders), "n"), strict=True)]


def test_the_words_of_idet_become_frames() -> None:
    assert fields.parse(["noise", *IDET]) == (Frame("progressive", "neither"), Frame("tff", "top"))


@pytest.mark.parametrize(("orders", "repeated", "scan", "top"), [
    ("p" * 24, "", Scan.PROGRESSIVE, None),
    ("p" * 20 + "t" * 4, "", Scan.PROGRESSIVE, None),
    ("t" * 24, "", Scan.INTERLACED, True),
    ("u" * 10 + "b" * 14, "", Scan.INTERLACED, False),
    ("u" * 24, "", None, None),
    ("u" * 20 + "tttt", "", None, None),
    ("tb" * 12, "", None, None),
    ("t" * 25, "nnTnB" * 5, Scan.TELECINED, True),
    ("ppttt" * 5, "nnTnB" * 5, Scan.TELECINED, True),
    ("t" * 25, "nnTnn" * 5, Scan.INTERLACED, True),                      # only one field: not film
    ("t" * 25, "nnnnnnnnnTBnnTnBnnTnBnnTn", Scan.TELECINED, True),       # a cut in the middle
    ("t" * 25, "TnBnnTnnBnnTnnnBTnnBnnTnn", Scan.INTERLACED, True),      # repeated without any step
    ("b" * 25, "nnnBTnnnBTnnnBTnnnBTnnnBT", Scan.TELECINED, False),
])
def test_one_place_tells(orders: str, repeated: str, scan: Scan | None, top: bool | None) -> None:
    assert fields.judge(frames(orders, repeated)) == Spot(scan, top)


P, F, T, N = Scan.PROGRESSIVE, Scan.INTERLACED, Scan.TELECINED, None


@pytest.mark.parametrize(("spots", "scan"), [
    ((P, P, P), P), ((N, N), None), ((), None), ((P, N, N), P), ((F, N), F), ((T, T, N), T),
    ((P, P, P, P, F), F), ((T, T, F), T), ((T, T, P), T), ((T, F, F), F), ((T, F), F), ((T, P, P), F),
])
def test_the_places_together_tell_of_the_film(spots: tuple[Scan | None, ...], scan: Scan | None) -> None:
    assert fields.combine(Spot(seen, True if seen in (F, T) else None) for seen in spots).scan is scan


def test_the_order_of_most_places_counts() -> None:
    assert fields.combine([Spot(F, False), Spot(F, False), Spot(F, True)]).top_first is False


@given(st.lists(st.builds(Frame, st.sampled_from(["tff", "bff", "progressive", "undetermined"]),
                          st.sampled_from(["neither", "top", "bottom"])), max_size=60))
def test_any_frames_are_judged(seen: list[Frame]) -> None:
    spot = fields.judge(seen)
    assert (spot.top_first is None) == (spot.scan in (None, Scan.PROGRESSIVE))


def box(left: int, top: int, right: int, bottom: int) -> CropBox:
    return CropBox(width=right - left, height=bottom - top, x=left, y=top)


def edges(left: int, top: int, right: int, bottom: int) -> list[str]:
    """As cropdetect prints the last pixel of each side."""
    return ["frame:0 pts:0", f"lavfi.cropdetect.x1={left}", f"lavfi.cropdetect.x2={right - 1}", f"lavfi.cropdetect.y1={top}",
            f"lavfi.cropdetect.y2={bottom - 1}", "lavfi.cropdetect.w=-318", "lavfi.cropdetect.limit=0.094"]


def test_the_words_of_cropdetect_become_boxes_and_a_black_frame_has_none() -> None:
    assert borders.parse([*edges(0, 30, 320, 210), *edges(319, 239, 1, 1)]) == (box(0, 30, 320, 210),)


@pytest.mark.parametrize(("boxes", "found"), [
    ([box(0, 138, 1920, 942)] * 12, box(0, 138, 1920, 942)),
    ([box(0, 138, 1920, 942)] * 9 + [box(300, 400, 900, 800)] * 3, box(0, 138, 1920, 942)),       # some are dark
    ([box(0, 138, 1920, 942)] * 6 + [box(0, 0, 1920, 1080)] * 6, box(0, 0, 1920, 1080)),          # the shape changes
    ([box(0, 138, 1920, 942)] * 11 + [box(0, 0, 1920, 1080)], None),                               # one frame says otherwise
    ([box(0, 138, 1920, 942)] * 5, None),                                                          # too few
    ([box(0, 0, 1920, 900)] * 12, None),                                                           # at one side only
    ([box(n * 90, n * 50, 900 + n * 90, 500 + n * 50) for n in range(12)], None),                  # a light that wanders
])
def test_the_largest_box_counts_when_enough_frames_bear_witness(boxes: list[CropBox], found: CropBox | None) -> None:
    assert borders.combine(boxes, 1920, 1080) == found


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90), st.integers(1, 10), st.integers(1, 10)), max_size=30))
def test_no_box_is_ever_cut(sides: list[tuple[int, int, int, int]]) -> None:
    boxes = [CropBox(x=x, y=y, width=width, height=height) for x, y, width, height in sides]
    found = borders.combine(boxes, 100, 100)
    assert found is None or all(
        found.x <= b.x and found.y <= b.y and b.x + b.width <= found.x + found.width and b.y + b.height <= found.y + found.height
        for b in boxes)


def test_a_long_film_is_looked_at_all_over_from_the_middle_on() -> None:
    assert places(film(duration=100.0), 5) == (50.0, 10.0, 90.0, 30.0, 70.0)


@pytest.mark.parametrize("facts", [{"duration": None}, {"duration": 7.0}, {"formats": ("h264",), "duration": 900.0}])
def test_where_seeking_is_of_no_use_the_beginning_is_looked_at(facts: dict[str, object]) -> None:
    assert places(film(**facts), 5) == (None,)
