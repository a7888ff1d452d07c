"""Opens the one database file, brings its tables up to date, and runs reads and transactions on it one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO, NoReturn

import aiosqlite

from pectin.linux.crash import CrashPoint, reached
from pectin.linux.finish import finished
from pectin.linux.move import fsync_folder, make_folders
from pectin.linux.snapshot import snapshot
from pectin.model.errors import Cause, PectinError, os_cause
from pectin.store.damaged import is_suspect, suspect, unsuspect
from pectin.store.salvage import salvage
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
        self._copying = asyncio.Lock()
        self._damaged = asyncio.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """All or nothing; durable once the block was left. A task that is cancelled inside leaves nothing behind; cancelled in
        the very COMMIT, it may have happened, as with a crash: whoever comes next must look."""
        async with self._lock:
            with self._explained():
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
            with self._explained():
                return list(await self._connection.execute_fetchall(sql, values))

    async def snapshot(self) -> BinaryIO:
        """A consistent copy of the whole database, open for reading; it has no name any more, and is gone when it is closed.
        Raises PectinError."""
        async with self._copying:
            with self._explained():
                return await finished(asyncio.to_thread(_snapshot, self._path))

    async def salvage(self, damaged: Path) -> dict[str, int]:
        """Take over what can still be read of a damaged database that was set aside, as in store/salvage.py. Raises
        PectinError."""
        async with self._lock:
            with self._explained():
                return await finished(asyncio.to_thread(salvage, damaged, self._path))

    async def until_damaged(self) -> NoReturn:
        """Returns never; raises PectinError STORE_DAMAGED once SQLite has found the file to be so, whoever asked it: to go on
        with it would damage more."""
        await self._damaged.wait()
        raise PectinError(Cause.STORE_DAMAGED, str(self._path))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with explained(self._path):
                yield
        except PectinError as error:
            if error.cause is Cause.STORE_DAMAGED:
                suspect(self._path)
                self._damaged.set()
            raise


@asynccontextmanager
async def open_database(path: Path) -> AsyncIterator[Database]:
    """The database at `path`, made (mode 0640, its folder too) when it is not there, checked and migrated when it is.

    Raises PectinError: STORE_TOO_NEW, STORE_DAMAGED, or what the disk says."""
    _create(path)
    with contextlib.suppress(OSError):
        _copy_of(path).unlink(missing_ok=True)  # a crash has left it
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


def _snapshot(path: Path) -> BinaryIO:
    copy = _copy_of(path)
    try:
        copy.unlink(missing_ok=True)
        snapshot(path, copy)
        file = copy.open("rb")
        copy.unlink()
    except OSError as error:
        raise PectinError(os_cause(error), f"{copy}: {error.strerror or error}") from error
    return file


def _copy_of(path: Path) -> Path:
    return path.with_name(path.name + ".copy")


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
        reached(CrashPoint.DATABASE_MADE)
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
    check = "integrity_check" if is_suspect(path) else "quick_check"
    [row] = await connection.execute_fetchall(f"PRAGMA {check}(1)")
    if row[0] != "ok":
        raise PectinError(Cause.STORE_DAMAGED, f"{path}: {' '.join(row[0].split())}")
    unsuspect(path)


async def _migrate(connection: aiosqlite.Connection) -> None:
    found = await _version(connection)
    for number, statements in enumerate(MIGRATIONS[found:], start=found + 1):
        await connection.execute_fetchall("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                await connection.execute_fetchall(statement)
            await connection.execute_fetchall(f"PRAGMA user_version = {number}")
            reached(CrashPoint.BEFORE_MIGRATED)
            await connection.execute_fetchall("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.OperationalError):
                await connection.execute_fetchall("ROLLBACK")
            raise
