"""Subtitles for web players: SubRip's lines as WebVTT, in pieces of a minute. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil

from pectin.publishing.cues import Cue

CLOCK = 90_000  # Hz: MPEG's
PIECE = 60  # seconds: a player that begins in the middle loads little, and an evening's film has some hundred files
LONGEST = 300_000  # milliseconds: nobody reads a line for longer, and it stands in each piece in which it is shown
_TAG = re.compile(r"&lt;(/?[ibu])&gt;", re.IGNORECASE)  # once it is escaped
_OTHER_TAG = re.compile(r"</?font\b[^<>]*>", re.IGNORECASE)
_PLACE = re.compile(r"\{\\an?([1-9])\}")
_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
_TOP = frozenset("789")  # on a numeric keypad


def pieces(cues: Sequence[Cue], seconds: Fraction, *, film_begins: int = 0) -> Iterator[tuple[Fraction, str]]:
    """How long each piece lasts, and its text: as many as the film's `seconds` need. A line that is shown across a cut stands in
    both, with the same times and the same text: players show it once. `film_begins`: at which moment of
    the segments' clock, in units of 1/CLOCK s."""
    head = f"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{film_begins},LOCAL:00:00:00.000\n\n"
    count = max(1, ceil(seconds / PIECE))
    shown: list[list[Cue]] = [[] for _ in range(count)]
    for cue in cues:
        end = min(cue.end or cue.start, cue.start + LONGEST)
        for number in range(cue.start // (1000 * PIECE), min(count, -(-end // (1000 * PIECE)))):
            shown[number].append(replace(cue, end=end))
    for number, here in enumerate(shown):
        yield min(Fraction(PIECE), seconds - number * PIECE), head + "".join(map(_written, here))


def _written(cue: Cue) -> str:
    place = _PLACE.search(cue.text)
    setting = " line:0" if place and place[1] in _TOP else ""
    return f"{_clock(cue.start)} --> {_clock(cue.end or cue.start)}{setting}\n{text(cue.text)}\n\n"


def text(subrip: str) -> str:
    """Italics, bold and underlined stay; what else looks like markup is text. No line is empty, for that ends a cue."""
    plain = _OVERRIDE.sub("", _OTHER_TAG.sub("", subrip)).replace("\r", "\n")
    escaped = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = _TAG.sub(lambda tag: f"<{tag[1].lower()}>", escaped)
    return "\n".join(line for line in escaped.split("\n") if line.strip()) or "\N{NO-BREAK SPACE}"


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"
