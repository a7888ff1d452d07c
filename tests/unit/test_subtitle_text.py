"""publishing/subtitle_text.py: whatever the format, SubRip comes out, in order, with every line that says something."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.publishing.cues import Cue, render, tidy
from pectin.publishing.sidecars import fate_of
from pectin.publishing.subtitle_formats import read
from pectin.publishing.subtitle_text import LARGEST, TOO_LARGE, fits, to_subrip

TIMES = re.compile(r"\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}")


def subrip(text: str, **how: object) -> list[tuple[str, str]]:
    """Times and words of each cue."""
    made = to_subrip(text.encode(), **how)  # type: ignore[arg-type]
    cues = (made or b"").decode().removesuffix("\n\n").split("\n\n") if made else []
    for number, cue in enumerate(cues, 1):
        assert cue.startswith(f"{number}\n")
    return [(cue.split("\n")[1], "\n".join(cue.split("\n")[2:])) for cue in cues]


ONE = "00:00:01,000 --> 00:00:02,000"
TWO = "00:00:03,000 --> 00:00:04,000"


@pytest.mark.parametrize(("text", "expected"), [
    ("1\n00:00:01,000 --> 00:00:02,000\nHi\nyou\n\n2\n00:00:03,000 --> 00:00:04,000\nBye\n", [(ONE, "Hi\nyou"), (TWO, "Bye")]),
    ("1\r\n00:00:01,000 --> 00:00:02,000\r\nHi\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nBye", [(ONE, "Hi"), (TWO, "Bye")]),
    ("1\r00:00:01,000 --> 00:00:02,000\rHi\r", [(ONE, "Hi")]),
    ("2\n00:00:03,000 --> 00:00:04,000\nBye\n\n1\n00:00:01,000 --> 00:00:02,000\nHi\n", [(ONE, "Hi"), (TWO, "Bye")]),
    ("1\n0:00:01.0 --> 0:00:02.0 X1:10 X2:20\nHi\n", [(ONE, "Hi")]),
    ("00:00:01,000 --> 00:00:02,000\nHi\n00:00:03,000 --> 00:00:04,000\nBye\n", [(ONE, "Hi"), (TWO, "Bye")]),
    ("1\n00:00:01,000 --> 00:00:02,000\nA line\n\nafter a blank one\n\n2\n00:00:03,000 --> 00:00:04,000\n1999\n",
     [(ONE, "A line\nafter a blank one"), (TWO, "1999")]),
    ("1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:03,000 --> 00:00:04,000\nBye\n", [(TWO, "Bye")]),
    ("1\n00:00:01,000 --> 00:00:02,000\n<i></i>{\\an8}\n", []),
    ("1\n00:00:01,000 --> 00:00:02,000\n<i>Hi</i> <font color='red'>red</font>\n",
     [(ONE, "<i>Hi</i> <font color='red'>red</font>")]),
])
def test_subrip_of_any_make(text: str, expected: list[tuple[str, str]]) -> None:
    assert subrip(text) == expected


def test_webvtt_loses_its_notes_styles_and_voices() -> None:
    assert subrip("""WEBVTT - a title

STYLE
::cue { color: red }

NOTE this is
no line

intro
00:01.000 --> 00:02.000 align:start position:10%
<v Mary><c.loud>Hi</c> <00:01.500><i.x>you</i> &amp; me&nbsp;too

NOTE behind it

00:00:03.000 --> 00:00:04.000
Bye
""") == [(ONE, "Hi <i>you</i> & me\xa0too"), (TWO, "Bye")]


ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Italic
Style: Default,Arial,0
Style: Thought,Arial,-1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


@pytest.mark.parametrize(("lines", "expected"), [
    (r"Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\an8\fs40\c&HFF&}Hi,\Nyou\hthere", [(ONE, "Hi,\nyou there")]),
    (r"Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\i1}Hi{\i0} {\b700}you{\r} there",
     [(ONE, "<i>Hi</i> <b>you</b> there")]),
    (r"Dialogue: 0,0:00:01.00,0:00:02.00,Thought,,0,0,0,,Hmm{\i0}!", [(ONE, "<i>Hmm</i>!")]),
    (r"Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\i1}a{\b1}b{\i0}c", [(ONE, "<i>a<b>b</b></i><b>c</b>")]),
    (r"Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\p1}m 0 0 l 9 9{\p0}", []),
    (r"Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\pos(1,2)\p2}m 0 0{\p0}sign", [(ONE, "sign")]),
    (r"Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,not shown", []),
    ("Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Sign\nDialogue: 1,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\bord3}Sign",
     [(ONE, "Sign")]),
    ("Dialogue: 0,0:00:01.00,0:00:01.50,Default,,0,0,0,,{\\pos(1,1)}Sign\n"
     "Dialogue: 0,0:00:01.50,0:00:02.00,Default,,0,0,0,,{\\pos(2,1)}Sign", [(ONE, "Sign")]),
    ("Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,Bye\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Hi",
     [(ONE, "Hi"), (TWO, "Bye")]),
    ("Dialogue: broken\nDialogue: 0,x,y,Default,,0,0,0,,lost\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Hi",
     [(ONE, "Hi")]),
    (r"Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\k20}Ka{\kf30}ra{unclosed", [(ONE, "Karaunclosed")]),
])
def test_ass_keeps_its_text_and_nothing_of_its_looks(lines: str, expected: list[tuple[str, str]]) -> None:
    assert subrip(ASS + lines + "\n") == expected


def test_sami_gives_the_language_that_says_most() -> None:
    assert subrip("""<SAMI><HEAD><STYLE><!-- P {x} --></STYLE></HEAD><BODY>
<SYNC Start=1000><P Class=KRCC>안녕<br>하세요<P Class=ENCC>Hello
<SYNC Start=2000><P Class=KRCC>&nbsp;
<SYNC Start=3000><P Class=KRCC><font color="red"><i>잘 가</i></font>
<SYNC Start=4000><P Class=KRCC>&nbsp;
</BODY></SAMI>""") == [(ONE, "안녕\n하세요"), (TWO, "<i>잘 가</i>")]


@pytest.mark.parametrize(("text", "rate"), [
    ("{25}{50}Hi|{y:i}you\n{75}{100}{c:$ff}Bye\n", 25.0), ("{1}{1}25.000\n{25}{50}Hi|{y:i}you\n{75}{100}Bye\n", 23.976),
    ("{50}{100}Hi|{Y:i}you\n{150}{200}Bye\n", 50.0), ("{25}{50}Hi|/you\n{75}{100}Bye\n", None),
    ("[10][20]Hi|/you\n[30][40]Bye\n", 60.0),
])
def test_formats_that_count_frames_or_tenths(text: str, rate: float | None) -> None:
    assert subrip(text, frame_rate=rate) == [(ONE, "Hi\n<i>you</i>"), (TWO, "Bye")]


@pytest.mark.parametrize("text", [
    "[INFORMATION]\n[TITLE]x\n[END INFORMATION]\n00:00:01.00,00:00:02.00\nHi[br]you\n\n00:00:03.00,00:00:04.00\nBye\n",
    "00:00:01.00,00:00:02.00\nHi[br]you\n\n00:00:03.00,00:00:04.00\nBye",
])
def test_subviewer(text: str) -> None:
    assert subrip(text) == [(ONE, "Hi\nyou"), (TWO, "Bye")]


def test_lines_without_an_end_stay_until_the_next_but_not_for_ever() -> None:
    assert subrip("00:00:01:Hi|you\n00:00:02:Bye\n") == [(ONE, "Hi\nyou"), ("00:00:02,000 --> 00:00:09,000", "Bye")]


@pytest.mark.parametrize("text", ["", "   \n", "just words", "WEBVTT\n", "[Script Info]\n", "{notes}", "\0\0\x01\xba",
                                  "<SAMI></SAMI>"])
def test_what_holds_no_line_gives_nothing(text: str) -> None:
    assert to_subrip(text.encode()) is None


def test_what_ffmpeg_has_written_loses_its_fonts_and_places() -> None:
    text = '1\n00:00:01,000 --> 00:00:02,000\n<font face="Monospace">{\\an7}HELLO <i>you</i></font>\n\n'
    assert subrip(text, plain=True) == [(ONE, "HELLO <i>you</i>")]


def test_times_can_be_shifted_and_what_falls_out_goes() -> None:
    text = render([Cue(500, 900, "lost"), Cue(1000, 3000, "cut"), Cue(5000, 6000, "whole")])
    assert subrip(text, shift=-2.0) == [("00:00:00,000 --> 00:00:01,000", "cut"), ("00:00:03,000 --> 00:00:04,000", "whole")]


def test_only_subrip_in_utf_8_fits_as_it_is() -> None:
    good = render([Cue(1000, 2000, "Größe"), Cue(3000, 4000, "Bye")])
    assert fits(good.encode())
    assert fits(good.rstrip().encode())
    assert fits(good.replace("\n", "\r\n").encode())
    for other in (good.encode("cp1252"), good.encode("utf-8-sig"), b"", b"1\n", ("WEBVTT\n\n" + good).encode(),
                  render([Cue(3000, 4000, "a"), Cue(1000, 2000, "b")]).encode(), render([Cue(2000, 1000, "a")]).encode()):
        assert not fits(other)


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
CUES = st.lists(st.builds(Cue, st.integers(-5000, 400_000_000), st.none() | st.integers(-5000, 400_000_000), WORDS), max_size=8)


@given(CUES, st.integers(-100_000, 100_000))
def test_what_is_written_is_in_order_and_reads_back_as_it_was(cues: list[Cue], shift: int) -> None:
    made = tidy(cues, shift=shift)
    assert [cue.start for cue in made] == sorted(cue.start for cue in made)
    assert all(0 <= cue.start < (cue.end or 0) for cue in made)
    assert all(cue.text.strip() and "\n\n" not in cue.text for cue in made)
    text = render(made)
    assert len(TIMES.findall(text)) == len(made)
    numbers = any(re.search(r"^\s*\d+\s*$", cue.text, re.MULTILINE) for cue in made)  # may be taken for the next one's
    assert tidy(read(text)) == made or numbers


@given(st.text(max_size=400) | st.lists(st.sampled_from([
    "WEBVTT\n", "[Events]\n", "Dialogue: ", "0:00:01.00,", "{\\i1}", "{\\p1}", "1\n", "00:00:01,000 --> 00:00:02,000\n",
    "{1}{2}", "[1][2]", "<SYNC Start=5>", "<P Class=x>", "{", "}", "\n\n", "text", "<i>", "\0", "00:00:01:x\n",
    "99999999999999999999",
])).map("".join))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    to_subrip(text.encode("utf-8", "replace"), frame_rate=25)


def test_a_text_larger_than_any_subtitle_is_told_to_be_so(tmp_path: Path) -> None:
    file = tmp_path / "Film.srt"
    with file.open("wb") as opened:
        opened.truncate(LARGEST + 1)
    fate = fate_of(PurePath("Film.srt"), PurePath("Film.mkv"), file)
    assert fate.why_not == TOO_LARGE
    assert "16 MiB" in TOO_LARGE


def test_what_is_said_after_the_films_end_can_be_left_out() -> None:
    text = "1\n00:00:01,000 --> 00:00:09,000\nOne\n\n2\n00:00:05,000 --> 00:00:06,000\nTwo\n\n" \
           "3\n01:00:00,000 --> 01:00:01,000\nAds\n\n"
    assert subrip(text, until=5.0) == [("00:00:01,000 --> 00:00:05,000", "One")]
    assert to_subrip(b"1\n00:01:00,000 --> 00:02:00,000\nAds\n\n", until=5.0) is None


@pytest.mark.parametrize("times", ["00:00:01 --> 00:00:02", "0:00:01 -> 0:00:02", "00: 00: 01, 000 -> 00: 00: 02, 000",
                                   "00:01,000 --> 00:02,000", "00:00:01:000 --> 00:00:02:000", "00:00:01.0 --> 00:00:02.0"])
def test_times_that_are_not_written_as_they_should_be_are_understood_and_put_right(times: str) -> None:
    text = f"1\n{times}\nWords\n\n"
    assert subrip(text) == [("00:00:01,000 --> 00:00:02,000", "Words")]
    assert not fits(text.encode())
