"""What we made: kept for ever, so that a film of ours is known again when somebody drops it into an inbox."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pectin.model.fingerprint import OwnOutput
from pectin.store.db import Database, Transaction


async def remember_outputs(transaction: Transaction, outputs: Iterable[OwnOutput]) -> None:
    """Write them down; one that is known gets its new path."""
    for output in outputs:
        await transaction.run(
            "INSERT OR REPLACE INTO output (fingerprint, job_id, role, path, sha256) VALUES (?,?,?,?,?)",
            (output.fingerprint, output.job_id, output.role, os.fsencode(output.path), output.sha256))


async def outputs_alike(database: Database, fingerprint: str) -> list[OwnOutput]:
    """Those with this fingerprint."""
    rows = await database.rows("SELECT * FROM output WHERE fingerprint = ? ORDER BY job_id", (fingerprint,))
    return [OwnOutput(job_id=row["job_id"], role=row["role"], path=Path(os.fsdecode(row["path"])), sha256=row["sha256"],
                      fingerprint=row["fingerprint"]) for row in rows]
