"""model/mastering.py, planning/containers.py and the picture's part of planning/probe.py."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model import mastering
from pectin.model.mastering import ContentLight
from pectin.model.profile import Container
from pectin.planning import probe
from pectin.planning.containers import holds

SCREEN = {"side_data_type": "Mastering display metadata", "red_x": "34000/50000", "red_y": "16000/50000",
          "green_x": "13250/50000", "green_y": "34500/50000", "blue_x": "7500/50000", "blue_y": "3000/50000",
          "white_point_x": "15635/50000", "white_point_y": "16450/50000", "min_luminance": "50/10000",
          "max_luminance": "10000000/10000"}
LIGHT = {"side_data_type": "Content light level metadata", "max_content": 1000, "max_average": 400}


def test_the_screen_and_the_light_are_read() -> None:
    screen, light = mastering.read([{"side_data_type": "CPB properties"}, SCREEN, LIGHT])
    assert screen is not None
    assert (screen.red, screen.white[0], screen.brightest, screen.darkest) == (
        (Fraction(17, 25), Fraction(8, 25)), Fraction(3127, 10_000), 1000, Fraction(1, 200))
    assert light == ContentLight(pixel=1000, frame=400)


@pytest.mark.parametrize("change", [{"red_x": "0/0"}, {"red_x": None}, {"max_luminance": "0/1"}, {"blue_y": "2/1"},
                                    {"max_luminance": "900000/1"}, {"green_x": "-1/2"}, {"green_x": "0.3"}])
def test_half_a_screen_is_none(change: dict[str, Any]) -> None:
    assert mastering.read([{**SCREEN, **change}]) == (None, None)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9),
                    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*SCREEN, *LIGHT]), inner)))
def test_garbage_is_nothing(side_data: Any) -> None:
    assert mastering.read([side_data]) == (None, None)


def picture(side_data: list[dict[str, Any]]) -> Any:
    stream = {"index": 0, "codec_type": "video", "codec_name": "hevc", "width": 8, "height": 8, "side_data_list": side_data}
    return probe.parse({"streams": [stream], "format": {"format_name": "mov"}}).video[0]


@pytest.mark.parametrize(("matrix", "mirrored"), [
    ((1, 0, 0, 0, 1, 0, 0, 0, 1), False), ((-1, 0, 0, 0, -1, 0, 0, 0, 1), False), ((0, 1, 0, -1, 0, 0, 0, 0, 1), False),
    ((-1, 0, 0, 0, 1, 0, 0, 0, 1), True), ((1, 0, 0, 0, -1, 0, 0, 0, 1), True), ((0, 1, 0, 1, 0, 0, 0, 0, 1), True),
    ((1, 0), False),
])
def test_a_matrix_that_turns_left_and_right_about_is_a_mirror(matrix: tuple[int, ...], mirrored: bool) -> None:
    rows = [matrix[start:start + 3] for start in range(0, len(matrix), 3)]
    text = "".join(f"\n{number:08}: " + " ".join(f"{value * 65536:11}" for value in row) for number, row in enumerate(rows))
    found = picture([{"side_data_type": "Display Matrix", "displaymatrix": text + "\n", "rotation": 0}])
    assert found.mirrored is mirrored


def test_the_probe_carries_what_the_container_says_of_the_screen() -> None:
    found = picture([SCREEN, LIGHT])
    assert (found.mastering.brightest, found.light.pixel) == (1000, 1000)


@pytest.mark.parametrize(("container", "yes", "no"), [
    (Container.MP4, ("h264", "hevc", "av1", "vp9", "aac", "ac3", "opus", "mov_text"),
     ("vp8", "ffv1", "flac", "truehd", "pcm_s16le", "subrip", "hdmv_pgs_subtitle", None)),
    (Container.MKV, ("h264", "ffv1", "vc1", "flac", "truehd", "subrip", "ass", "hdmv_pgs_subtitle"), ("mov_text", "qtrle", None)),
    (Container.WEBM, ("vp8", "vp9", "av1", "opus", "vorbis", "webvtt"), ("h264", "aac", "subrip", None)),
    (Container.SOURCE, ("h264", "anything", None), ()),
])
def test_a_container_holds_what_comes_back_from_it(container: Container, yes: tuple[str | None, ...],
                                                   no: tuple[str | None, ...]) -> None:
    assert all(holds(container, codec) for codec in yes)
    assert not any(holds(container, codec) for codec in no)
