"""Jobs that are over, and how they are forgotten: with history and events, but never before every endpoint has heard all."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import PurePath

from pectin.model.job import FINAL
from pectin.store.db import Database

_FINAL = json.dumps(sorted(FINAL))
# left_behind: the inbox still has the file this job was made from. Whoever forgets the job would take it once more.
_OVER = ("state IN (SELECT value FROM json_each(?)) AND updated_at < ? AND left_behind IS NULL"
         " AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.job_id = job.id AND done_at IS NULL)")


class Past:
    """Times are Unix seconds. Every method may raise PectinError when the disk does not play along."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def over(self, before: float, *, after: str = "", limit: int = 500) -> list[tuple[str, PurePath]]:
        """Ids (with `relative`) of jobs that ended and that nothing has happened to since `before`, in order of id, those behind
        the id `after`."""
        rows = await self._db.rows(f"SELECT id, relative FROM job WHERE id > ? AND {_OVER} ORDER BY id LIMIT ?",  # noqa: S608  (our own words)
                                   (after, _FINAL, before, limit))
        return [(row["id"], PurePath(os.fsdecode(row["relative"]))) for row in rows]

    async def forget(self, job_ids: Collection[str], before: float) -> int:
        """Removes these jobs, as far as they are `over` still; gives how many. What our outputs looked like stays known."""
        async with self._db.transaction() as transaction:
            rows = await transaction.rows(
                f"SELECT id FROM job WHERE id IN (SELECT value FROM json_each(?)) AND {_OVER}",  # noqa: S608  (our own words)
                (json.dumps(list(job_ids)), _FINAL, before))
            ids = (json.dumps([row["id"] for row in rows]),)
            for statement in ("DELETE FROM delivery WHERE job_id IN (SELECT value FROM json_each(?))",
                              "DELETE FROM event WHERE job_id IN (SELECT value FROM json_each(?))",
                              "DELETE FROM job WHERE id IN (SELECT value FROM json_each(?))"):
                await transaction.run(statement, ids)
        return len(rows)
