"""A film with everything a profile can ask for: filed, known again, made once more, undone; and what is written down of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePath

import pytest

from clips import Clips
from filing import add_film, encoding, tidied
from harness import files
from pectin.model.artifact import Pictures
from pectin.model.conflict import Duplicates
from pectin.model.errors import Cause, PectinError
from pectin.model.job import Job, State
from pectin.model.parsed import Kind, LibraryName, ParsedName, Understanding
from pectin.model.profile import Profile
from pectin.model.rendition import Hls
from pectin.pipeline import media_notes
from pectin.pipeline.again import redo
from pectin.pipeline.conflicts import why_no_versions
from pectin.pipeline.mounts import Mounts
from pectin.pipeline.policy import Policy
from pectin.pipeline.purging import why_kept
from pectin.pipeline.rebuild import take_up_again
from pectin.pipeline.recognise import recognise
from pectin.pipeline.recover import outputs_present
from pectin.pipeline.running import RunningJob
from pectin.pipeline.turns import Turns
from pectin.pipeline.undo import Undo
from pectin.store.store import Store
from working import ONE, TWO, a_policy, add, ended

ALL = Profile(preset="ultrafast", renditions=(144,), hls=Hls.FMP4, nfo=True, pictures=Pictures(trickplay=True, sprite=True))
FILM = {"Film/Film.mp4", "Film/Film.nfo", "Film/Film.trickplay/320 - 10x10/0.jpg"}


def everything(policy: Policy, folder: Path) -> Policy:
    """With a place for it, and another profile that wants only the film."""
    (folder / "renditions").mkdir()
    return replace(policy, renditions=folder / "renditions", state=folder / "state", duplicates=Duplicates.REJECT,
                   routes={"films": replace(policy.routes["films"], own_folder=True)},
                   profiles={"universal": ALL, "plain": Profile(preset="ultrafast")})


def document(folder: Path) -> dict[str, object] | None:
    path = media_notes.path_of(folder / "state", ONE)
    return json.loads(path.read_text()) if path.exists() else None


def roles(job: Job) -> list[str]:
    return [output["role"] for output in json.loads(job.outputs or "[]")]


async def test_everything_a_profile_asks_for_is_filed_known_again_replaced_and_undone(tmp_path: Path, clips: Clips) -> None:
    async with encoding(tmp_path, ALL) as (store, worker):
        policy = worker.policy = everything(worker.policy, tmp_path)
        await add_film(store, tmp_path, clips.film(seconds=2, size="320x240"), {})
        worker.wake.call()
        job = await ended(store, ONE, State.COMPLETED)
        await tidied(tmp_path)
        apart = files(tmp_path / "renditions/films/Film")
        assert {path.split("/")[0] for path in apart} == {"144p.mp4", "hls", "sprites"}
        assert set(files(tmp_path / "lib")) == FILM
        assert roles(job)[0] == "video"
        assert set(roles(job)) == {"video", "rendition", "hls", "sprite", "trickplay", "nfo"}
        assert outputs_present(job)
        assert why_kept(job) == ""
        assert _noted(tmp_path, job)
        await _known_again(store, policy, tmp_path)
        await _taken_up_again(tmp_path, policy, job)

        shutil.rmtree(tmp_path / "lib/Film/Film.trickplay")  # as Jellyfin does where it keeps them elsewhere
        assert outputs_present(job)
        assert why_kept(job) == ""
        (tmp_path / "renditions/films/Film/hls/master.m3u8").unlink()
        assert not outputs_present(job)
        assert "hls is not what was placed" in why_kept(job)

        await redo(job, "plain", store, policy.places, policy.profiles)
        worker.wake.call()
        job = await ended(store, ONE, State.COMPLETED)
        await tidied(tmp_path)
        assert roles(job) == ["video"]
        assert files(tmp_path / "lib") == ["Film/Film.mp4"]
        assert list((tmp_path / "renditions/films").iterdir()) == []
        kept = files(policy.places.replaced(ONE))
        assert {"films/Film/144p.mp4", "Film/Film.nfo"} <= set(kept)
        assert _noted(tmp_path, job)


async def test_what_was_made_goes_when_it_is_undone(tmp_path: Path, clips: Clips) -> None:
    async with encoding(tmp_path, ALL) as (store, worker):
        policy = worker.policy = everything(worker.policy, tmp_path)
        (tmp_path / "in").mkdir()
        await add_film(store, tmp_path, clips.film(seconds=2, size="320x240"), {})
        worker.wake.call()
        job = await ended(store, ONE, State.COMPLETED)
        await tidied(tmp_path)
        await Undo(store).undo(job, None, policy)
        assert files(tmp_path / "lib") == files(tmp_path / "renditions") == []
        assert files(tmp_path / "in") == ["Film.mkv"]
        assert document(tmp_path) is not None, "until somebody looks after it"
        await media_notes.round_of(store, tmp_path / "state")
        assert document(tmp_path) is None


def _noted(folder: Path, job: Job) -> bool:
    """What is written down of the film is what is in the database, and comes back when it is lost."""
    noted = document(folder)
    assert noted is not None
    assert noted == media_notes.document(job)
    assert noted["format"] == 1
    return all(noted[key] for key in ("media", "plan", "figures", "outputs"))


async def _known_again(store: Store, policy: Policy, folder: Path) -> None:
    """One of our own renditions, dropped into an inbox."""
    job = await add(store, folder, TWO, "A small film.mp4")
    shutil.copy(folder / "renditions/films/Film/144p.mp4", policy.places.source(TWO, PurePath("A small film.mp4")))
    with pytest.raises(PectinError) as known:
        await recognise(RunningJob(job=job, slot=0), policy, store, Turns())
    assert known.value.cause is Cause.OWN_OUTPUT
    shutil.rmtree(policy.places.job_folder(TWO))


async def _taken_up_again(folder: Path, policy: Policy, job: Job) -> None:
    """A database that was lost knows all of it again."""
    async with Store.open(folder / "new.db") as store:
        await take_up_again(store, policy.places, outputs_present)
        again = await store.jobs.get(job.id)
        assert again is not None
        assert (again.outputs, again.intent) == (job.outputs, job.intent)
        await media_notes.round_of(store, folder / "other state")
        assert media_notes.path_of(folder / "other state", job.id).exists()


async def test_a_folder_for_renditions_that_is_not_there_is_told_where_a_profile_needs_it(tmp_path: Path) -> None:
    policy = replace(a_policy(tmp_path), renditions=tmp_path / "renditions", profiles={"universal": ALL})
    async with Store.open(tmp_path / "pectin.db") as store:
        assert await Mounts(store.flags).troubles([], policy.folders_needed) == [
            f"the folder for renditions {tmp_path / 'renditions'} does not exist: create or mount it"]
    assert replace(policy, profiles={"universal": Profile()}).folders_needed == ()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "Heat").mkdir()
    yield tmp_path


def test_versions_stand_beside_a_film_where_jellyfin_groups_them(library: Path) -> None:
    for name in ("Heat.mp4", "Heat - 720p.mp4", "Heat [Cut].mkv", "heat - version 2.mp4", ".Heat x.mp4", "notes.txt"):
        (library / "Heat" / name).touch()
    assert why_no_versions(LibraryName(place="Heat/Heat.mp4"), library) == ""
    assert why_no_versions(LibraryName(place="New/New.mp4"), library) == ""


@pytest.mark.parametrize(("place", "told"), [
    ("Heat.mp4", "a folder of its own name"), ("Heat/Other.mp4", "a folder of its own name"),
    ("Heat/Heat.mp4", "with Making of.mkv in that folder"),
])
def test_where_jellyfin_would_not_group_them_it_is_told_why(library: Path, place: str, told: str) -> None:
    (library / "Heat/Making of.mkv").touch()
    assert told in why_no_versions(LibraryName(place=place), library)


def test_an_episode_has_no_versions(library: Path) -> None:
    parsed = ParsedName(title="Heat", kind=Kind.EPISODE, season=1, episodes=(1,))
    name = LibraryName(place="Heat/Heat.mp4", understanding=Understanding(parsed=parsed))
    assert "no versions of an episode" in why_no_versions(name, library)
