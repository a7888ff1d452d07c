"""What came with a film: in the library beside it, with the original in its archive, and never lost, whenever it came."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import pytest

from clips import Clips
from crashing import crash_at
from filing import SAID, add_film, arrive, encoding, tidied
from harness import files
from pectin.api.schemas import JobDetailsOut
from pectin.cli.render import console, job_view
from pectin.linux import move
from pectin.model.errors import Cause, PectinError
from pectin.model.job import Job, State
from pectin.model.places import Places
from pectin.pipeline import sidecars as job_sidecars
from pectin.pipeline.control import Control
from pectin.pipeline.disposal import _rest_sidecars, dispose
from pectin.pipeline.gate import Gate
from pectin.pipeline.housekeeping import Housekeeping
from pectin.pipeline.purging import Keep
from pectin.pipeline.recover import outputs_present
from pectin.pipeline.worker import Worker
from pectin.publishing import originals, sidecars
from pectin.publishing.subtitle_formats import read
from pectin.store.store import Store
from working import ONE, a_policy, add, ended, publishing, working


def saying(words: str, encoding: str = "utf-8") -> bytes:
    return f"1\n00:00:00,100 --> 00:00:01,000\n{words}\n\n".encode(encoding)


async def completed(store: Store, worker: Worker, folder: Path) -> Job:
    """A published job whose film is a few bytes, nothing left in its work folder."""
    await publishing(store, folder)
    task = asyncio.create_task(worker.run())
    job = await ended(store, ONE, State.COMPLETED)
    await tidied(folder)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return job


async def put_away(store: Store, worker: Worker, job: Job) -> Job:
    await dispose(job, store, worker.policy.places, worker.policy.publishing)
    found = await store.jobs.get(job.id)
    assert found is not None
    return found


async def shown(store: Store, worker: Worker, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, str], str]:
    """What `pectin show` tells of the sidecars: name and outcome, and all its text."""
    control = Control(store=store, worker=worker, gate=Gate(store.flags), intake=None,  # type: ignore[arg-type]
                      config=Path("none"), reload=None, changed=lambda: None)  # type: ignore[arg-type]
    details = JobDetailsOut.from_details(await control.details(ONE)).model_dump(mode="json")
    console().print(job_view(details))
    for sidecar in details["sidecars"]:
        assert Path(sidecar["now"]).is_file()
    return {sidecar["name"]: sidecar["outcome"] for sidecar in details["sidecars"]}, capsys.readouterr().out


async def test_what_came_with_a_film_is_published_with_it_and_kept_with_the_original(
        tmp_path: Path, clips: Clips, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "said.srt"
    text.write_bytes(SAID)
    film = clips.make("with.mkv", ["-i", str(clips.film(seconds=1)), "-i", str(text), "-map", "0", "-map", "1", "-c", "copy",
                                   "-metadata:s:s:0", "language=eng"])
    german = saying("Schöne Grüße", "cp1252")
    came = {"Film.eng.srt": saying("sent"), "Film_de.srt": german, "Film.at.srt": german,
            "Subs/2_French.srt": saying("français", "utf-16"), "Film.ja.srt": b"nothing with a time",
            "poster.jpg": b"poster", "movie.nfo": b"<movie/>", "Film.sup": b"pictures", "Film.sub": b"pictures"}
    async with encoding(tmp_path) as (store, worker):
        await add_film(store, tmp_path, film, came)
        worker.wake.call()
        job = await ended(store, ONE, State.COMPLETED)
        await tidied(tmp_path)
        library = tmp_path / "lib" / "Film"
        assert files(library) == ["Film-poster.jpg", "Film.2.eng.srt", "Film.at.srt", "Film.de.srt", "Film.eng.srt",
                                  "Film.fre.srt", "Film.mp4", "Film.nfo"]
        assert (library / "Film.2.eng.srt").read_bytes() == saying("sent")
        assert (library / "Film.de.srt").read_bytes() == saying("Schöne Grüße"), "in UTF-8"
        assert (library / "Film.fre.srt").read_bytes() == saying("français")
        assert (tmp_path / "originals" / ONE / "Film_de.srt").read_bytes() == german, "untouched"
        assert b"Hello" in (library / "Film.eng.srt").read_bytes()
        assert {path.stat().st_mode & 0o777 for path in library.iterdir()} == {0o644}
        assert files(tmp_path / "originals" / ONE) == sorted(["Film.mkv", *came])
        outputs = json.loads(job.outputs or "")
        assert outputs[0]["role"] == "video"
        assert {o["from"] for o in outputs if o["role"] == "sidecar"} == set(came) - {"Film.sup", "Film.sub", "Film.ja.srt"}
        assert outputs_present(job)
        (library / "Film.nfo").write_bytes(b"<movie>written again by Jellyfin</movie>")
        assert outputs_present(job)
        (library / "Film.nfo").unlink()
        assert not outputs_present(job)
        outcomes, printed = await shown(store, worker, capsys)
        assert outcomes["Film.eng.srt"] == f"in the library as {library / 'Film.2.eng.srt'}"
        same = {"Film.at.srt": "Film.at.srt", "Film_de.srt": "Film.de.srt"}  # the same content under two names
        assert {name: outcomes[name] for name in same} == {n: f"in the library as {library / now}" for n, now in same.items()}
        assert "transcode" in outcomes["Film.sup"]
        assert "no line" in outcomes["Film.ja.srt"]
        assert set(came) <= set(printed.split())


FORMATS = {
    "Film.fr.ass": ("[Script Info]\n\n[Events]\nFormat: Start, End, Text\nDialogue: 0:00:00.10,0:00:01.00,{\\i1}Été",
                    "cp1252", "fr"),
    "Film.nl.vtt": ("WEBVTT\n\n00:00.100 --> 00:01.000\n<v Jan><i>Été</i>\n", "utf-8-sig", "nl"),
    "Film.smi": ("<SAMI><BODY><SYNC Start=100><P><i>Été</i><SYNC Start=1000><P>&nbsp;</BODY></SAMI>", "utf-16", ""),
    "Film.es.sub": ("{2}{25}{y:i}Été\n", "cp1252", "es"),
    "Film.it.ssa": ("[Events]\nDialogue: Marked=0,0:00:00.10,0:00:01.00,x,,0,0,0,,{\\i1}Été{\\p1}m 0 0", "cp1252", "it"),
}


async def test_text_of_any_format_comes_into_the_library_as_utf_8_subrip(tmp_path: Path) -> None:
    """Each under its language, the frames of MicroDVD counted as the film's."""
    came = {name: text.encode(encoding) for name, (text, encoding, _) in FORMATS.items()}
    async with working(tmp_path) as (store, worker):
        job = await completed(store, worker, tmp_path)
        await store.jobs.note(ONE, now=9.0, media='{"video": [{"average_frame_rate": "25/1"}]}')
        for name, content in came.items():
            arrive(tmp_path, name, content)
        await put_away(store, worker, await store.jobs.get(ONE) or job)
        library = tmp_path / "lib/Film"
        assert set(files(library)) == {"Film.mp4", *(f"Film{'.' if tag else ''}{tag}.srt" for _, _, tag in FORMATS.values())}
        for path in library.glob("*.srt"):
            [cue] = read(path.read_text(encoding="utf-8"))
            assert cue.text.strip() == "<i>Été</i>", path
            assert (cue.start, cue.end) == (80 if path.name == "Film.es.srt" else 100, 1000), path  # frame 2 of 25 in a second
        for name, content in came.items():
            assert (tmp_path / "originals" / ONE / name).read_bytes() == content


def test_a_crash_at_any_line_keeps_one_copy_of_what_stays_with_the_original(tmp_path: Path) -> None:
    """Each try makes the same files again from the source."""
    folder = tmp_path / "sidecars"

    def a_try() -> None:
        for suffix, content in ((".eng", b"pictures"), (".ger.forced", b"more")):
            file = sidecars.with_original(tmp_path, suffix, "sup")
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
        sidecars.keep_with_original(tmp_path, "Film", folder)

    line, crashed = 0, True
    while crashed:
        line += 1
        folder.mkdir()
        (folder / "Film.eng.sup").write_bytes(b"theirs")
        crashed = crash_at(line, (sidecars, move), a_try)
        a_try()
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
            "Film.eng.sup": b"theirs", "Film.eng (2).sup": b"pictures", "Film.ger.forced.sup": b"more"}, line
        shutil.rmtree(folder)
    assert line > 30


async def test_a_latecomer_is_put_beside_its_film_and_into_its_archive(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with working(tmp_path) as (store, worker):
        job = await completed(store, worker, tmp_path)
        for name, content in {"Film.en.srt": SAID, "Film.sup": b"pictures",
                              "Subs/2_English.srt": saying("more")}.items():
            arrive(tmp_path, name, content)
        job = await put_away(store, worker, job)
        assert files(tmp_path / "lib/Film") == ["Film.en.srt", "Film.eng.srt", "Film.mp4"]
        assert (tmp_path / "lib/Film/Film.en.srt").stat().st_mode & 0o777 == 0o644
        assert files(tmp_path / "originals" / ONE) == ["Film.en.srt", "Film.mkv", "Film.sup", "Subs/2_English.srt"]
        assert files(tmp_path / "work") == []
        assert {Path(o["path"]).name for o in json.loads(job.outputs or "")} == {"Film.mp4", "Film.en.srt", "Film.eng.srt"}

        arrive(tmp_path, "Film.en.srt", saying("corrected"))  # another one of the same name, and the first once more
        arrive(tmp_path, "Film.en.2.srt", SAID)
        arrive(tmp_path, "Film-poster.jpg", b"theirs")
        (tmp_path / "lib/Film/Film-poster.jpg").write_bytes(b"Jellyfin's")
        await put_away(store, worker, job)
        assert (tmp_path / "lib/Film/Film.3.en.srt").read_bytes() == saying("corrected")
        assert (tmp_path / "lib/Film/Film-poster.jpg").read_bytes() == b"Jellyfin's"
        assert (tmp_path / "originals" / ONE / "Film.en (2).srt").read_bytes() == saying("corrected")
        assert (tmp_path / "originals" / ONE / "Film-poster.jpg").read_bytes() == b"theirs"
        assert files(tmp_path / "work") == []
        outcomes, _ = await shown(store, worker, capsys)
        assert "stays with the original" in outcomes["Film-poster.jpg"]
        assert outcomes["Film.en (2).srt"].endswith("Film.3.en.srt")


async def test_a_latecomer_waits_for_a_library_that_is_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with working(tmp_path) as (store, worker):
        job = await completed(store, worker, tmp_path)
        (tmp_path / "lib").rename(tmp_path / "away")
        arrive(tmp_path, "Film.en.srt")
        arrive(tmp_path, "Film.sup")
        with pytest.raises(PectinError) as caught:
            await put_away(store, worker, job)
        assert caught.value.cause is Cause.LIBRARY_MISSING
        assert files(tmp_path / "work" / ONE) == ["sidecars/Film.en.srt"], "what needs no library does not wait"
        assert "waits" in (await shown(store, worker, capsys))[0]["Film.en.srt"]
        (tmp_path / "away").rename(tmp_path / "lib")
        keeper = Housekeeping(store, worker.policy.places, [], Keep(), worker.turns, worker.policy.publishing)
        await keeper.round(10.0)
        assert files(tmp_path / "lib/Film") == ["Film.en.srt", "Film.mp4"]
        assert files(tmp_path / "work") == []


async def test_without_its_film_a_latecomer_is_only_archived(tmp_path: Path) -> None:
    async with working(tmp_path) as (store, worker):
        job = await completed(store, worker, tmp_path)
        (tmp_path / "lib/Film/Film.mp4").rename(tmp_path / "lib/Elsewhere.mp4")
        arrive(tmp_path, "Film.en.srt")
        await put_away(store, worker, job)
        assert files(tmp_path / "lib") == ["Elsewhere.mp4"]
        assert files(tmp_path / "originals" / ONE) == ["Film.en.srt", "Film.mkv"]


async def test_what_came_with_a_cancelled_film_is_set_aside_and_retried_with_it(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with working(tmp_path) as (store, worker):
        await add(store, tmp_path, ONE, "Film.mkv")
        arrive(tmp_path, "Film.en.srt")
        control = Control(store=store, worker=worker, gate=Gate(store.flags), intake=None,  # type: ignore[arg-type]
                          config=Path("none"), reload=None, changed=lambda: None)  # type: ignore[arg-type]
        await control.cancel(ONE)
        assert files(tmp_path / "rejected" / ONE) == ["Film.en.srt", "Film.mkv", "Film.mkv.why.txt"]
        job = await store.jobs.get(ONE)
        assert job is not None
        arrive(tmp_path, "Subs/2_English.srt")  # after the end
        await put_away(store, worker, job)
        assert files(tmp_path / "work") == []
        assert "set aside" in (await shown(store, worker, capsys))[0]["Subs/2_English.srt"]
        await control.retry(ONE)
        assert files(tmp_path / "work" / ONE) == ["sidecars/Film.en.srt", "sidecars/Subs/2_English.srt", "source/Film.mkv"]
        assert files(tmp_path / "rejected") == []
        await put_away(store, worker, job)  # somebody who still takes it for cancelled
        assert len(files(tmp_path / "work" / ONE)) == 3


def test_a_crash_at_any_line_loses_no_latecomer_and_places_none_twice(tmp_path: Path) -> None:
    """What the daemon does is done here without its loop, and the row is a file: so that it can be killed at each line."""
    job, policy = asyncio.run(_completed_once(tmp_path))
    places: Places = policy.places
    row = tmp_path / "outputs.json"

    def all_of_it() -> None:
        now = replace(job, outputs=row.read_text())
        late = job_sidecars.place_late(now, places, policy.publishing)
        if late.outputs:
            whole = row.with_suffix(".new")
            whole.write_text(json.dumps([*json.loads(now.outputs or ""), *late.outputs]))
            os.replace(whole, row)  # as a database commits: all at once
        _rest_sidecars(now, places, late.done)

    line, crashed = 0, True
    while crashed:
        line += 1
        row.write_text(job.outputs or "")
        arrive(tmp_path, "Subs/2_English.srt")
        crashed = crash_at(line, (sidecars, originals), all_of_it)
        assert [path.read_bytes() for path in tmp_path.rglob("*English*.srt")], f"line {line}: lost"
        all_of_it()
        assert files(tmp_path / "lib") == ["Film/Film.eng.srt", "Film/Film.mp4"], line
        assert files(tmp_path / "originals" / ONE) == ["Film.mkv", "Subs/2_English.srt"], line
        assert files(tmp_path / "work") == [], line
        assert [o["path"] for o in json.loads(row.read_text())].count(str(tmp_path / "lib/Film/Film.eng.srt")) == 1, line
        (tmp_path / "lib/Film/Film.eng.srt").unlink()
        (tmp_path / "originals" / ONE / "Subs/2_English.srt").unlink()
    assert line > 60


async def _completed_once(folder: Path) -> tuple[Job, Any]:
    async with working(folder) as (store, worker):
        return await completed(store, worker, folder), a_policy(folder)


@pytest.mark.parametrize("name", ["a\nb.en.srt", os.fsdecode(b"Film.\xff.srt"), "Film.%d.srt", "Film.-rf.srt"])
async def test_odd_names_come_through(tmp_path: Path, name: str) -> None:
    async with working(tmp_path) as (store, worker):
        job = await completed(store, worker, tmp_path)
        arrive(tmp_path, name)
        job = await put_away(store, worker, job)
        assert (tmp_path / "originals" / ONE / PurePath(name)).read_bytes() == SAID
        json.dumps(json.loads(job.outputs or ""), ensure_ascii=False).encode()
