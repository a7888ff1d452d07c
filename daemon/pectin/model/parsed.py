"""What a source's name says about the film, and the name it gets in the library: kept with the plan, so that both can be
shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Kind(StrEnum):
    MOVIE = "movie"
    EPISODE = "episode"


class Doubt(StrEnum):
    """Why a name is not understood well enough to build another one from it. The value is the JSON value."""

    NO_TITLE = "no_title"
    NO_NUMBER = "no_number"
    CONTRADICTION = "contradiction"
    EXTRA = "extra"
    LEFT_OVER = "left_over"
    UNREADABLE = "unreadable"


DOUBTS: Mapping[Doubt, str] = MappingProxyType({
    Doubt.NO_TITLE: "no title was found in it",
    Doubt.NO_NUMBER: "it looks like an episode, but has no episode number",
    Doubt.CONTRADICTION: "its folder and the file itself say different things",
    Doubt.EXTRA: "it looks like a sample or another extra, not like a film",
    Doubt.LEFT_OVER: "it holds words nobody can place",
    Doubt.UNREADABLE: "it could not be parsed",
})


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedName:
    """`season` 0 holds specials; `episodes` in order, more than one for a file with several; `date` (YYYY-MM-DD) tells the
    episodes of a daily show; `ids` are (provider, id), e.g. ("imdb", "tt0133093"); `edition` tells versions of one film; `disc`
    is the part of a film that lies on several discs; `stereo` the words for a 3D picture, e.g. "3D HSBS"; `trailer`: it is only
    that. `assumed`: sentences about what the name does not say and was taken for granted."""

    kind: Kind
    title: str
    year: int | None = None
    season: int | None = None
    episodes: tuple[int, ...] = ()
    episode_title: str | None = None
    date: str | None = None
    ids: tuple[tuple[str, str], ...] = ()
    edition: str | None = None
    disc: int | None = None
    stereo: str | None = None
    trailer: bool = False
    assumed: tuple[str, ...] = ()

    def summary(self) -> str:
        """What was understood, in one line, e.g. `episode: title The Office, season 2, episode 3`."""
        facts = [f"title {self.title}"]
        facts += [f"{name} {value}" for name, value in (
            ("year", self.year), ("season", self.season), ("date", self.date), ("episode title", self.episode_title),
            ("edition", self.edition), ("disc", self.disc), ("picture", self.stereo)) if value is not None]
        if self.episodes:
            facts.insert(2 if self.year is None else 3, f"episode {' and '.join(map(str, self.episodes))}")
        facts += [f"{provider} {number}" for provider, number in self.ids]
        return f"{'trailer' if self.trailer else self.kind}: {', '.join(facts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """A parsed name, or why there is none: exactly one of `parsed` and `doubt` is set. `detail` holds the facts of the doubt."""

    parsed: ParsedName | None = None
    doubt: Doubt | None = None
    detail: str = ""

    @property
    def sentence(self) -> str:
        if self.parsed is not None:
            return f"Understood as {self.parsed.summary()}."
        reason = DOUBTS[self.doubt or Doubt.UNREADABLE]
        return f"The source's own name is used: {reason}" + (f" ({self.detail})." if self.detail else ".")


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryName:
    """The name a film gets: `place` below its library, before other versions are looked for. `understanding` is None where names
    are not parsed. `notes`: sentences about what was changed or assumed."""

    place: str
    understanding: Understanding | None = None
    notes: tuple[str, ...] = ()


def understanding_from(data: Mapping[str, Any]) -> Understanding:
    """The understanding that a plan's JSON holds. Raises KeyError, TypeError or ValueError for what is no such thing."""
    if (parsed := data.get("parsed")) is None:
        return Understanding(doubt=Doubt(data["doubt"]), detail=str(data.get("detail", "")))
    facts = dict(parsed)
    return Understanding(parsed=ParsedName(**(facts | {
        "kind": Kind(facts["kind"]), "episodes": tuple(facts.get("episodes", ())), "assumed": tuple(facts.get("assumed", ())),
        "ids": tuple((str(provider), str(number)) for provider, number in facts.get("ids", ()))})))
