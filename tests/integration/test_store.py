"""The store on a real SQLite file: what goes in comes out, durably, and nothing is changed halfway."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path, PurePath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from needs import need_program, need_root
from pectin.model.errors import Cause, PectinError
from pectin.model.event import EventType
from pectin.model.job import IllegalTransitionError, NoSuchJobError, Stage, StaleTransitionError, State, Trigger
from pectin.model.order import Order
from pectin.model.priority import FRONT
from pectin.store.outbox import Endpoint
from pectin.store.schema import MIGRATIONS
from pectin.store.store import Store
from rows import a_job, an_event


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "pectin.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with Store.open(path) as store:
        yield store


async def test_a_job_comes_back_as_it_went_in(store: Store) -> None:
    job = a_job(7, stage=Stage.ENCODING, attempts=2, interruptions=1, not_before=5.5, started_at=1.5, finished_at=2.5,
                cause=Cause.NO_SPACE, message="the disk is full: /srv", media="{}", plan="[]", intent='{"a": 1}', outputs="[2]")
    await store.jobs.add(job)
    assert await store.jobs.get(job.id) == job
    assert await store.jobs.get("unknown") is None


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.binary(min_size=1, max_size=40).filter(lambda name: not {b"/"[0], 0} & set(name) and name not in (b".", b"..")))
def test_a_file_name_of_any_bytes_survives(tmp_path: Path, name: bytes) -> None:
    relative = PurePath(os.fsdecode(name))

    async def there_and_back() -> None:
        async with Store.open(tmp_path / "any.db") as store:
            job = a_job(len(await store.jobs.in_state(*State)), inbox_path=PurePath("/in") / relative, relative=relative,
                        message=f"odd: {relative}", plan=f'{{"title": "{os.fsdecode(bytes([200]))}"}}')
            await store.jobs.add(job)
            found = await store.jobs.get(job.id)
            assert found is not None
            assert (found.inbox_path, found.relative) == (job.inbox_path, relative)
            assert os.fsencode(found.relative) == name
            assert found.message.encode()
            assert found.plan == '{"title": "\\udcc8"}'  # valid JSON with the same value
            assert found in (await store.jobs.page(search=str(relative)))[0]

    asyncio.run(there_and_back())


async def test_an_id_is_taken_only_once(store: Store) -> None:
    await store.jobs.add(a_job(1))
    with pytest.raises(sqlite3.IntegrityError):
        await store.jobs.add(a_job(1, size=5), [an_event()])
    assert (await store.jobs.get(a_job(1).id)) == a_job(1)


async def test_a_step_writes_state_history_and_events_together(store: Store) -> None:
    store.outbox.configure([Endpoint("chat", frozenset({EventType.STARTED}))])
    await store.jobs.add(a_job(), [an_event(0)])
    job = await store.jobs.apply(a_job().id, Trigger.CLAIM, now=200.0, expected=State.PENDING, changes={"started_at": 200.0},
                                 events=[an_event(1, kind=EventType.STARTED)])
    assert (job.state, job.started_at, job.updated_at) == (State.PROCESSING, 200.0, 200.0)
    assert await store.jobs.get(job.id) == job
    job = await store.jobs.apply(job.id, Trigger.RETRY, now=201.0, cause=Cause.FFMPEG_FAILED, message="exit 1",
                                 changes={"attempts": 1, "not_before": 210.0})
    assert (job.state, job.cause, job.message, job.attempts) == (State.PENDING, Cause.FFMPEG_FAILED, "exit 1", 1)
    assert [(step.at, step.from_state, step.trigger, step.to_state, step.cause, step.message)
            for step in await store.jobs.history(job.id)] == [
        (100.0, None, None, State.PENDING, None, ""),
        (200.0, State.PENDING, Trigger.CLAIM, State.PROCESSING, None, ""),
        (201.0, State.PROCESSING, Trigger.RETRY, State.PENDING, Cause.FFMPEG_FAILED, "exit 1")]
    assert [delivery.event for delivery in await store.outbox.due(300.0)] == [an_event(1, kind=EventType.STARTED)]


async def test_an_old_trouble_is_over_when_the_job_goes_on(store: Store) -> None:
    await store.jobs.add(a_job(cause=Cause.NO_SPACE, message="the disk is full"))
    job = await store.jobs.apply(a_job().id, Trigger.CLAIM, now=1.0)
    assert (job.cause, job.message) == (None, "")


async def everything(store: Store) -> object:
    return (await store.jobs.page(limit=1000), [await store.jobs.history(job.id) for job in await store.jobs.in_state(*State)],
            await store.outbox.due(1e12, 1000), await store.outbox.pending())


@pytest.mark.parametrize(("job_id", "trigger", "expected", "changes", "error"), [
    ("0000000000", Trigger.PUBLISHED, None, {}, IllegalTransitionError),
    ("0000000000", Trigger.PUBLISHED, State.PENDING, {}, IllegalTransitionError),
    ("0000000000", Trigger.ENCODED, State.PROCESSING, {}, StaleTransitionError),
    ("9999999999", Trigger.CLAIM, None, {}, NoSuchJobError),
    ("0000000000", Trigger.CLAIM, None, {"state": State.COMPLETED}, ValueError),
    ("0000000000", Trigger.CLAIM, None, {"id": "x"}, ValueError),
])
async def test_a_refused_step_changes_nothing(store: Store, job_id: str, trigger: Trigger, expected: State | None,
                                              changes: dict[str, object], error: type[Exception]) -> None:
    store.outbox.configure([Endpoint("chat", frozenset(EventType))])
    await store.jobs.add(a_job(), [an_event(0)])
    before = await everything(store)
    with pytest.raises(error):
        await store.jobs.apply(job_id, trigger, now=5.0, expected=expected, changes=changes, events=[an_event(1)])
    assert await everything(store) == before


async def test_a_step_whose_events_cannot_be_stored_does_not_happen(store: Store) -> None:
    store.outbox.configure([Endpoint("chat", frozenset(EventType))])
    await store.jobs.add(a_job(), [an_event(0)])
    before = await everything(store)
    with pytest.raises(sqlite3.IntegrityError):  # the event id is taken
        await store.jobs.apply(a_job().id, Trigger.CLAIM, now=5.0, events=[an_event(1), an_event(0)])
    assert await everything(store) == before


async def test_a_task_cancelled_anywhere_leaves_the_store_whole_and_usable(store: Store) -> None:
    store.outbox.configure([Endpoint("chat", frozenset(EventType))])
    for number in range(40):
        job = a_job(number)
        await store.jobs.add(job)
        step = asyncio.create_task(store.jobs.apply(job.id, Trigger.CLAIM, now=5.0, events=[an_event(number, job.id)]))
        for _ in range(number):  # each a little later
            await asyncio.sleep(0)
        step.cancel()
        await asyncio.gather(step, return_exceptions=True)
        found = await store.jobs.get(job.id)
        assert found is not None
        happened = found.state is State.PROCESSING
        assert len(await store.jobs.history(job.id)) == 1 + happened
        assert (await store.outbox.pending())["chat"] == (await store.jobs.counts())[State.PROCESSING]


async def test_a_reader_never_sees_a_step_that_may_still_be_undone(store: Store) -> None:
    await store.jobs.add(a_job())
    seen: set[State] = set()
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            found = await store.jobs.get(a_job().id)
            assert found is not None
            seen.add(found.state)

    watcher = asyncio.create_task(watch())
    store.outbox.configure([Endpoint("chat", frozenset(EventType))])
    for _ in range(20):
        with pytest.raises(sqlite3.IntegrityError):
            await store.jobs.apply(a_job().id, Trigger.CLAIM, now=5.0, events=[an_event(1), an_event(1)])
    done.set()
    await watcher
    assert seen == {State.PENDING}


async def test_notes_change_what_was_learnt_and_nothing_else(store: Store) -> None:
    await store.jobs.add(a_job())
    job = await store.jobs.note(a_job().id, now=9.0, stage=Stage.PROBING, media='{"a": 1}')
    assert job == a_job(stage=Stage.PROBING, media='{"a": 1}', updated_at=9.0)
    assert await store.jobs.get(job.id) == job
    assert len(await store.jobs.history(job.id)) == 1
    with pytest.raises(ValueError, match="state"):
        await store.jobs.note(job.id, now=9.0, state=State.COMPLETED)
    with pytest.raises(NoSuchJobError):
        await store.jobs.note("unknown", now=9.0, stage=Stage.DONE)


async def test_the_next_job_is_one_to_publish_then_the_oldest_that_is_due_and_free(store: Store) -> None:
    for job in (a_job(1, not_before=50.0), a_job(2), a_job(3, state=State.PUBLISHING), a_job(4, state=State.FAILED), a_job(5)):
        await store.jobs.add(job)

    async def next_id(now: float, *busy: int) -> int | None:
        found = await store.jobs.next_due(now, [a_job(number).id for number in busy])
        return None if found is None else int(found.id)

    assert await next_id(10.0) == 3
    assert await next_id(10.0, 3) == 2
    assert await next_id(50.0, 3) == 1
    assert await next_id(10.0, 3, 2) == 5
    assert await next_id(10.0, 3, 2, 5) is None
    assert await store.jobs.next_wake(10.0) == 50.0
    assert await store.jobs.next_wake(50.0) is None


async def test_the_higher_priority_comes_first_and_among_equals_the_order_counts(store: Store) -> None:
    for job in (a_job(1), a_job(2, priority=-10), a_job(3, state=State.PUBLISHING, priority=-10), a_job(4, priority=10, size=9),
                a_job(5, priority=10, size=7, route="series")):
        await store.jobs.add(job)
    order: dict[Order, list[int]] = {}
    for kind in (Order.OLDEST, Order.SMALLEST):
        busy: list[str] = []
        while found := await store.jobs.next_due(10.0, busy, kind):
            busy.append(found.id)
        order[kind] = [int(one) for one in busy]
    assert order == {Order.OLDEST: [3, 4, 5, 1, 2], Order.SMALLEST: [3, 5, 4, 1, 2]}
    without = await store.jobs.next_due(10.0, [a_job(3).id, a_job(4).id], without={"series"})
    assert without is not None
    assert without.id == a_job(1).id
    to_place = await store.jobs.next_due(10.0, without={a_job(1).route})
    assert to_place is not None
    assert to_place.id == a_job(3).id, "what is made is placed, wherever there is no room to make more"
    assert await store.jobs.highest_priority() == 10
    noted = await store.jobs.note(a_job(2).id, now=11.0, priority=FRONT)
    assert (noted, await store.jobs.get(noted.id)) == (a_job(2, priority=FRONT, updated_at=11.0), noted)
    over = await store.jobs.apply(noted.id, Trigger.CANCEL, now=12.0)
    assert over.priority == 0, "`next` was said for this time"


async def test_pages_are_newest_first_and_say_how_many_there_are(store: Store) -> None:
    for number in range(7):
        await store.jobs.add(a_job(number, state=State.FAILED if number % 2 else State.PENDING))
    first, total = await store.jobs.page(limit=3)
    assert ([int(job.id) for job in first], total) == ([6, 5, 4], 7)
    last, total = await store.jobs.page(page=3, limit=3)
    assert ([int(job.id) for job in last], total) == ([0], 7)
    failed, total = await store.jobs.page([State.FAILED, State.REJECTED])
    assert ([int(job.id) for job in failed], total) == ([5, 3, 1], 3)
    assert await store.jobs.counts() == dict.fromkeys(State, 0) | {State.PENDING: 4, State.FAILED: 3}
    assert [int(job.id) for job in await store.jobs.in_state(State.FAILED)] == [1, 3, 5]


@pytest.mark.parametrize(("search", "found"), [("blade", [1]), ("BLADE", [1]), ("ÜBER", [2]), ("straße", [2]),
                                               ("100%", [3]), ("%", [3]), ("_", [3]),
                                               ("films/", [1, 2, 3]), ("'; DROP TABLE job", []), ("", [1, 2, 3])])
async def test_search_finds_any_part_of_the_path_and_takes_signs_as_they_are(store: Store, search: str, found: list[int]) -> None:
    for number, name in enumerate(["Blade.mkv", "über die Strasse.mkv", "100%_real.mkv"], start=1):
        await store.jobs.add(a_job(number, relative=PurePath("films") / name))
    jobs, total = await store.jobs.page(search=search)
    assert sorted(int(job.id) for job in jobs) == found
    assert total == len(found)


async def test_a_job_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    for number, name in enumerate(["abc0000000", "abd0000000", "zzz0000000"]):
        await store.jobs.add(a_job(number, id=name))
    assert [job.id for job in await store.jobs.find("ab")] == ["abc0000000", "abd0000000"]
    assert [job.id for job in await store.jobs.find("ABC")] == ["abc0000000"]
    assert [job.id for job in await store.jobs.find("zzz0000000")] == ["zzz0000000"]
    assert await store.jobs.find("%") == []
    for number in range(20):
        await store.jobs.add(a_job(number))
    assert len(await store.jobs.find("0")) == 10


async def test_flags_survive_a_restart(path: Path) -> None:
    async with Store.open(path) as store:
        assert await store.flags.get("paused") is None
        await store.flags.set("paused", "somebody said so")
        await store.flags.set("other", "x")
        await store.flags.set("other", None)
    async with Store.open(path) as store:
        assert await store.flags.get("paused") == "somebody said so"
        assert await store.flags.get("other") is None


async def test_the_file_and_its_companions_are_not_for_everybody(path: Path, store: Store) -> None:
    await store.jobs.add(a_job())
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {"pectin.db": 0o640, "pectin.db-wal": 0o640, "pectin.db-shm": 0o640}


async def test_every_commit_is_forced_to_the_disk(store: Store) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys")
    found = {name: (await store.jobs._db.rows(f"PRAGMA {name}"))[0][0] for name in names}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_a_newer_database_is_refused_and_left_alone(path: Path) -> None:
    async with Store.open(path) as store:
        await store.jobs.add(a_job())
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(PectinError, match=f"schema {len(MIGRATIONS) + 1}") as refused:
        async with Store.open(path):
            pass
    assert refused.value.cause is Cause.STORE_TOO_NEW
    assert path.read_bytes() == before


async def test_a_migration_that_fails_leaves_the_old_schema(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Store.open(path) as store:
        await store.jobs.add(a_job())
    with monkeypatch.context() as patch:
        patch.setattr("pectin.store.db.MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE later (x)", "CREATE TABLE job (y)")))
        with pytest.raises(sqlite3.OperationalError):
            async with Store.open(path):
                pass
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'later'").fetchone() is None
    connection.close()
    async with Store.open(path) as store:
        assert await store.jobs.get(a_job().id) == a_job()


@pytest.mark.parametrize("content", [b"this is not a database, and longer than the hundred bytes of a header" * 9, None])
async def test_a_damaged_database_is_named(path: Path, content: bytes | None) -> None:
    async with Store.open(path) as store:
        for number in range(200):
            await store.jobs.add(a_job(number))
    whole = path.read_bytes()
    path.write_bytes(content or whole[:4096] + bytes(len(whole) - 4096))
    with pytest.raises(PectinError) as refused:
        async with Store.open(path):
            pass
    assert refused.value.cause is Cause.STORE_DAMAGED
    assert str(path) in refused.value.sentence


async def test_a_folder_we_may_not_write_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(PectinError) as refused:
        async with Store.open(Path("/proc/pectin/pectin.db")):  # also root cannot
            pass
    assert "/proc/pectin" in refused.value.sentence


async def test_a_full_disk_is_a_reason_and_not_a_half_written_row(tmp_path: Path) -> None:
    need_root("mount a small file system")
    mount = need_program("mount", "mount")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run([mount, "-t", "tmpfs", "-o", "size=400k", "tmpfs", small], check=True)
    try:
        async with Store.open(small / "pectin.db") as store:
            added = 0
            with pytest.raises(PectinError) as full:
                while added < 1000:
                    await store.jobs.add(a_job(added, plan="x" * 5000))
                    added += 1
            assert full.value.cause is Cause.NO_SPACE
            assert (await store.jobs.counts())[State.PENDING] == added
            job = await store.jobs.get(a_job(0).id)
            assert job is not None
        subprocess.run([mount, "-o", "remount,size=4m", small], check=True)
        async with Store.open(small / "pectin.db") as store:
            assert (await store.jobs.counts())[State.PENDING] == added
            await store.jobs.add(a_job(added))
    finally:
        subprocess.run(["umount", small], check=True)


_WRITER = """
import asyncio, sys
from pathlib import Path, PurePath
from pectin.model.job import Job, State
from pectin.store.store import Store

async def main():
    async with Store.open(Path(sys.argv[1])) as store:
        number = 0
        while True:
            relative = PurePath(f"{number}.mkv")
            await store.jobs.add(Job(id=f"{number:010d}", state=State.PENDING, route="r", profile="p", inbox_path=relative,
                                     relative=relative, size=1, created_at=float(number), updated_at=0.0))
            print(number, flush=True)
            number += 1

asyncio.run(main())
"""


async def test_after_kill_9_everything_that_was_promised_is_there(path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    promised = [int(writer.stdout.readline()) for _ in range(25)]
    writer.send_signal(signal.SIGKILL)
    promised += [int(line) for line in writer.stdout]
    writer.wait(10)
    writer.stdout.close()
    async with Store.open(path) as store:
        found = {int(job.id) for job in await store.jobs.in_state(State.PENDING)}
        assert set(promised) <= found
        for job_id in found:
            assert len(await store.jobs.history(f"{job_id:010d}")) == 1
