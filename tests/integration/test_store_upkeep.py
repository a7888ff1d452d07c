"""The store over the years: copies of it while it is in use, damage, waiting that is counted, and jobs that are forgotten."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from needs import need_program, need_root
from pectin.linux.snapshot import snapshot, trouble
from pectin.model.errors import Cause, PectinError
from pectin.model.event import EventType
from pectin.model.job import Job, NoSuchJobError, Stage, State, Trigger
from pectin.pipeline.rebuild import open_store
from pectin.store.outbox import Endpoint
from pectin.store.store import Store
from rows import a_job, an_event

OLD = 1000.0  # a time after everything that happens to the jobs here


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "pectin.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with Store.open(path) as store:
        yield store


def rows_in(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("SELECT count(*) FROM job").fetchone()[0])


async def test_a_copy_is_one_whole_file_of_one_moment_while_others_write(store: Store, path: Path, tmp_path: Path) -> None:
    await store.jobs.add_all([(a_job(number), ()) for number in range(50)])
    writing = asyncio.Event()

    async def write() -> None:
        for number in range(50, 150, 2):  # always two together: a copy with an odd number would have seen half of a step
            await store.jobs.add_all([(a_job(number), ()), (a_job(number + 1), ())])
            writing.set()

    writer = asyncio.create_task(write())
    await writing.wait()
    files = await asyncio.gather(*(store.snapshot() for _ in range(4)))
    await writer
    for number, file in enumerate(files):
        with file:
            copy = tmp_path / f"copy{number}"
            copy.write_bytes(file.read())
        assert trouble(copy) is None
        assert rows_in(copy) >= 52
        assert rows_in(copy) % 2 == 0
    assert sorted(file.name for file in path.parent.iterdir()) == ["pectin.db", "pectin.db-shm", "pectin.db-wal"]


async def test_a_copy_of_a_database_nobody_has_open_leaves_no_file_beside_it(path: Path, tmp_path: Path) -> None:
    async with Store.open(path) as store:
        await store.jobs.add(a_job())
    path.parent.chmod(0o555)
    try:
        snapshot(path, tmp_path / "copy")
    finally:
        path.parent.chmod(0o755)
    assert rows_in(tmp_path / "copy") == 1
    assert [file.name for file in path.parent.iterdir()] == ["pectin.db"]
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        snapshot(path, tmp_path / "copy")


async def test_a_copy_that_finds_no_room_is_a_reason_and_leaves_nothing(tmp_path: Path) -> None:
    need_root("mount a small file system")
    mount = need_program("mount", "mount")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run([mount, "-t", "tmpfs", "-o", "size=3m", "tmpfs", small], check=True)
    try:
        async with Store.open(small / "pectin.db") as store:
            await store.jobs.add_all([(a_job(number, plan="x" * 5000), ()) for number in range(350)])
            before = sorted(file.name for file in small.iterdir())
            with pytest.raises(PectinError) as full:
                await store.snapshot()
            assert full.value.cause is Cause.NO_SPACE
            assert sorted(file.name for file in small.iterdir()) == before
            await store.jobs.apply(a_job(0).id, Trigger.CANCEL, now=2.0)
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize("damage", ["garbage", "pages", "index"])
async def test_a_damaged_database_is_kept_and_an_empty_one_begun(path: Path, damage: str,
                                                                  caplog: pytest.LogCaptureFixture) -> None:
    async with Store.open(path) as store:
        store.outbox.configure([Endpoint("chat", frozenset(EventType))])
        await store.flags.set("paused", "somebody said so")
        await store.jobs.add_all([(a_job(number), [an_event(number, a_job(number).id)]) for number in range(100)])
        for one in (await store.outbox.due(5.0, 100))[:50]:
            await store.outbox.delivered(one.seq, now=6.0)
    whole = path.read_bytes()
    if damage == "garbage":
        path.write_bytes(b"this is not a database, and longer than the hundred bytes of a header" * 9)
    elif damage == "pages":
        path.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    else:
        _empty_an_index(path)
        path.with_name("pectin.db.suspect").touch()  # SQLite came upon it while the daemon ran
    damaged = path.read_bytes()
    async with AsyncExitStack() as stack:
        store = await open_store(stack, path)
        assert await store.jobs.in_state(*State) == []
        if damage == "index":  # then all can be read, and what only the database knew is known again
            assert await store.flags.get("paused") == "somebody said so"
            assert [one.event.id for one in await store.outbox.due(5.0, 100)] == [f"evt_{number}" for number in range(50, 100)]
        await store.jobs.add(a_job())
    [aside] = path.parent.glob("*.damaged-????????-??????")
    assert aside.read_bytes() == damaged
    assert str(aside) in caplog.text
    assert {"pectin.db", aside.name} == {file.name for file in path.parent.iterdir() if file.name[-4:] not in ("-wal", "-shm")}


def _empty_an_index(path: Path) -> None:
    """As a lost write leaves it: every page is in order, and the index does not know the rows."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        [sql] = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'job_by_state'").fetchone()
        connection.execute("DROP INDEX job_by_state")
        connection.execute(f"{sql} WHERE 0")
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'job_by_state'", (sql,))
        connection.execute("PRAGMA journal_mode = WAL")
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)


async def test_a_suspicion_that_proves_wrong_is_forgotten(path: Path) -> None:
    async with Store.open(path) as store:
        await store.jobs.add(a_job())
    path.with_name("pectin.db.suspect").touch()
    async with AsyncExitStack() as stack:
        assert await (await open_store(stack, path)).jobs.get(a_job().id) == a_job()
        assert not path.with_name("pectin.db.suspect").exists()


async def test_a_newer_database_is_never_set_aside(path: Path) -> None:
    async with Store.open(path) as store:
        await store.jobs.add(a_job())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1000")
    async with AsyncExitStack() as stack:
        with pytest.raises(PectinError) as refused:
            await open_store(stack, path)
    assert refused.value.cause is Cause.STORE_TOO_NEW
    assert not list(path.parent.glob("*.damaged-*"))


async def test_damage_that_is_found_on_the_way_is_told_to_whoever_waits_for_it(path: Path) -> None:
    async with Store.open(path) as store:
        await store.jobs.add_all([(a_job(number, plan="x" * 3000), ()) for number in range(100)])
    async with Store.open(path) as store:
        watching = asyncio.create_task(store.until_damaged())
        await store.jobs._db.rows("PRAGMA shrink_memory")  # or it would go on reading from memory what the disk has lost
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(8192)
            file.write(b"\x55" * (size - 8192))
        with pytest.raises(PectinError):
            await store.jobs.in_state(*State)
        with pytest.raises(PectinError) as told:
            await asyncio.wait_for(watching, 30)
        assert told.value.cause is Cause.STORE_DAMAGED
    assert path.with_name("pectin.db.suspect").exists()


async def test_waiting_for_space_is_one_line_that_counts(store: Store) -> None:
    await store.jobs.add(a_job())
    for minute in range(1, 6):
        await store.jobs.apply(a_job().id, Trigger.CLAIM, now=minute * 60.0)
        await store.jobs.apply(a_job().id, Trigger.RETRY, now=minute * 60.0 + 1, cause=Cause.NO_SPACE,
                               message=f"the disk is full: {minute} bytes are free")
    [_, claim, waits] = await store.jobs.history(a_job().id)
    assert claim.trigger is Trigger.CLAIM
    assert (waits.at, waits.times, waits.last_at, waits.message) == (61.0, 5, 301.0, "the disk is full: 5 bytes are free")
    await store.jobs.apply(a_job().id, Trigger.CLAIM, now=400.0)
    await store.jobs.apply(a_job().id, Trigger.ENCODED, now=401.0)
    for minute in range(10, 15):
        await store.jobs.apply(a_job().id, Trigger.RETRY, now=minute * 60.0, cause=Cause.LIBRARY_MISSING, message="it is away")
    history = await store.jobs.history(a_job().id)
    assert [(step.trigger, step.times) for step in history] == [
        (None, 1), (Trigger.CLAIM, 1), (Trigger.RETRY, 5), (Trigger.CLAIM, 1), (Trigger.ENCODED, 1), (Trigger.RETRY, 5)]


async def test_every_failed_attempt_keeps_its_own_line(store: Store) -> None:
    await store.jobs.add(a_job())
    for attempt, said in enumerate(["exit 1", "exit 1", "killed"], start=1):
        await store.jobs.apply(a_job().id, Trigger.CLAIM, now=attempt)
        await store.jobs.apply(a_job().id, Trigger.RETRY, now=attempt, cause=Cause.FFMPEG_FAILED,
                               message=f"ffmpeg failed: {said} (failed {attempt} times)")
    history = await store.jobs.history(a_job().id)
    assert [step.message for step in history if step.cause] == [
        "ffmpeg failed: exit 1 (failed 1 times)", "ffmpeg failed: exit 1 (failed 2 times)",
        "ffmpeg failed: killed (failed 3 times)"]
    assert {step.times for step in history} == {1}


async def test_a_job_becomes_what_its_note_says_and_the_history_tells_it(store: Store) -> None:
    await store.jobs.add(a_job())
    noted = replace(a_job(), state=State.COMPLETED, stage=Stage.DONE, updated_at=500.0, finished_at=499.0, outputs="[]",
                    attempts=2)
    await store.jobs.put_right(noted, now=600.0, message="older than the files")
    assert await store.jobs.get(noted.id) == noted
    step = (await store.jobs.history(noted.id))[-1]
    assert (step.at, step.from_state, step.to_state) == (600.0, State.PENDING, State.COMPLETED)
    assert step.message == "older than the files"
    with pytest.raises(NoSuchJobError):
        await store.jobs.put_right(a_job(5), now=600.0, message="")
    standing = (await store.jobs.standings([noted.id, "nobody"]))[noted.id]
    assert (standing.state, standing.updated_at) == (State.COMPLETED, 500.0)


async def test_only_jobs_that_are_over_and_told_are_forgotten(store: Store) -> None:
    store.outbox.configure([Endpoint("chat", frozenset(EventType))])
    ended: dict[str, object] = {"state": State.COMPLETED}
    for number, changes in enumerate([ended, {"state": State.PENDING}, {"state": State.PUBLISHING}, {**ended, "updated_at": OLD},
                                      {**ended, "left_behind": "{}"}, {"state": State.FAILED}]):
        await store.jobs.add(a_job(number, **changes))
    untold = a_job(10, **ended)
    await store.jobs.add(untold, [an_event(1, untold.id)])
    told = a_job(11, **ended)
    await store.jobs.add(told, [an_event(2, told.id)])
    [_, delivery] = await store.outbox.due(5.0)
    await store.outbox.delivered(delivery.seq, now=6.0)

    over = [job_id for job_id, _ in await store.past.over(OLD)]
    assert over == [a_job(0).id, a_job(5).id, told.id]
    assert [job_id for job_id, _ in await store.past.over(OLD, after=a_job(0).id, limit=1)] == [a_job(5).id]
    everybody = [job.id for job in await store.jobs.in_state(*State)]
    assert await store.past.forget(everybody, OLD) == 3
    assert {job.id for job in await store.jobs.in_state(*State)} == set(everybody) - set(over)
    assert await store.jobs.history(told.id) == []
    assert [one.event.job_id for one in await store.outbox.due(5.0)] == [untold.id]
    assert len(await store.jobs._db.rows("SELECT * FROM event")) == 1


async def test_a_job_that_comes_to_life_in_between_is_not_forgotten(store: Store) -> None:
    await store.jobs.add(a_job(0, state=State.FAILED))
    [(job_id, _)] = await store.past.over(OLD)
    await store.jobs.apply(job_id, Trigger.REQUEUE, now=200.0)
    assert await store.past.forget([job_id], OLD) == 0
    assert await store.jobs.get(job_id) is not None


async def test_a_backup_put_in_the_place_of_the_database_is_what_it_was(path: Path, tmp_path: Path) -> None:
    async with Store.open(path) as store:
        await store.jobs.add(a_job(1))
        with await store.snapshot() as file, (tmp_path / "copy").open("wb") as copy:
            shutil.copyfileobj(file, copy)
        await store.jobs.add(a_job(2))
    os.replace(tmp_path / "copy", path)
    async with Store.open(path) as store:
        assert await store.jobs.in_state(*State) == [a_job(1)]
        found: Job | None = await store.jobs.get(a_job(1).id)
        assert found is not None
        await store.jobs.apply(found.id, Trigger.CLAIM, now=1.0)
