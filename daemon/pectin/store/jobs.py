"""The jobs: added once, moved only along the table of model/job.py, each move with its history and events in one transaction."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import PurePath
from typing import Any, NamedTuple

from pectin.linux.crash import AFTER, BEFORE, CrashPoint, reached
from pectin.model.errors import Cause
from pectin.model.event import Event
from pectin.model.fingerprint import OwnOutput
from pectin.model.job import FINAL, HistoryEntry, Job, NoSuchJobError, Stage, StaleTransitionError, State, Trigger, next_state
from pectin.model.order import Order
from pectin.model.priority import FRONT
from pectin.store import outputs
from pectin.store.db import Database, Transaction
from pectin.store.history import remember, steps
from pectin.store.outbox import Outbox
from pectin.store.texts import readable, storable_json

# What callers may change; the rest follows from the transition.
NOTABLE = frozenset({"stage", "profile", "attempts", "interruptions", "not_before", "started_at", "finished_at", "media", "plan",
                     "intent", "outputs", "fingerprint", "left_behind", "purged_at", "figures", "priority"})
_WHY = frozenset({"cause", "message"})
CLOCK_SLACK = 300.0  # seconds a clock may be set back before waits count as over: they were measured from a time to come
FIND_LIMIT = 10  # a person who typed a prefix that fits more jobs needs a longer prefix, not a longer list

_ORDERS = {Order.OLDEST: "created_at", Order.NAME: "search, created_at", Order.SMALLEST: "size, created_at"}
# The two states in which a worker has something to do. PUBLISHING first: those encodes are paid for and hold disk space.
_RUNNING = (State.PENDING, State.PROCESSING, State.PUBLISHING)
_RUNNABLE = json.dumps([State.PENDING, State.PUBLISHING])


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands, without all that is known of it."""

    state: State
    updated_at: float


class Claimed(NamedTuple):
    """What was claimed, from where and when; paths as the system gives them: bytes."""

    id: str
    route: str
    inbox_path: bytes
    relative: bytes
    created_at: float


class Jobs:
    """Times are Unix seconds, given by the caller. Every method may raise PectinError when the disk does not play along."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._db = database
        self._outbox = outbox

    async def add(self, job: Job, events: Sequence[Event] = ()) -> None:
        """A new row with its first history line. Raises sqlite3.IntegrityError when the id is taken."""
        await self.add_all([(job, events)])

    async def add_all(self, jobs: Sequence[tuple[Job, Sequence[Event]]]) -> None:
        """Many new rows, all or none: one wait for the disk. Raises as `add`."""
        async with self._db.transaction() as transaction:
            for job, events in jobs:
                await transaction.run(
                    "INSERT INTO job (state, stage, route, profile, size, created_at, updated_at, attempts, interruptions,"
                    " not_before, started_at, finished_at, cause, message, media, plan, intent, outputs, fingerprint,"
                    " left_behind, purged_at, figures, priority, id, inbox_path, relative, search)"
                    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                    (job.state, *_changing(job), job.id, os.fsencode(job.inbox_path), os.fsencode(job.relative),
                     _search_text(job)))
                await remember(transaction, job, at=job.created_at, source=None, trigger=None)
                await self._outbox.add(transaction, events)
            reached(CrashPoint.BEFORE_INSERTED)
        reached(CrashPoint.INSERTED)

    async def get(self, job_id: str) -> Job | None:
        rows = await self._db.rows("SELECT * FROM job WHERE id = ?", (job_id,))
        return _job(rows[0]) if rows else None

    async def find(self, prefix: str) -> list[Job]:
        """Jobs whose id begins so, at most 10, by id. For people: capitals are accepted."""
        first = prefix.lower()
        last = first + "~"  # sorts behind every character of an id
        rows = await self._db.rows(
            "SELECT * FROM job WHERE id >= ? AND id < ? ORDER BY id LIMIT ?", (first, last, FIND_LIMIT))
        return [_job(row) for row in rows]

    async def page(self, states: Collection[State] = (), search: str = "", page: int = 1,
                   limit: int = 50) -> tuple[list[Job], int]:
        """One page, newest first, and how many there are in all. No states: all of them. `search` is any part of the path
        below the inbox, whatever its case."""
        wanted = json.dumps(sorted(states or State))
        part = readable(search).casefold()
        counted = await self._db.rows(
            "SELECT count(*) FROM job WHERE state IN (SELECT value FROM json_each(?)) AND instr(search, ?)", (wanted, part))
        rows = await self._db.rows(
            "SELECT * FROM job WHERE id IN"
            " (SELECT id FROM job WHERE state IN (SELECT value FROM json_each(?)) AND instr(search, ?)"
            " ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?) ORDER BY created_at DESC, id DESC",
            (wanted, part, limit, (max(page, 1) - 1) * limit))
        return [_job(row) for row in rows], int(counted[0][0])

    async def counts(self) -> dict[State, int]:
        """How many jobs stand in each state; every state is there."""
        rows = await self._db.rows("SELECT state, count(*) FROM job GROUP BY state")
        return dict.fromkeys(State, 0) | {State(row[0]): int(row[1]) for row in rows}

    async def in_state(self, *states: State) -> list[Job]:
        """All jobs in one of these states, oldest first."""
        rows = await self._db.rows(
            "SELECT * FROM job WHERE state IN (SELECT value FROM json_each(?)) ORDER BY created_at, id", (json.dumps(states),))
        return [_job(row) for row in rows]

    async def alike(self, fingerprint: str) -> list[Job]:
        """Jobs whose source has this fingerprint and that are in the queue or have been completed, oldest first. Those that ended
        in another way have filed nothing."""
        rows = await self._db.rows(
            "SELECT * FROM job WHERE fingerprint = ? AND state IN (SELECT value FROM json_each(?)) ORDER BY created_at, id",
            (fingerprint, json.dumps([*_RUNNING, State.COMPLETED])))
        return [_job(row) for row in rows]

    async def outputs_alike(self, fingerprint: str) -> list[OwnOutput]:
        """What we made that has this fingerprint, whatever became of it."""
        return await outputs.outputs_alike(self._db, fingerprint)

    async def remember_outputs(self, made: Sequence[OwnOutput]) -> None:
        """For a database that is made anew: otherwise `apply` does it."""
        async with self._db.transaction() as transaction:
            await outputs.remember_outputs(transaction, made)

    async def publisher_of(self, path: PurePath) -> Job | None:
        """The completed job that has published its film there; of several the last."""
        rows = await self._db.rows(
            "SELECT job.* FROM output JOIN job ON job.id = job_id WHERE path = ? AND state = ?"
            " ORDER BY finished_at DESC LIMIT 1", (os.fsencode(path), State.COMPLETED))
        return _job(rows[0]) if rows else None

    async def that_left(self) -> list[Job]:
        """All jobs that left a file in an inbox, or put one back there; the one that did so last comes last."""
        rows = await self._db.rows("SELECT * FROM job WHERE left_behind IS NOT NULL ORDER BY updated_at, id")
        return [_job(row) for row in rows]

    async def originals_size(self) -> int:
        """How many bytes of originals are kept, as the sources were when they came."""
        rows = await self._db.rows("SELECT total(size) FROM job WHERE state = ? AND purged_at IS NULL", (State.COMPLETED,))
        return int(rows[0][0])

    async def since(self, at: float) -> list[Claimed]:
        """The claims that were made at that time or later, oldest first. Not whole jobs: a busy week has ten thousands."""
        rows = await self._db.rows("SELECT id, route, inbox_path, relative, created_at FROM job WHERE created_at >= ?"
                                   " ORDER BY created_at, id", (at,))
        return [Claimed(*row) for row in rows]

    async def next_due(self, now: float, busy: Collection[str] = (), order: Order = Order.OLDEST,
                       without: Collection[str] = ()) -> Job | None:
        """The job to take next: PUBLISHING before PENDING, then by priority, then as `order` says. `busy` are ids some worker
        already holds; jobs of the routes `without` that have yet to be made are passed over. A row that was written after `now`
        says that the clock was set back since: its wait could last for years, and is over."""
        rows = await self._db.rows(
            "SELECT * FROM job WHERE id = (SELECT id FROM job"  # noqa: S608  (our own words)
            " WHERE state IN (SELECT value FROM json_each(?)) AND (not_before <= ? OR updated_at > ?)"
            " AND id NOT IN (SELECT value FROM json_each(?))"
            " AND (state = ? OR route NOT IN (SELECT value FROM json_each(?)))"
            f" ORDER BY state = ? DESC, priority DESC, {_ORDERS[order]}, id LIMIT 1)",
            (_RUNNABLE, now, now + CLOCK_SLACK, json.dumps(list(busy)), State.PUBLISHING, json.dumps(list(without)),
             State.PUBLISHING))
        return _job(rows[0]) if rows else None

    async def highest_priority(self) -> int:
        """Of the jobs in the queue."""
        rows = await self._db.rows("SELECT max(priority) FROM job WHERE state IN (SELECT value FROM json_each(?))",
                                   (json.dumps(_RUNNING),))
        return int(rows[0][0] or 0)

    async def next_wake(self, now: float) -> float | None:
        """When the next job that waits for its time may go on; None when none does."""
        rows = await self._db.rows(
            "SELECT min(not_before) FROM job WHERE state IN (SELECT value FROM json_each(?)) AND not_before > ?",
            (_RUNNABLE, now))
        return None if rows[0][0] is None else float(rows[0][0])

    async def apply(self, job_id: str, trigger: Trigger, *, now: float, expected: State | None = None,
                    cause: Cause | None = None, message: str = "", changes: Mapping[str, object] | None = None,
                    events: Sequence[Event] = (), made: Sequence[OwnOutput] = ()) -> Job:
        """Moves the job, and writes history and outbox with it; returns the job as it is now. `cause` and `message` become
        the job's own (none: what they said before is over). `expected` is the state the caller acted upon. `made`: what is ours
        from now on, before anybody can see it in a library.

        Raises, with nothing changed: NoSuchJobError; IllegalTransitionError; StaleTransitionError when the job is not in
        `expected` any more; ValueError for a column that is not the caller's."""
        _allow(changes or {})
        if expected is not None:
            next_state(expected, trigger)  # a move that could never be right is a mistake, however stale the caller is
        async with self._db.transaction() as transaction:
            before = await _the_job(transaction, job_id)
            if expected is not None and before.state is not expected:
                raise StaleTransitionError(job_id, expected, before.state)
            target = next_state(before.state, trigger)
            after = _changed(before, changes or {}, state=target, updated_at=now, cause=cause, message=message)
            if target in FINAL and after.priority >= FRONT:  # `next` was said for this time, not for a redo in a year
                after = replace(after, priority=0)
            await _write(transaction, before, after)
            await remember(transaction, after, at=now, source=before.state, trigger=trigger)
            await self._outbox.add(transaction, events)
            await outputs.remember_outputs(transaction, made)
            reached(BEFORE[trigger])
        reached(AFTER[trigger])
        return after

    async def note(self, job_id: str, *, now: float, **changes: object) -> Job:
        """Writes down what was learnt about a job without moving it, with `cause` and `message` also why it waits. Raises
        NoSuchJobError, ValueError like `apply`."""
        _allow({name: value for name, value in changes.items() if name not in _WHY})
        async with self._db.transaction() as transaction:
            before = await _the_job(transaction, job_id)
            after = _changed(before, changes, updated_at=now)
            await _write(transaction, before, after)
            reached(CrashPoint.BEFORE_NOTED)
        reached(CrashPoint.AFTER_NOTED)
        return after

    async def history(self, job_id: str) -> list[HistoryEntry]:
        """Every step the job took, oldest first."""
        return await steps(self._db, job_id)

    async def standings(self, job_ids: Sequence[str]) -> dict[str, Standing]:
        """Where each of these jobs stands; ids without a row are left out."""
        rows = await self._db.rows(
            "SELECT id, state, updated_at FROM job WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(job_ids)),))
        return {row["id"]: Standing(State(row["state"]), row["updated_at"]) for row in rows}

    async def put_right(self, job: Job, *, now: float, message: str) -> None:
        """The row becomes what `job` says, whatever state that is: for a database that is older than the files. The history tells
        it. Raises NoSuchJobError."""
        async with self._db.transaction() as transaction:
            before = await _the_job(transaction, job.id)
            await _write(transaction, before, job)
            await remember(transaction, replace(job, message=message), at=now, source=before.state, trigger=None)


def _allow(changes: Mapping[str, object]) -> None:
    strangers = sorted(set(changes) - NOTABLE)
    if strangers:
        raise ValueError(f"not for callers to change: {', '.join(strangers)}")


def _changed(job: Job, changes: Mapping[str, Any], **own: Any) -> Job:
    return replace(job, **changes, **own)


async def _the_job(transaction: Transaction, job_id: str) -> Job:
    rows = await transaction.rows("SELECT * FROM job WHERE id = ?", (job_id,))
    if not rows:
        raise NoSuchJobError(job_id)
    return _job(rows[0])


async def _write(transaction: Transaction, before: Job, after: Job) -> None:
    changed = await transaction.run(
        "UPDATE job SET state = ?, stage = ?, route = ?, profile = ?, size = ?, created_at = ?, updated_at = ?, attempts = ?,"
        " interruptions = ?, not_before = ?, started_at = ?, finished_at = ?, cause = ?, message = ?, media = ?, plan = ?,"
        " intent = ?, outputs = ?, fingerprint = ?, left_behind = ?, purged_at = ?, figures = ?, priority = ?"
        " WHERE id = ? AND state = ?",
        (after.state, *_changing(after), after.id, before.state))
    if changed != 1:  # cannot be inside BEGIN IMMEDIATE; if it ever is, nothing of this transaction may stay
        raise StaleTransitionError(after.id, before.state, after.state)


def _changing(job: Job) -> tuple[object, ...]:
    """The columns from `stage` to `priority`, in the order of the two statements that write them."""
    return (job.stage, job.route, job.profile, job.size, job.created_at, job.updated_at, job.attempts, job.interruptions,
            job.not_before, job.started_at, job.finished_at, job.cause, readable(job.message), storable_json(job.media),
            storable_json(job.plan), storable_json(job.intent), storable_json(job.outputs), job.fingerprint,
            storable_json(job.left_behind), job.purged_at, storable_json(job.figures),
            job.priority)


def _search_text(job: Job) -> str:
    return readable(str(job.relative)).casefold()


_FIELDS = tuple(field.name for field in fields(Job))


def _job(row: sqlite3.Row) -> Job:
    values = {name: row[name] for name in _FIELDS}
    return Job(**(values | {
        "state": State(row["state"]),
        "stage": Stage(row["stage"]),
        "inbox_path": PurePath(os.fsdecode(row["inbox_path"])),
        "relative": PurePath(os.fsdecode(row["relative"])),
        "cause": Cause(row["cause"]) if row["cause"] else None,
    }))
