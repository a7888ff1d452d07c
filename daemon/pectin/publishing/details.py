"""What is known about a film from its name, for its .nfo file: only what is sure.

Jellyfin believes an .nfo more than what it finds on the net: a wrong title would keep the right one away for ever. So a title
that is not sure is left out, and Jellyfin works with the name of the file as it would without us."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath

from pectin.model.artifact import ArtifactKind
from pectin.model.parsed import Kind, LibraryName, ParsedName
from pectin.model.sidecar import SidecarKind, kind_of
from pectin.publishing.naming import sidecar_suffix

# `Heat (1995)`, as Jellyfin wants films named; what stands behind it is about the version.
_FILM = re.compile(r"(?P<title>[^()\[\]{}]*[^()\[\]{}\s])\s*\((?P<year>(?:18|19|20)[0-9]{2})\)(?=$|[\s\-_.\[({])")
_ID = re.compile(r"[\[{](?P<provider>imdb|tmdb|tvdb)(?:id)?[-= ](?P<number>tt[0-9]{7,10}|[0-9]{1,9})[\]}]", re.IGNORECASE)
_EPISODE = re.compile(r"(?<![A-Za-z0-9])[sS](?P<season>[0-9]{1,4})[ ._-]?[eE](?P<first>[0-9]{1,4})"
                      r"(?:[ ._]?-?[ ._]?[eE](?P<last>[0-9]{1,4})|-(?P<until>[0-9]{1,3})(?![0-9]))?(?![A-Za-z0-9])")
_CROSS = re.compile(r"(?<![A-Za-z0-9])(?P<season>[0-9]{1,2})x(?P<first>[0-9]{2,3})(?![A-Za-z0-9])")
_AROUND = " -_."
# Words of releases, and dots for blanks: such a name is no title.
_RELEASE = re.compile(r"(?<![a-z0-9])(?:[0-9]{3,4}[ip]|[hx][ ._-]?26[45]|xvid|divx|hevc|avc|av1|web(?:-?(?:dl|rip))?|blu-?ray|"
                      r"b[dr]rip|dvd(?:rip)?|hdtv|remux|aac|ac3|e-?ac-?3|dts|hdr(?:10)?|uhd|proper|repack)(?![a-z0-9])",
                      re.IGNORECASE)
# Which words in a picture's name Jellyfin takes for which picture.
_PICTURES = {"-poster": ArtifactKind.POSTER, "": ArtifactKind.POSTER, "-fanart": ArtifactKind.FANART,
             "-backdrop": ArtifactKind.FANART, "-background": ArtifactKind.FANART, "-thumb": ArtifactKind.THUMB,
             "-landscape": ArtifactKind.THUMB}


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """`ids` are (provider, number) of the film itself: those of an episode's series are not the episode's. `episodes`: first
    and last. `aired` is YYYY-MM-DD."""

    kind: Kind
    title: str | None = None
    year: int | None = None
    ids: tuple[tuple[str, str], ...] = ()
    season: int | None = None
    episodes: tuple[int, int] | None = None
    series: str | None = None
    aired: str | None = None


def details_of(name: LibraryName) -> Details:
    """From what was understood of the source's name, else from the name the film has in the library."""
    parsed = name.understanding.parsed if name.understanding is not None else None
    return _of_parsed(parsed) if parsed is not None else of_place(PurePosixPath(name.place))


def of_place(place: PurePosixPath) -> Details:
    """From a name that nobody has parsed: `Name (Year)`, ids in brackets, `S01E02`."""
    stem = place.stem
    if (mark := _EPISODE.search(stem) or _CROSS.search(stem)) is not None:
        said = mark.groupdict()
        first = int(said["first"])
        last = max(first, int(said.get("last") or said.get("until") or first))
        return Details(kind=Kind.EPISODE, title=_title(_ID.sub("", stem[mark.end():])), season=int(said["season"]),
                       episodes=(first, last), series=_series(stem[:mark.start()]))
    ids = _ids(" ".join(place.parts))
    bare = _ID.sub("", stem).strip()
    if (film := _FILM.match(bare)) is not None:
        return Details(kind=Kind.MOVIE, title=film["title"], year=int(film["year"]), ids=ids)
    return Details(kind=Kind.MOVIE, title=_title(bare), ids=ids)


def came(sidecars: Iterable[PurePath], film: PurePath) -> frozenset[ArtifactKind]:
    """What need not be made since it came with the source. All are paths from the folder on in which the film was dropped."""
    found = set()
    for sidecar in sidecars:
        kind = kind_of(sidecar.name)
        if kind is SidecarKind.DETAILS:
            found.add(ArtifactKind.DETAILS)
        elif kind is SidecarKind.PICTURE and (picture := _PICTURES.get(sidecar_suffix(sidecar, film).lower())) is not None:
            found.add(picture)
    return frozenset(found)


def _of_parsed(parsed: ParsedName) -> Details:
    if parsed.kind is Kind.MOVIE:
        return Details(kind=Kind.MOVIE, title=parsed.title, year=parsed.year, ids=parsed.ids)
    episodes = (parsed.episodes[0], parsed.episodes[-1]) if parsed.episodes else None
    # Its ids are the series' (see publishing/titles.py), its year is when that began.
    return Details(kind=Kind.EPISODE, title=parsed.episode_title, season=parsed.season, episodes=episodes, series=parsed.title,
                   aired=parsed.date)


def _title(text: str) -> str | None:
    """What can only be a title."""
    words = text.strip(_AROUND)
    dotted = " " not in words and len(re.findall(r"[._]", words)) > 1
    return words if words and not dotted and _RELEASE.search(words) is None else None


def _series(text: str) -> str | None:
    words = _ID.sub("", text).strip(_AROUND)
    if (named := _FILM.fullmatch(words)) is not None:
        return named["title"]
    return _title(words)


def _ids(text: str) -> tuple[tuple[str, str], ...]:
    """Each provider's; none of one that is named with two numbers."""
    found: dict[str, set[str]] = {}
    for match in _ID.finditer(text):
        provider, number = match["provider"].lower(), match["number"].lower()
        if (provider == "imdb") == number.startswith("tt"):
            found.setdefault(provider, set()).add(number)
    return tuple(sorted((provider, next(iter(numbers))) for provider, numbers in found.items() if len(numbers) == 1))
