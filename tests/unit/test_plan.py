"""planning/plan.py: promises that hold for any film."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pectin.model.media import MediaInfo, OtherStream
from pectin.model.plan import AudioTarget, Method, Reason, StreamAction, SubtitleTarget, VideoTarget
from pectin.model.profile import Profile, Surround
from pectin.planning import audio, containers, faults, plan
from unit.mediamaker import MATROSKA, any_film, film, picture, sound, text

PROFILES = st.builds(
    Profile,
    max_bitrate=st.sampled_from([8_000_000, 3_000_000, 800_000]),
    surround=st.sampled_from(Surround),
    subtitles=st.booleans(),
    languages=st.sampled_from([(), ("ger",), ("jpn", "eng"), ("de",)]),
)


def streams(media: MediaInfo) -> list[int]:
    return [s.index for s in (*media.video, *media.audio, *media.subtitles, *media.covers, *media.others)]


@given(any_film(), PROFILES)
def test_every_stream_has_a_decision_that_a_person_can_read(media: MediaInfo, profile: Profile) -> None:
    decided = plan.decide(media, profile)
    assert {s.index for s in decided.streams} == set(streams(media))
    assert all(s.sentence.endswith(".") for s in decided.streams)
    assert json.loads(decided.as_json())["method"] == decided.method.value
    encoded = {s.index for s in decided.streams if s.action is StreamAction.ENCODE}
    assert all((s.target is not None) == (s.action in (StreamAction.ENCODE, StreamAction.EXTRACT)) for s in decided.streams)
    assert (decided.method is Method.ENCODE) == bool(encoded)


@given(any_film(), PROFILES)
def test_the_picture_comes_first_and_one_sound_track_is_the_default(media: MediaInfo, profile: Profile) -> None:
    kept = plan.decide(media, profile).kept
    assert [s.kind for s in kept] == ["video"] + ["audio"] * (len(kept) - 1)
    assert [s.default for s in kept[1:]] == [True] * (len(kept) > 1) + [False] * max(len(kept) - 2, 0)
    assert len(kept) - 1 <= audio.MOST_TRACKS
    if any(track.codec and track.channels and track.sample_rate for track in media.audio):
        first = kept[1]
        source = next(track for track in media.audio if track.index == first.index)
        stereo = isinstance(first.target, AudioTarget) and first.target.codec == "aac" and first.target.channels <= 2
        assert stereo or (source.codec, source.profile, (source.channels or 9) <= 2) == ("aac", "LC", True)


@given(any_film(), PROFILES)
def test_a_target_lies_within_the_profile_and_level_4_1(media: MediaInfo, profile: Profile) -> None:
    target = plan.decide(media, profile).kept[0].target
    if not isinstance(target, VideoTarget):
        return
    assert 2 <= target.width <= profile.max_width
    assert 2 <= target.height <= profile.max_height
    assert target.width % 2 == target.height % 2 == 0
    macroblocks = math.ceil(target.width / 16) * math.ceil(target.height / 16)
    assert target.level == "4.1"
    assert macroblocks <= 8192
    assert macroblocks * (target.nominal_frame_rate - Fraction(1, 2)) <= 245_760
    assert 1 <= target.reference_frames <= 4
    assert macroblocks * target.reference_frames <= 32_768
    assert target.frame_rate in (None, target.nominal_frame_rate)


@given(any_film(), PROFILES)
def test_the_bits_of_the_whole_file_stay_within_the_limit(media: MediaInfo, profile: Profile) -> None:
    decided = plan.decide(media, profile)
    sound_rate = audio.rate(decided.kept, media.audio)
    target = decided.kept[0].target
    seconds = max(decided.seconds or 5, 0.1)
    if isinstance(target, VideoTarget):
        # A full buffer on top of the steady rate, over the whole length: the worst that x264 may write.
        assert target.max_bitrate + target.buffer_bits / seconds + sound_rate <= profile.max_bitrate * 0.98 + 2
        assert target.max_bitrate * 2 >= profile.max_bitrate * 0.5
    else:
        assert (faults.bit_rate(media.video[0], media) or math.inf) + sound_rate <= profile.max_bitrate
    assert sound_rate <= profile.max_bitrate * 0.4


@given(any_film(), PROFILES)
def test_nothing_is_copied_that_breaks_a_rule(media: MediaInfo, profile: Profile) -> None:
    decided = plan.decide(media, profile)
    for kept in decided.kept:
        if kept.action is not StreamAction.COPY:
            continue
        assert decided.source_format in containers.COPYABLE
        if kept.kind == "video":
            stream = next(s for s in media.video if s.index == kept.index)
            assert stream.codec == "h264"
            assert stream.profile in ("High", "Main", "Constrained Baseline")
            assert (stream.level or 99) <= 41
            assert (stream.reference_frames or 0) <= 4
            assert stream.pixel_format == "yuv420p"
            assert stream.color_range != "pc"
            assert stream.field_order in (None, "progressive")
            assert stream.sample_aspect_ratio in (None, 1)
            assert stream.rotation == 0
            assert stream.dolby_vision_profile is None
            assert stream.color_transfer in (None, "bt709")
            assert (stream.width or 1) % 2 == (stream.height or 1) % 2 == 0
            assert (stream.frame_rate or 999) <= 60.5
        else:
            track = next(s for s in media.audio if s.index == kept.index)
            assert track.codec in ("aac", "ac3", "eac3")
            assert track.profile == "LC" or track.codec != "aac"
            assert track.sample_rate in (44_100, 48_000)


@given(any_film())
@example(film(picture(), text(2), text(3), text(4)))
def test_no_two_subtitle_files_share_a_name(media: MediaInfo) -> None:
    names = [(s.target.suffix, s.target.extension) for s in plan.decide(media, Profile()).extracted
             if isinstance(s.target, SubtitleTarget)]
    assert len(set(names)) == len(names)


def test_a_film_that_fits_is_only_copied() -> None:
    decided = plan.decide(film(), Profile())
    assert decided.method is Method.REMUX
    assert [(s.action, s.reason) for s in decided.streams] == [(StreamAction.COPY, Reason.FITS)] * 2
    assert (decided.width, decided.height, decided.seconds, decided.source_format) == (1920, 1080, 60.0, "matroska")


def test_what_is_no_part_of_the_film_is_dropped_with_its_reason() -> None:
    media = film(
        picture(),
        picture(index=7),
        sound(),
        OtherStream(index=8, codec="ttf", kind="attachment"),
        OtherStream(index=9, codec=None, kind="data"),
        covers=(picture(index=10, codec="png"),),
    )
    assert {s.index: s.reason for s in plan.decide(media, Profile()).dropped} == {
        7: Reason.SECOND_VIDEO,
        8: Reason.ATTACHMENT,
        9: Reason.DATA,
        10: Reason.COVER,
    }


def test_the_demuxer_to_force_is_one_of_those_that_may_open_a_source() -> None:
    assert plan.decide(film(formats=("webm", "matroska")), Profile()).source_format == "matroska"
    assert plan.decide(film(formats=MATROSKA), Profile()).source_format == "matroska"


def test_a_long_subtitle_track_does_not_make_the_film_longer() -> None:
    assert plan.decide(film(picture(duration=60.0), duration=90.0), Profile()).seconds == 60.0
    assert plan.decide(film(picture(duration=None), duration=90.0), Profile()).seconds == 90.0
    assert plan.decide(film(picture(duration=900.0), duration=90.0), Profile()).seconds == 90.0
    assert plan.decide(film(picture(duration=None), duration=None), Profile()).seconds is None


def test_the_size_is_estimated_only_where_the_length_is_known() -> None:
    assert plan.decide(film(), Profile()).estimated_size == pytest.approx(4_160_000 * 60 / 8, rel=0.02)
    assert plan.decide(film(picture(duration=None), duration=None), Profile()).estimated_size is None


def test_a_film_without_a_picture_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="without a picture"):
        plan.decide(film(sound()), Profile())
