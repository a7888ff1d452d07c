"""What can still be read of a damaged database and stands in no other place: flags, ours, scores, events nobody has heard yet.

Jobs are not taken from there: the files know them, and a row may be wrong in ways that nobody sees."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

from pectin.model.event import EventType

_BUSY_SECONDS = 5.0

_COLUMNS: Mapping[str, Sequence[str]] = MappingProxyType({  # events before the deliveries that name them
    "flag": ("name", "value"),
    "score": ("key", "value", "at"),
    "output": ("fingerprint", "job_id", "role", "path", "sha256"),
    "event": ("id", "type", "job_id", "at", "data"),
    "delivery": ("seq", "event_id", "endpoint", "job_id", "attempts", "next_at", "last_error", "done_at", "dropped"),
})
_ONLY: Mapping[str, str] = MappingProxyType({
    "event": "WHERE id IN (SELECT event_id FROM delivery WHERE done_at IS NULL)",
    "delivery": "WHERE done_at IS NULL",
})


def salvage(damaged: Path, database: Path) -> dict[str, int]:
    """Copy into `database`, which is new and has its tables, what can be read; how many rows of each table. Blocks. Raises
    sqlite3.DatabaseError when the new one refuses."""
    counts = dict.fromkeys(_COLUMNS, 0)
    with closing(sqlite3.connect(database, timeout=_BUSY_SECONDS)) as new:
        new.execute("PRAGMA foreign_keys = ON")
        for table, columns in _COLUMNS.items():
            marks = ",".join("?" * len(columns))
            for row in _readable(damaged, table, columns):
                try:
                    new.execute(f"INSERT INTO {table} ({','.join(columns)}) VALUES ({marks})", row)  # noqa: S608  (our own words)
                except (sqlite3.IntegrityError, sqlite3.InterfaceError):  # no such row can be: a part of the damage
                    continue
                counts[table] += 1
        new.commit()
    return counts


def _readable(damaged: Path, table: str, columns: Sequence[str]) -> Iterator[tuple[object, ...]]:
    """The rows of a table that make sense, up to the first that SQLite cannot read."""
    sound = _SOUND.get(table)
    try:
        with closing(sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)) as old:
            words = f"SELECT {','.join(columns)} FROM {table} {_ONLY.get(table, '')}"  # noqa: S608  (our own words)
            for row in old.execute(words):
                if sound is None or sound(dict(zip(columns, row, strict=True))):
                    yield tuple(row)
    except sqlite3.DatabaseError:
        return


def _is_event(row: Mapping[str, object]) -> bool:
    """Whether the outbox can send it: one that it cannot even read would stop all others."""
    try:
        return row["type"] in set(EventType) and isinstance(json.loads(str(row["data"])), dict)
    except ValueError:
        return False


_SOUND: Mapping[str, Callable[[Mapping[str, object]], bool]] = MappingProxyType({"event": _is_event})
