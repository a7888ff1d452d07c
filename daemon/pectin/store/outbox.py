"""The outbox: what each endpoint has still to be told. Rows come with the transition that causes them and go when the endpoint
has answered; per endpoint and job strictly one after the other, so that nobody hears of the end before the beginning."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pectin.linux.crash import CrashPoint, reached
from pectin.model.event import Delivery, Event, EventType
from pectin.store.db import Database, Transaction
from pectin.store.texts import readable

LONGEST_WAIT = 2 * 86400.0  # seconds: no delivery is put off so far; one that is was written before the clock was set back


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Somebody who wants to hear of some events. `name` is the configuration's."""

    name: str
    types: frozenset[EventType]


class Outbox:
    """Times are Unix seconds, given by the caller. Every method may raise PectinError when the disk does not play along."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._endpoints: tuple[Endpoint, ...] = ()

    def configure(self, endpoints: Iterable[Endpoint]) -> None:
        """From now on events go to these. What is already waiting stays, see `forget_endpoints`."""
        self._endpoints = tuple(endpoints)

    async def add(self, transaction: Transaction, events: Sequence[Event]) -> None:
        """One row per event and interested endpoint, in the caller's transaction. Events nobody wants are not kept."""
        for event in events:
            interested = [endpoint for endpoint in self._endpoints if event.type in endpoint.types]
            if interested:
                await transaction.run("INSERT INTO event (id, type, job_id, at, data) VALUES (?,?,?,?,?)",
                                      (event.id, event.type, event.job_id, event.at, json.dumps(dict(event.data))))
            for endpoint in interested:
                await transaction.run(
                    "INSERT INTO delivery (event_id, endpoint, job_id, next_at) VALUES (?, ?, ?, CASE WHEN EXISTS"
                    " (SELECT 1 FROM delivery WHERE endpoint = ? AND job_id = ? AND done_at IS NULL) THEN NULL ELSE 0.0 END)",
                    (event.id, endpoint.name, event.job_id, endpoint.name, event.job_id))
                reached(CrashPoint.OUTBOX_INSERTED)

    async def due(self, now: float, limit: int = 20, *, endpoint: str | None = None) -> list[Delivery]:
        """What to send now: of each line (endpoint, job) only the oldest, new ones before retries. Give `endpoint` to ask for
        one endpoint alone: a slow one then never keeps another waiting."""
        if endpoint is None:
            rows = await self._db.rows(
                "SELECT * FROM delivery JOIN event ON event.id = event_id WHERE (next_at <= ? OR next_at > ?)"
                " ORDER BY next_at, seq LIMIT ?", (now, now + LONGEST_WAIT, limit))
        else:
            rows = await self._db.rows(
                "SELECT * FROM delivery JOIN event ON event.id = event_id WHERE endpoint = ? AND (next_at <= ? OR next_at > ?)"
                " ORDER BY next_at, seq LIMIT ?", (endpoint, now, now + LONGEST_WAIT, limit))
        return [_delivery(row) for row in rows]

    async def delivered(self, seq: int, now: float) -> None:
        """The endpoint has it. Nothing happens when the row is already done: the endpoint may have been forgotten meanwhile."""
        await self._finish(seq, now, dropped=False, error="")

    async def dropped(self, seq: int, reason: str, now: float) -> None:
        """It will not be delivered, for a reason a person can read; the next of its line moves up."""
        await self._finish(seq, now, dropped=True, error=reason)

    async def failed(self, seq: int, error: str, next_at: float) -> None:
        """One more try was in vain; the next may be made at `next_at`."""
        async with self._db.transaction() as transaction:
            await transaction.run(
                "UPDATE delivery SET attempts = attempts + 1, last_error = ?, next_at = ? WHERE seq = ? AND done_at IS NULL",
                (readable(error), next_at, seq))

    async def pending(self) -> dict[str, int]:
        """How many deliveries each endpoint still has before it; every configured endpoint is there."""
        rows = await self._db.rows("SELECT endpoint, count(*) FROM delivery WHERE done_at IS NULL GROUP BY endpoint")
        return dict.fromkeys((endpoint.name for endpoint in self._endpoints), 0) | {row[0]: int(row[1]) for row in rows}

    async def next_wake(self, now: float, *, endpoint: str | None = None) -> float | None:
        """When the next delivery that waits for its time may be tried; None when none does."""
        if endpoint is None:
            rows = await self._db.rows("SELECT min(next_at) FROM delivery WHERE next_at > ?", (now,))
        else:
            rows = await self._db.rows("SELECT min(next_at) FROM delivery WHERE endpoint = ? AND next_at > ?", (endpoint, now))
        return None if rows[0][0] is None else float(rows[0][0])

    async def forget_endpoints(self, now: float) -> dict[str, int]:
        """Drops what waits for endpoints that are no longer configured; says how much for each."""
        names = json.dumps([endpoint.name for endpoint in self._endpoints])
        async with self._db.transaction() as transaction:
            rows = await transaction.rows(
                "SELECT endpoint, count(*) FROM delivery WHERE done_at IS NULL"
                " AND endpoint NOT IN (SELECT value FROM json_each(?)) GROUP BY endpoint", (names,))
            if rows:
                await transaction.run(
                    "UPDATE delivery SET done_at = ?, next_at = NULL, dropped = 1,"
                    " last_error = 'the endpoint is no longer configured'"
                    " WHERE done_at IS NULL AND endpoint NOT IN (SELECT value FROM json_each(?))", (now, names))
        return {row[0]: int(row[1]) for row in rows}

    async def prune(self, before: float) -> int:
        """Removes deliveries that were done before that time, and events that have none left. Never one that is pending."""
        async with self._db.transaction() as transaction:
            removed = await transaction.run("DELETE FROM delivery WHERE done_at < ?", (before,))
            if removed:
                await transaction.run("DELETE FROM event WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE event_id = event.id)")
        return removed

    async def _finish(self, seq: int, now: float, *, dropped: bool, error: str) -> None:
        async with self._db.transaction() as transaction:
            rows = await transaction.rows("SELECT endpoint, job_id FROM delivery WHERE seq = ? AND done_at IS NULL", (seq,))
            if not rows:
                return
            await transaction.run(
                "UPDATE delivery SET attempts = attempts + 1, done_at = ?, next_at = NULL, dropped = ?, last_error = ?"
                " WHERE seq = ?", (now, int(dropped), readable(error), seq))
            await transaction.run(  # the next of the line is the head now: due at once
                "UPDATE delivery SET next_at = 0.0 WHERE next_at IS NULL AND seq ="
                " (SELECT min(seq) FROM delivery WHERE endpoint = ? AND job_id = ? AND done_at IS NULL)", tuple(rows[0]))


def _delivery(row: sqlite3.Row) -> Delivery:
    event = Event(id=row["event_id"], type=EventType(row["type"]), job_id=row["job_id"], at=row["at"],
                  data=json.loads(row["data"]))
    return Delivery(seq=row["seq"], endpoint=row["endpoint"], event=event, attempts=row["attempts"], last_error=row["last_error"])
