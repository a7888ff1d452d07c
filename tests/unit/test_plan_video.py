"""planning/video.py: one broken rule at a time, and what is done about it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from pectin.model.media import MediaInfo
from pectin.model.plan import Reason, StreamAction, StreamDecision, VideoTarget
from pectin.model.profile import Profile
from pectin.planning import plan
from unit.mediamaker import film, picture, sound


def decision(media: MediaInfo, **profile: Any) -> StreamDecision:
    return plan.decide(media, Profile(**profile)).kept[0]


def target(**facts: Any) -> VideoTarget:
    found = decision(film(picture(**{"codec": "hevc", **facts}), sound())).target
    assert isinstance(found, VideoTarget)
    return found


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"codec": "hevc"}, Reason.CODEC),
        ({"profile": "High 10"}, Reason.CODEC_PROFILE),
        ({"profile": None}, Reason.UNKNOWN_FACTS),
        ({"level": 42}, Reason.LEVEL),
        ({"level": None}, Reason.UNKNOWN_FACTS),
        ({"reference_frames": 5}, Reason.REFERENCE_FRAMES),
        ({"pixel_format": "yuv420p10le"}, Reason.PIXEL_FORMAT),
        ({"pixel_format": "yuvj420p"}, Reason.PIXEL_FORMAT),
        ({"color_range": "pc"}, Reason.PIXEL_FORMAT),
        ({"pixel_format": None}, Reason.UNKNOWN_FACTS),
        ({"dolby_vision_profile": 8, "dolby_vision_compatibility": 2}, Reason.DOLBY_VISION),
        ({"color_transfer": "smpte2084"}, Reason.HDR),
        ({"color_transfer": "arib-std-b67"}, Reason.HDR),
        ({"field_order": "tb"}, Reason.INTERLACED),
        ({"sample_aspect_ratio": Fraction(64, 45)}, Reason.ANAMORPHIC),
        ({"rotation": -90}, Reason.ROTATED),
        ({"width": 1921}, Reason.TOO_LARGE),
        ({"height": 1082}, Reason.TOO_LARGE),
        ({"height": 719}, Reason.ODD_SIZE),
        ({"average_frame_rate": Fraction(50)}, Reason.FRAME_RATE),
        ({"average_frame_rate": None, "real_frame_rate": None}, Reason.UNKNOWN_FACTS),
        ({"bit_rate": 7_900_000}, Reason.BITRATE),
    ],
)
def test_a_broken_rule_is_the_reason_to_encode(facts: dict[str, Any], reason: Reason) -> None:
    found = decision(film(picture(**facts), sound()))
    assert (found.action, found.reason) == (StreamAction.ENCODE, reason)


@pytest.mark.parametrize(
    "facts",
    [
        {"level": 41},
        {"reference_frames": None},
        {"level": 9},
        {"profile": "Main"},
        {"profile": "Constrained Baseline"},
        {"field_order": None},
        {"sample_aspect_ratio": None},
        {"color_transfer": "bt709"},
        {"average_frame_rate": Fraction(3004, 100)},
        {"rotation": 360},
        {"width": 1280, "height": 720, "average_frame_rate": Fraction(60000, 1001)},
        {"bit_rate": 7_700_000},
    ],
)
def test_what_breaks_no_rule_is_copied(facts: dict[str, Any]) -> None:
    assert decision(film(picture(**facts), sound())).action is StreamAction.COPY


def test_all_faults_stand_in_the_sentence() -> None:
    sentence = decision(film(picture(codec="mpeg2video", field_order="tt", sample_aspect_ratio=Fraction(16, 15)))).sentence
    assert "mpeg2video" in sentence
    assert "interlaced" in sentence
    assert "16:15" in sentence


def test_h264_in_avi_is_not_copied() -> None:
    assert decision(film(formats=("avi",))).reason is Reason.TIMESTAMPS


def test_an_unknown_rate_of_the_picture_is_the_containers_less_the_sound() -> None:
    assert decision(film(picture(bit_rate=None), sound(), bit_rate=5_000_000)).action is StreamAction.COPY
    assert decision(film(picture(bit_rate=None), sound(), bit_rate=9_000_000)).reason is Reason.BITRATE
    assert decision(film(picture(bit_rate=None), sound(), bit_rate=None, size=10**9)).reason is Reason.BITRATE
    assert decision(film(picture(bit_rate=None), sound(), bit_rate=None, size=None)).reason is Reason.UNKNOWN_FACTS


@pytest.mark.parametrize(
    ("facts", "size"),
    [
        ({"width": 3840, "height": 2160}, (1920, 1080)),
        ({"width": 3840, "height": 1600}, (1920, 800)),
        ({"width": 1080, "height": 1920}, (606, 1080)),
        ({"width": 720, "height": 576, "sample_aspect_ratio": Fraction(64, 45)}, (1024, 576)),
        ({"width": 720, "height": 480, "sample_aspect_ratio": Fraction(8, 9)}, (640, 480)),
        ({"width": 1440, "height": 1080, "sample_aspect_ratio": Fraction(4, 3)}, (1920, 1080)),
        ({"width": 720, "height": 576, "sample_aspect_ratio": Fraction(1, 5000)}, (720, 576)),
        ({"width": 640, "height": 360, "rotation": 90}, (360, 640)),
        ({"width": 640, "height": 360, "rotation": 180}, (640, 360)),
        ({"width": 321, "height": 241}, (320, 240)),
        ({"width": 5000, "height": 1}, (1920, 2)),
        ({"width": 320, "height": 240}, (320, 240)),
    ],
)
def test_the_output_has_square_pixels_and_fits(facts: dict[str, Any], size: tuple[int, int]) -> None:
    found = target(**facts)
    assert (found.width, found.height) == size
    assert found.scale == (size != (facts["width"], facts["height"]))


@pytest.mark.parametrize(
    ("size", "source", "expected"),
    [
        ((1920, 1080), Fraction(60), Fraction(30)),
        ((1920, 1080), Fraction(60000, 1001), Fraction(30000, 1001)),
        ((1920, 1080), Fraction(50), Fraction(25)),
        ((1920, 1080), Fraction(120), Fraction(30)),
        ((1920, 1080), Fraction(48), Fraction(24)),
        ((1280, 720), Fraction(60), None),
        ((720, 1280), Fraction(60), None),
        ((1280, 720), Fraction(120), Fraction(60)),
        ((1920, 1080), Fraction(24), None),
        ((1920, 1080), Fraction(301, 10), None),
        ((1920, 1080), None, None),
    ],
)
def test_frames_are_dropped_evenly(size: tuple[int, int], source: Fraction | None, expected: Fraction | None) -> None:
    found = target(width=size[0], height=size[1], average_frame_rate=source, real_frame_rate=source)
    assert found.frame_rate == expected
    assert found.nominal_frame_rate == (expected or source or 25)


def test_repairs_are_ordered_by_the_faults() -> None:
    found = target(field_order="bb", color_transfer="arib-std-b67", color_space="bt2020nc")
    assert (found.deinterlace, found.tonemap, found.source_transfer) == (True, True, "arib-std-b67")
    assert not target().deinterlace
    assert not target().tonemap


@pytest.mark.parametrize(("compatibility", "transfer"), [(1, "smpte2084"), (4, "arib-std-b67"), (2, "bt709")])
def test_dolby_visions_base_layer_is_known_without_tags(compatibility: int, transfer: str) -> None:
    found = target(dolby_vision_profile=8, dolby_vision_compatibility=compatibility)
    assert (found.source_transfer, found.tonemap) == (transfer, transfer != "bt709")


@pytest.mark.parametrize(
    ("facts", "matrix"),
    [
        ({"color_space": "bt470bg"}, "smpte170m"),
        ({"color_space": "bt2020nc"}, "bt2020"),
        ({"width": 720, "height": 576}, "smpte170m"),
        ({}, "bt709"),
        ({"color_space": "gbr"}, "gbr"),
        ({"pixel_format": "gbrp10le"}, "gbr"),
    ],
)
def test_unlabelled_colours_are_what_players_assume(facts: dict[str, Any], matrix: str) -> None:
    assert target(**facts).source_matrix == matrix


def test_a_short_clip_gets_a_smaller_buffer() -> None:
    def lasting(seconds: float) -> VideoTarget:
        found = decision(film(picture(codec="hevc", duration=seconds), sound(), duration=seconds)).target
        assert isinstance(found, VideoTarget)
        return found

    short, long = lasting(3.0), lasting(6000.0)
    assert short.buffer_bits < short.max_bitrate
    assert long.buffer_bits > long.max_bitrate * 1.9
    assert short.max_bitrate < long.max_bitrate <= 7_840_000 - 160_000


def test_the_wishes_of_the_profile_reach_the_encoder() -> None:
    found = decision(film(picture(codec="vp9")), crf=18.5, preset="slow", max_width=1280, max_height=720).target
    assert isinstance(found, VideoTarget)
    assert (found.crf, found.preset, found.width, found.height) == (18.5, "slow", 1280, 720)


def test_a_larger_profile_gets_the_level_it_needs() -> None:
    found = decision(film(picture(codec="vp9", width=3840, height=2160)), max_width=3840, max_height=2160).target
    assert isinstance(found, VideoTarget)
    assert (found.level, found.reference_frames) == ("5.1", 4)
