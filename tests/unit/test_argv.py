"""encoding/argv.py: the arguments as data."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

from pectin.encoding import argv, checks, pictures
from pectin.model.media import DEMUXERS, Disposition, MediaInfo
from pectin.model.plan import Plan, VideoTarget
from pectin.model.profile import Profile, VideoCodec
from pectin.planning import plan
from unit.mediamaker import any_film, film, picture, sound

REPEATED = {"-map", "-threads", "-metadata", "-c:s:0", "-f", "-map_metadata", "-map_chapters"}


def built(media: MediaInfo | Plan, threads: int = 3) -> argv.Command:
    decided = media if isinstance(media, Plan) else plan.decide(media, Profile())
    return argv.build(decided, ffmpeg="/usr/bin/ffmpeg", source="file:/proc/self/fd/7", threads=threads, max_pixels=40_000_000)


def has(arguments: Sequence[str], *wanted: str) -> bool:
    return any(tuple(arguments[n : n + len(wanted)]) == wanted for n in range(len(arguments)))


def outputs(command: argv.Command) -> list[tuple[str, ...]]:
    """The options of each output, from behind the input."""
    rest = command.argv[command.argv.index("-i") + 2 :]
    found = []
    for name in (command.video, *([checks.SOURCE_HASHES] if command.copied else [])):
        end = rest.index(name)
        found.append(rest[:end])
        rest = rest[end + 1 :]
    assert not rest
    return found


def target(**changes: Any) -> VideoTarget:
    return replace(VideoTarget(width=1280, height=720, scale=True, frame_rate=None, nominal_frame_rate=Fraction(24)), **changes)


def encoding(**changes: Any) -> tuple[str, ...]:
    decided = plan.decide(film(picture(codec="hevc")), Profile())
    first = replace(decided.streams[0], target=target(**changes))
    return built(replace(decided, streams=(first, *decided.streams[1:]))).argv


@given(any_film())
def test_no_flag_overrides_another(media: MediaInfo) -> None:
    command = built(media)
    start = command.argv.index("-i")
    before = Counter(word for word in command.argv[1:start] if word.startswith("-"))
    assert all(count == 1 for count in before.values()), before
    for options in outputs(command):
        flags = Counter(word for word in options if word.startswith("-") and not word.lstrip("-").isdigit())
        assert all(count == 1 for flag, count in flags.items() if flag not in REPEATED and not flag.startswith("-metadata:s:")), (
            flags
        )
        named = Counter(
            f"{flag} {value.split('=')[0]}" for flag, value in itertools.pairwise(options) if flag.startswith("-metadata")
        )
        assert all(count == 1 for count in named.values()), named
        assert [flags[flag] for flag in ("-f", "-map_metadata", "-map_chapters")] == [1, 1, 1]
    assert "-threads" in outputs(command)[0]


@given(any_film())
def test_every_kept_stream_is_mapped_and_nothing_else(media: MediaInfo) -> None:
    decided = plan.decide(media, Profile())
    command = built(decided)
    maps = [[value for flag, value in itertools.pairwise(options) if flag == "-map"] for options in outputs(command)]
    assert maps[0] == ["[picture]" if isinstance(s.target, VideoTarget) else f"0:{s.index}" for s in decided.kept]
    assert maps[1:] == ([[f"0:{s.index}" for s in command.copied]] if command.copied else [])
    assert all(word.isprintable() and "\0" not in word for word in command.argv)


def test_the_input_is_bounded_and_cannot_open_anything_else() -> None:
    arguments = built(film()).argv
    front = arguments[: arguments.index("-i") + 2]
    for pair in (
        ("-protocol_whitelist", "file"),
        ("-f", "matroska"),
        ("-max_streams", "100"),
        ("-max_pixels", "40000000"),
        ("-threads", "3"),
        ("-filter_threads", "3"),
        ("-filter_complex_threads", "3"),
        ("-progress", "pipe:1"),
        ("-stats_period", "0.5"),
        ("-i", "file:/proc/self/fd/7"),
    ):
        assert has(front, *pair), pair
    assert front[:3] == ("/usr/bin/ffmpeg", "-nostdin", "-hide_banner")
    assert "-nostats" in front


def test_a_copied_film_is_only_moved_into_mp4() -> None:
    arguments = built(film()).argv
    for pair in (
        ("-c:v:0", "copy"),
        ("-c:a:0", "copy"),
        ("-map", "0:0"),
        ("-map", "0:1"),
        ("-tag:v:0", "avc1"),
        ("-movflags", "+faststart"),
        ("-f", "mp4", "video.mp4"),
        ("-disposition:a:0", "default"),
    ):
        assert has(arguments, *pair), pair
    assert not any(
        word.startswith(("-fps_mode", "-filter_complex", "-crf", "-g:", "-pix_fmt")) and "threads" not in word
        for word in arguments
    )


@pytest.mark.parametrize(("container", "profile", "needed"), [
    ("avi", Profile(video=VideoCodec.COPY), True), ("mpeg", Profile(video=VideoCodec.COPY), True),
    ("matroska", Profile(video=VideoCodec.COPY), False), ("avi", Profile(), False)])
def test_where_the_container_does_not_say_when_a_picture_is_shown_it_is_worked_out_for_a_copy(
        container: str, profile: Profile, needed: bool) -> None:
    decided = plan.decide(replace(film(picture(codec="mpeg4"), sound(1)), formats=(container,)), profile)
    assert has(built(decided).argv, "-fflags", "+genpts") == needed


def test_an_encoded_picture_has_every_universal_rule_spelt_out() -> None:
    arguments = encoding(max_bitrate=7_000_000, buffer_bits=3_500_000, reference_frames=3, crf=21.5, preset="slow")
    for pair in (
        ("-c:v:0", "libx264"),
        ("-preset:v:0", "slow"),
        ("-crf:v:0", "21.5"),
        ("-profile:v:0", "high"),
        ("-level:v:0", "4.1"),
        ("-pix_fmt:v:0", "yuv420p"),
        ("-refs:v:0", "3"),
        ("-maxrate:v:0", "7000000"),
        ("-bufsize:v:0", "3500000"),
        ("-g:v:0", "49"),
        ("-fps_mode:v:0", "vfr"),
        ("-enc_time_base:v:0", "1:90000"),
        ("-flags:v:0", "+cgop"),
        ("-color_range:v:0", "tv"),
        ("-colorspace:v:0", "bt709"),
        ("-color_primaries:v:0", "bt709"),
        ("-color_trc:v:0", "bt709"),
        ("-tag:v:0", "avc1"),
        ("-force_key_frames:v:0", "expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+2))"),
    ):
        assert has(arguments, *pair), pair


def test_the_repairs_stand_in_the_order_that_saves_work() -> None:
    filters = pictures.video_filters(target(deinterlace=True, frame_rate=Fraction(30000, 1001), source_matrix="smpte170m"))
    assert [name.split("=")[0] for name in filters] == ["bwdif", "fps", "scale", "format", "setsar", "setparams"]
    assert filters[1] == "fps=30000/1001"
    assert filters[2].startswith("scale=1280:720:")
    assert ":in_color_matrix=smpte170m:out_color_matrix=bt709:out_range=tv" in filters[2]


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_tone_mapping_scales_first_and_names_what_the_source_may_not(transfer: str) -> None:
    filters = pictures.video_filters(target(tonemap=True, source_transfer=transfer))
    assert filters[0] == f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc"
    assert filters[1] == "zscale=w=1280:h=720:t=linear:npl=100"
    assert "tonemap=tonemap=hable:desat=0" in filters
    assert filters[-1] == "setparams=field_mode=prog:range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"


def test_tracks_carry_language_name_and_flags() -> None:
    arguments = built(
        film(
            picture(),
            sound(1, "dts", 6, language="ger"),
            sound(2, title="Commentary: part 1", disposition=Disposition(comment=True)),
        )
    ).argv
    for pair in (
        ("-c:a:0", "aac"),
        ("-profile:a:0", "aac_low"),
        ("-b:a:0", "160000"),
        ("-ar:a:0", "48000"),
        ("-disposition:a:0", "default"),
        ("-metadata:s:a:0", "language=ger"),
        ("-metadata:s:a:0", "handler_name=SoundHandler"),
        ("-c:a:1", "ac3"),
        ("-b:a:1", "448000"),
        ("-disposition:a:1", "0"),
        ("-metadata:s:a:1", "language=ger"),
        ("-c:a:2", "copy"),
        ("-disposition:a:2", "comment"),
        ("-metadata:s:a:2", "handler_name=Commentary: part 1"),
        ("-metadata:s:v:0", "language=und"),
    ):
        assert has(arguments, *pair), pair


def test_what_would_become_the_overview_is_dropped() -> None:
    arguments = built(film()).argv
    assert has(arguments, "-map_metadata", "0")
    assert all(has(arguments, "-metadata", f"{tag}=") for tag in ("comment", "description", "synopsis"))


@pytest.mark.parametrize(("chapters", "source"), [(0, "-1"), (3, "0")])
def test_chapters_are_kept(chapters: int, source: str) -> None:
    assert has(outputs(built(film(chapters=chapters)))[0], "-map_chapters", source)


def test_probing_opens_only_what_may_be_opened() -> None:
    arguments = argv.probe_argv("ffprobe", "file:x", max_pixels=99)
    for pair in (
        ("-protocol_whitelist", "file"),
        ("-format_whitelist", ",".join(DEMUXERS)),
        ("-max_pixels", "99"),
        ("-of", "json"),
    ):
        assert has(arguments, *pair), pair
    assert {"-show_format", "-show_streams", "-show_chapters"} <= set(arguments)
    assert arguments[-1] == "file:x"
    assert "-max_pixels" not in argv.probe_argv("ffprobe", "file:x")


def test_the_source_is_searched_as_far_by_both_programs_because_streams_are_numbered_as_they_are_found() -> None:
    probing, encoding = argv.probe_argv("ffprobe", "file:x"), built(film()).argv
    for option in ("-probesize", "-analyzeduration"):
        value = probing[probing.index(option) + 1]
        assert has(encoding, option, value)
        assert encoding.index(option) < encoding.index("-i")


def test_packets_are_counted_only_on_request() -> None:
    assert "-count_packets" not in argv.probe_argv("ffprobe", "file:x")
    assert "-count_packets" in argv.probe_argv("ffprobe", "file:x", count=True)
