"""Builders for MediaInfo: a film that fits the universal profile, to be changed one fact at a time; and anything at all."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from pectin.model.media import AudioStream, Disposition, MediaInfo, OtherStream, SubtitleStream, VideoStream

MATROSKA = ("matroska", "webm")
MOV = ("mov", "mp4", "m4a", "3gp", "3g2", "mj2")


def picture(index: int = 0, **facts: Any) -> VideoStream:
    fitting = VideoStream(
        index=index,
        codec="h264",
        profile="High",
        level=40,
        pixel_format="yuv420p",
        bit_depth=8,
        width=1920,
        height=1080,
        reference_frames=4,
        field_order="progressive",
        sample_aspect_ratio=Fraction(1),
        bit_rate=4_000_000,
        average_frame_rate=Fraction(24),
        real_frame_rate=Fraction(24),
        duration=60.0,
    )
    return replace(fitting, **facts)


def sound(index: int = 1, codec: str | None = "aac", channels: int | None = 2, **facts: Any) -> AudioStream:
    fitting = AudioStream(
        index=index,
        codec=codec,
        profile="LC" if codec == "aac" else None,
        channels=channels,
        sample_rate=48_000,
        bit_rate=160_000,
        language="eng",
    )
    return replace(fitting, **facts)


def text(index: int = 2, codec: str | None = "subrip", **facts: Any) -> SubtitleStream:
    return replace(SubtitleStream(index=index, codec=codec, language="eng"), **facts)


def film(*streams: VideoStream | AudioStream | SubtitleStream | OtherStream, **facts: Any) -> MediaInfo:
    """A film of these streams; without any, the one that fits as it is."""
    found = streams or (picture(), sound())
    whole = MediaInfo(
        formats=MATROSKA,
        duration=60.0,
        size=30_000_000,
        bit_rate=4_000_000,
        video=tuple(s for s in found if isinstance(s, VideoStream)),
        audio=tuple(s for s in found if isinstance(s, AudioStream)),
        subtitles=tuple(s for s in found if isinstance(s, SubtitleStream)),
        others=tuple(s for s in found if isinstance(s, OtherStream)),
    )
    return replace(whole, **facts)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


_flags = st.builds(
    Disposition,
    default=st.booleans(),
    forced=st.booleans(),
    hearing_impaired=st.booleans(),
    visual_impaired=st.booleans(),
    comment=st.booleans(),
)
_languages = _maybe(st.sampled_from(["eng", "ger", "jpn"]))
_titles = _maybe(st.sampled_from(["Commentary", "DTS 5.1", "Forced", "SDH", "Überfilm"]))
_rates = _maybe(
    st.sampled_from(
        [
            Fraction(24000, 1001),
            Fraction(24),
            Fraction(25),
            Fraction(30000, 1001),
            Fraction(361, 12),
            Fraction(50),
            Fraction(60),
            Fraction(120),
            Fraction(90000),
            Fraction(1, 3),
            Fraction(33),
        ]
    )
)
_bit_rates = _maybe(st.integers(1, 60_000_000))

_pictures = st.builds(
    VideoStream,
    index=st.just(0),
    codec=st.sampled_from(["h264", "h264", "h264", "hevc", "mpeg2video", "vp9"]),
    profile=_maybe(st.sampled_from(["High", "Main", "Constrained Baseline", "High 10"])),
    level=_maybe(st.sampled_from([9, 31, 41, 51])),
    bit_rate=_bit_rates,
    duration=_maybe(st.floats(0, 30_000)),
    width=st.integers(1, 8000),
    height=st.integers(1, 8000),
    pixel_format=_maybe(st.sampled_from(["yuv420p", "yuv420p", "yuvj420p", "yuv420p10le", "gbrp"])),
    reference_frames=_maybe(st.integers(1, 16)),
    field_order=_maybe(st.sampled_from(["progressive", "tt", "bb"])),
    rotation=st.sampled_from([0, 0, 90, -90, 180, 7]),
    sample_aspect_ratio=_maybe(st.sampled_from([Fraction(1), Fraction(64, 45), Fraction(1, 5000), Fraction(8, 9)])),
    average_frame_rate=_rates,
    real_frame_rate=_rates,
    color_range=_maybe(st.sampled_from(["tv", "pc"])),
    color_space=_maybe(st.sampled_from(["bt709", "bt2020nc", "smpte170m", "ycgco"])),
    color_transfer=_maybe(st.sampled_from(["bt709", "smpte2084", "arib-std-b67"])),
    dolby_vision_profile=_maybe(st.just(8)),
    dolby_vision_compatibility=_maybe(st.sampled_from([1, 2, 4, 6])),
)

_sounds = st.builds(
    AudioStream,
    index=st.just(0),
    codec=_maybe(st.sampled_from(["aac", "aac", "ac3", "eac3", "dts", "truehd", "opus", "pcm_s16le"])),
    profile=_maybe(st.sampled_from(["LC", "HE-AAC"])),
    channels=_maybe(st.integers(1, 9)),
    sample_rate=_maybe(st.sampled_from([8000, 44_100, 48_000, 96_000])),
    bit_rate=_bit_rates,
    language=_languages,
    title=_titles,
    disposition=_flags,
)

_texts = st.builds(
    SubtitleStream,
    index=st.just(0),
    codec=_maybe(st.sampled_from(["subrip", "ass", "hdmv_pgs_subtitle", "eia_608"])),
    language=_languages,
    title=_titles,
    disposition=_flags,
)
_others = st.builds(OtherStream, index=st.just(0), codec=_maybe(st.just("ttf")), kind=st.sampled_from(["attachment", "data"]))


@st.composite
def any_film(draw: st.DrawFn) -> MediaInfo:
    """Any film with a picture of known size, however odd; every stream has an index of its own."""
    number = iter(range(100))

    def take(strategy: st.SearchStrategy[Any], least: int, most: int) -> tuple[Any, ...]:
        return tuple(replace(stream, index=next(number)) for stream in draw(st.lists(strategy, min_size=least, max_size=most)))

    return MediaInfo(
        formats=draw(st.sampled_from([MATROSKA, MOV, ("avi",), ("mpegts",), ("h264",)])),
        duration=draw(_maybe(st.floats(0, 30_000))),
        size=draw(_maybe(st.integers(1, 10**11))),
        bit_rate=draw(_bit_rates),
        video=take(_pictures, 1, 2),
        audio=take(_sounds, 0, 11),
        subtitles=take(_texts, 0, 6),
        others=take(_others, 0, 2),
        chapters=draw(st.integers(0, 3)),
    )
