"""Opens the one database file, brings its tables up to date, and runs reads and transactions on it one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiosqlite

from pectin.linux.move import fsync_folder, make_folders
from pectin.model.errors import Cause, PectinError, os_cause
from pectin.store.schema import MIGRATIONS

FILE_MODE = 0o640  # the group may read it with sqlite3; the world may not: it holds everybody's file names
FOLDER_MODE = 0o750
BUSY_SECONDS = 5.0  # how long somebody's sqlite3 shell may hold the file before we say that it is locked

# FULL: with NORMAL a power cut takes the last rows away, which is what a work queue must not do.
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 67108864",  # bytes: a log that once grew large does not keep the disk
)

_SQLITE_CAUSES = {
    sqlite3.SQLITE_FULL: Cause.NO_SPACE,
    sqlite3.SQLITE_READONLY: Cause.READ_ONLY,
    sqlite3.SQLITE_PERM: Cause.NO_PERMISSION,
    sqlite3.SQLITE_CANTOPEN: Cause.NO_PERMISSION,
    sqlite3.SQLITE_IOERR: Cause.IO_ERROR,
    sqlite3.SQLITE_BUSY: Cause.IO_ERROR,
    sqlite3.SQLITE_LOCKED: Cause.IO_ERROR,
    sqlite3.SQLITE_CORRUPT: Cause.STORE_DAMAGED,
    sqlite3.SQLITE_NOTADB: Cause.STORE_DAMAGED,
}

Values = Sequence[object]


class Transaction:
    """What may be done between BEGIN and COMMIT."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def rows(self, sql: str, values: Values = ()) -> list[sqlite3.Row]:
        return list(await self._connection.execute_fetchall(sql, values))

    async def run(self, sql: str, values: Values = ()) -> int:
        """Returns how many rows were changed."""
        async with self._connection.execute(sql, values) as cursor:
            return cursor.rowcount


class Database:
    """One connection, one user at a time. Reads wait for a running transaction too: on the same connection they would
    see rows that may still be rolled back. Raises PectinError for a full, read-only, broken or locked disk."""

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """All or nothing; durable once the block was left. A task that is cancelled inside leaves nothing behind; cancelled in
        the very COMMIT, it may have happened, as with a crash: whoever comes next must look."""
        async with self._lock:
            with explained(self._path):
                try:
                    await self._connection.execute_fetchall("BEGIN IMMEDIATE")
                    yield Transaction(self._connection)
                    await self._connection.execute_fetchall("COMMIT")
                except BaseException:
                    # Also after a cancelled BEGIN or COMMIT: the connection's thread works in order, so this comes behind
                    # whatever was begun, and does nothing when there is nothing to undo.
                    with contextlib.suppress(sqlite3.OperationalError):
                        await self._connection.execute_fetchall("ROLLBACK")
                    raise

    async def rows(self, sql: str, values: Values = ()) -> list[sqlite3.Row]:
        async with self._lock:
            with explained(self._path):
                return list(await self._connection.execute_fetchall(sql, values))


@asynccontextmanager
async def open_database(path: Path) -> AsyncIterator[Database]:
    """The database at `path`, made (mode 0640, its folder too) when it is not there, checked and migrated when it is.

    Raises PectinError: STORE_TOO_NEW, STORE_DAMAGED, or what the disk says."""
    _create(path)
    with explained(path):
        connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        with explained(path):
            connection.row_factory = sqlite3.Row
            await _refuse_newer(connection, path)  # before the first write: a newer Pectin's file stays as it is
            for pragma in _PRAGMAS:
                await connection.execute_fetchall(pragma)
            await _check(connection, path)
            await _migrate(connection)
        yield Database(connection, path)
    finally:
        await connection.close()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns SQLite's troubles with the world into PectinError; our own mistakes in SQL pass as they are."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", None)  # absent on errors that Python's own layer raises
        cause = None if code is None else _SQLITE_CAUSES.get(code & 0xFF)  # the low byte is the primary code
        if cause is None:
            raise
        raise PectinError(cause, f"{path}: {error}") from error


def _create(path: Path) -> None:
    # Made here rather than by SQLite, so that the mode does not hang on somebody's umask; -wal and -shm follow it.
    try:
        make_folders(path.parent, FOLDER_MODE)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        try:
            os.fchmod(fd, FILE_MODE)
        finally:
            os.close(fd)
        fsync_folder(path.parent)  # or a power cut takes the name, and with it every row that was durable in the file
    except FileExistsError:
        return
    except OSError as error:
        raise PectinError(os_cause(error), f"{path}: {error.strerror}") from error


async def _version(connection: aiosqlite.Connection) -> int:
    [row] = await connection.execute_fetchall("PRAGMA user_version")
    return int(row[0])


async def _refuse_newer(connection: aiosqlite.Connection, path: Path) -> None:
    found = await _version(connection)
    if found > len(MIGRATIONS):
        raise PectinError(Cause.STORE_TOO_NEW, f"{path} has schema {found}, this version knows {len(MIGRATIONS)}")


async def _check(connection: aiosqlite.Connection, path: Path) -> None:
    [row] = await connection.execute_fetchall("PRAGMA quick_check(1)")
    if row[0] != "ok":
        raise PectinError(Cause.STORE_DAMAGED, f"{path}: {row[0]}")


async def _migrate(connection: aiosqlite.Connection) -> None:
    found = await _version(connection)
    for number, statements in enumerate(MIGRATIONS[found:], start=found + 1):
        await connection.execute_fetchall("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                await connection.execute_fetchall(statement)
            await connection.execute_fetchall(f"PRAGMA user_version = {number}")
            await connection.execute_fetchall("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.OperationalError):
                await connection.execute_fetchall("ROLLBACK")
            raise
