"""Intents to publish files that lie anywhere, in few words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pectin.model.conflict import Terms
from pectin.model.intent import Intent
from pectin.model.output import Output
from pectin.publishing import address
from pectin.publishing.address import NO_TERMS, Shelves


def intend(outputs: Sequence[tuple[str, Path, str, str] | Output], *, library: Path, place: PurePosixPath, job_id: str,
           terms: Terms = NO_TERMS, renditions: Path | None = None) -> Intent:
    """Outputs are (role, file, suffix, extension), or whole ones with absolute paths; the route is called `films`."""
    whole = [one if isinstance(one, Output) else Output(role=one[0], file=str(one[1]), suffix=one[2], extension=one[3])
             for one in outputs]
    return address.intend(whole, Path("/"), Shelves(library, renditions, "films"), place=place, job_id=job_id, terms=terms)
