"""A consistent copy of a SQLite database, also while others write to it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

MODE = 0o600  # it holds everybody's file names, and comes to lie anywhere


def snapshot(database: Path, copy: Path) -> None:
    """Copy the database into a new file, which needs no companions and is durable. Blocks. Nobody who writes is held up: a reader
    of a write-ahead log sees one moment of it.

    Raises FileExistsError when `copy` is there, OSError, or sqlite3.DatabaseError; then nothing is left of it."""
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, MODE))
    try:
        # Without its log nobody has it open. `immutable` then makes no log either: who may only read it cannot, and root's would
        # be in the way of the daemon.
        how = "mode=ro" if os.path.lexists(f"{database}-wal") else "mode=ro&immutable=1"
        with (closing(sqlite3.connect(f"{database.absolute().as_uri()}?{how}", uri=True)) as source,
              closing(sqlite3.connect(copy)) as target):
            source.backup(target)  # all pages in one step: a second one would begin anew whenever somebody has written between
            target.execute("PRAGMA journal_mode = DELETE").fetchall()
        descriptor = os.open(copy, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        for left in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                os.unlink(f"{copy}{left}")
        raise


def trouble(database: Path) -> str | None:
    """What is wrong with a database that nobody has open; None when it is whole. Raises sqlite3.DatabaseError when it is none."""
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        [told] = connection.execute("PRAGMA quick_check(1)").fetchone()
    return None if told == "ok" else str(told)
