"""Lines of text with their times, and how they are written as SubRip: sorted, none empty, none without an end."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

LONGEST_WAIT = 7_000   # milliseconds a line stays when its end is not known and the next one does not come
REPEATED = 50          # milliseconds between two equal lines that are one: signs are moved frame by frame
_LAST = 99 * 3_600_000 + 3_599_999  # 99:59:59,999: SubRip has two digits for the hours
_MOST_LINES = 200_000
_BLANK = re.compile(r"\n\s*\n+")


@dataclass(frozen=True, slots=True)
class Cue:
    """Milliseconds from the film's start; `end` None: until the next one. `text` may hold <i>, <b>, <u>."""

    start: int
    end: int | None
    text: str


def tidy(cues: Iterable[Cue], *, shift: int = 0, until: int | None = None) -> list[Cue]:
    """In order of time, without empty and doubled ones, each with an end behind its start. `shift` in milliseconds is added
    to all times; what then ends before the film begins is left out, and what comes after `until` milliseconds."""
    found = [replace(cue, start=cue.start + shift, end=None if cue.end is None else cue.end + shift, text=text)
             for cue in cues if (text := _clean(cue.text))]
    found.sort(key=lambda cue: cue.start)
    ended = [replace(cue, end=_end(cue, found, number)) for number, cue in enumerate(found[:_MOST_LINES])]
    if until is not None:
        ended = [replace(cue, end=min(cue.end or 0, until)) for cue in ended if cue.start < until]
    return _merged(replace(cue, start=max(cue.start, 0)) for cue in ended if (cue.end or 0) > 0 and cue.start <= _LAST)


def _end(cue: Cue, found: list[Cue], number: int) -> int:
    if cue.end is not None and cue.start < cue.end <= _LAST:  # ffmpeg writes 1193 hours where it does not know
        return cue.end
    following = next((other.start for other in found[number + 1:number + 50] if other.start > cue.start), None)
    return min(cue.start + LONGEST_WAIT if following is None else following, cue.start + LONGEST_WAIT)


def _merged(cues: Iterable[Cue]) -> list[Cue]:
    """One of what is said twice: layers of the same sign, and a sign that is drawn anew for each frame."""
    found: list[Cue] = []
    last: dict[str, int] = {}  # where a text was said last
    for cue in cues:
        at = last.get(cue.text)
        earlier = found[at] if at is not None else None
        if at is not None and earlier is not None and cue.start <= (earlier.end or 0) + REPEATED:
            found[at] = replace(earlier, end=max(earlier.end or 0, cue.end or 0))
        else:
            last[cue.text] = len(found)
            found.append(cue)
    return found


def _clean(text: str) -> str:
    """Without what would end a cue or begin another: blank lines, arrows, control characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "").replace("-->", "→")
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    text = _BLANK.sub("\n", "\n".join(line.rstrip() for line in text.split("\n"))).strip()
    return text if re.sub(r"<[^<>]*>|\{[^{}]*\}|\s", "", text) else ""


def render(cues: Iterable[Cue]) -> str:
    """SubRip, with line ends as on Unix."""
    return "".join(f"{number}\n{_clock(cue.start)} --> {_clock(cue.end or cue.start)}\n{cue.text}\n\n"
                   for number, cue in enumerate(cues, 1))


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},{rest:03}"
