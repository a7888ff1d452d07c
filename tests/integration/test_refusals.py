"""When the system refuses something to the daemon itself: it waits and says why, or ends loudly. Never a silent standstill."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import pytest

from harness import files
from intending import intend
from pectin.intake.claim import claim
from pectin.intake.taking import Wanted
from pectin.linux import move
from pectin.model.errors import Cause, PectinError
from pectin.model.job import State
from pectin.pipeline import story
from pectin.pipeline.gate import Gate, Mode
from pectin.pipeline.housekeeping import Housekeeping
from pectin.pipeline.purging import Keep
from pectin.pipeline.recover import recover
from pectin.pipeline.status import problems
from pectin.publishing import address, originals, place, things
from pectin.store.store import Store
from working import ONE, TWO, a_policy, add, an_intake, ended, publishing, working

FULL = PectinError(Cause.NO_SPACE, "test")


def refuse(error: BaseException) -> Callable[..., Any]:
    def call(*_arguments: object, **_more: object) -> Any:
        raise error
    return call


def refuse_later(error: BaseException) -> Callable[..., Awaitable[Any]]:
    async def call(*_arguments: object, **_more: object) -> Any:
        raise error
    return call


async def end(task: asyncio.Task[None]) -> None:
    assert not task.done(), task
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("number", [errno.ENOTCONN, errno.ESTALE, errno.EIO])
async def test_a_library_whose_server_has_died_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                             number: int) -> None:
    """A dead FUSE or NFS mount: stat of its root gives an error of its own."""
    async with working(tmp_path) as (store, worker):
        await publishing(store, tmp_path)
        real, library = os.stat, tmp_path / "lib"

        def stat(path: Any, *arguments: Any, **more: Any) -> os.stat_result:
            if isinstance(path, Path) and path == library:
                raise OSError(number, os.strerror(number))
            return real(path, *arguments, **more)

        intake = an_intake(store, worker, routes={})
        with monkeypatch.context() as patched:
            patched.setattr(os, "stat", stat)
            assert os.strerror(number) in (await problems(intake, worker))[0]
            task = asyncio.create_task(worker.run())
            for _ in range(600):
                job = await store.jobs.get(ONE)
                assert job is not None
                if job.cause:
                    break
                await asyncio.sleep(0.05)
            assert (job.state, job.cause, job.attempts) == (State.PUBLISHING, Cause.LIBRARY_MISSING, 0)
        await end(task)


@pytest.mark.parametrize(("number", "cause"), [(errno.ENOSPC, Cause.NO_SPACE), (errno.EMFILE, Cause.IO_ERROR)])
async def test_a_refusal_before_the_encode_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int,
                                                          cause: Cause) -> None:
    async with working(tmp_path) as (store, worker):
        worker.policy = replace(worker.policy, retry=replace(worker.policy.retry, attempts=3))
        await add(store, tmp_path, ONE, "film.mkv")
        monkeypatch.setattr(story, "_fresh", refuse(OSError(number, os.strerror(number))))
        task = asyncio.create_task(worker.run())
        for _ in range(600):
            job = await store.jobs.get(ONE)
            assert job is not None
            if job.cause:
                break
            await asyncio.sleep(0.05)
        assert (job.state, job.cause) == (State.PENDING, cause)
        await end(task)


async def test_a_job_that_cannot_be_tidied_away_does_not_stop_the_daemon_or_its_start(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The output is lost and the library is read-only."""
    async with working(tmp_path) as (store, worker):
        await publishing(store, tmp_path)
        (worker.policy.places.out(ONE) / "video.mp4").unlink()
        monkeypatch.setattr(place, "withdraw", refuse(PectinError(Cause.READ_ONLY, "test")))
        task = asyncio.create_task(worker.run())
        await ended(store, ONE, State.REJECTED)  # made again, by /bin/false as ffprobe
        await end(task)
    other = tmp_path / "other"
    other.mkdir()
    async with working(other) as (store, worker):
        await publishing(store, other, interruptions=3)
        await recover(store, worker.policy)
        assert (await ended(store, ONE, State.FAILED)).cause is Cause.TOO_MANY_INTERRUPTIONS


async def test_what_housekeeping_cannot_do_does_not_stop_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with working(tmp_path) as (store, worker):
        await publishing(store, tmp_path)
        task = asyncio.create_task(worker.run())
        await ended(store, ONE, State.COMPLETED)
        await end(task)
        places = worker.policy.places
        os.mkdir(os.fsencode(places.originals) + b"/\xff")
        monkeypatch.setattr(originals, "purge", refuse(PectinError(Cause.NO_PERMISSION, "test")))
        keeper = Housekeeping(store, places, [tmp_path / "lib"], Keep(seconds=0.0), worker.turns, worker.policy.publishing)
        await keeper.round(time.time() + 1e6)
        assert places.original(ONE, PurePath("Film.mkv")).exists()


async def test_a_pause_that_cannot_be_written_down_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Store.open(tmp_path / "pectin.db") as store:
        gate = Gate(store.flags)
        await gate.set(Mode.PAUSED)
        monkeypatch.setattr(store.flags, "set", refuse_later(FULL))
        with pytest.raises(PectinError):
            await gate.set(Mode.OPEN)
        assert gate.mode is Mode.PAUSED, "it would say `open`, and nothing would start"
        monkeypatch.undo()
        await gate.set(Mode.OPEN)
        await asyncio.wait_for(gate.passed(), 5)


async def test_a_film_whose_row_cannot_be_written_ends_the_daemon_and_is_found_by_the_next_start(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with working(tmp_path) as (store, worker):
        policy = worker.policy
        for folder in (tmp_path / "in", policy.places.work):
            folder.mkdir()
        (tmp_path / "in" / "film.mp4").write_bytes(b"\x00\x00\x00\x08ftyp\x00\x00\x00\x08moov\x00\x00\x00\x08mdat")
        intake = an_intake(store, worker)
        with monkeypatch.context() as patched:
            patched.setattr(store.jobs, "add_all", refuse_later(FULL))
            with pytest.raises(PectinError):
                await asyncio.wait_for(intake.run(), 60)
            with pytest.raises(PectinError):  # still full: the next start does not go on without the film either
                await recover(store, policy)
        await recover(store, policy)
        [job] = await store.jobs.in_state(State.PENDING)
        assert policy.places.source(job.id, job.relative).exists()


async def test_a_work_folder_that_cannot_be_read_does_not_stop_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with working(tmp_path) as (store, worker):
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "film.mkv").write_bytes(b"film")
        worker.policy.places.work.mkdir()
        wanted = Wanted(path=tmp_path / "in" / "film.mkv", root=tmp_path / "in", route="films", job_id=ONE)
        claim(wanted, worker.policy.places, now=1.0)
        with monkeypatch.context() as patched:
            patched.setattr("pectin.pipeline.recover.read_note", refuse(PermissionError(errno.EACCES, "Permission denied")))
            await recover(store, worker.policy)
        await recover(store, worker.policy)
        assert (await ended(store, ONE, State.PENDING)).relative == PurePath("film.mkv")


def test_another_jobs_subtitles_are_not_taken_back(tmp_path: Path) -> None:
    """Two jobs of one name waited for a library that was away: the same subtitles, another film."""
    library = tmp_path / "library"
    intents = []
    for number, film in ((ONE, b"first"), (TWO, b"second")):
        out = tmp_path / number
        out.mkdir()
        (out / "video.mp4").write_bytes(film)
        (out / "sub.srt").write_bytes(b"Hello")
        os.utime(out / "sub.srt", (1e9 + int(number) * 100,) * 2)
        intents.append(intend([("video", out / "video.mp4", "", "mp4"), ("subtitle", out / "sub.srt", ".eng", "srt")],
                                    library=library, place=PurePosixPath("Film/Film.mp4"), job_id=number))
    library.mkdir()
    place.carry_out(intents[0], file_mode=0o644, folder_mode=0o755, group=None)
    with pytest.raises(PectinError):
        place.carry_out(intents[1], file_mode=0o644, folder_mode=0o755, group=None)
    place.take_back(intents[1])
    assert files(library) == ["Film/Film.eng.srt", "Film/Film.mp4"]
    again = address.renamed(intents[1], PurePosixPath("Film/Film.mp4"), TWO)
    place.carry_out(again, file_mode=0o644, folder_mode=0o755, group=None)
    assert len(files(library)) == 4


def fail_each_call(step: int, number: int, patched: pytest.MonkeyPatch) -> None:
    """The system call with this number (counted over all kinds) is refused once."""
    calls = 0

    def failing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == step + 1:
                raise OSError(number, os.strerror(number))
            return function(*arguments, **more)
        return call

    for name in ("fsync", "open", "unlink", "mkdir", "rmdir", "lstat", "fstat", "fchmod", "utime", "write", "pread", "stat",
                 "rename", "chmod"):
        patched.setattr(os, name, failing(getattr(os, name)))
    for module in (move, things):
        patched.setattr(module, "rename_noreplace", failing(module.rename_noreplace))


REFUSALS = [errno.EIO, errno.ENOSPC, errno.EMFILE, errno.EACCES, errno.EROFS]


@pytest.mark.parametrize("number", REFUSALS)
@pytest.mark.parametrize("across", [False, True])
def test_a_refusal_at_any_step_leaves_a_source_whole_and_the_move_can_be_repeated(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, across: bool) -> None:
    places = a_policy(tmp_path).places
    content, relative = os.urandom(3000), PurePath("a/film.mkv")
    real = move.rename_noreplace

    def other_file_system(source: Any, target: Any, **more: Any) -> None:
        if Path(source).suffix != ".part":
            raise OSError(errno.EXDEV, "test")
        real(source, target, **more)

    if across:
        monkeypatch.setattr(move, "rename_noreplace", other_file_system)
    for step in range(60):
        for job_id, move_it in ((ONE, lambda j: originals.archive(places, j, relative)),
                                (TWO, lambda j: originals.set_aside(places, j, relative, "why"))):
            source = places.source(job_id, relative)
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_bytes(content)
            for attempt in (move_it, lambda j: originals.bring_back(places, j, relative)):
                with monkeypatch.context() as patched:
                    fail_each_call(step, number, patched)
                    with suppress(PectinError):
                        attempt(job_id)
                kept = [p for root in (places.work, places.originals, places.rejected) for p in root.rglob("film.mkv")
                        if job_id in p.parts]
                assert kept
                assert all(p.read_bytes() == content for p in kept), (step, kept)
                target = attempt(job_id)
                kept = [p for root in (places.work, places.originals, places.rejected) for p in root.rglob("*")
                        if p.is_file() and job_id in p.parts and "why" not in p.name]
                assert kept == [target]


@pytest.mark.parametrize("number", REFUSALS)
def test_a_refusal_at_any_step_of_placing_publishes_nothing_half_or_twice(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    for step in range(60):
        library, out = tmp_path / f"library{step}", tmp_path / f"work{step}"
        for folder in (library, out):
            folder.mkdir()
        (out / "video.mp4").write_bytes(b"film")
        (out / "sub.srt").write_bytes(b"Hello")
        intent = intend([("video", out / "video.mp4", "", "mp4"), ("subtitle", out / "sub.srt", ".eng", "srt")],
                              library=library, place=PurePosixPath("Film/Film.mp4"), job_id=ONE)
        with monkeypatch.context() as patched:
            fail_each_call(step, number, patched)
            with suppress(PectinError):
                place.carry_out(intent, file_mode=0o644, folder_mode=0o755, group=None)
        if step % 2 and not place.stands(intent):
            with monkeypatch.context() as patched:
                fail_each_call(step // 4, number, patched)
                with suppress(PectinError):
                    place.take_back(intent)
        place.carry_out(intent, file_mode=0o644, folder_mode=0o755, group=None)
        assert files(library) == ["Film/Film.eng.srt", "Film/Film.mp4"]
        assert (library / "Film" / "Film.mp4").read_bytes() == b"film"
