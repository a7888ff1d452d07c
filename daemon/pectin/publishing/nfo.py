"""A film's .nfo file, as Jellyfin (and Kodi) read it: well-formed XML whatever is in a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from pectin.model.parsed import Kind
from pectin.publishing.details import Details

LARGEST = 1 << 20  # bytes of an .nfo that is read for its date: they have some KB
_ADDED = re.compile(rb"<dateadded>\s*([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]([0-9]{2}):([0-9]{2}):([0-9]{2})\s*</dateadded>")
# What XML 1.0 allows; half a character of a name that was not UTF-8 is none of it.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def nfo(details: Details, *, added: float) -> bytes:
    """`added`: Unix seconds. Jellyfin takes the time for UTC, and a library's "recently added" goes by it."""
    root = "movie" if details.kind is Kind.MOVIE else "episodedetails"
    lines = ['<?xml version="1.0" encoding="UTF-8" standalone="yes"?>', f"<{root}>", *_elements(details, added), f"</{root}>", ""]
    return "\n".join(lines).encode()


def added_in(text: bytes) -> float | None:
    """When the film was added, by an .nfo that is there; None: it does not say."""
    found = _ADDED.search(text[:LARGEST])
    try:
        return datetime(*map(int, found.groups()), tzinfo=UTC).timestamp() if found is not None else None  # type: ignore[arg-type,misc]
    except ValueError:  # the 31st of February
        return None


def _elements(details: Details, added: float) -> Iterator[str]:
    if details.title:
        yield _element("title", details.title)
    if details.series:
        yield _element("showtitle", details.series)
    if details.year is not None:
        yield _element("year", str(details.year))
    if details.season is not None:
        yield _element("season", str(details.season))
    if details.episodes is not None:
        first, last = details.episodes
        yield _element("episode", str(first))
        if last > first:
            yield _element("episodenumberend", str(last))
    if details.aired:
        yield _element("aired", details.aired)
    for number, (provider, value) in enumerate(details.ids):
        default = ' default="true"' if number == 0 else ""
        yield f"  <uniqueid type={quoteattr(_allowed(provider))}{default}>{escape(_allowed(value))}</uniqueid>"
    yield _element("dateadded", datetime.fromtimestamp(int(added), UTC).strftime("%Y-%m-%d %H:%M:%S"))


def _element(name: str, text: str) -> str:
    return f"  <{name}>{escape(_allowed(text))}</{name}>"


def _allowed(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", " ".join(text.split()))
