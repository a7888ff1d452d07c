"""Any subtitles that are text become UTF-8 SubRip, the one form that every client shows."""

from __future__ import annotations

import re

from pectin.publishing.charsets import decode
from pectin.publishing.cues import Cue, render, tidy
from pectin.publishing.subtitle_formats import read

LARGEST = 16 << 20  # bytes; the longest film has a few hundred thousand, with signs drawn frame by frame some millions
TOO_LARGE = f"it is larger than {LARGEST >> 20} MiB, which no subtitles are"
_TIMES = re.compile(r"\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}(?!\d)")


def to_subrip(data: bytes, *, language: str | None = None, frame_rate: float | None = None, shift: float = 0.0,
              until: float | None = None, plain: bool = False) -> bytes | None:
    """The same lines as SubRip in UTF-8, in order; None when there is no line in it. `language` (a code of two or three letters)
    helps to tell old encodings apart; `frame_rate` is that of the film, for formats that count frames; `shift` in seconds is
    added to all times; `until` in seconds: what comes later is left out; `plain`: ffmpeg made it, whose fonts and places mean
    nothing."""
    cues = tidy(read(decode(data, language), frame_rate=frame_rate, plain=plain), shift=round(shift * 1000),
                until=None if until is None else round(until * 1000))
    return render(cues).encode() if cues else None


def fits(data: bytes) -> bool:
    """Whether it is UTF-8 SubRip already, in order and with nothing to leave out: then its own bytes are as good."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    if not text[:1].isdigit():  # a byte order mark, an empty file, another format
        return False
    if not all(_TIMES.match(line) for line in text.splitlines() if "->" in line):  # read all the same, but not by every client
        return False
    cues = read(text)
    return bool(cues) and [Cue(cue.start, cue.end, cue.text.strip()) for cue in cues] == tidy(cues)
