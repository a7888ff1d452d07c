"""What happens to a database that is damaged: it is kept for whoever can mend it, and out of the way. All functions block."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

from pectin.linux.move import fsync_folder
from pectin.model.errors import PectinError, os_cause

# Lies beside a database that SQLite called damaged while we ran: the next start looks into every corner of it.
_SUSPECT = ".suspect"


def set_aside(path: Path, now: float) -> Path:
    """Rename the database and what belongs to it to NAME.damaged-TIME (UTC); gives the new path. Raises PectinError."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    names = (f"{path.name}.damaged-{stamp}" + (f"-{number}" if number else "") for number in itertools.count())
    aside = next(found for found in map(path.with_name, names) if not os.path.lexists(found))
    try:
        # The log first: without it the database may be an older one, but never one to which a stranger's log is applied.
        for companion in ("-shm", "-wal", ""):
            if os.path.lexists(f"{path}{companion}"):
                os.rename(f"{path}{companion}", f"{aside}{companion}")
        fsync_folder(path.parent)
    except OSError as error:
        raise PectinError(os_cause(error), f"{path}: {error.strerror or error}") from error
    unsuspect(path)
    return aside


def suspect(path: Path) -> None:
    """Remember for the next start that the database may be damaged. Whether that can be written is not important."""
    try:
        path.with_name(path.name + _SUSPECT).touch()
    except OSError:
        return


def is_suspect(path: Path) -> bool:
    return os.path.lexists(path.with_name(path.name + _SUSPECT))


def unsuspect(path: Path) -> None:
    """It was looked at. Raises PectinError."""
    try:
        path.with_name(path.name + _SUSPECT).unlink(missing_ok=True)
    except OSError as error:
        raise PectinError(os_cause(error), f"{path}: {error.strerror or error}") from error
