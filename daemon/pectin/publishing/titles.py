"""Reads title, year, season, episode and ids from a source's name, with guessit (the extra `names`).

guessit runs in a process of its own that ends again: it holds 20 MB, which a daemon at rest must not, and a name made to keep
it busy for ever costs some seconds and no more. What it is not sure of is not used: see model/parsed.Doubt."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from pectin.linux.child import JOB_VARIABLE, spawn
from pectin.model.parsed import Doubt, Kind, ParsedName, Understanding, understanding_from
from pectin.model.plan import plain
from pectin.model.sidecar import fold
from pectin.publishing.guesses import CUT, guess
from pectin.publishing.traps import is_extra

PARSE_SECONDS = 20.0    # a name takes 0.2 s, most of it Python's start; on a busy machine some more
_MOST_CHARACTERS = 400  # of a path: longer ones are not names, and guessit's time grows with their square
# Ids as Jellyfin, Radarr, Sonarr and people write them, in brackets or between dots.
_ID = re.compile(r"[\[{(]?(?<![a-z0-9])(?P<provider>imdb|tmdb|tvdb)(?:id)?[-=_ ]"
                 r"(?P<number>tt[0-9]{7,10}|[0-9]{1,9})(?![a-z0-9])[\]})]?|"
                 r"[\[{(]?(?<![a-z0-9])(?P<imdb>tt[0-9]{7,10})(?![a-z0-9])[\]})]?", re.IGNORECASE)
_EPISODE_MARK = re.compile(r"s[0-9]{1,4}[ ._-]*e[0-9]|[0-9]{1,2}x[0-9]{2}", re.IGNORECASE)
_STEREO = re.compile(r"(?<![a-z0-9])3d[ ._-]+(?P<how>h-?sbs|f-?sbs|sbs|h-?tab|f-?tab|tab|h-?ou|ou)(?![a-z0-9])", re.IGNORECASE)
_OVER_UNDER = {"ou": "TAB", "hou": "HTAB"}  # Jellyfin knows only these words for pictures one above the other
_TRAILER = re.compile(r"[-._ ]trailer[0-9]*$|^trailer$", re.IGNORECASE)
_NUMBER_APART = re.compile(r" - ([0-9]{1,4})(?:v[0-9])?(?![0-9])|(?<![a-z0-9])(?:e|ep|episode)[ ._]?([0-9]{1,4})(?![0-9])",
                           re.IGNORECASE)
_SEASON_FOLDER = re.compile(r"(?<![a-z0-9])(?:season|series|staffel|saison|s)[ ._-]*[0-9]{1,4}(?![0-9])|specials$", re.IGNORECASE)
_NUMBER_FIRST = re.compile(r"^[0-9]{1,3}(?![0-9])")
_EPISODE_WORD = re.compile(r"(?<![a-z])episode[ ._]?[0-9]", re.IGNORECASE)
_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
_SAMPLE = re.compile(r"(?:^|[-._])sample$", re.IGNORECASE)


async def understand(relative: PurePath, *, job: str = "") -> Understanding:
    """What a source's path below its inbox says. Never raises for a name, whatever is in it; OSErrors of starting pass. `job`:
    whose child it is, for sweep_orphans."""
    # A byte that was not UTF-8, or half a character, is one that nobody can read.
    # A backslash divides folders for guessit, as it does on Windows.
    name = "".join("\ufffd" if 0xD800 <= ord(sign) <= 0xDFFF else "-" if sign == "\\" else sign if sign.isprintable() else " "
                   for sign in str(relative))
    if len(name) > _MOST_CHARACTERS:
        return Understanding(doubt=Doubt.UNREADABLE, detail=f"{len(name)} characters")
    # -I: neither the folder we stand in nor the environment may slip another guessit in.
    command = (sys.executable, "-I", "-m", __name__, name)
    try:
        async with asyncio.timeout(PARSE_SECONDS), spawn(command, cwd=None, environment={JOB_VARIABLE: job}) as child:
            answer = await child.stdout.read()
            status = await child.wait()
    except TimeoutError:
        return Understanding(doubt=Doubt.UNREADABLE, detail=f"it took longer than {PARSE_SECONDS:g} s")
    if status != 0:
        last = child.stderr_tail().strip().rpartition("\n")[2]
        return Understanding(doubt=Doubt.UNREADABLE, detail=last or f"the parser ended with {status}")
    return understanding_from(json.loads(answer))


def parse(name: str) -> Understanding:
    """The same at once, in this process. Raises ImportError without guessit, and whatever guessit raises."""
    path = PurePath(name)
    # The ids would only confuse; where blanks divide words a blank takes their place, else a dot.
    # guessit takes `Specials` for the name of a series.
    bare = PurePath(*("Season 00" if part.casefold() == "specials" else _ID.sub(" " if " " in part else ".", part).strip() or part
                      for part in path.parts))
    trailer = bool(_TRAILER.search(bare.stem))
    if _SAMPLE.search(bare.stem) or (not trailer and is_extra(bare.stem, bare.parts[-2:-1])):
        return Understanding(doubt=Doubt.EXTRA)
    own = guess(bare.name)
    whole = guess(str(bare)) if bare.parent.name else own
    if difference := _contradiction(own, bare.parent):
        return Understanding(doubt=Doubt.CONTRADICTION, detail=difference)
    # A file that says all by itself is believed; else its folders help (`Show/Season 1/01 - Pilot`).
    complete = bool(own.get("title")) and ("year" in own or ("season" in own and "episode" in own))
    if not complete and not trailer and is_extra(bare.stem, bare.parts[:-1]):
        return Understanding(doubt=Doubt.EXTRA)
    facts = dict(own if complete else whole)
    if "year" not in facts and "year" in whole:
        facts["year"] = whole["year"]
    if facts.get("type") == "episode" and not {"episode", "season", "date"} & set(facts):
        # `Final Cut` has the word that marks a last episode.
        facts = guess(bare.name, {"type": "movie"})
    if not any(character.isalnum() for character in facts.get("title", "")):
        return Understanding(doubt=Doubt.NO_TITLE)
    if facts.get("type") == "episode" and not trailer:
        return _episode(facts, path)
    if not complete and not trailer and _SEASON_FOLDER.search(path.parent.name):
        return Understanding(doubt=Doubt.NO_NUMBER, detail=f"it lies in {path.parent.name}")
    if lost := facts["outside"] or ("" if "year" in facts else facts["lost"]):
        return Understanding(doubt=Doubt.LEFT_OVER, detail=lost)
    ids, conflict = _ids(path.parts)
    if conflict:
        return Understanding(doubt=Doubt.CONTRADICTION, detail=conflict)
    return Understanding(parsed=ParsedName(
        kind=Kind.MOVIE, title=facts["title"], year=_number(facts.get("year")), ids=ids, edition=_edition(facts),
        disc=_number(facts.get("cd")), stereo=_stereo(bare.stem), trailer=trailer,
        assumed=_assumed(facts)))


def _assumed(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """What is taken for granted of a film."""
    if "year" not in facts:
        return ("The name has no year: Jellyfin may take it for another film of that title.",)
    return (f"Nobody knows what this means, and it is left out of the name: {facts['lost']}.",) if facts["lost"] else ()


def _episode(facts: Mapping[str, Any], path: PurePath) -> Understanding:
    episodes, season = _numbers(facts.get("episode")), facts.get("season")
    if isinstance(season, list):
        return Understanding(doubt=Doubt.NO_NUMBER, detail=f"seasons {', '.join(map(str, season))}")
    date = facts["date"].isoformat() if "date" in facts and facts["date_follows"] else None
    if not episodes and date is None:
        return Understanding(doubt=Doubt.NO_NUMBER, detail=f"season {season}" if season is not None else "")
    mark = _EPISODE_MARK.search(path.name)
    if episodes and not _clearly_numbered(path):
        return Understanding(doubt=Doubt.NO_NUMBER, detail="a bare number may as well be a part of the title")
    if not mark and season in (None, facts.get("year")) and _EPISODE_WORD.search(path.name) and _YEAR.search(path.name):
        return Understanding(doubt=Doubt.NO_NUMBER, detail="with a year it may as well be a film")
    apart = _NUMBER_APART.search(path.name)
    if apart and not mark and isinstance(season, int):
        absolute = (season * 100 + episodes[0],) if len(episodes) == 1 else ()
        if absolute == (int(apart[1] or apart[2]),):  # ` - 889` is the 889th episode, not the 89th of season 8
            season, episodes = None, absolute
    # An id in the file's own name is the series' where it stands before the episode's number; behind it nobody knows.
    ids, conflict = _ids((*path.parts[:-1], path.name[:mark.start()] if mark else ""))
    if conflict:
        return Understanding(doubt=Doubt.CONTRADICTION, detail=conflict)
    assumed = []
    if episodes and season is None:
        season = 1
        assumed.append("The name has no season: the episode's number is taken as one of season 1.")
    country = str(getattr(facts.get("country"), "alpha2", "") or "")
    return Understanding(parsed=ParsedName(
        kind=Kind.EPISODE, title=f"{facts['title']} ({country})" if country else facts["title"], year=_number(facts.get("year")),
        season=_number(season) if episodes else None, episodes=episodes, date=None if episodes else date,
        episode_title=facts.get("episode_title") or None, ids=ids, assumed=tuple(assumed)))


def _clearly_numbered(path: PurePath) -> bool:
    """Not `Room 237`, which might be episode 37 of season 2."""
    return bool(_EPISODE_MARK.search(path.name) or _NUMBER_APART.search(path.name)
                or (_SEASON_FOLDER.search(path.parent.name) and _NUMBER_FIRST.search(path.name)))


def _contradiction(own: Mapping[str, Any], folder: PurePath) -> str:
    """Where the file and its folders say different things that both are sure of; empty: nowhere."""
    if not folder.name:
        return ""
    above = guess(f"{folder}.mkv")
    for key in ("year", "season"):
        ours, theirs = own.get(key), above.get(key)
        if isinstance(ours, int) and isinstance(theirs, int) and ours != theirs:
            return f"{key} {theirs} and {ours}"
    ours, theirs = _key(own.get("title")), _key(above.get("title"))
    both = "season" in own and "episode" in own and "season" in above
    differ = both and ours and theirs and ours not in theirs and theirs not in ours
    return f"{above['title']} and {own['title']}" if differ else ""


def _ids(parts: Sequence[str]) -> tuple[tuple[tuple[str, str], ...], str]:
    """Provider ids, and what contradicts itself in them."""
    found: dict[str, str] = {}
    for part in parts:
        for match in _ID.finditer(part):
            provider = "imdb" if match["imdb"] else match["provider"].lower()
            number = (match["imdb"] or match["number"]).lower()
            if (provider == "imdb") != number.startswith("tt"):
                continue
            if found.setdefault(provider, number) != number:
                return (), f"{provider} {found[provider]} and {number}"
    return tuple(sorted(found.items())), ""


def _edition(facts: Mapping[str, Any]) -> str | None:
    """What tells this version from others; a `Final Cut` too, which guessit does not know."""
    value = facts.get("edition") or facts.get("alternative_title")
    words = " ".join(map(str, value)) if isinstance(value, list) else str(value or "")
    return words if words and ("edition" in facts or words.casefold().endswith(CUT)) else None


def _stereo(stem: str) -> str | None:
    found = _STEREO.search(stem)
    if found is None:
        return None
    how = found["how"].replace("-", "").lower()
    return f"3D {_OVER_UNDER.get(how, how.upper())}"


def _key(value: object) -> str:
    return "".join(character for character in fold(str(value or "")) if character.isalnum())


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _numbers(value: object) -> tuple[int, ...]:
    found = value if isinstance(value, list) else [value]
    return tuple(sorted({number for number in found if isinstance(number, int)}))


if __name__ == "__main__":
    os.write(1, json.dumps(plain(parse(sys.argv[1]))).encode())
