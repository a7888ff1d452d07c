"""What the daemon has written down, read from outside: the store and the metrics, which cost it nothing or next to nothing to be
asked for, and the intake's settings as a person has them who sets nothing."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import PurePath
from urllib.parse import quote
from urllib.request import urlopen

from harness import Daemon
from pectin.settings.sections import Intake

# The harness hurries: these are the keys it sets.
INTAKE: Mapping[str, float] = Intake().model_dump(include={"linger", "quiet", "rescan"})


class Books:
    """The jobs of a daemon's store, read-only: SQLite lets us read while it writes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def count(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM job").fetchone()[0])

    def names(self) -> list[PurePath]:
        """The path of each job's source below the inbox, sorted."""
        return sorted(PurePath(os.fsdecode(row[0])) for row in self._connection.execute("SELECT relative FROM job"))


@contextmanager
def books(running: Daemon) -> Iterator[Books]:
    database = quote(str(running.folder / "state" / "pectin.db"))
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)) as connection:
        yield Books(connection)


def metric(running: Daemon, name: str) -> float:
    """A figure without labels from the daemon's metrics page."""
    with urlopen(f"http://127.0.0.1:{running.metrics_port}/metrics", timeout=30) as page:
        found = re.search(rf"^{name} (\S+)$", page.read().decode(), re.MULTILINE)
    assert found, f"the metrics page has no {name}"
    return float(found[1])
