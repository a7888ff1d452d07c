"""A few named values that survive a restart, such as why the queue is paused."""

from __future__ import annotations

from pectin.store.db import Database
from pectin.store.texts import readable


class Flags:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def get(self, name: str) -> str | None:
        rows = await self._db.rows("SELECT value FROM flag WHERE name = ?", (name,))
        return None if not rows else str(rows[0][0])

    async def set(self, name: str, value: str | None) -> None:
        """None takes the flag away."""
        async with self._db.transaction() as transaction:
            if value is None:
                await transaction.run("DELETE FROM flag WHERE name = ?", (name,))
            else:
                await transaction.run("INSERT OR REPLACE INTO flag (name, value) VALUES (?, ?)", (name, readable(value)))
