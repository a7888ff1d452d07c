"""Pictures and details in the library: beside the film by its name, and the day a film was added outlives its file."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePath

from clips import Clips
from harness import Daemon, daemon, files, until
from pectin.model.job import Job, State
from pectin.pipeline.artifacts import _added

ALL = {"preset": "ultrafast", "nfo": True,
       "pictures": {"poster": "auto", "thumb": "50%", "preview": "gif", "trickplay": True, "sprite": True}}


def added(nfo: Path) -> str:
    found = re.search("<dateadded>(.*)</dateadded>", nfo.read_text())
    assert found is not None
    return found[1]


def redone(running: Daemon, job_id: str) -> None:
    before = running.text().count(" -> COMPLETED")
    running.json("redo", job_id)
    until(lambda: running.text().count(" -> COMPLETED") > before, f"it is made again\n{running.text()}")


def test_pictures_and_details_stand_beside_the_film_and_keep_its_day(clips: Clips, tmp_path: Path) -> None:
    film = clips.film(seconds=2, size="160x120", audio=())
    with daemon(tmp_path, {"profiles": {"universal": ALL}, "paths": {"renditions": str(tmp_path / "renditions")}}) as running:
        running.drop(film, "Heat (1995) [imdbid-tt0113277].mkv")
        job = running.job("Heat (1995) [imdbid-tt0113277].mkv", "COMPLETED")
        stem = "Heat (1995) [imdbid-tt0113277]"
        there = [f"{stem}/{stem}{ending}" for ending in ("-poster.jpg", "-thumb.jpg", ".mp4", ".nfo",
                                                         ".trickplay/160 - 10x10/0.jpg")]
        assert files(running.library) == there
        shelf = tmp_path / "renditions"
        assert {PurePath(file).name for file in files(shelf)} == {"preview.gif", "sprites.vtt", "sheet-0.jpg"}
        nfo = running.library / stem / f"{stem}.nfo"
        assert '<uniqueid type="imdb" default="true">tt0113277</uniqueid>' in nfo.read_text()
        first = added(nfo)
        redone(running, job["id"])
        assert files(running.library) == there
        assert added(nfo) == first


def test_a_film_keeps_the_first_day_of_those_it_replaces(tmp_path: Path) -> None:
    nfo = tmp_path / "Film.nfo"
    nfo.write_text("<movie><dateadded>2001-09-09 01:46:40</dateadded></movie>")
    gone = {"role": "nfo", "path": str(tmp_path / "gone.nfo")}
    job = Job(id="1" * 12, state=State.PENDING, route="films", profile="universal", inbox_path=tmp_path / "Film.mkv",
              relative=PurePath("Film.mkv"), size=1, created_at=1.5e9, updated_at=1.5e9,
              outputs=json.dumps([{"role": "video", "path": "Film.mp4"}, gone, {"role": "nfo", "path": str(nfo)}]))
    assert _added(job) == 1e9
    nfo.write_text("somebody's own")
    assert _added(job) == 1.5e9
