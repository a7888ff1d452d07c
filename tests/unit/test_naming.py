"""Names in the library: safe everywhere, readable, and always with room for what stands beside the film."""

from __future__ import annotations

import os
import unicodedata
from pathlib import PurePath, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.publishing.naming import (
    NAME_BYTES,
    SIDECAR_BYTES,
    alternative,
    clean,
    groups,
    is_version,
    library_place,
    numbered_suffix,
    part_name,
    rendition_folder,
    sidecar_name,
    sidecar_suffix,
    version_name,
)

JOB = "0123456789"
NASTY = st.text(alphabet=st.characters(exclude_characters="/\0", exclude_categories=())
                | st.sampled_from(". <>:\"\\|?*\udcff\udc80\u0301é"),
                min_size=1, max_size=300)
DEVICES = {"con", "prn", "aux", "nul", "com1", "lpt9", "com¹"}


def place(relative: str, *, own_folder: bool = True) -> str:
    return str(library_place(PurePath(relative), own_folder=own_folder))


def assert_safe(name: str) -> None:
    assert 0 < len(name.encode("utf-8")) <= NAME_BYTES  # encode also proves that it is valid UTF-8
    assert not name.startswith((".", " "))
    assert not name.endswith((".", " "))
    assert not set(name) & set('<>:"/\\|?*\0')
    assert all(unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp") for character in name)
    assert name.partition(".")[0].rstrip().casefold() not in DEVICES
    assert unicodedata.is_normalized("NFC", name)


@pytest.mark.parametrize(("source", "expected"), [
    ("Film (2010).mkv", "Film (2010)/Film (2010).mp4"),
    ("x.tmp.mp4", "x.tmp/x.tmp.mp4"),
    ("Show/Season 01/Show S01E01.ts", "Show/Season 01/Show S01E01.mp4"),
    ("Film: The Title?.mkv", "Film - The Title/Film - The Title.mp4"),
    ('A "quoted" <b> M*A*S*H.avi', "A 'quoted' (b) M-A-S-H/A 'quoted' (b) M-A-S-H.mp4"),
    ("...And Justice.mkv", "And Justice/And Justice.mp4"),
    ("Wait....mkv", "Wait/Wait.mp4"),
    ("Mr. Nobody", "Mr. Nobody/Mr. Nobody.mp4"),
    ("line\nbreak\there.mkv", "line break here/line break here.mp4"),
    ("con.mkv", "con_/con_.mp4"),
    ("NUL .x.mkv", "NUL_.x/NUL_.x.mp4"),
    (".mkv", "Unnamed/Unnamed.mp4"),
    ("???.mkv", "Unnamed/Unnamed.mp4"),
    ("../../etc/passwd.mkv", "Unnamed/Unnamed/etc/passwd.mp4"),
    ("/etc/x.mkv", "etc/x.mp4"),
    ("Ame\u0301lie.mkv", "Am\u00e9lie/Am\u00e9lie.mp4"),
    (os.fsdecode(b"Am\xe9lie.mkv"), "Am_lie/Am_lie.mp4"),
    ("evil\u202e4pm.mkv", "evil4pm/evil4pm.mp4"),
])
def test_a_name_becomes_safe_and_stays_readable(source: str, expected: str) -> None:
    assert place(source) == expected


def test_without_a_folder_of_its_own_a_film_lies_at_the_top() -> None:
    assert place("Film.mkv", own_folder=False) == "Film.mp4"


@given(st.lists(NASTY.filter(lambda text: text != "."), min_size=1, max_size=4), st.booleans())
def test_every_part_of_every_place_is_safe(parts: list[str], own_folder: bool) -> None:
    result = library_place(PurePath(*parts), own_folder=own_folder)
    assert not result.is_absolute()
    for part in result.parts:
        assert_safe(part)
    assert result.suffix == ".mp4"


@given(NASTY, st.sampled_from([255, 174, 40]))
def test_cleaning_twice_is_cleaning_once(name: str, limit: int) -> None:
    once = clean(name, limit)
    assert clean(once, limit) == once
    assert len(once.encode()) <= limit
    assert_safe(once)


@given(NASTY, NASTY, st.integers(2, 9999), st.sampled_from(["srt", "nfo", "trickplay"]))
def test_the_longest_name_on_its_way_still_fits(name: str, suffix: str, number: int, extension: str) -> None:
    video = alternative(library_place(PurePath("a", name), own_folder=False), number).name
    beside = sidecar_name(video, f".{suffix}", extension)
    for final in (video, beside):
        assert len(part_name(final, JOB).encode()) <= NAME_BYTES
    assert beside.startswith(PurePosixPath(video).stem)
    assert "/" not in beside


@pytest.mark.parametrize("letter", ["x", "é", "字", "🎬"])
def test_a_long_name_is_cut_between_characters(letter: str) -> None:
    stem = PurePosixPath(place(letter * (250 // len(letter.encode())) + ".mkv")).stem
    assert set(stem) == {letter}
    assert len(stem.encode()) > NAME_BYTES - SIDECAR_BYTES - 50


def test_a_sidecar_has_the_films_stem() -> None:
    assert sidecar_name("Film.2010.mp4", ".eng.forced", "srt") == "Film.2010.eng.forced.srt"
    assert sidecar_name("Film.mp4", "", "nfo") == "Film.nfo"
    assert sidecar_name("Film.mp4", ".eng.a/b:c", "srt") == "Film.eng.a-b-c.srt"


def test_another_version_begins_with_the_films_name() -> None:
    assert str(alternative(PurePosixPath("Film/Film.mp4"), 2)) == "Film/Film - version 2.mp4"


def test_a_part_is_hidden_and_no_video() -> None:
    assert part_name("Film.mp4", JOB) == ".Film.mp4.0123456789.part"


@pytest.mark.parametrize(("sidecar", "suffix"), [
    ("Film.srt", ""), ("Film.en.forced.srt", ".en.forced"), ("film.EN.srt", ".EN"), ("Film_eng.srt", ".eng"),
    ("Film - English (SDH).srt", ".English.SDH"), ("Film.Director's cut.en.ass", ".Director's cut.en"),
    ("Film.mkv.en.srt", ".en"),
    ("Film.mkv.srt", ""), ("Film.2.en.srt", ".2.en"), ("Subs/Film.en.srt", ".en"), ("Subs/2_English.srt", ".English"),
    ("Subs/Film/03. French.srt", ".French"), ("Subs/2.srt", ".2"), ("Subs/pt-BR.srt", ".pt-BR"),
    ("Film_pt_BR forced.srt", ".pt-BR.forced"),
    ("Film.es-419.srt", ".es-419"), ("Film-en-hi.srt", ".en.hi"), ("Subs/Signs 1.srt", ".Signs 1"),
    ("Film.nfo", ""), ("movie.nfo", ""), ("Film.jpg", ""), ("Film-poster.jpg", "-poster"), ("Film.Poster.JPG", "-poster"),
    ("poster.jpg", "-poster"), ("folder.png", "-poster"), ("Film-cover.webp", "-poster"), ("Film-fanart-2.jpg", "-fanart-2"),
    ("backdrop3.jpg", "-backdrop3"), ("Film.still.jpg", ".still"), ("Subs/Film/x.jpg", ".x"),
])
def test_what_stands_behind_the_films_name_is_what_jellyfin_understands(sidecar: str, suffix: str) -> None:
    assert sidecar_suffix(PurePath(sidecar), PurePath("Film.mkv")) == suffix


@given(NASTY, NASTY, st.sampled_from(["srt", "jpg", "nfo"]), st.integers(1, 20))
def test_every_sidecar_finds_a_name_beside_its_film(stem: str, rest: str, extension: str, number: int) -> None:
    suffix = numbered_suffix(sidecar_suffix(PurePath(f"{stem}{rest}.{extension}"), PurePath(f"{stem}.mkv")), extension, number)
    if suffix is not None:
        name = sidecar_name("Film.mp4", suffix, extension)
        assert name.startswith("Film")
        assert_safe(name)
        assert len(name.encode()) <= len("Film") + SIDECAR_BYTES


def test_only_a_subtitle_may_be_numbered_and_the_number_stands_first() -> None:
    assert [numbered_suffix(".en", "srt", number) for number in (1, 2, 3)] == [".en", ".2.en", ".3.en"]
    assert [numbered_suffix("-poster", "jpg", number) for number in (1, 2)] == ["-poster", None]
    assert [numbered_suffix("", "nfo", number) for number in (1, 2)] == ["", None]


@pytest.mark.parametrize(("place", "number", "folder"), [
    ("Heat (1995)/Heat (1995).mp4", 1, "Heat (1995)"), ("Heat (1995)/Heat (1995) - version 2.mp4", 1, "Heat (1995) - version 2"),
    ("Heat.mkv", 1, "Heat"), ("Heat/Heat.mp4", 3, "Heat (3)"), ("Films/Heat.mp4", 1, "Films/Heat"),
    ("Series/Season 01/Series S01E01.mp4", 1, "Series/Season 01/Series S01E01"), ("Heat/Heater.mp4", 1, "Heat/Heater"),
])
def test_the_renditions_of_a_film_have_one_folder_of_its_name(place: str, number: int, folder: str) -> None:
    assert str(rendition_folder(PurePosixPath(place), number)) == folder


@given(NASTY)
def test_a_version_is_grouped_with_its_film_and_has_room_for_its_hidden_name(name: str) -> None:
    film = library_place(PurePath(f"{name}.mkv"), own_folder=True)
    assert groups(film)
    version = version_name(film.name, " - original", "mp4")
    assert is_version(PurePosixPath(version).stem, film.parent.name)
    assert is_version(alternative(film, 999).stem, film.parent.name)
    assert len(part_name(version_name(alternative(film, 999).name, " - original", "mp4"), JOB).encode()) <= NAME_BYTES


@pytest.mark.parametrize(("stem", "grouped"), [
    ("Heat", True), ("heat - 720p", True), ("Heat [720p]", True), ("Heat-720p", True), ("Heater", False), ("Making of", False),
    ("Heat 2", False),
])
def test_which_videos_in_its_folder_are_versions_of_a_film(stem: str, grouped: bool) -> None:
    assert is_version(stem, "Heat") is grouped
