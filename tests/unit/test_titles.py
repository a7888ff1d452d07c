"""What names say: scene, p2p, anime and daily names become title, year, season, episode and ids, or a reason why not."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from needs import missing
from pectin.model.job import Job, State
from pectin.model.parsed import DOUBTS, Doubt, Kind, ParsedName, Understanding, understanding_from
from pectin.model.plan import plain
from pectin.model.route import Naming
from pectin.pipeline.conflicts import find_rival, named
from pectin.pipeline.running import RunningJob
from pectin.publishing.naming import NAME_BYTES, library_name, library_place
from pectin.publishing.titles import parse, understand
from pectin.store.store import Store
from working import a_policy

if find_spec("guessit") is None:
    missing("guessit", "pip install 'pectin[names]'")

README = Path(__file__).resolve().parents[2] / "README.md"

# From the source's path below the inbox to the place below the library.
UNDERSTOOD = {
    # films, as scenes and people write them
    "The.Matrix.1999.1080p.BluRay.x264-GROUP.mkv": "The Matrix (1999)/The Matrix (1999)",
    "the_matrix_1999_720p.avi": "the matrix (1999)/the matrix (1999)",
    "The Matrix (1999).mkv": "The Matrix (1999)/The Matrix (1999)",
    "Movies/The Matrix (1999).mkv": "The Matrix (1999)/The Matrix (1999)",
    "The.Matrix.1999.1080p.BluRay-GRP/grp-matrix.mkv": "The Matrix (1999)/The Matrix (1999)",
    "The.Matrix.1999.1080p.BluRay-GRP/matrix.mkv": "The Matrix (1999)/The Matrix (1999)",
    "Blade.Runner.2049.2017.1080p.BluRay.x264.mkv": "Blade Runner 2049 (2017)/Blade Runner 2049 (2017)",
    "2001.A.Space.Odyssey.1968.720p.mkv": "2001 A Space Odyssey (1968)/2001 A Space Odyssey (1968)",
    "1917.2019.1080p.mkv": "1917 (2019)/1917 (2019)",
    "Se7en.1995.mkv": "Se7en (1995)/Se7en (1995)",
    "X-Men.2000.mkv": "X-Men (2000)/X-Men (2000)",
    "Spider-Man.No.Way.Home.2021.mkv": "Spider-Man No Way Home (2021)/Spider-Man No Way Home (2021)",
    "District 9 (2009).mkv": "District 9 (2009)/District 9 (2009)",
    "M.A.S.H.1970.mkv": "M.A.S.H (1970)/M.A.S.H (1970)",
    "Dr. Strangelove (1964).mkv": "Dr. Strangelove (1964)/Dr. Strangelove (1964)",
    "Leon - The Professional (1994).mkv": "Leon - The Professional (1994)/Leon - The Professional (1994)",
    "Mission Impossible - Fallout (2018).mkv": "Mission Impossible - Fallout (2018)/Mission Impossible - Fallout (2018)",
    "Star Wars - Episode IV - A New Hope (1977).mkv":
        "Star Wars - Episode IV - A New Hope (1977)/Star Wars - Episode IV - A New Hope (1977)",
    "Star.Wars.Episode.V.The.Empire.Strikes.Back.1980.mkv":
        "Star Wars Episode V The Empire Strikes Back (1980)/Star Wars Episode V The Empire Strikes Back (1980)",
    "Kill.Bill.Vol.2.2004.mkv": "Kill Bill Vol 2 (2004)/Kill Bill Vol 2 (2004)",
    "Film.mkv": "Film/Film",
    "Amélie (2001).mkv": "Amélie (2001)/Amélie (2001)",
    "Ame\u0301lie.2001.mkv": "Amélie (2001)/Amélie (2001)",
    "千と千尋の神隠し.2001.mkv": "千と千尋の神隠し (2001)/千と千尋の神隠し (2001)",
    "Иван.Васильевич.1973.DVDRip.avi": "Иван Васильевич (1973)/Иван Васильевич (1973)",
    # parts are titles of their own, discs are not
    "Dune.Part.Two.2024.2160p.WEB-DL.DDP5.1.Atmos.DV.HDR.H.265-FLUX.mkv": "Dune Part Two (2024)/Dune Part Two (2024)",
    "Harry Potter and the Deathly Hallows Part 1 (2010).mkv":
        "Harry Potter and the Deathly Hallows Part 1 (2010)/Harry Potter and the Deathly Hallows Part 1 (2010)",
    "Kill.Bill.Part.2.2004.1080p.mkv": "Kill Bill Part 2 (2004)/Kill Bill Part 2 (2004)",
    "Rambo - First Blood Part II (1985).mkv": "Rambo - First Blood Part II (1985)/Rambo - First Blood Part II (1985)",
    "Mission.Impossible.-.Dead.Reckoning.Part.One.2023.mkv":
        "Mission Impossible - Dead Reckoning Part One (2023)/Mission Impossible - Dead Reckoning Part One (2023)",
    "The.Film.2003.CD1.avi": "The Film (2003)/The Film (2003) cd1",
    "The.Film.2003.CD2.avi": "The Film (2003)/The Film (2003) cd2",
    # versions, 3D, trailers
    "Blade.Runner.1982.Final.Cut.1080p.mkv": "Blade Runner (1982)/Blade Runner (1982) - Final Cut",
    "Film.2010.Directors.Cut.mkv": "Film (2010)/Film (2010) - Director's Cut",
    "Film.2010.UNRATED.720p.mkv": "Film (2010)/Film (2010) - Unrated",
    "Avatar.2009.1080p.3D.HSBS.mkv": "Avatar (2009)/Avatar (2009) - 3D HSBS",
    "Gravity.2013.3D.H-OU.1080p.mkv": "Gravity (2013)/Gravity (2013) - 3D HTAB",
    "Film.2010-trailer.mkv": "Film (2010)/Film (2010)-trailer",
    "Film (2010)/trailer.mkv": "Film (2010)/Film (2010)-trailer",
    # ids
    "The Matrix (1999) [imdbid-tt0133093].mkv": "The Matrix (1999) [imdbid-tt0133093]/The Matrix (1999) [imdbid-tt0133093]",
    "The.Matrix.1999.tt0133093.mkv": "The Matrix (1999) [imdbid-tt0133093]/The Matrix (1999) [imdbid-tt0133093]",
    "The Matrix (1999) {tmdb-603}.mkv": "The Matrix (1999) [tmdbid-603]/The Matrix (1999) [tmdbid-603]",
    "The Matrix {imdb-tt0133093} {tmdb-603} (1999).mkv":
        "The Matrix (1999) [imdbid-tt0133093] [tmdbid-603]/The Matrix (1999) [imdbid-tt0133093] [tmdbid-603]",
    # episodes
    "The.Office.US.S02E03.720p.WEB.mkv": "The Office (US)/Season 02/The Office (US) S02E03",
    "Game.of.Thrones.S01E01-E02.mkv": "Game of Thrones/Season 01/Game of Thrones S01E01-E02",
    "Friends.S10E17E18.mkv": "Friends/Season 10/Friends S10E17-E18",
    "Doctor.Who.2005.S00E01.Special.mkv": "Doctor Who (2005)/Season 00/Doctor Who S00E01 Special",
    "Series.1x05.Title.Of.Episode.avi": "Series/Season 01/Series S01E05 Title Of Episode",
    "Show S01E05 The One.mkv": "Show/Season 01/Show S01E05 The One",
    "Show.S01.E01.mkv": "Show/Season 01/Show S01E01",
    "Show/Season 1/01 - Pilot.mkv": "Show/Season 01/Show S01E01 Pilot",
    "Show/Season 01/S01E02.mkv": "Show/Season 01/Show S01E02",
    "The Office (2005)/Season 1/The Office S01E01 Pilot.mkv": "The Office (2005)/Season 01/The Office S01E01 Pilot",
    "24.S01E01.mkv": "24/Season 01/24 S01E01",
    "The.100.S01E01.mkv": "The 100/Season 01/The 100 S01E01",
    "9-1-1.S01E01.mkv": "9-1-1/Season 01/9-1-1 S01E01",
    "S.W.A.T.2017.S01E01.mkv": "S.W.A.T (2017)/Season 01/S.W.A.T S01E01",
    "Beverly Hills 90210 S01E01.mkv": "Beverly Hills 90210/Season 01/Beverly Hills 90210 S01E01",
    "Mr. Robot - S01E01 - eps1.0_hellofriend.mov.mkv": "Mr. Robot/Season 01/Mr. Robot S01E01 eps1.0_hellofriend",
    "Fargo.S02E10.Palindrome.mkv": "Fargo/Season 02/Fargo S02E10 Palindrome",
    "Show (2010) {tvdb-123} - S01E01 - Title.mkv": "Show (2010) [tvdbid-123]/Season 01/Show S01E01 Title",
    "Show [tvdbid-321]/Season 1/Show S01E01 tt1234567.mkv": "Show [tvdbid-321]/Season 01/Show S01E01",
    "Lost.S01E01.Pilot.Part.1.720p.mkv": "Lost/Season 01/Lost S01E01 Pilot Part 1",
    "Show.S01E02.Part.2.mkv": "Show/Season 01/Show S01E02 Part 2",
    "Show/Specials/03 - The Making.mkv": "Show/Season 00/Show S00E03 The Making",
    "Show/Specials/S00E03.mkv": "Show/Season 00/Show S00E03",
    # anime and daily shows
    "[HorribleSubs] One Piece - 889 [1080p].mkv": "One Piece/Season 01/One Piece S01E889",
    "[SubsPlease] Sousou no Frieren - 12 (1080p) [ABCD1234].mkv": "Sousou no Frieren/Season 01/Sousou no Frieren S01E12",
    "Naruto Shippuuden - 001-002.mkv": "Naruto Shippuuden/Season 01/Naruto Shippuuden S01E01-E02",
    "The.Daily.Show.2019.05.14.Guest.Name.720p.WEB.x264.mkv": "The Daily Show/Season 2019/The Daily Show 2019-05-14 Guest Name",
    # what would mean something else to Jellyfin
    "The.Trailer.Park.2010.mkv": "The Trailer Park (2010)/The Trailer Park (2010)",
    "Shorts.mkv": "'Shorts'/'Shorts'",
}

DOUBTED = {
    "2012.mkv": Doubt.NO_TITLE,
    "300.mkv": Doubt.NO_TITLE,
    "???.mkv": Doubt.NO_TITLE,
    "tt0133093.mkv": Doubt.NO_TITLE,
    "part1.mkv": Doubt.NO_TITLE,
    "Breaking.Bad.S05.mkv": Doubt.NO_NUMBER,
    "Attack on Titan S3 - 05.mkv": Doubt.NO_NUMBER,
    "Room 237.mkv": Doubt.NO_NUMBER,
    "Apollo 13.mkv": Doubt.NO_NUMBER,
    "Show 101.mkv": Doubt.NO_NUMBER,
    "2019-07-14 Beach.mp4": Doubt.NO_NUMBER,
    "Alien (1979)/Aliens (1986).mkv": Doubt.CONTRADICTION,
    "Show/Season 2/Show S01E01.mkv": Doubt.CONTRADICTION,
    "Breaking Bad/Season 1/Lost S01E02.mkv": Doubt.CONTRADICTION,
    "Film (2010) [imdbid-tt0000001]/Film (2010) {imdb-tt0000002}.mkv": Doubt.CONTRADICTION,
    "sample.mkv": Doubt.EXTRA,
    "The Matrix (1999)/The.Matrix.sample.mkv": Doubt.EXTRA,
    "Film (2000)/Extras/Making of.mkv": Doubt.EXTRA,
    "Film (2000)/Film (2000)-behindthescenes.mkv": Doubt.EXTRA,
    "Show/Staffel 1/Folge 3.mkv": Doubt.NO_NUMBER,
    "Star Wars Episode 4 - A New Hope (1977).mkv": Doubt.NO_NUMBER,
    "Star.Wars.Episode.1.The.Phantom.Menace.1999.mkv": Doubt.NO_NUMBER,
    "VID_20190714_153000.mp4": Doubt.LEFT_OVER,
    "2019-05-14 15.30.22.mp4": Doubt.LEFT_OVER,
    "Charlotte's Web (2006).mkv": Doubt.LEFT_OVER,
    "DC.League.of.Super-Pets.2022.mkv": Doubt.LEFT_OVER,
    "(500) Days of Summer (2009).mkv": Doubt.LEFT_OVER,
    "[rec] 2 (2009).mkv": Doubt.LEFT_OVER,
    "Roots (1977) Part 1.mkv": Doubt.LEFT_OVER,
}


@pytest.mark.parametrize(("source", "place"), UNDERSTOOD.items())
def test_a_name_is_understood(source: str, place: str) -> None:
    understanding = parse(source)
    assert understanding.doubt is None, understanding
    assert str(library_place(PurePath(source), own_folder=True, understanding=understanding)) == f"{place}.mp4"


@pytest.mark.parametrize(("source", "doubt"), DOUBTED.items())
def test_a_name_that_is_not_sure_stays_the_sources_own(source: str, doubt: Doubt) -> None:
    understanding = parse(source)
    assert (understanding.doubt, understanding.parsed) == (doubt, None)
    assert DOUBTS[doubt] in understanding.sentence
    path = PurePath(source)
    assert library_place(path, own_folder=True, understanding=understanding) == library_place(path, own_folder=True)


def test_the_names_of_the_readme_are_filed_as_it_says() -> None:
    rows = re.findall(r"^\| `([^`]+\.mkv)` \| `([^`]+\.mp4)`", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 5
    for source, place in rows:
        assert str(library_place(PurePath(source), own_folder=True, understanding=parse(source))) == place


def test_what_was_taken_for_granted_is_told() -> None:
    [told] = library_name(PurePath("a"), own_folder=True, understanding=parse("One Piece - 889.mkv")).notes
    assert "season 1" in told
    [told] = library_name(PurePath("a"), own_folder=True, understanding=parse("Film (2020) (Black and White).mkv")).notes
    assert "Black and White" in told
    assert "no year" in parse("Film.mkv").parsed.assumed[0]  # type: ignore[union-attr]


@pytest.mark.parametrize("source", [*UNDERSTOOD, *DOUBTED])
def test_an_understanding_that_was_kept_comes_back_as_it_was(source: str) -> None:
    understanding = parse(source)
    assert understanding_from(plain(understanding)) == understanding
    assert understanding.sentence.endswith(".")


async def test_a_process_of_its_own_understands_the_same() -> None:
    assert await understand(PurePath("The.Matrix.1999.mkv")) == parse("The.Matrix.1999.mkv")


@pytest.mark.parametrize("source", ["-h.mkv", "--help", "caf\udce9.2001.mkv", "x" * 300 + "." + "y" * 200 + ".mkv",
                                    "a\nb (2001).mkv"])
async def test_no_name_is_an_option_or_an_end(source: str) -> None:
    understanding = await understand(PurePath(source))
    assert (understanding.parsed is None) != (understanding.doubt is None)
    assert library_place(PurePath(source), own_folder=True, understanding=understanding).suffix == ".mp4"


async def test_a_byte_that_is_no_letter_stays_one_sign() -> None:
    source = PurePath("Am\udce9lie.2001.mkv")
    place = library_place(source, own_folder=True, understanding=await understand(source))
    assert str(place) == "Am_lie (2001)/Am_lie (2001).mp4"


async def test_what_an_earlier_try_has_understood_counts_for_all_tries(tmp_path: Path) -> None:
    policy = a_policy(tmp_path)
    route = replace(policy.routes["films"], naming=Naming.PARSED)
    before = library_name(PurePath("x"), own_folder=True, understanding=Understanding(parsed=ParsedName(
        kind=Kind.MOVIE, title="As It Was", year=1999, ids=(("imdb", "tt0000001"),))))
    name = PurePath("Film.2010.mkv")
    job = Job(id="0123456789", state=State.PROCESSING, route="films", profile="universal", inbox_path=tmp_path / "in" / name,
              relative=name, size=1, created_at=0.0, updated_at=0.0, plan=json.dumps({"name": plain(before)}))
    running = RunningJob(job=job, slot=0)
    async with Store.open(tmp_path / "pectin.db") as store:
        await find_rival(running, replace(policy, routes={"films": route}), store)
    assert named(running, policy, "mkv").place == "As It Was (1999) [imdbid-tt0000001]/As It Was (1999) [imdbid-tt0000001].mkv"


async def test_a_parser_that_finds_no_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pectin.publishing.titles.PARSE_SECONDS", 0.0)
    assert (await understand(PurePath("Film.2001.mkv"))).doubt is Doubt.UNREADABLE


async def test_a_parser_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pectin.publishing.titles.__name__", "pectin.no_such_module")
    understanding = await understand(PurePath("Film.2001.mkv"))
    assert understanding.doubt is Doubt.UNREADABLE
    assert "no_such_module" in understanding.detail


_TITLES = st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="/\0"), min_size=1, max_size=200)


@given(st.builds(
    ParsedName, kind=st.sampled_from(Kind), title=_TITLES, year=st.none() | st.integers(1900, 2100),
    season=st.integers(0, 2024),
    episodes=st.lists(st.integers(0, 9999), unique=True, max_size=3).map(lambda found: tuple(sorted(found))),
    episode_title=st.none() | _TITLES, date=st.just("2019-05-14"), edition=st.none() | _TITLES,
    disc=st.none() | st.integers(1, 9), ids=st.just(()) | st.just((("imdb", "tt0133093"),)),
    stereo=st.none() | st.just("3D HSBS"), trailer=st.booleans()))
def test_whatever_was_understood_becomes_a_safe_place(parsed: ParsedName) -> None:
    place = library_place(PurePath("x"), own_folder=True, understanding=Understanding(parsed=parsed))
    assert len(place.parts) == (2 if parsed.kind is Kind.MOVIE else 3)
    for part in place.parts:
        assert 0 < len(part.encode()) <= NAME_BYTES
        assert not part.startswith((".", " "))
        assert not set(part) & set('<>:"/\\|?*\0')
    if parsed.kind is Kind.MOVIE:
        assert place.stem.startswith(place.parts[0])  # versions of one film are known by that
    elif parsed.episodes:
        assert f"S{parsed.season:02}E{parsed.episodes[0]:02}" in place.stem


@given(st.text(alphabet=st.sampled_from("aZ0129.-_ ()[]SsEex"), min_size=1, max_size=40))
def test_any_name_is_understood_or_doubted(name: str) -> None:
    understanding = parse(f"{name}.mkv")
    assert (understanding.parsed is None) != (understanding.doubt is None)
