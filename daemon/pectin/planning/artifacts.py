"""Which pictures and details a film gets, and when they are taken."""

from __future__ import annotations

from pectin.model.artifact import Artifact
from pectin.model.media import MediaInfo
from pectin.model.plan import Plan
from pectin.model.profile import Profile


def artifacts(media: MediaInfo, profile: Profile, plan: Plan) -> tuple[Artifact, ...]:  # noqa: ARG001
    """`plan` is that of the film itself, with its renditions."""
    return ()
