"""planning/hardware.py: which rungs a film gets, and why not a higher one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from pectin.model.hardware import Api, Choice, Device, Filter, Mode, Picture, RateControl, Rung, Why
from pectin.model.measured import CropBox
from pectin.model.media import MediaInfo
from pectin.model.plan import Plan, VideoTarget
from pectin.model.profile import Profile, VideoCodec
from pectin.planning import plan as planning
from pectin.planning.hardware import ladder, unfit
from unit.mediamaker import any_film, film, picture, sound

H264, HEVC, HEVC10 = Picture("h264", 8), Picture("hevc", 8), Picture("hevc", 10)
VBR = Mode(RateControl.VBR)
NONE = (Why.NO_DEVICE, "there is none")


def device(**facts: Any) -> Device:
    """It does everything."""
    able: dict[str, Any] = {"api": Api.VAAPI, "node": "/dev/dri/renderD128", "encodes": {H264: (VBR, Mode(RateControl.CQP))},
                            "decodes": frozenset({H264, HEVC, HEVC10, Picture("mpeg2video", 8)}), "filters": frozenset(Filter)}
    return Device(**(able | facts))


def planned(target: dict[str, Any] | None = None, **facts: Any) -> tuple[Plan, MediaInfo]:
    """A film that must be encoded, with changes to its stream and to its target."""
    media = film(picture(**{"codec": "hevc", "color_range": "tv", "color_space": "bt709", **facts}), sound())
    decided = planning.decide(media, Profile())
    first = decided.streams[0]
    assert isinstance(first.target, VideoTarget)
    first = replace(first, target=replace(first.target, **(target or {})))
    return replace(decided, streams=(first, *decided.streams[1:])), media


def rungs(*devices: Device, target: dict[str, Any] | None = None, **facts: Any) -> tuple[Choice, ...]:
    return ladder(*planned(target, **facts), devices or (device(),), why_none=NONE)


def test_a_device_that_does_everything_does_everything_and_two_rungs_wait_below() -> None:
    found = rungs()
    assert [(choice.rung, choice.why) for choice in found] == [
        (Rung.FULL, Why.WORKS), (Rung.HYBRID, Why.FELL), (Rung.CPU, Why.FELL)]
    assert found[0].way is not None
    assert (found[0].way.source, found[0].way.target, found[0].way.mode) == (HEVC, H264, VBR)
    assert found[-1].way is None


@pytest.mark.parametrize(("target", "facts", "lacks", "why"), [
    ({}, {"codec": "mpeg4"}, {}, Why.NO_DECODER),
    ({}, {"codec": "h264", "profile": "High 10", "pixel_format": "yuv420p10le", "bit_depth": 10}, {}, Why.NO_DECODER),
    ({}, {"pixel_format": "yuv422p"}, {}, Why.NO_DECODER),
    ({}, {}, {"decodes": frozenset()}, Why.NO_DECODER),
    ({"detelecine": True}, {}, {}, Why.TELECINE),
    ({"crop": CropBox(width=1920, height=800, x=0, y=140)}, {}, {}, Why.CROP),
    ({"burn": 3}, {}, {}, Why.BURNED_IN),
    ({}, {"rotation": 90}, {}, Why.ROTATED),
    ({}, {"mirrored": True}, {}, Why.ROTATED),
    ({"deinterlace": True, "top_first": False}, {"field_order": "tt"}, {}, Why.NO_DEINTERLACER),
    ({"deinterlace": True, "top_first": True}, {"field_order": "progressive"}, {}, Why.NO_DEINTERLACER),
    ({"deinterlace": True, "top_first": True}, {"field_order": "tb"}, {}, Why.NO_DEINTERLACER),
    ({"deinterlace": True, "top_first": False}, {"field_order": "tb"}, {}, Why.NO_DEINTERLACER),
    ({}, {"color_space": "smpte170m"}, {}, Why.COLOURS),
    ({}, {"color_range": "pc"}, {}, Why.COLOURS),
    ({"tonemap": True, "source_transfer": "smpte2084"}, {}, {"filters": frozenset({Filter.SCALE})}, Why.NO_TONE_MAPPER),
    ({"tonemap": True, "source_transfer": "arib-std-b67"}, {}, {}, Why.NO_TONE_MAPPER),
    ({}, {}, {"filters": frozenset()}, Why.NO_SCALER),
    ({"deinterlace": True}, {}, {"filters": frozenset({Filter.SCALE})}, Why.NO_DEINTERLACER),
])
def test_what_a_device_does_not_do_right_is_done_by_the_cpu_before_it_encodes(
        target: dict[str, Any], facts: dict[str, Any], lacks: dict[str, Any], why: Why) -> None:
    first, last = rungs(device(**lacks), target=target, **facts)
    assert (first.rung, first.why) == (Rung.HYBRID, why)
    assert (last.rung, last.why) == (Rung.CPU, Why.FELL)


@pytest.mark.parametrize(("target", "why"), [
    ({"width": 240, "height": 180}, Why.SIZE),
    ({"width": 4200, "height": 2000}, Why.SIZE),
    ({"codec": VideoCodec.HEVC}, Why.NO_ENCODER),
    ({"codec": VideoCodec.HEVC, "pixel_format": "yuv420p10le", "transfer": "smpte2084"}, Why.HDR_KEPT),
])
def test_what_no_device_can_encode_is_made_by_the_cpu(target: dict[str, Any], why: Why) -> None:
    (only,) = rungs(target=target)
    assert (only.rung, only.why) == (Rung.CPU, why)
    assert only.sentence.startswith("on the CPU: ")


@pytest.mark.parametrize(("target", "facts"), [
    ({"deinterlace": True}, {"field_order": "tt"}),
    ({"deinterlace": True, "top_first": True}, {"field_order": "tt"}),
    ({"deinterlace": True, "top_first": False}, {"field_order": "bb"}),
    ({"tonemap": True, "source_transfer": "smpte2084"}, {"pixel_format": "yuv420p10le", "bit_depth": 10}),
])
def test_deinterlacing_and_tone_mapping_stay_on_a_device_that_was_seen_to_do_them(
        target: dict[str, Any], facts: dict[str, Any]) -> None:
    assert rungs(target=target, **facts)[0].rung is Rung.FULL


def test_ten_bits_go_to_a_device_that_encodes_ten_bits() -> None:
    wanted = {"codec": VideoCodec.HEVC, "pixel_format": "yuv420p10le"}
    assert rungs(device(encodes={HEVC: (VBR,)}), target=wanted)[0].why is Why.NO_ENCODER
    way = rungs(device(encodes={HEVC10: (VBR,)}), target=wanted)[0].way
    assert way is not None
    assert way.target == HEVC10


def test_a_film_that_is_only_copied_asks_for_no_device() -> None:
    media = film()
    (only,) = ladder(planning.decide(media, Profile()), media, [device()], why_none=NONE)
    assert only.why is Why.NOT_ENCODED


def test_without_a_device_the_reason_is_the_one_that_is_given() -> None:
    (only,) = ladder(*planned(), [], why_none=NONE)
    assert (only.why, only.sentence) == (Why.NO_DEVICE, "on the CPU: there is none")


def test_the_device_that_does_more_is_taken_and_among_equals_the_first() -> None:
    less, more, same = (device(decodes=frozenset()), device(node="/dev/dri/renderD129"), device(node="/dev/dri/renderD130"))
    assert rungs(less, more, same)[0].device is more
    assert rungs(less, same, more)[0].device is same
    assert rungs(device(encodes={}), less)[0].device is less


@given(any_film())
def test_every_film_has_the_cpu_as_its_last_way_and_every_way_a_reason(media: MediaInfo) -> None:
    found = ladder(planning.decide(media, Profile()), media, [device()], why_none=NONE)
    assert [choice.rung for choice in found] in ([Rung.CPU], [Rung.HYBRID, Rung.CPU], [Rung.FULL, Rung.HYBRID, Rung.CPU])
    for choice in found:
        assert choice.sentence
        assert (choice.way is None) is (choice.rung is Rung.CPU)
        assert choice.way is None or choice.way.rung is choice.rung


@pytest.mark.parametrize("facts", [{}, {"level": 41}, {"profile": "Main"}, {"bit_rate": None}, {"reference_frames": None}])
def test_an_output_as_it_was_planned_fits(facts: dict[str, Any]) -> None:
    assert unfit(planned()[0], picture(**facts)) is None


@pytest.mark.parametrize(("facts", "word"), [
    ({"level": 51}, "level"), ({"profile": "High 10"}, "profile"), ({"profile": None}, "profile"), ({"bit_depth": 10}, "bit"),
    ({"reference_frames": 5}, "reference"), ({"bit_rate": 60_000_000}, "bit rate"),
])
def test_what_a_device_chose_otherwise_than_planned_does_not_fit(facts: dict[str, Any], word: str) -> None:
    assert word in str(unfit(planned()[0], picture(**facts)))
