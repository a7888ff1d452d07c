"""planning/probe.py: ffprobe's words become values, and garbage becomes holes."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.media import MediaInfo
from pectin.planning import languages, probe

PROBES = Path(__file__).resolve().parents[1] / "data" / "probes"

_words = st.sampled_from(
    [
        "video",
        "audio",
        "h264",
        "png",
        "0/0",
        "30000/1001",
        "64:45",
        "N/A",
        "unknown",
        "",
        "-1",
        "1e999",
        "nan",
        "\x00",
        "Display Matrix",
        "DOVI configuration record",
        "00:00:02.5",
        "und",
        "yuv420p10le",
        "rgb48le",
        "²",
    ]
)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _words | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_keys = st.sampled_from(
    [
        "index",
        "codec_type",
        "codec_name",
        "tags",
        "disposition",
        "width",
        "r_frame_rate",
        "sample_aspect_ratio",
        "pix_fmt",
        "side_data_list",
        "side_data_type",
        "rotation",
        "dv_profile",
        "channels",
        "bit_rate",
        "DURATION",
        "BPS-eng",
        "default",
        "language",
        "title",
        "duration",
        "level",
        "size",
        "format_name",
    ]
)
_objects = st.dictionaries(_keys, _values | st.dictionaries(_keys, _values, max_size=4), max_size=8)


def parsed(name: str) -> MediaInfo:
    return probe.parse(json.loads((PROBES / f"{name}.json").read_text(encoding="utf-8")))


def one(**facts: Any) -> MediaInfo:
    return probe.parse({"streams": [{"index": 0, **facts}]})


@given(
    st.dictionaries(
        st.sampled_from(["streams", "format", "chapters", "error"]),
        _values | _objects | st.lists(_objects | _values, max_size=4),
        max_size=4,
    )
)
def test_garbage_of_any_shape_becomes_holes(document: dict[str, Any]) -> None:
    media = probe.parse(document)
    streams = (*media.video, *media.audio, *media.subtitles, *media.covers, *media.others)
    assert len({stream.index for stream in streams}) == len(streams)
    assert all(not stream.width or stream.width > 0 for stream in media.video)
    assert media.summary()


def test_a_matroska_film_with_everything_is_read() -> None:
    media = parsed("rich.mkv")
    assert media.formats == ("matroska", "webm")
    video = media.video[0]
    assert (video.codec, video.profile, video.width, video.height, video.pixel_format, video.bit_depth) == (
        "h264",
        "Constrained Baseline",
        192,
        144,
        "yuv420p",
        8,
    )
    assert video.frame_rate == 25
    assert video.duration == pytest.approx(1.2, abs=0.05)
    assert [(a.codec, a.channels, a.language) for a in media.audio] == [("ac3", 6, "ger"), ("aac", 2, "eng")]
    assert media.audio[1].title == "Commentary"
    assert media.audio[1].disposition.comment
    assert [(s.codec, s.language, s.disposition.forced) for s in media.subtitles] == [("subrip", "fre", True)]
    assert [cover.codec for cover in media.covers] == ["png"]
    assert [other.kind for other in media.others] == ["attachment"]
    assert media.chapters == 2
    assert media.tags["title"] == "Quince"


def test_hdr_tags_are_read() -> None:
    video = parsed("hdr10.mkv").video[0]
    assert (video.color_transfer, video.color_primaries, video.color_space, video.bit_depth) == (
        "smpte2084",
        "bt2020",
        "bt2020nc",
        10,
    )
    assert video.dolby_vision_profile is None


def test_a_phone_film_is_known_to_lie_on_its_side() -> None:
    media = parsed("upright.mp4")
    assert media.video[0].rotation % 180 == 90
    assert media.video[0].title is None, "ffmpeg's own handler names are no titles"
    assert media.video[0].packets == 30


def test_broadcast_knows_its_fields_and_its_pixels() -> None:
    video = parsed("interlaced.ts").video[0]
    assert video.field_order in ("tt", "tb")
    assert video.sample_aspect_ratio == Fraction(64, 45)


def test_matroska_statistics_stand_in_for_what_the_stream_does_not_say() -> None:
    stream = one(codec_type="video", tags={"BPS-eng": "1234", "DURATION": "01:00:02.500000000", "NUMBER_OF_FRAMES": "77"}).video[
        0
    ]
    assert (stream.bit_rate, stream.duration, stream.packets) == (1234, 3602.5, 77)


def test_the_newer_spelling_of_a_statistic_counts_more_than_the_older_one() -> None:
    assert one(codec_type="video", tags={"DURATION-eng": "00:45:00.000", "DURATION": "01:30:00.000"}).video[0].duration == 5400


def test_matroskas_own_word_for_a_track_counts_more_than_the_length_of_the_file_that_ffprobe_fills_in() -> None:
    assert one(codec_type="video", duration="80.000000", tags={"DURATION": "00:01:15.019000000"}).video[0].duration == 75.019
    assert one(codec_type="video", duration="80.000000", tags={"DURATION": "long"}).video[0].duration == 80


def test_a_film_of_stills_is_no_cover() -> None:
    for counted, films in (({"nb_frames": "50"}, 1), ({"nb_frames": "1"}, 0), ({}, 0)):
        assert len(one(codec_type="video", codec_name="png", **counted).video) == films
    marked = one(codec_type="video", codec_name="png", nb_frames="50", disposition={"attached_pic": 1})
    assert (len(marked.video), len(marked.covers)) == (0, 1)


def test_dolby_vision_is_read_from_the_configuration_record() -> None:
    record = {"side_data_type": "DOVI configuration record", "dv_profile": 8, "dv_bl_signal_compatibility_id": 1}
    stream = one(codec_type="video", side_data_list=[record]).video[0]
    assert (stream.dolby_vision_profile, stream.dolby_vision_compatibility) == (8, 1)


@pytest.mark.parametrize(
    ("pixel_format", "depth"),
    [("yuv420p", 8), ("yuv420p10le", 10), ("p010le", 10), ("gbrp12le", 12), ("rgb48le", 16), ("nv12", 8), (None, None)],
)
def test_the_bit_depth_follows_the_pixel_format(pixel_format: str | None, depth: int | None) -> None:
    assert one(codec_type="video", pix_fmt=pixel_format).video[0].bit_depth == depth


@pytest.mark.parametrize("codec", ["png", "bmp", "gif", "webp"])
def test_a_still_is_a_cover_even_without_its_flag(codec: str) -> None:
    assert [cover.codec for cover in one(codec_type="video", codec_name=codec).covers] == [codec]


def test_mjpeg_is_a_cover_only_when_flagged() -> None:
    assert one(codec_type="video", codec_name="mjpeg").video
    assert one(codec_type="video", codec_name="mjpeg", disposition={"attached_pic": 1}).covers


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("de", "ger"),
        ("deu", "ger"),
        ("ger", "ger"),
        ("FRA", "fre"),
        ("pt-BR", "por"),
        ("zh_Hans", "chi"),
        ("eng", "eng"),
        ("und", None),
        ("", None),
        (None, None),
        ("zxx", None),
        ("English", "eng"),
        ("q1", None),
        ("xq", None),
    ],
)
def test_a_language_has_one_spelling(written: str | None, code: str | None) -> None:
    assert languages.normalise(written) == code


@pytest.mark.parametrize("nonsense", ["0:1", "N/A", "1:0", "-1:1", "x:y", ":", 3, None])
def test_a_nonsensical_aspect_ratio_is_a_hole(nonsense: object) -> None:
    assert one(codec_type="video", sample_aspect_ratio=nonsense).video[0].sample_aspect_ratio is None
