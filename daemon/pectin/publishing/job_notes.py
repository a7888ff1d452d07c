"""Writes and reads the notes beside sources that rest. All functions block: use `asyncio.to_thread`."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pectin.linux.move import fsync_folder
from pectin.model.errors import PectinError, os_cause
from pectin.model.job import Job
from pectin.model.job_note import note_text, noted_job
from pectin.model.places import Places
from pectin.publishing.originals import Where, locate


def keep(job: Job, places: Places) -> None:
    """Write down what the job is, beside its source where that rests. In one step: there is never half a note. Raises
    PectinError."""
    found = locate(places, job.id, job.relative)
    if found is None or found[0] is Where.WORK:
        return
    archived, set_aside = places.job_notes(job.id)
    note = archived if found[0] is Where.ORIGINALS else set_aside
    part = note.with_name(f"{note.name}.part")
    try:
        with part.open("w", encoding="ascii") as file:
            file.write(note_text(job))
            file.flush()
            os.fsync(file.fileno())
        part.rename(note)
        fsync_folder(note.parent)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise PectinError(os_cause(error), f"{note}: {error.strerror or error}") from error


def read(folder: Path, note: Path) -> Job | None:
    """The job that this folder was made for, as its note tells it; None when there is no whole note of it. Raises OSError where
    the disk refuses."""
    try:
        job = noted_job(note.read_text(encoding="ascii"))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError, KeyError, TypeError):
        return None
    return job if job.id == folder.name else None
