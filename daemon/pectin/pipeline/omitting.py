"""Goes on without something that a profile wanted besides the film."""

from __future__ import annotations

from pectin.model.errors import MEANINGS, Kind, PectinError
from pectin.model.omission import Omission
from pectin.pipeline.proving import Work


def omit(work: Work, kind: str, what: str, error: PectinError) -> None:
    """Tell that it is missing; raises the error again when it is none of this one thing's (a full disk would hit the next as
    well)."""
    if MEANINGS[error.cause].kind in (Kind.RESOURCE, Kind.WISH):
        raise error
    work.running.omit(Omission(kind, what, error))
