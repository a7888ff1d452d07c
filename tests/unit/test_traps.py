"""Names that Jellyfin would misread are written a little differently, and only those; each change is told."""

from __future__ import annotations

import re
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.publishing.naming import library_name


@pytest.mark.parametrize(("source", "place"), [
    # an extra of another film
    ("The Trailer.mkv", "The 'Trailer'/The 'Trailer'"),
    ("Film.Sample.mkv", "Film.'Sample'/Film.'Sample'"),
    ("Trailer.mkv", "'Trailer'/'Trailer'"),
    ("A-Scene.mkv", "A Scene/A Scene"),
    ("Big-Short.mkv", "Big Short/Big Short"),
    ("Room-other2.mkv", "Room other2/Room other2"),
    ("Film -trailer2.mkv", "Film -'trailer2'/Film -'trailer2'"),
    ("Movies/A-Scene.mkv", "Movies/A Scene"),
    # joined with its neighbours
    ("Films/Kill Bill Part 2.mkv", "Films/Kill Bill 'Part 2'"),
    ("Films/Kill Bill (part 2).mkv", "Films/Kill Bill '(part 2)'"),
    ("Films/Film.pt-b.mkv", "Films/Film.'pt-b'"),
    # a 3D film
    ("Keeping Tab.mkv", "Keeping 'Tab'/Keeping 'Tab'"),
    ("Show.SBS.2010.mkv", "Show.'SBS'.2010/Show.'SBS'.2010"),
    # a folder with a meaning of its own
    ("Shorts.mkv", "'Shorts'/'Shorts'"),
    ("Shorts/A.mkv", "'Shorts'/A"),
    ("Metadata/A.mkv", "'Metadata'/A"),
])
def test_a_film_stays_a_film_of_its_own(source: str, place: str) -> None:
    name = library_name(PurePath(source), own_folder=True)
    assert name.place == f"{place}.mp4"
    assert any("it is written" in note for note in name.notes)


@pytest.mark.parametrize("source", [
    "Kill Bill Part 2.mkv",               # in a folder of its own
    "Film.3D.HSBS.mkv", "Film 3D Tab.mkv",
    "Show/Season 1/Show Part 2.mkv", "Show/Show S01E02 Part 2.mkv",
    "Department 9.mkv", "The Sampler.mkv", "Trailer Park.mkv", "Table.mkv", "Short Cuts.mkv", "Motherhood.mkv", "Escape.mkv",
    "Film/Film.mkv", "Films/Part 2.mkv", "Extras/Season 1/Extras S01E01.mkv",
])
def test_what_is_no_trap_stays_as_it_is(source: str) -> None:
    name = library_name(PurePath(source), own_folder=True)
    assert PurePath(name.place).stem == PurePath(source).stem
    assert not name.notes


@pytest.mark.parametrize("source", ["Film/Film-trailer.mkv", "Film (2010)/trailer.mkv", "Film/Extras/Making of.mkv",
                                    "Film/Film cd1.avi"])
def test_what_is_meant_as_an_extra_or_a_disc_stays_one_and_is_told(source: str) -> None:
    name = library_name(PurePath(source), own_folder=True)
    assert PurePath(name.place).with_suffix("") == PurePath(source).with_suffix("")
    assert name.notes


# What Jellyfin reads in a film's name, written down once more, the way its documentation tells it.
_STACKED = re.compile(r"(?:(?<=[\])}])|[ _.-])[(\[]?(?:part|pt)[ _.-]*(?:\d+|[a-d])[)\]]?$", re.IGNORECASE)
_ENDINGS = ("-trailer", ".trailer", "_trailer", " trailer", "-sample", ".sample", "_sample", " sample", "-scene", "-clip",
            "-interview", "-behindthescenes", "-deleted", "-featurette", "-short", "-extra", "-other")
_PIECES = st.lists(st.sampled_from(["Film", "part", "Pt", "2", "b", "sample", "Trailer", "scene", "other", "tab", "SBS",
                                    "-", ".", " ", "_", "(", ")"]), min_size=1, max_size=8).map("".join)


@given(_PIECES, st.booleans())
def test_no_film_is_an_extra_a_part_or_3d_by_accident(stem: str, deep: bool) -> None:
    name = library_name(PurePath(*(["Films"] if deep else []), f"{stem}.mkv"), own_folder=True)
    made = PurePath(name.place).stem
    if any("as an extra" in note for note in name.notes):
        return
    assert not made.rstrip("0123456789").casefold().endswith(_ENDINGS)
    assert made.casefold() not in ("trailer", "sample")
    assert not (deep and _STACKED.search(made))
    assert not {"sbs", "tab", "mvc"} & set(re.split(r"[()\-._\[\] ]", made.casefold()))


@given(st.text(min_size=1, max_size=300), st.sampled_from(["-scene", " tab", " trailer", " part 2"]))
def test_a_trap_at_the_end_of_a_long_name_still_fits(start: str, end: str) -> None:
    place = PurePath(library_name(PurePath("Films", f"{start.replace('/', '')}{end}.mkv"), own_folder=True).place)
    assert len(place.stem.encode()) <= 174


def test_a_name_that_is_nothing_but_the_mark_of_an_extra_is_written_differently() -> None:
    for stem in ("-sample", "_trailer2", "-scene", " short"):
        made = PurePath(library_name(PurePath(f"{stem}.mkv"), own_folder=True).place).stem
        assert not made.casefold().endswith(_ENDINGS), made
