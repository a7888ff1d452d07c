"""What happened to each job, step by step. A job that waits for a disk to have space is tried every minute, perhaps for weeks:
that is one line which counts, not a line for every minute."""

from __future__ import annotations

import re
import sqlite3

from pectin.model.errors import MEANINGS, Cause, Kind
from pectin.model.job import HistoryEntry, Job, State, Trigger
from pectin.store.db import Database, Transaction
from pectin.store.texts import readable

_NUMBER = re.compile(r"\d+")


async def remember(transaction: Transaction, job: Job, *, at: float, source: State | None, trigger: Trigger | None) -> None:
    """Write down that the job has come from `source` to where it is. The same trouble once more is counted where it stands, and
    the claim in between, which led to nothing new, goes."""
    message = readable(job.message)
    if trigger is Trigger.RETRY and job.cause is not None:
        rows = await transaction.rows("SELECT * FROM history WHERE job_id = ? ORDER BY seq DESC LIMIT 2", (job.id,))
        between = [row["seq"] for row in rows[:1] if row["transition"] == Trigger.CLAIM]
        before = rows[len(between):len(between) + 1]
        if before and _same(before[0], job.cause, message):
            await transaction.run("UPDATE history SET times = times + 1, last_at = ?, message = ? WHERE seq = ?",
                                  (at, message, before[0]["seq"]))
            for seq in between:
                await transaction.run("DELETE FROM history WHERE seq = ?", (seq,))
            return
    await transaction.run(
        "INSERT INTO history (job_id, at, from_state, to_state, transition, cause, message) VALUES (?,?,?,?,?,?,?)",
        (job.id, at, source, job.state, trigger, job.cause, message))


async def steps(database: Database, job_id: str) -> list[HistoryEntry]:
    """Every step the job took, oldest first."""
    rows = await database.rows("SELECT * FROM history WHERE job_id = ? ORDER BY seq", (job_id,))
    return [HistoryEntry(at=row["at"], from_state=State(row["from_state"]) if row["from_state"] else None,
                         to_state=State(row["to_state"]), trigger=Trigger(row["transition"]) if row["transition"] else None,
                         cause=Cause(row["cause"]) if row["cause"] else None, message=row["message"], times=row["times"],
                         last_at=row["last_at"]) for row in rows]


def _same(row: sqlite3.Row, cause: Cause, message: str) -> bool:
    """Whether a retry tells nothing new. Where the machine lacks something, how much it lacks just now is not new; where an
    attempt has failed, its number is."""
    if row["transition"] != Trigger.RETRY or row["cause"] != cause:
        return False
    if MEANINGS[cause].kind is Kind.RESOURCE:
        return _NUMBER.sub("", row["message"]) == _NUMBER.sub("", message)
    return bool(row["message"] == message)
