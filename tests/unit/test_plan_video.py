"""planning/video.py: one broken rule at a time, and what is done about it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from pectin.model.mastering import ContentLight
from pectin.model.measured import CropBox, Measured, Scan
from pectin.model.media import MediaInfo
from pectin.model.plan import Burn, Reason, StreamAction, StreamDecision, VideoTarget
from pectin.model.profile import Container, Crop, FastPictures, Hdr, Profile, VideoCodec
from pectin.planning import plan, questions, video
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
        ({"mirrored": True}, Reason.ROTATED),
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


def measured(seen: Measured, *, profile: Profile | None = None, **facts: Any) -> StreamDecision:
    return plan.decide(film(picture(**facts), sound()), profile or Profile(), seen).kept[0]


NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(("flag", "seen", "reason"), [
    ("progressive", None, Reason.FITS),
    ("progressive", Scan.PROGRESSIVE, Reason.FITS),
    ("progressive", Scan.INTERLACED, Reason.INTERLACED),
    ("progressive", Scan.TELECINED, Reason.TELECINED),
    ("tt", None, Reason.INTERLACED),
    ("tt", Scan.PROGRESSIVE, Reason.WRONG_FLAG),
    ("tb", Scan.TELECINED, Reason.TELECINED),
    (None, Scan.INTERLACED, Reason.INTERLACED),
])
def test_what_was_seen_counts_more_than_the_flag(flag: str | None, seen: Scan | None, reason: Reason) -> None:
    found = measured(Measured(scan=seen), field_order=flag, average_frame_rate=NTSC, real_frame_rate=NTSC)
    assert found.reason is reason
    if isinstance(found.target, VideoTarget):
        assert (found.target.deinterlace, found.target.detelecine) == (reason is Reason.INTERLACED, reason is Reason.TELECINED)


def test_pulldown_is_undone_to_the_rate_of_film_and_only_where_it_can_be() -> None:
    found = measured(Measured(scan=Scan.TELECINED, top_first=True), average_frame_rate=NTSC).target
    assert isinstance(found, VideoTarget)
    assert (found.frame_rate, found.nominal_frame_rate, found.top_first) == (Fraction(24000, 1001), Fraction(24000, 1001), True)
    at25 = measured(Measured(scan=Scan.TELECINED), average_frame_rate=Fraction(25))
    assert at25.reason is Reason.INTERLACED


@pytest.mark.parametrize(("facts", "asked"), [
    ({"average_frame_rate": Fraction(25)}, True),
    ({"average_frame_rate": NTSC, "width": 720, "height": 480, "codec": "mpeg2video"}, True),
    ({"average_frame_rate": Fraction(60000, 1001)}, True),
    ({"average_frame_rate": Fraction(30)}, True),
    ({"average_frame_rate": Fraction(24000, 1001)}, False),
    ({"average_frame_rate": Fraction(24)}, False),
    ({"average_frame_rate": Fraction(24), "field_order": "tt"}, True),
    ({"average_frame_rate": Fraction(50), "width": 1280, "height": 720}, False),
    ({"average_frame_rate": Fraction(25), "width": 3840, "height": 2160}, False),
    ({"average_frame_rate": Fraction(25), "width": 320, "height": 240}, False),
    ({"average_frame_rate": Fraction(25), "width": 720, "height": 416, "codec": "mpeg4"}, True),
    ({"average_frame_rate": Fraction(25), "codec": "vp9"}, False),
    ({"average_frame_rate": Fraction(30), "rotation": 90}, False),
    ({"average_frame_rate": None, "real_frame_rate": None}, False),
])
def test_somebody_looks_only_at_what_may_be_interlaced(facts: dict[str, Any], asked: bool) -> None:
    media = film(picture(**facts), sound())
    assert questions.ask(media, Profile()).scan is asked
    assert not questions.ask(media, Profile(video=VideoCodec.COPY)).scan
    assert not questions.ask(media, Profile(container=Container.SOURCE, video=VideoCodec.COPY))


AUTO = Profile(crop=Crop.AUTO)
WIDE = CropBox(width=1920, height=804, x=0, y=138)


def test_borders_are_looked_for_where_the_profile_wants_it_and_the_picture_is_encoded() -> None:
    assert questions.ask(film(picture(codec="vp9"), sound()), AUTO).crop
    assert questions.ask(film(picture(average_frame_rate=Fraction(25)), sound()), AUTO).crop  # it may turn out to be interlaced
    assert not questions.ask(film(picture(), sound()), AUTO).crop
    assert not questions.ask(film(picture(codec="vp9"), sound()), Profile()).crop
    assert not questions.ask(film(picture(codec="vp9", rotation=90), sound()), AUTO).crop


@pytest.mark.parametrize(("seen", "scan", "kept"), [
    (WIDE, None, CropBox(width=1920, height=804, x=0, y=138)),
    (WIDE, Scan.INTERLACED, CropBox(width=1920, height=808, x=0, y=136)),
    (CropBox(width=1919, height=803, x=1, y=139), None, CropBox(width=1920, height=804, x=0, y=138)),
    (CropBox(width=1440, height=1080, x=240, y=0), None, CropBox(width=1440, height=1080, x=240, y=0)),
    (CropBox(width=1440, height=1070, x=240, y=5), None, CropBox(width=1440, height=1080, x=240, y=0)),
    (CropBox(width=1900, height=1070, x=10, y=5), None, None),
    (CropBox(width=1920, height=1080, x=0, y=0), None, None),
    (CropBox(width=300, height=804, x=810, y=138), None, None),
    (CropBox(width=1920, height=804, x=0, y=400), None, None),
    (None, None, None),
])
def test_a_border_is_cut_off_to_even_edges_and_never_into_the_picture(seen: CropBox | None, scan: Scan | None,
                                                                      kept: CropBox | None) -> None:
    found = measured(Measured(crop=seen, scan=scan), profile=AUTO, codec="vc1")
    assert isinstance(found.target, VideoTarget)
    assert found.target.crop == kept
    assert ("black borders" in found.sentence) is (kept is not None)
    assert found.target.height == (kept.height if kept else 1080)


def test_borders_alone_are_no_reason_to_encode() -> None:
    assert measured(Measured(crop=WIDE), profile=AUTO).action is StreamAction.COPY


@pytest.mark.parametrize(("size", "rate", "expected", "frames"), [
    ((1920, 1080), Fraction(60), (1280, 720), Fraction(60)),
    ((1080, 1920), Fraction(60), (720, 1280), Fraction(60)),
    ((1920, 800), Fraction(50), (1280, 532), Fraction(50)),
    ((1920, 1080), Fraction(120), (1920, 1080), Fraction(30)),
    ((1920, 1080), Fraction(25), (1920, 1080), Fraction(25)),
    ((1280, 720), Fraction(120), (1280, 720), Fraction(60)),
])
def test_a_profile_may_lose_lines_rather_than_frames(size: tuple[int, int], rate: Fraction, expected: tuple[int, int],
                                                     frames: Fraction) -> None:
    profile = Profile(fast_pictures=FastPictures.SHRINK, max_height=1280)
    found = measured(Measured(), profile=profile, codec="vp9", width=size[0], height=size[1], average_frame_rate=rate,
                     real_frame_rate=rate).target
    assert isinstance(found, VideoTarget)
    assert ((found.width, found.height), found.nominal_frame_rate) == (expected, frames)


@pytest.mark.parametrize(("facts", "step"), [
    ({"average_frame_rate": Fraction(50), "real_frame_rate": Fraction(50)}, 2),
    ({"average_frame_rate": Fraction(120), "real_frame_rate": Fraction(120)}, 4),
    ({"average_frame_rate": Fraction(47), "real_frame_rate": Fraction(60)}, 1),
    ({"average_frame_rate": Fraction(50), "real_frame_rate": Fraction(50), "field_order": "tt"}, 1),
    ({}, 1),
])
def test_frames_are_counted_off_only_where_the_rate_is_steady(facts: dict[str, Any], step: int) -> None:
    assert target(**facts).frame_step == step


HEVC = Profile(video=VideoCodec.HEVC)
AV1 = Profile(video=VideoCodec.AV1)
VP9 = Profile(video=VideoCodec.VP9)


@pytest.mark.parametrize(("profile", "facts", "reason"), [
    (HEVC, {"codec": "hevc"}, Reason.FITS),
    (HEVC, {"codec": "hevc", "pixel_format": "yuv420p10le", "bit_depth": 10, "level": 153}, Reason.FITS),
    (HEVC, {"codec": "hevc", "pixel_format": "yuv422p10le", "bit_depth": 10}, Reason.PIXEL_FORMAT),
    (HEVC, {"codec": "hevc", "level": 186}, Reason.LEVEL),
    (HEVC, {"codec": "hevc", "color_transfer": "smpte2084"}, Reason.HDR),
    (HEVC, {"codec": "hevc", "width": 3840, "height": 2160}, Reason.TOO_LARGE),
    (HEVC, {}, Reason.CODEC),
    (AV1, {"codec": "av1"}, Reason.FITS),
    (AV1, {"codec": "av1", "rotation": 90}, Reason.ROTATED),
    (VP9, {"codec": "vp9"}, Reason.FITS),
    (VP9, {"codec": "vp9", "pixel_format": "yuv420p10le", "bit_depth": 10}, Reason.PIXEL_FORMAT),
    (Profile(video=VideoCodec.AV1, container=Container.WEBM), {"codec": "av1"}, Reason.FITS),
    (Profile(video=VideoCodec.HEVC, hdr=Hdr.KEEP), {"codec": "hevc", "color_transfer": "smpte2084"}, Reason.FITS),
    (Profile(video=VideoCodec.HEVC, hdr=Hdr.KEEP), {"codec": "hevc", "dolby_vision_profile": 8,
                                                    "dolby_vision_compatibility": 1}, Reason.FITS),
    (Profile(video=VideoCodec.HEVC, hdr=Hdr.KEEP), {"codec": "hevc", "dolby_vision_profile": 7,
                                                    "dolby_vision_compatibility": 6}, Reason.DOLBY_VISION),
    (Profile(video=VideoCodec.COPY), {"codec": "hevc", "width": 3840, "field_order": "tt"}, Reason.COPY_ONLY),
])
def test_a_profile_of_another_codec_copies_what_it_would_make(profile: Profile, facts: dict[str, Any], reason: Reason) -> None:
    found = plan.decide(film(picture(**{"profile": None, "level": None, **facts}), sound()), profile).kept[0]
    assert found.reason is reason
    assert (found.action is StreamAction.COPY) is (reason in (Reason.FITS, Reason.COPY_ONLY))


@pytest.mark.parametrize(("profile", "pixel_format"), [(HEVC, "yuv420p"), (AV1, "yuv420p10le"), (VP9, "yuv420p")])
def test_each_codec_has_the_depth_its_players_know(profile: Profile, pixel_format: str) -> None:
    found = measured(Measured(), profile=profile, codec="vc1").target
    assert isinstance(found, VideoTarget)
    assert (found.codec, found.pixel_format) == (profile.video, pixel_format)


def test_kept_hdr_keeps_its_tags_and_what_was_seen_of_its_screen() -> None:
    light = ContentLight(pixel=1000, frame=400)
    found = measured(Measured(light=light), profile=Profile(video=VideoCodec.AV1, hdr=Hdr.KEEP), codec="hevc",
                     color_transfer="arib-std-b67").target
    assert isinstance(found, VideoTarget)
    assert (found.tonemap, found.transfer, found.pixel_format, found.light) == (False, "arib-std-b67", "yuv420p10le", light)
    sdr = measured(Measured(light=light), codec="hevc", color_transfer="arib-std-b67").target
    assert isinstance(sdr, VideoTarget)
    assert (sdr.tonemap, sdr.transfer, sdr.light) == (True, "bt709", None)


def test_h264_that_plays_everywhere_may_stay_where_another_codec_made_it_larger() -> None:
    def found(media: MediaInfo, profile: Profile, *, burn: Burn | None = None) -> StreamDecision:
        return video.decide(media.video[0], media, profile, audio_rate=160_000, copyable=True, seconds=60.0, copy_picture=True,
                            burn=burn)

    assert (found(film(), HEVC).action, found(film(), HEVC).reason) == (StreamAction.COPY, Reason.LARGER)
    assert found(film(picture(level=51)), HEVC).action is StreamAction.ENCODE
    assert found(film(), Profile(video=VideoCodec.VP9, container=Container.WEBM)).action is StreamAction.ENCODE
    assert found(film(), HEVC, burn=Burn(index=2, fitted=True)).action is StreamAction.ENCODE


def test_a_picture_that_words_are_burnt_into_is_encoded() -> None:
    media = film()
    found = video.decide(media.video[0], media, Profile(), audio_rate=0, copyable=True, seconds=60.0,
                         burn=Burn(index=2, fitted=True))
    assert found.reason is Reason.BURNT_IN
    assert isinstance(found.target, VideoTarget)
    assert (found.target.burn, found.target.burn_fitted) == (2, True)
