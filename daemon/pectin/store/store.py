"""The store as one thing: jobs, outbox, flags and what is over, on one database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pectin.store.db import Database, open_database
from pectin.store.flags import Flags
from pectin.store.jobs import Jobs
from pectin.store.outbox import Outbox
from pectin.store.past import Past
from pectin.store.scores import Scores


class Store:
    """`async with Store.open(path) as store: ...`"""

    def __init__(self, database: Database) -> None:
        self.outbox = Outbox(database)
        self.jobs = Jobs(database, self.outbox)
        self.flags = Flags(database)
        self.past = Past(database)
        self.scores = Scores(database)
        self.snapshot = database.snapshot
        self.salvage = database.salvage
        self.until_damaged = database.until_damaged

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator[Store]:
        """Raises PectinError: STORE_TOO_NEW, STORE_DAMAGED, or what the disk says."""
        async with open_database(path) as database:
            yield cls(database)
