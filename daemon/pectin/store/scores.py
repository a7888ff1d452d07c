"""What searches for quality have found, by content and settings: a film that comes again is not measured again."""

from __future__ import annotations

from pectin.store.db import Database
from pectin.store.texts import readable


class Scores:
    """Values are JSON texts of whoever keeps them. Times are Unix seconds. Every method may raise PectinError."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def get(self, key: str) -> str | None:
        rows = await self._db.rows("SELECT value FROM score WHERE key = ?", (key,))
        return None if not rows else str(rows[0][0])

    async def put(self, key: str, value: str, *, now: float) -> None:
        """Also what is only used again: so it is not forgotten."""
        async with self._db.transaction() as transaction:
            await transaction.run("INSERT OR REPLACE INTO score (key, value, at) VALUES (?, ?, ?)", (key, readable(value), now))

    async def prune(self, before: float) -> None:
        """Forget what nobody has used since then."""
        async with self._db.transaction() as transaction:
            await transaction.run("DELETE FROM score WHERE at < ?", (before,))
