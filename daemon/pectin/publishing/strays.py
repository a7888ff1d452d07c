"""Finds what a crash left half placed in a library: part files of ours that nobody will finish go, and files that were to be
replaced get their names back or go to the archive. Blocks."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from pectin.linux.crash import CrashPoint, reached
from pectin.linux.trees import remove
from pectin.model.identity import LENGTH as ID_LENGTH
from pectin.model.identity import is_job_id
from pectin.publishing.naming import job_of
from pectin.publishing.place import explained
from pectin.publishing.replace import REPLACED, give_back, put_away, stands_there

_MASTER = "master.m3u8"


def stray_parts(library: Path, known_ids: Collection[str], *, needed_ids: Collection[str] = ()) -> list[Path]:
    """Part files and folders (and replaced ones, see is_replaced) below `library` that carry one of OUR ids (`known_ids`) and
    belong to no job that still needs them (`needed_ids`: those in PUBLISHING). Files of others, of another daemon for instance,
    are never among them."""
    found = []
    for folder, folders, names in os.walk(library):  # follows no links
        hidden = {name: job_of(Path(name)) for name in (*folders, *names) if _is_hidden(name)}
        # Nothing of ours is on its way inside a set for web players, and there are thousands of files in each.
        folders[:] = [name for name in folders if name not in hidden] if _MASTER not in names else []
        found += [Path(folder, name) for name, job_id in hidden.items() if job_id in known_ids and job_id not in needed_ids]
    return sorted(found)


def _is_hidden(name: str) -> bool:
    job_id = job_of(Path(name))
    return name.startswith(".") and name.endswith((f".{job_id}.part", f".{job_id}{REPLACED}")) and is_job_id(job_id)


def is_replaced(stray: Path) -> bool:
    """Whether it is no half thing of ours but a whole film of the library, which somebody may be missing."""
    return stray.name.endswith(REPLACED)


def restore_or_archive(stray: Path, library: Path, archive: Path) -> Path:
    """Give a replaced file its name back if that is free, else archive it; where it is now. Raises PectinError."""
    final = stray.with_name(stray.stem[1:-ID_LENGTH - 1])
    archived = archive / final.relative_to(library)
    with explained(stray):
        give_back(final, stray, over=False)
        if not stands_there(stray):
            return final
    with explained(archived):
        put_away(stray, archived)
    return archived


def discard_parts(parts: Iterable[Path]) -> None:
    """Remove what stray_parts found. Raises PectinError."""
    for part in parts:
        with explained(part):
            remove(part)
        reached(CrashPoint.STRAY_REMOVED)
