"""Parsed names with a real daemon: told in the plan, the job and the log, kept over tries, and never two films under one name."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from clips import Clips
from harness import Daemon, daemon, files, until
from needs import missing
from pectin.cli.client import CommandError
from pectin.cli.configuration import reach_notes
from pectin.cli.planning import plan_file
from pectin.settings.load import parse
from pectin.settings.sections import Settings

PLACE = "The Film (2010)/The Film (2010).mp4"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory):
    if find_spec("guessit") is None:
        missing("guessit", "pip install 'pectin[names]'")
    folder = tmp_path_factory.mktemp("named")
    route = {"name": "films", "inbox": str(folder / "inbox"), "library": str(folder / "library"), "naming": "parsed"}
    with daemon(folder, {"routes": [route]}) as made:
        yield made


def test_a_film_is_filed_under_what_its_name_says_with_its_sidecar(running: Daemon, clips: Clips) -> None:
    folder = running.inbox / "The.Film.2010.1080p-GRP"
    folder.mkdir()
    (folder / "The.Film.2010.1080p-GRP.en.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    running.drop(clips.film("film.mkv"), "The.Film.2010.1080p-GRP/The.Film.2010.1080p-GRP.mkv")
    job = running.job("The.Film.2010.1080p-GRP.mkv", "COMPLETED")
    assert job["outputs"][0]["path"] == str(running.library / PLACE)
    assert files(running.library / "The Film (2010)") == ["The Film (2010).en.srt", "The Film (2010).mp4"]
    assert job["plan"]["name"]["place"] == PLACE
    assert job["plan"]["name"]["understanding"]["parsed"]["year"] == 2010
    assert "Understood as movie: title The Film, year 2010." in running.cli("show", job["id"]).stdout
    assert f"will be called {PLACE}" in running.text()


def test_another_film_of_the_same_name_becomes_another_version(running: Daemon, clips: Clips) -> None:
    running.drop(clips.film("other.mkv", seconds=1), "the.film.2010.720p.mkv")
    running.job("the.film.2010.720p.mkv", "COMPLETED")
    running.drop(clips.film("other.mkv", seconds=1), "The Film (2010).mkv")
    job = running.job("The Film (2010).mkv", "COMPLETED")
    assert Path(job["outputs"][0]["path"]).parent.name == "The Film (2010)"
    assert Path(job["outputs"][0]["path"]).name.startswith("The Film (2010) - version ")


def test_redo_keeps_the_name_and_undo_takes_it_back(running: Daemon, clips: Clips) -> None:
    running.drop(clips.film("film.mkv"), "Show.S01E02.Again.mkv")
    job = running.job("Show.S01E02.Again.mkv", "COMPLETED")
    place = running.library / "Show/Season 01/Show S01E02 Again.mp4"
    assert job["outputs"][0]["path"] == str(place)
    running.json("redo", job["id"])
    until(lambda: [step["to_state"] for step in running.job(job["name"], "COMPLETED")["history"]].count("COMPLETED") == 2,
          "it is made once more")
    assert files(running.library / "Show") == ["Season 01/Show S01E02 Again.mp4"]
    running.json("undo", job["id"])
    until(lambda: not place.exists(), "the output has left the library")
    assert (running.inbox / "Show.S01E02.Again.mkv").exists()


def test_what_is_not_understood_has_its_own_name_and_the_reason(running: Daemon, clips: Clips) -> None:
    running.drop(clips.film("film.mkv"), "Room 237.mkv")
    job = running.job("Room 237.mkv", "COMPLETED")
    assert job["outputs"][0]["path"] == str(running.library / "Room 237/Room 237.mp4")
    assert job["plan"]["name"]["understanding"]["doubt"] == "no_number"
    assert "The source's own name is used" in running.cli("show", job["id"]).stdout


def test_plan_tells_name_place_size_time_and_reach(running: Daemon, clips: Clips, tmp_path: Path) -> None:
    film = tmp_path / "One.Film.2011.mkv"
    film.write_bytes(clips.film("film.mkv").read_bytes())
    document = running.json("plan", str(film), "--profile", "universal-hevc")
    assert document["library"] == str(running.library / "One Film (2011)/One Film (2011).mp4")
    assert document["route"] == "films"
    assert document["plan"]["estimated_size"] > 0
    assert document["plan"]["estimated_seconds"] > 0
    assert document["reach"]["clients"] == 18
    told = running.cli("plan", str(film), "--profile", "universal-hevc").stdout
    for words in ("One Film (2011).mp4", "less than a minute", "18 of 29 clients", "Firefox", "Understood as movie"):
        assert words in told
    placed = running.inbox / ".One.Film.2011.mkv"  # a hidden name: the daemon plans it, and does not take it
    placed.write_bytes(film.read_bytes())
    answer = running.client().get("/v1/plan", path=str(placed))
    assert answer["plan"]["name"]["place"] == "One Film (2011)/One Film (2011).mp4"
    assert answer["plan"]["estimated_seconds"] > 0
    assert answer["reach"] == "plays directly on 29 of 29 clients"


def test_a_route_or_profile_that_is_not_there_is_told(running: Daemon) -> None:
    with pytest.raises(CommandError, match="there is no route 'series'; there are: films"):
        plan_file(Path("x.mkv"), None, "series", running.config)
    with pytest.raises(CommandError, match="there is no profile 'x'; there are: archive-av1"):
        plan_file(Path("x.mkv"), "x", None, running.config)


def test_config_check_says_which_clients_a_profile_costs() -> None:
    [note] = reach_notes(parse("profiles: {small: {video: hevc}}", "x"))
    assert note.startswith("profile small plays directly on 18 of 29 clients")
    assert reach_notes(Settings()) == []
