"""Which film a sidecar belongs to: by name, by folder, and never one of another folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.intake.sidecars import SIDECAR_EXTENSIONS, film_of, is_sidecar, of_the_folder
from pectin.model.sidecar import behind, divisions, fold


def knowing(*films: str) -> Callable[[PurePath], Collection[str]]:
    """The stems of these films, by folder."""
    known: dict[PurePath, set[str]] = defaultdict(set)
    for film in films:
        known[PurePath(film).parent].add(PurePath(film).name)
    return lambda folder: known[folder]


@pytest.mark.parametrize(("sidecar", "films", "film"), [
    ("Film.srt", ["Film"], "Film"), ("Film.en.forced.srt", ["Film"], "Film"), ("Film.nfo", ["Film"], "Film"),
    ("Film-poster.jpg", ["Film"], "Film"), ("Film (2010)-fanart.jpg", ["Film (2010)", "Film"], "Film (2010)"),
    ("Film-fanart-2.png", ["Film"], "Film"), ("Film_eng.srt", ["Film"], "Film"), ("Film - English (SDH).srt", ["Film"], "Film"),
    ("Film pt-BR.ass", ["Film"], "Film"), ("a/Film.IDX", ["a/Film"], "a/Film"), ("Film.sup", ["Film"], "Film"),
    ("Film.2.srt", ["Film", "Film.2"], "Film.2"), ("Film.2.srt", ["Film"], "Film"),
    ("Film.2.en.srt", ["Film", "Film.2"], "Film.2"),
    ("film.EN.srt", ["Film"], "Film"), ("Film.2.srt", ["film", "FILM.2"], "FILM.2"), ("film.srt", ["Film", "film"], "film"),
    ("Am\u00e9lie.fr.srt", ["Ame\u0301lie"], "Ame\u0301lie"),
    ("a/Subs/Film.en.srt", ["a/Film", "a/Other"], "a/Film"), ("a/subtitles/Film.srt", ["a/Film"], "a/Film"),
    ("SUB/Film.srt", ["Film"], "Film"), ("a/Subs/Film/2_English.srt", ["a/Film", "a/Other"], "a/Film"),
    ("Subs/film/x/3_French.srt", ["Film", "Other"], "Film"), ("a/Subs/2_English.srt", ["a/Film"], "a/Film"),
    ("a/Subs/English/2.srt", ["a/Film"], "a/Film"), ("Show/Subs/2_English.srt", ["Show/Show.S01E01"], "Show/Show.S01E01"),
    ("Subs/Film.en.srt", ["Subs/Film", "Film"], "Subs/Film"),
    ("a/poster.jpg", ["a/Film"], "a/Film"), ("a/Fanart2.jpg", ["a/Film"], "a/Film"), ("a/movie.nfo", ["a/Film"], "a/Film"),
    ("a/poster.jpg", ["a/Film", "a/Film-trailer", "a/Making of-featurette"], "a/Film"),
    ("a/Subs/2_English.srt", ["a/Film", "a/Film.sample"], "a/Film"), ("a/Film-trailer.jpg", ["a/Film-trailer"], "a/Film-trailer"),
])
def test_a_sidecar_finds_its_film(sidecar: str, films: list[str], film: str) -> None:
    assert film_of(PurePath(sidecar), knowing(*films)) == PurePath(film)


@pytest.mark.parametrize(("sidecar", "films"), [
    ("Film.srt", []), ("Film.srt", ["a/Film"]), ("a/Film.srt", ["Film"]), ("Films.srt", ["Film"]), ("Other.srt", ["Film"]),
    ("Alien 3.srt", ["Alien"]), ("Alien-3.srt", ["Alien"]), ("Alien_Resurrection.srt", ["Alien"]), ("Up in the Air.srt", ["Up"]),
    ("Subs/2_English.srt", ["Film"]), ("poster.jpg", ["Film"]), ("movie.nfo", ["Film"]),
    ("a/Subs/2_English.srt", ["a/Film", "a/Other"]), ("a/poster.jpg", ["a/Film", "a/Other"]), ("a/Subs/poster.jpg", ["a/Film"]),
    ("a/holiday.jpg", ["a/Film"]), ("a/release.nfo", ["a/Film"]), ("a/English.srt", ["a/Film"]),
    ("a/poster.jpg", ["a/Film-trailer"]), ("a/poster.jpg", ["a/Film", "a/Film-cut"]),
    ("Show/poster.jpg", ["Show/Show S01E01"]), ("Show/movie.nfo", ["Show/show.1x02.title"]),
    ("a/Subs/Other/2_English.srt", ["a/Film", "a/Third"]), ("a/Extras/Film.srt", ["a/Film"]), ("a/b/Film.srt", ["a/Film"]),
    ("Film.txt", ["Film"]), (".srt", ["Film", ""]),
])
def test_what_fits_no_film_stays(sidecar: str, films: list[str]) -> None:
    assert film_of(PurePath(sidecar), knowing(*films)) is None


def test_what_speaks_of_a_whole_folder_is_known_by_its_name() -> None:
    assert all(of_the_folder(PurePath("Show", name)) for name in (
        "tvshow.nfo", "season.nfo", "season01-poster.jpg", "Season 1.jpg", "season-specials-poster.jpg", "folder.jpg",
        "movie.nfo"))
    assert not any(of_the_folder(PurePath("Show", name)) for name in ("Film.jpg", "Seasons.jpg", "tvshow.mkv", "Film.srt"))


def test_endings_are_known_in_any_case() -> None:
    assert all(is_sidecar(PurePath(f"Film.{extension.upper()}")) for extension in SIDECAR_EXTENSIONS)
    assert not any(is_sidecar(PurePath(name)) for name in ("Film.mkv", "Film.txt", "srt", ".srt", "Film.srt.part", "Film.svg"))


@pytest.mark.parametrize(("stem", "body", "rest"), [
    ("Film", "Film", ""), ("Film", "Film.en", ".en"), ("Film", "film_ENG", "_ENG"), ("Film", "Film-poster", "-poster"),
    ("Film.2010", "Film.2010.en", ".en"), ("Film", "Filmed.en", None), ("Stra\u00dfe", "STRASSE.de", ".de"),
    ("Ame\u0301lie", "Am\u00e9lie.fr", ".fr"), ("Film", "Film 2", None), ("Film", "Fil", None),
])
def test_what_stands_behind_the_films_name(stem: str, body: str, rest: str | None) -> None:
    assert behind(stem, body) == rest


NAMES = st.text(st.sampled_from("abA1 .-_"), min_size=1, max_size=6).filter(lambda name: name.strip(". "))
FOLDERS = st.sampled_from(["", "a", "b", "a/b", "Subs", "a/Subs", "a/Subs/a"])
FILMS = st.lists(st.tuples(FOLDERS, NAMES), max_size=6)
SIDECARS = st.builds(lambda folder, film, rest, extension: PurePath(folder, f"{film}{rest}.{extension}"), FOLDERS, NAMES,
                     st.sampled_from(["", ".en", "-poster", "_eng", ".2.en", " 2", "b", "poster"]),
                     st.sampled_from(["srt", "jpg", "nfo", "sup"]))


def paths(films: Iterable[tuple[str, str]]) -> list[str]:
    return [str(PurePath(folder, name)) for folder, name in films]


@given(SIDECARS, FILMS)
def test_a_sidecar_belongs_to_a_known_film_of_its_folder_or_of_one_above(sidecar: PurePath, films: list[tuple[str, str]]) -> None:
    found = film_of(sidecar, knowing(*paths(films)))
    if found is not None:
        assert str(found) in paths(films)
        assert found.parent in sidecar.parents
        assert found.parent == sidecar.parent or "Subs" in sidecar.relative_to(found.parent).parts


@given(SIDECARS, FILMS, st.tuples(FOLDERS, NAMES))
def test_one_more_film_changes_the_answer_only_by_a_better_name_or_by_company(
        sidecar: PurePath, films: list[tuple[str, str]], more: tuple[str, str]) -> None:
    before = film_of(sidecar, knowing(*paths(films)))
    after = film_of(sidecar, knowing(*paths([*films, more])))
    [new] = map(PurePath, paths([more]))
    if after == before:
        return
    if after == new:  # a longer name, a nearer folder, the same case, or the first that fits at all
        assert before is None or before.parent != new.parent or len(new.name) >= len(before.name) or any(
            head == new.name for head, _ in divisions(sidecar.stem))
    else:  # no longer alone in its folder: then nobody knows whose it is, but that of a film further above
        assert before is not None
        assert before.parent == new.parent
        assert not any(fold(head) == fold(before.name) for head, _ in divisions(sidecar.stem))


@given(NAMES, st.sampled_from(["", ".en", ".en.forced", "-poster", ".a b.c", "_eng"]))
def test_a_film_is_always_found_again_by_what_is_named_after_it(stem: str, rest: str) -> None:
    assert behind(stem, stem + rest) == rest
    assert film_of(PurePath("f", f"{stem}{rest}.srt"), knowing(f"f/{stem}")) == PurePath("f", stem)
