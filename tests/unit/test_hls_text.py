"""What is said in playlists, subtitles and names of HLS: pure text of what was measured."""

from __future__ import annotations

import re
from array import array
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.plan import Reason, StreamAction, StreamDecision
from pectin.pipeline.hls_labels import Labels
from pectin.planning import languages
from pectin.publishing import cuts, playlists, webvtt
from pectin.publishing.cues import Cue
from pectin.publishing.cuts import Piece
from pectin.publishing.mp4_tracks import SOUND, VIDEO, Track
from pectin.publishing.playlists import Alternative, Still, Variant


def track(shown: list[int], keys: list[int] | None, *, timescale: int = 1000, kind: str = VIDEO, last: int = 40) -> Track:
    """Packets that are decoded when they are shown."""
    count = len(shown)
    return Track(kind=kind, timescale=timescale, entry=b"", places=array("Q", range(count)), sizes=array("I", [1] * count),
                 decoded=array("q", shown), offsets=array("i", [0] * count), shift=0,
                 keys=None if keys is None else array("I", keys), last=last)


rates = st.sampled_from([Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(50),
                         Fraction(60000, 1001)])


@given(rates, st.integers(1, 1500))
def test_with_key_frames_every_two_seconds_every_segment_but_the_last_lasts_six(rate: Fraction, frames: int) -> None:
    scale = 90_000
    shown = [round(number / rate * scale) for number in range(frames)]
    keys = [number for number in range(frames)
            if number == 0 or int(number / rate / 2) > int((number - 1) / rate / 2)]
    found = cuts.segments(track(shown, keys, timescale=scale, last=round(scale / rate)))
    assert [packet for segment in found for packet in segment.packets] == list(range(frames))
    assert all(abs(segment.seconds - 6) <= 1 / rate + Fraction(2, scale) for segment in found[:-1])
    assert found[-1].seconds <= 6 + 1 / rate + Fraction(2, scale)
    assert sum(segment.seconds for segment in found) == Fraction(shown[-1] + round(scale / rate), scale)
    assert all(segment.packets.start in keys for segment in found)


def test_sound_before_the_film_is_left_out_and_late_sound_keeps_its_moment() -> None:
    early = cuts.segments(track([-1024, 0, 1024], None, timescale=48000, kind=SOUND, last=1024))
    assert [segment.packets for segment in early] == [range(1, 3)]
    moments = [48000 * 2 + 1024 * number for number in range(400)]
    late = cuts.segments(track(moments, None, timescale=48000, kind=SOUND, last=1024))
    assert late[0].start == 0
    assert late[0].seconds == pytest.approx(6, abs=1024 / 48000)


def test_the_peak_is_that_of_neighbours_that_last_about_a_target() -> None:
    pieces = [Piece(Fraction(6), 750_000), Piece(Fraction(6), 1_500_000), Piece(Fraction(1, 25), 90_000)]
    assert cuts.peak_rate(pieces, 6) == 8 * 1_590_000 * 25 // 151 + 1  # the last one alone is too short to count
    assert cuts.average_rate([Piece(Fraction(2), 1000)]) == 4000
    assert cuts.peak_rate([Piece(Fraction(2), 1000)], 6) == 4000
    assert cuts.peak_rate([], 6) == 0


@given(st.lists(st.tuples(st.integers(1, 9000), st.integers(0, 10**7)), min_size=1, max_size=30))
def test_a_peak_is_never_below_the_average_of_whole_segments(rows: list[tuple[int, int]]) -> None:
    pieces = [Piece(Fraction(6) if number + 1 < len(rows) else Fraction(length, 1500), size)
              for number, (length, size) in enumerate(rows)]
    assert cuts.peak_rate(pieces, 6) * 2 + 2 >= cuts.average_rate(pieces[:-1] or pieces)


@pytest.mark.parametrize(("rate", "said"), [(Fraction(29969, 1000), "29.970"), (Fraction(23976, 1000), "23.976"),
                                           (Fraction(24), "24.000"), (Fraction(15), "15.000"), (Fraction(17), "17.000")])
def test_rates_are_the_usual_ones_in_spite_of_rounded_times(rate: Fraction, said: str) -> None:
    moments = [round(number / rate * 10**6) for number in range(3000)]
    found = cuts.frame_rate(track(moments, [0], timescale=10**6, last=round(10**6 / rate)))
    assert f"{float(found):.3f}" == said


def test_a_media_playlist_tells_exact_lengths_and_the_version_it_needs() -> None:
    text = playlists.media(["00000.m4s", "00001.m4s"], [Piece(Fraction(6006, 1000), 1), Piece(Fraction(1, 3), 1)], target=6,
                           initial="init.mp4")
    assert text == ('#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n'
                    '#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:6.006000,\n00000.m4s\n#EXTINF:0.333333,\n'
                    '00001.m4s\n#EXT-X-ENDLIST\n')
    assert "#EXT-X-VERSION:3\n" in playlists.media(["00000.ts"], [Piece(Fraction(6), 1)], target=6)


def test_a_list_of_still_pictures_points_into_the_segments() -> None:
    text = playlists.stills(["00000.m4s"], [Still(0, 24, 500, Fraction(2))], initial="init.mp4")
    assert "#EXT-X-I-FRAMES-ONLY\n" in text
    assert '#EXT-X-MAP:URI="init.mp4"\n#EXTINF:2.000000,\n#EXT-X-BYTERANGE:500@24\n00000.m4s\n' in text


def variant(name: str, average: int, **facts: object) -> Variant:
    given_facts = {"folder": name, "codecs": ("avc1.64001f",), "width": 1280, "height": 720, "rate": Fraction(25), "range": "SDR",
                   "peak": average * 2, "average": average, "stills": (9, 8)} | facts
    return Variant(**given_facts)  # type: ignore[arg-type]


def test_players_begin_with_a_version_that_comes_through_and_find_the_others_by_size() -> None:
    variants = [variant("1080p", 7_000_000), variant("720p", 2_500_000), variant("360p", 600_000)]
    text = playlists.master(variants, [], [], version=6)
    assert re.findall(r"^(\w+)/index", text, re.MULTILINE) == ["720p", "1080p", "360p"]
    assert "AUDIO=" not in text
    assert "SUBTITLES=" not in text
    assert text.count("CLOSED-CAPTIONS=NONE") == 3


def test_bandwidth_counts_the_most_expensive_sound_and_text() -> None:
    sounds = [Alternative(name="English", folder="audio-1", codec="mp4a.40.2", peak=160, average=150, default=True, channels=2),
              Alternative(name="German", folder="audio-2", language="de", codec="mp4a.40.2", peak=200, average=120)]
    texts = [Alternative(name="English (forced)", folder="text-1", language="en", forced=True, peak=7, average=5)]
    text = playlists.master([variant("720p", 1000)], sounds, texts, version=6)
    assert ('BANDWIDTH=2207,AVERAGE-BANDWIDTH=1155,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000,'
            'VIDEO-RANGE=SDR,AUDIO="audio",SUBTITLES="text",CLOSED-CAPTIONS=NONE\n720p/index.m3u8') in text
    assert 'TYPE=AUDIO,GROUP-ID="audio",NAME="English",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio-1/index.m3u8"' in text
    assert 'NAME="English (forced)",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,FORCED=YES,URI="text-1/index.m3u8"' in text


@pytest.mark.parametrize(("subrip", "wanted"), [
    ("<i>a</i> & <b>c", "<i>a</i> &amp; <b>c"), ("1 < 2 > 0", "1 &lt; 2 &gt; 0"), ("<font color=red>x</font>", "x"),
    ("<I>X</I>", "<i>X</i>"), ("{\\an8}oben", "oben"), ("a\n\nb", "a\nb"), ("<v Bob>hi", "&lt;v Bob&gt;hi"),
])
def test_only_plain_markup_stays_in_subtitles(subrip: str, wanted: str) -> None:
    assert webvtt.text(subrip) == wanted


@given(st.text(max_size=60))
def test_no_text_ends_a_cue_or_begins_markup(said: str) -> None:
    found = webvtt.text(said)
    assert found.strip("\n")
    assert "\n\n" not in found
    assert not re.sub(r"</?[ibu]>", "", found).count("<")


def test_a_line_across_a_cut_stands_in_both_pieces_with_the_same_times() -> None:
    cues = [Cue(1000, 2000, "one"), Cue(59_000, 61_000, "two"), Cue(61_500, 62_000, "{\\an8}three"),
            Cue(200_000, 201_000, "after")]
    found = list(webvtt.pieces(cues, Fraction(130)))
    assert [seconds for seconds, _ in found] == [60, 60, 10]
    assert "one" in found[0][1]
    assert all("00:00:59.000 --> 00:01:01.000\ntwo\n" in text for _, text in found[:2])
    assert "00:01:01.500 --> 00:01:02.000 line:0\nthree\n" in found[1][1]
    assert found[2][1] == "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n"


def test_a_line_that_never_ends_does_not_fill_the_disk() -> None:
    found = list(webvtt.pieces([Cue(0, 86_400_000, "x")], Fraction(86_400)))
    assert sum("x" in text.partition("\n\n")[2] for _, text in found) == 5


def sound(**facts: object) -> StreamDecision:
    return StreamDecision(index=1, kind="audio", codec="aac", action=StreamAction.COPY, reason=Reason.FITS, sentence=".",
                          **facts)  # type: ignore[arg-type]


def test_each_name_is_given_once_and_nothing_of_the_source_stands_in_it() -> None:
    labels = Labels()
    hostile = sound(language="eng", title='x",URI="http://evil')
    assert [labels.sound(hostile, 2), labels.sound(hostile, 2), labels.sound(hostile, 6),
            labels.sound(sound(language="ger", comment=True), 2), labels.sound(sound(), 2)] == [
        "English", "English 2", "English (5.1)", "German (commentary)", "Sound"]


@pytest.mark.parametrize(("code", "tag", "name"), [
    ("ger", "de", "German"), ("eng", "en", "English"), ("chi", "zh", "Chinese"), ("pt-BR", "pt-BR", "Portuguese (BR)"),
    ("heb", "he", "Hebrew"), ("gsw", "gsw", "gsw"), ("tib", "bod", "tib"),
])
def test_languages_are_told_as_web_players_know_them(code: str, tag: str, name: str) -> None:
    assert (languages.tag(code), languages.english(code)) == (tag, name)
