"""`pectin backup FILE`: a consistent copy of the database, from the running daemon or, while there is none, from its file."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pectin.cli.client import Client, CommandError, socket_path
from pectin.linux.move import fsync_folder, rename_noreplace
from pectin.linux.snapshot import MODE, snapshot, trouble
from pectin.model.statuses import ExitStatus
from pectin.settings.load import ConfigError, find, load
from pectin.settings.sections import Paths

LONG = 600.0  # seconds: before the first byte comes, the daemon copies the whole database


@dataclass(frozen=True, slots=True)
class Backup:
    """`size` in bytes; `restore`: what to type as root to go back to it."""

    file: Path
    size: int
    restore: tuple[str, ...]


def back_up(file: Path, config: Path | None, socket: Path | None, *, force: bool) -> Backup:
    """Write the copy. FILE has its name only when it is whole and was looked through. Raises CommandError, ConfigError."""
    file = file.absolute()
    if os.path.lexists(file) and (not force or not file.is_file()):
        raise _refused(f"{file} is there already: name another file" + (", or replace it with --force" if file.is_file() else ""))
    part = file.with_name(f".{file.name}.part")
    try:
        part.unlink(missing_ok=True)  # of a backup that was cut off
        try:
            _download(Client(socket_path(socket, config), timeout=LONG), part)
        except CommandError as error:
            if error.status is not ExitStatus.UNAVAILABLE:
                raise
            _copy(_database(config), part, error)
        if found := trouble(part):
            raise _refused(f"the copy is damaged: {found}")
        size = part.stat().st_size
        if force:
            part.rename(file)
        else:
            rename_noreplace(part, file)
        fsync_folder(file.parent)
    except (OSError, sqlite3.DatabaseError) as error:
        raise _refused(f"the backup cannot be written: {file}: {getattr(error, 'strerror', None) or error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return Backup(file, size, restore_commands(file, _database(config)))


def restore_commands(file: Path, database: Path) -> tuple[str, ...]:
    """How to go back to a backup, for a shell of root. The log of the newer database must go: SQLite would apply it to the older
    one."""
    try:
        owner = database.parent.stat()
        user, group = pwd.getpwuid(owner.st_uid).pw_name, grp.getgrgid(owner.st_gid).gr_name
    except (OSError, KeyError):
        user = group = "pectin"
    return ("systemctl stop pectin",
            shlex.join(["rm", "-f", f"{database}-wal", f"{database}-shm"]),
            shlex.join(["install", "-o", user, "-g", group, "-m", "640", str(file), str(database)]),
            "systemctl start pectin")


def _download(client: Client, part: Path) -> None:
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, MODE), "wb") as to:
        client.download("/v1/backup", to.write)
        to.flush()
        os.fsync(to.fileno())


def _copy(database: Path, part: Path, unavailable: CommandError) -> None:
    part.unlink(missing_ok=True)
    if not database.exists():
        raise CommandError(ExitStatus.UNAVAILABLE, f"{unavailable.sentence}; and there is no database at {database}")
    snapshot(database, part)


def _database(config: Path | None) -> Path:
    """Where the configuration has it; whoever may use the socket need not read the configuration."""
    try:
        state = load(find(config)).settings.paths.state
    except ConfigError:
        if config is not None:
            raise
        state = Paths().state
    return state / "pectin.db"


def _refused(sentence: str) -> CommandError:
    return CommandError(ExitStatus.FAILED, sentence)
