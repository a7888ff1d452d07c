"""Finds and removes what a crash left half placed in a library: part files of ours that nobody will finish. Blocks."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from pectin.model.identity import LENGTH as ID_LENGTH
from pectin.model.identity import is_job_id
from pectin.publishing.place import explained


def stray_parts(library: Path, known_ids: Collection[str], *, needed_ids: Collection[str] = ()) -> list[Path]:
    """Part files below `library` that carry one of OUR ids (`known_ids`) and belong to no job that still needs them
    (`needed_ids`: those in PUBLISHING). Part files of others, of another daemon for instance, are never among them."""
    found = []
    for folder, _, names in os.walk(library):  # follows no links
        for name in names:
            job_id = job_of(Path(name))
            if (name.startswith(".") and name.endswith(f".{job_id}.part") and is_job_id(job_id)
                    and job_id in known_ids and job_id not in needed_ids):
                found.append(Path(folder, name))
    return sorted(found)


def job_of(part: Path) -> str:
    """The id in a part file's name."""
    return part.name[-len(".part") - ID_LENGTH:-len(".part")]


def discard_parts(parts: Iterable[Path]) -> None:
    """Remove what stray_parts found. Raises PectinError."""
    for part in parts:
        with explained(part):
            part.unlink(missing_ok=True)
