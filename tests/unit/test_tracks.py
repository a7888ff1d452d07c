"""encoding/tracks.py, captions.py and texts.py: the arguments as data."""

from __future__ import annotations

import itertools
from pathlib import Path

from pectin.encoding import argv, captions, tracks
from pectin.model.media import SubtitleStream
from pectin.model.plan import Plan, SubtitleTarget
from pectin.model.profile import Container, Profile, TextSubtitles
from pectin.planning import plan
from unit.mediamaker import film, picture, sound, text


def side_pass(*subtitles: SubtitleStream, formats: tuple[str, ...] = ("matroska",)) -> tuple[str, ...]:
    decided = plan.decide(film(picture(), sound(), *subtitles, formats=formats), Profile())
    wanted = [s for s in decided.streams if isinstance(s.target, SubtitleTarget)]
    return tracks.build(wanted, decided, ffmpeg="/usr/bin/ffmpeg", source="file:/proc/self/fd/7", threads=3, max_pixels=99)


def has(arguments: tuple[str, ...], *wanted: str) -> bool:
    return any(arguments[n:n + len(wanted)] == wanted for n in range(len(arguments)))


def maps(arguments: tuple[str, ...]) -> list[str]:
    return [value for flag, value in itertools.pairwise(arguments) if flag == "-map"]


def test_each_track_is_an_output_of_its_own_and_text_goes_over_as_it_is() -> None:
    arguments = side_pass(text(2), text(3, "ass"), text(4, "mov_text"), text(5, "hdmv_pgs_subtitle"), text(6, "dvd_subtitle"))
    assert maps(arguments) == ["0:2", "0:3", "0:4", "0:5", "0:6"]
    for wanted in (("-c", "copy", "-threads", "3", "-f", "srt", "track2.srt"),
                   ("-c", "copy", "-threads", "3", "-ignore_readorder", "1", "-f", "ass", "track3.srt"),
                   ("-c", "srt", "-threads", "3", "-f", "srt", "track4.srt"),
                   ("-c", "copy", "-threads", "3", "-f", "sup", "track5.sup"),
                   ("-c", "copy", "-threads", "3", "-fflags", "+bitexact", "-f", "matroska", "track6.mks"),
                   ("-f", "matroska", "-max_streams"), ("-protocol_whitelist", "file"), ("-max_pixels", "99")):
        assert has(arguments, *wanted), wanted
    assert "-txt_format" not in arguments


def test_where_time_begins_with_the_first_wanted_packet_the_film_is_wanted_too() -> None:
    arguments = side_pass(text(2, "dvb_teletext"), formats=("mpegts",))
    assert maps(arguments) == ["0:0", "0:1", "0:2"]
    assert has(arguments, "-map", "0:1", "-c", "copy", "-f", "null", "-")
    assert has(arguments, "-txt_page", "subtitle", "-txt_format", "text", "-fix_sub_duration")
    assert arguments.index("-txt_format") < arguments.index("-i")


def embedding() -> Plan:
    return plan.decide(film(picture(), sound(), text(2, "mov_text"), text(3), text(4, "ass", title="Signs")),
                       Profile(subtitles=TextSubtitles.EMBED, container=Container.MP4))


def test_text_for_the_film_comes_from_files_of_its_own() -> None:
    arguments = argv.build(embedding(), ffmpeg="ffmpeg", source="file:x", threads=1, max_pixels=99,
                           texts={3: "track3.srt", 4: "track4.srt"}).argv
    opened = [value for flag, value in itertools.pairwise(arguments) if flag == "-i"]
    assert opened == ["file:x", "file:track3.srt", "file:track4.srt"]
    assert maps(arguments)[:5] == ["0:0", "0:1", "0:2", "1:0", "2:0"]
    for wanted in (("-c:s:0", "copy"), ("-c:s:1", "mov_text"), ("-c:s:2", "mov_text"), ("-disposition:s:1", "0"),
                   ("-metadata:s:s:2", "handler_name=Signs")):
        assert has(arguments, *wanted), wanted


def test_captions_are_read_by_a_forced_demuxer_from_a_path_of_our_own() -> None:
    arguments = captions.build(ffmpeg="ffmpeg", source=Path("/proc/self/fd/7"), source_format="mpegts", threads=2)
    assert has(arguments, "-f", "lavfi", "-i", "movie=filename=/proc/self/fd/7:format_name=mpegts:dec_threads=2[out+subcc]")
    assert "-copyts" in arguments


def test_a_long_film_is_looked_at_in_two_places() -> None:
    for media, places in ((film(picture(), duration=3600.0), 2), (film(picture(), duration=200.0), 1),
                          (film(picture(), duration=None), 1), (film(picture(), formats=("h264",), duration=3600.0), 1)):
        arguments = captions.look_argv("ffmpeg", "file:x", media, media.video[0])
        assert arguments.count("-i") == arguments.count("-map") == places
        assert has(arguments, "-ss", "120") == (places == 2)
