"""A database of an earlier version is brought up to date, and nothing in it is lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from pectin.model.job import State, Trigger
from pectin.store.schema import MIGRATIONS
from pectin.store.store import Store


async def test_jobs_and_their_history_survive_the_second_migration(tmp_path: Path) -> None:
    path = tmp_path / "pectin.db"
    connection = sqlite3.connect(path)
    for statement in MIGRATIONS[0]:
        connection.execute(statement)
    connection.execute("PRAGMA user_version = 1")
    connection.execute(
        "INSERT INTO job (id, state, stage, route, profile, inbox_path, relative, search, size, created_at, updated_at, attempts,"
        " interruptions, not_before, message, outputs) VALUES ('0000000001', 'COMPLETED', 'done', 'films', 'universal', x'2f78',"
        " x'78', 'x', 7, 1.0, 2.0, 0, 0, 0.0, '', '[]')")
    connection.execute("INSERT INTO history (job_id, at, to_state, message) VALUES ('0000000001', 1.0, 'PENDING', 'first')")
    connection.commit()
    connection.close()
    for _ in range(2):
        async with Store.open(path) as store:
            job = await store.jobs.get("0000000001")
            assert job is not None
            assert (job.state, job.size, job.outputs, job.fingerprint, job.left_behind) == (State.COMPLETED, 7, "[]", None, None)
            [step] = await store.jobs.history(job.id)
            assert (step.message, step.times, step.last_at) == ("first", 1, None)
    async with Store.open(path) as store:
        await store.jobs.note("0000000001", now=3.0, fingerprint="7-aa", left_behind='{"path": "caf\\udce9"}')
        job = await store.jobs.apply("0000000001", Trigger.REDO, now=4.0)
        assert [found.id for found in await store.jobs.alike("7-aa")] == [job.id]
        assert job.left_behind == '{"path": "caf\\udce9"}'
