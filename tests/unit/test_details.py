"""What is known about a film from its name, and the .nfo that says it: well-formed whatever the name, and never a guess."""

from __future__ import annotations

from pathlib import PurePath, PurePosixPath
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pectin.model.artifact import ArtifactKind
from pectin.model.parsed import Kind, LibraryName, ParsedName, Understanding
from pectin.publishing import details, nfo
from pectin.publishing.details import Details

DAY = 1_000_000_000.0  # 2001-09-09 01:46:40 UTC
MOVIE, EPISODE = Kind.MOVIE, Kind.EPISODE


@pytest.mark.parametrize(("place", "expected"), [
    ("Heat (1995)/Heat (1995).mp4", Details(kind=MOVIE, title="Heat", year=1995)),
    ("Heat (1995) [imdbid-tt0113277].mp4", Details(kind=MOVIE, title="Heat", year=1995, ids=(("imdb", "tt0113277"),))),
    ("Heat (1995) [tmdbid-949]/Heat (1995) [tmdbid-949] - 1080p.mp4",
     Details(kind=MOVIE, title="Heat", year=1995, ids=(("tmdb", "949"),))),
    ("2001 A Space Odyssey (1968).mkv", Details(kind=MOVIE, title="2001 A Space Odyssey", year=1968)),
    ("Holiday in Spain.mp4", Details(kind=MOVIE, title="Holiday in Spain")),
    ("the.matrix.1999.1080p.bluray.x264.mp4", Details(kind=MOVIE)),
    ("The Matrix 1080p WEB-DL.mp4", Details(kind=MOVIE)),
    ("Blade.Runner.The.Final.Cut.mp4", Details(kind=MOVIE)),
    ("Show (2020)/Season 01/Show S01E02 Pilot.mp4",
     Details(kind=EPISODE, title="Pilot", season=1, episodes=(2, 2), series="Show")),
    ("Show (2020) - S01E02-E04.mp4", Details(kind=EPISODE, season=1, episodes=(2, 4), series="Show")),
    ("show.s2e3.720p.mp4", Details(kind=EPISODE, season=2, episodes=(3, 3), series="show")),
    ("Show - 3x07 - The End.mp4", Details(kind=EPISODE, title="The End", season=3, episodes=(7, 7), series="Show")),
    ("Show S01E05 [tvdbid-77].mp4", Details(kind=EPISODE, season=1, episodes=(5, 5), series="Show")),
    ("Film [imdbid-tt1111111] [imdbid-tt2222222].mp4", Details(kind=MOVIE, title="Film")),
    ("1920x1080 test.mp4", Details(kind=MOVIE, title="1920x1080 test")),
])
def test_only_what_is_sure_is_taken_from_a_name(place: str, expected: Details) -> None:
    assert details.of_place(PurePosixPath(place)) == expected


def test_a_parsed_name_is_believed() -> None:
    parsed = ParsedName(kind=MOVIE, title="Heat", year=1995, ids=(("imdb", "tt0113277"),))
    name = LibraryName(place="x.mp4", understanding=Understanding(parsed=parsed))
    assert details.details_of(name) == Details(kind=MOVIE, title="Heat", year=1995, ids=(("imdb", "tt0113277"),))


def test_the_ids_and_the_year_of_a_series_are_not_its_episodes() -> None:
    parsed = ParsedName(kind=EPISODE, title="Show", year=2010, season=1, episodes=(2, 3), episode_title="Two",
                        ids=(("tvdb", "77"),))
    found = details.details_of(LibraryName(place="x.mp4", understanding=Understanding(parsed=parsed)))
    assert found == Details(kind=EPISODE, title="Two", season=1, episodes=(2, 3), series="Show")


def test_a_movie_as_jellyfin_reads_it() -> None:
    written = nfo.nfo(Details(kind=MOVIE, title="Tom & Jerry <3>", year=1995, ids=(("imdb", "tt1"), ("tmdb", "9"))), added=DAY)
    root = ElementTree.fromstring(written)
    assert root.tag == "movie"
    assert [(child.tag, child.text) for child in root] == [
        ("title", "Tom & Jerry <3>"), ("year", "1995"), ("uniqueid", "tt1"), ("uniqueid", "9"),
        ("dateadded", "2001-09-09 01:46:40")]
    assert [child.attrib for child in root.iter("uniqueid")] == [{"type": "imdb", "default": "true"}, {"type": "tmdb"}]


def test_an_episode_as_jellyfin_reads_it() -> None:
    written = nfo.nfo(Details(kind=EPISODE, title="Two", season=0, episodes=(2, 3), series="Show", aired="2020-02-29"), added=DAY)
    root = ElementTree.fromstring(written)
    assert root.tag == "episodedetails"
    assert {child.tag: child.text for child in root} == {
        "title": "Two", "showtitle": "Show", "season": "0", "episode": "2", "episodenumberend": "3", "aired": "2020-02-29",
        "dateadded": "2001-09-09 01:46:40"}


def test_a_title_that_is_not_known_is_left_to_jellyfin() -> None:
    assert b"<title>" not in nfo.nfo(Details(kind=MOVIE), added=DAY)


@settings(deadline=None)
@given(st.text(st.characters(), min_size=1), st.text(st.characters(), max_size=20), st.floats(0, 4e9))
def test_any_name_makes_well_formed_xml_that_says_it(title: str, number: str, added: float) -> None:
    written = nfo.nfo(Details(kind=MOVIE, title=title, ids=((title, number),)), added=added)
    root = ElementTree.fromstring(written)  # raises for a control character, half a character, an element too many
    assert [child.tag for child in root] == ["title", "uniqueid", "dateadded"]
    assert nfo.added_in(written) == int(added)


@settings(deadline=None)
@given(st.text("Ab9 .-_()[]{}&xXsSeE01\n\x00\ud800é", max_size=60))
def test_any_place_is_understood_without_harm(name: str) -> None:
    found = details.of_place(PurePosixPath(f"{name}.mp4"))
    ElementTree.fromstring(nfo.nfo(found, added=DAY))


@pytest.mark.parametrize("text", [b"", b"<movie><dateadded>soon</dateadded></movie>",
                                  b"<dateadded>2001-02-31 00:00:00</dateadded>", b"<dateadded>9999-99-99 99:99:99</dateadded>"])
def test_an_nfo_that_does_not_say_when_says_nothing(text: bytes) -> None:
    assert nfo.added_in(text) is None


@pytest.mark.parametrize(("sidecar", "kind"), [
    ("Film-poster.jpg", ArtifactKind.POSTER), ("folder.jpg", ArtifactKind.POSTER), ("cover.png", ArtifactKind.POSTER),
    ("Film.jpg", ArtifactKind.POSTER), ("fanart.jpg", ArtifactKind.FANART), ("Film-backdrop.webp", ArtifactKind.FANART),
    ("Film-thumb.jpg", ArtifactKind.THUMB), ("landscape.jpg", ArtifactKind.THUMB), ("Film.nfo", ArtifactKind.DETAILS),
    ("movie.nfo", ArtifactKind.DETAILS), ("logo.png", None), ("Film.eng.srt", None)])
def test_what_came_with_the_film_is_known_by_its_name(sidecar: str, kind: ArtifactKind | None) -> None:
    assert details.came([PurePath(sidecar)], PurePath("Film.mkv")) == (frozenset() if kind is None else {kind})
