"""A job as a text beside its source that rests: a database that was lost, or is older than the files, learns it from there."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import PurePath
from typing import Any

from pectin.model.errors import Cause
from pectin.model.job import Job, Stage, State

_PATHS = frozenset({"inbox_path", "relative"})


def note_text(job: Job) -> str:
    """All of the job as JSON in ASCII: bytes of a name that are no UTF-8 are escapes there, and come back as they were."""
    values = {field.name: getattr(job, field.name) for field in fields(Job)}
    return json.dumps({name: _plain(value) for name, value in values.items()}, indent=1)


def noted_job(text: str) -> Job:
    """The job of a note. What a newer Pectin has written besides is passed over, what an older one did not know has its default.
    Raises ValueError, KeyError or TypeError when the text is no such note."""
    data: dict[str, Any] = json.loads(text)
    known = {field.name: data[field.name] for field in fields(Job) if field.name in data}
    return Job(**(known | {name: PurePath(data[name]) for name in _PATHS} | {
        "state": State(data["state"]),
        "stage": Stage(data["stage"]),
        "cause": Cause(data["cause"]) if data.get("cause") else None,
    }))


def _plain(value: object) -> object:
    return str(value) if isinstance(value, PurePath) else value
