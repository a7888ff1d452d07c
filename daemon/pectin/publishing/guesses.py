"""What guessit (the extra `names`) makes of a name, put right where it goes astray: titles as they are written, and the words
that it has not accounted for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

CUT = (" cut", " edition", " version")
_LETTERS = re.compile(r"(?<![^\W\d_])(?:[^\W\d_]\.){2,}(?:[^\W\d_](?![^\W\d_]))?")
_MARKED_WORD = re.compile(r"[^\W\d_]+-")
_WORD = re.compile(r"\w+")
_KEPT = "\0"
# Where nothing else is sure these are only words that it could not place.
_NO_FACTS = frozenset({"crc32", "uuid", "alternative_title"})
_NO_MATCHES = frozenset({"type", "mimetype"})
# What may stand before a film's year and is none of its title; anything else there may be a piece of it (`Charlotte's Web`).
_BESIDE_TITLE = frozenset({
    "year", "release_group", "website", "crc32", "uuid", "language", "subtitle_language", "screen_size", "video_codec",
    "audio_codec", "audio_channels", "color_depth", "other", "cd"})


def guess(name: str, options: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """guessit's facts, each once. `title` and `episode_title` are as they are written; `lost` is what no fact holds, `outside`
    what may be a piece of a film's title."""
    from guessit import guessit  # type: ignore[import-untyped]  # noqa: PLC0415  (an extra, and 20 MB: only where it is asked)
    found = guessit(name, {"advanced": True, **options})
    matches = {key: value if isinstance(value, list) else [value] for key, value in found.items() if key not in _NO_MATCHES}
    facts: dict[str, Any] = {key: _once([match.value for match in value]) for key, value in matches.items()}
    facts["type"] = found["type"].value
    if "title" in matches:
        title = _title(name, matches, facts["type"])
        facts["title"] = _written(name, *title)
    if facts["type"] == "episode" and (called := _episode_title(name, matches)):
        facts["episode_title"] = _written(name, *called)
    if "date" in matches and "title" in matches:
        facts["date_follows"] = matches["date"][0].start > matches["title"][0].start
    # `(Black and White)` is no group's name.
    spans = [_span(match) for key, value in matches.items() if key not in _NO_FACTS for match in value
             if key != "release_group" or " " not in str(match.value)]
    covered = {at for span in (*spans, *([title] if "title" in matches else [])) for at in range(*span)}
    rest = "".join(character if at not in covered else " " for at, character in enumerate(name))
    facts["lost"] = " ".join(word for word in _WORD.findall(PurePath(rest).name) if word != "x") if "/" not in name else ""
    facts["outside"] = _outside(name, title, matches) if "title" in matches and facts["type"] == "movie" else ""
    return facts


def _outside(name: str, title: tuple[int, int], matches: Mapping[str, Sequence[Any]]) -> str:
    """The words beside a film's title, up to its year, that no fact accounts for; and a part's number, wherever it stands."""
    first = name.rfind("/", 0, title[0]) + 1
    years = [match.span[0] for match in matches.get("year", ()) if match.span[0] >= title[1]]
    last = min(years, default=title[1])
    known = [_span(match) for key, value in matches.items() for match in value
             if key in _BESIDE_TITLE or (key == "edition" and match.span[0] >= title[1])
             or (key == "alternative_title" and str(match.value).casefold().endswith(CUT))]
    if not any(sign.isalpha() for sign in name[title[0]:title[1]]):
        known = [span for span in known if span[1] > title[0]]  # `[rec] 2`: a number alone is no title
    known.append(title)
    wanted = [(first, last), *(_span(match) for match in matches.get("part", ()))]
    rest = {at for span in wanted for at in range(*span)} - {at for span in known for at in range(*span)}
    return " ".join(_WORD.findall("".join(sign if at in rest else " " for at, sign in enumerate(name))))


def _episode_title(name: str, matches: Mapping[str, Sequence[Any]]) -> tuple[int, int] | None:
    """From where to where an episode's title goes; `Part 1` belongs to it, or is all of it."""
    numbered = max((match.span[1] for key in ("episode", "date") for match in matches.get(key, ())), default=len(name))
    found: tuple[int, int] | None = matches["episode_title"][0].span if "episode_title" in matches else None
    for piece in sorted(map(_span, matches.get("part", ()))):
        if found is None and piece[0] >= numbered:
            found = piece
        elif found is not None and _follows(name, found[1], piece[0]):
            found = (found[0], piece[1])
    return found


def _title(name: str, matches: Mapping[str, Sequence[Any]], kind: str) -> tuple[int, int]:
    """From where to where the title goes. guessit takes `Spider-` for somebody's mark, and `Part Two` and what stands behind a
    hyphen out of a film's title: there they belong to it."""
    start, end = matches["title"][0].span
    before = name[name.rfind("/", 0, start) + 1:start]
    if _MARKED_WORD.fullmatch(before):
        start -= len(before)
    pieces = (*matches.get("part", ()), *matches.get("alternative_title", ())) if kind == "movie" else ()
    for first, last in sorted(map(_span, pieces)):
        if _follows(name, end, first):
            end = last
    return start, end


def _follows(name: str, end: int, first: int) -> bool:
    return 0 <= first - end <= 3 and not any(sign.isalnum() or sign in "()[]/" for sign in name[end:first])


def _span(match: Any) -> tuple[int, int]:
    """All of what was matched: `Part Two`, not only `Two`."""
    span: tuple[int, int] = match.initiator.span if match.initiator else match.span
    return span


def _written(name: str, start: int, end: int) -> str:
    """Where blanks divide the words a dot is a dot (`Mr. Robot`); else dots and underlines are the blanks, but for `M.A.S.H`."""
    text = name[start:end]
    if " " not in name[name.rfind("/", 0, start) + 1:].partition("/")[0]:
        text = re.sub(r"[._]+", " ", _LETTERS.sub(lambda found: found[0].replace(".", _KEPT), text)).replace(_KEPT, ".")
    return " ".join(text.split()).strip(" -_").rstrip(". ")


def _once(values: Sequence[Any]) -> Any:
    """`Season 01/S01E02` says its season twice."""
    different = [value for index, value in enumerate(values) if value not in values[:index]]
    return different[0] if len(different) == 1 else different
