"""planning/ladder.py: which renditions a film gets, for any film; and the commands that make them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pectin.encoding import argv, encoders
from pectin.model.media import MediaInfo, VideoStream
from pectin.model.plan import AudioTarget, Plan, StreamAction, VideoTarget
from pectin.model.profile import AudioCodec, Container, Profile, VideoCodec
from pectin.model.rendition import Hls, Rendition
from pectin.planning import levels
from pectin.planning.effort import expected_seconds
from pectin.planning.plan import decide
from pectin.publishing.rungs import limits
from unit.mediamaker import any_film, film, picture, sound

HEIGHTS = (1080, 720, 480, 360, 240)
WANTED = Profile(renditions=HEIGHTS)
_profiles = st.builds(
    Profile,
    renditions=st.sets(st.integers(72, 540).map(lambda half: 2 * half), max_size=6).map(lambda s: tuple(sorted(s, reverse=True))),
    original=st.booleans(), hls=st.sampled_from(Hls), rendition_files=st.booleans(), video=st.sampled_from(VideoCodec),
    audio=st.sampled_from(AudioCodec), container=st.sampled_from(Container), max_bitrate=st.sampled_from([2_000_000, 8_000_000]))


def target(rendition: Rendition) -> VideoTarget:
    found = rendition.streams[0].target
    assert isinstance(found, VideoTarget)
    return found


def made(plan: Plan) -> list[tuple[str, int, int]]:
    return [(one.name, one.width, one.height) for one in plan.renditions]


@settings(deadline=None)
@given(any_film(), _profiles)
def test_no_rendition_is_enlarged_odd_doubled_or_dearer_than_the_film(media: MediaInfo, profile: Profile) -> None:
    plan = decide(media, profile)
    encoded = [one for one in plan.renditions if not one.copied]
    sizes = [(one.width, one.height) for one in encoded]
    assert len(set(sizes)) == len(sizes) == len({one.name for one in encoded})
    assert sizes == sorted(sizes, reverse=True), "largest first: each is scaled from the one before"
    for one in encoded:
        aim = target(one)
        assert (aim.width, aim.height) == (one.width, one.height)
        assert min(one.width % 2, one.height % 2) == 0
        assert min(one.width, one.height) >= 2
        assert aim.aligned
        assert aim.max_bitrate < one.max_bitrate <= profile.max_bitrate
        assert all(stream.kind == "audio" for stream in one.streams[1:])
        assert len(one.streams) <= 2
        if isinstance(one.streams[-1].target, AudioTarget):
            assert one.streams[-1].target.codec == "aac"
            assert one.streams[-1].target.channels <= 2
        assert one.files <= profile.rendition_files
        assert one.files or profile.hls is not Hls.NONE
    if isinstance(plan.kept[0].target, VideoTarget):
        film_target = plan.kept[0].target
        assert film_target.aligned == bool(encoded or profile.hls is not Hls.NONE)
        assert all(one.width <= film_target.width and one.height <= film_target.height for one in encoded)
        assert (film_target.width, film_target.height) not in sizes
        assert all(target(one).nominal_frame_rate == film_target.nominal_frame_rate for one in encoded)
        assert all(target(one).keyframe_seconds == film_target.keyframe_seconds for one in encoded)
    elif profile.hls is not Hls.NONE:
        assert encoded or any("takes no picture" in note for note in plan.notes), "what is copied cannot be cut for HLS"
    copies = [one for one in plan.renditions if one.copied]
    assert len(copies) <= profile.original
    assert all(one.streams[0].action is StreamAction.COPY for one in copies)
    if profile.original and not copies:
        assert any(note.startswith("No rendition original:") for note in plan.notes)


@settings(deadline=None)
@given(any_film(), _profiles)
def test_a_profile_that_wants_nothing_besides_changes_nothing_of_the_film(media: MediaInfo, profile: Profile) -> None:
    plain = replace(profile, renditions=(), original=False, hls=Hls.NONE)
    with_rungs, without = decide(media, replace(plain, renditions=(144,))), decide(media, plain)
    assert without.renditions == ()
    first = with_rungs.kept[0]
    if isinstance(first.target, VideoTarget):
        first = replace(first, target=replace(first.target, aligned=False))
    assert (first, *with_rungs.streams[1:]) == (without.streams[0], *without.streams[1:])


@pytest.mark.parametrize(("facts", "expected"), [
    ({}, [("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360), ("240p", 426, 240)]),
    ({"height": 800}, [("720p", 1280, 534), ("480p", 854, 356), ("360p", 640, 266), ("240p", 426, 178)]),
    ({"width": 1080, "height": 1920}, [("720p", 404, 720), ("480p", 270, 480), ("360p", 202, 360), ("240p", 134, 240)]),
    ({"width": 720, "height": 576, "sample_aspect_ratio": Fraction(64, 45)}, [("480p", 854, 480), ("360p", 640, 360),
                                                                             ("240p", 426, 240)]),
    ({"width": 641, "height": 361}, [("240p", 426, 240)]),
    ({"width": 320, "height": 240}, []),
])
def test_heights_are_those_of_the_box_the_film_fits_into(facts: dict[str, Any], expected: list[tuple[str, int, int]]) -> None:
    assert made(decide(film(picture(codec="vc1", **facts)), WANTED)) == expected


def test_a_rendition_as_high_as_the_film_is_the_film() -> None:
    plan = decide(film(picture(codec="vc1")), WANTED)
    assert plan.notes == ("No rendition 1080p: that is the film itself.",)
    small = decide(film(picture(codec="vc1", width=1280, height=720)), WANTED)
    assert small.notes == ("No rendition 1080p: the film has 1280x720, and nothing is enlarged.",
                           "No rendition 720p: that is the film itself.")


def test_a_copied_film_is_encoded_once_more_at_its_own_size_only_for_hls() -> None:
    assert made(decide(film(), WANTED))[0] == ("720p", 1280, 720)
    first = decide(film(), replace(WANTED, hls=Hls.FMP4)).renditions[0]
    assert (first.name, first.width, first.height, first.files) == ("1080p", 1920, 1080, False)


def test_rates_and_quality_follow_the_height() -> None:
    plan = decide(film(picture(codec="vc1")), WANTED)
    assert [(one.max_bitrate, target(one).crf, target(one).level) for one in plan.renditions] == [
        (4_000_000, 21, "3.1"), (2_000_000, 20, "3.0"), (1_000_000, 20, "3.0"), (600_000, 20, "2.1")]
    small = decide(film(picture(codec="vc1")), replace(WANTED, max_bitrate=4_000_000))
    assert [one.max_bitrate for one in small.renditions] == [2_000_000, 1_000_000, 500_000, 300_000]
    other = decide(film(picture(codec="vc1")), replace(WANTED, video=VideoCodec.AV1, crf=31, preset="8"))
    assert {target(one).crf for one in other.renditions} == {31}


def test_the_sound_of_a_rendition_is_one_stereo_track_of_aac() -> None:
    surround = film(picture(codec="vc1"), sound(codec="dts", channels=6), sound(2, language="ger"))
    for one in decide(surround, WANTED).renditions:
        assert [(s.index, s.kind, s.default) for s in one.streams[1:]] == [(1, "audio", True)]
    streams = [stream for one in decide(surround, WANTED).renditions for stream in one.streams]
    rates = [stream.target.bitrate for stream in streams if isinstance(stream.target, AudioTarget)]
    assert rates == sorted(rates, reverse=True)
    assert decide(film(picture(codec="vc1")), WANTED).renditions[0].streams[1:] == ()


@pytest.mark.parametrize(("media", "why"), [
    (film(), "the film itself has the source's own picture"),
    (film(picture(codec="vc1")), "MP4 cannot hold vc1"),
    (film(picture(codec="mpeg4"), formats=("avi",)), "the timestamps of the source cannot be taken over"),
])
def test_why_there_is_no_original_is_told(media: MediaInfo, why: str) -> None:
    assert decide(media, Profile(original=True)).notes == (f"No rendition original: {why}.",)


def test_the_original_is_a_copy_of_the_picture() -> None:
    first = decide(film(picture(codec="hevc", width=3840, height=2160), sound()), replace(WANTED, original=True)).renditions[0]
    assert (first.name, first.width, first.copied, first.streams[0].action) == ("original", 3840, True, StreamAction.COPY)


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(25), Fraction(60)])
def test_small_pictures_have_small_levels(rate: Fraction) -> None:
    sizes = ((426, 240), (854, 480), (1280, 720), (1920, 1080))
    found = [float(levels.least(width, height, rate, 2_000_000)) for width, height in sizes]
    assert found == sorted(found)
    assert found[0] < 3.1
    assert levels.least(426, 240, rate, 24_000_000) in ("3.2", "4.0"), "a high rate needs a high level"


def command(plan: Plan) -> argv.Command:
    return argv.build(plan, ffmpeg="ffmpeg", source="file:/proc/self/fd/7", threads=2, max_pixels=99, rungs=plan.renditions)


@settings(deadline=None)
@given(any_film(), _profiles.map(lambda profile: replace(profile, original=False, container=Container.MP4)))
def test_every_picture_of_the_graph_is_an_output_and_the_source_is_decoded_once(media: MediaInfo, profile: Profile) -> None:
    plan = decide(media, profile)
    if not plan.renditions:
        return
    arguments = command(plan).argv
    assert arguments.count("-filter_complex") == 1
    graph = arguments[arguments.index("-filter_complex") + 1]
    mapped = [value for flag, value in itertools.pairwise(arguments) if flag == "-map" and value.startswith("[")]
    assert all(graph.count(name) == 1 for name in mapped)
    assert len(mapped) == len(plan.renditions) + isinstance(plan.kept[0].target, VideoTarget)
    assert graph.count(f"[0:{plan.kept[0].index}]") == 1
    assert [word for word in arguments if word.startswith("rendition-")] == [one.file for one in plan.renditions]
    assert all(word.isprintable() for word in arguments)


def test_the_repairs_are_made_once_and_each_version_is_scaled_from_the_next_larger() -> None:
    plan = decide(film(picture(codec="mpeg2video", field_order="tt")), replace(WANTED, renditions=(720, 480)))
    arguments = command(plan).argv
    graph = arguments[arguments.index("-filter_complex") + 1]
    assert (graph.count("bwdif"), graph.count("scale="), graph.count("split")) == (1, 3, 2)
    assert "split[picture][below1];[below1]scale=1280:720:" in graph
    assert "split[of720p][below2];[below2]scale=854:480:" in graph
    assert graph.endswith("[of480p]")


@settings(deadline=None)
@given(st.lists(st.floats(0.001, 9), min_size=1, max_size=200), st.floats(0, 5))
def test_key_frames_stand_at_the_first_frame_of_every_two_seconds(gaps: list[float], start: float) -> None:
    """What ffmpeg makes of the expression, frame by frame."""
    text = encoders.key_frames(target(decide(film(), WANTED).renditions[0]))
    assert text == "expr:if(isnan(prev_forced_t),1,gte(t+0.001,2*(floor((prev_forced_t+0.001)/2)+1)))"
    times = list(itertools.accumulate(gaps, initial=start))
    forced: list[float] = []
    for t in times:
        if not forced or t + 0.001 >= 2 * ((forced[-1] + 0.001) // 2 + 1):
            forced.append(t)
    firsts = [next(group) for _, group in itertools.groupby(times, key=lambda t: (t + 0.001) // 2)]
    assert forced == firsts


@pytest.mark.parametrize(("codec", "wanted"), [
    (VideoCodec.H264, ("-keyint_min:v:0", "10000000")), (VideoCodec.HEVC, ("-keyint_min:v:0", "10000000")),
    (VideoCodec.VP9, ("-keyint_min:v:0", "10000000")), (VideoCodec.AV1, ("-g:v:0", "48"))])
def test_no_encoder_sets_key_frames_of_its_own_among_aligned_ones(codec: VideoCodec, wanted: tuple[str, str]) -> None:
    aim = replace(target(decide(film(), WANTED).renditions[0]), codec=codec, preset="5")
    assert wanted in itertools.pairwise(encoders.options(aim, "v:0", 1))
    assert "-keyint_min:v:0" not in encoders.options(replace(aim, aligned=False), "v:0", 1)


def test_a_rendition_beyond_its_rate_or_its_level_is_wrong() -> None:
    rung = decide(film(), WANTED).renditions[0]
    fine = film(picture(width=1280, height=720, level=31), bit_rate=4_150_000)
    assert list(limits(rung, fine)) == []
    assert len(list(limits(rung, replace(fine, bit_rate=4_300_000)))) == 1
    assert len(list(limits(rung, film(picture(level=32), bit_rate=1)))) == 1
    assert list(limits(rung, MediaInfo(formats=(), video=(VideoStream(index=0, codec="h264"),)))) == []


def test_renditions_take_their_time() -> None:
    media = film(picture(codec="vc1"), sound())
    without, with_them = [expected_seconds(decide(media, profile), media, threads=1, verify=Profile().verify)
                          for profile in (Profile(), WANTED)]
    assert without is not None
    assert with_them is not None
    assert without * 1.3 < with_them < without * 2
