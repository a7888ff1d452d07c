"""Which renditions a film gets: never enlarged, none twice, the source's own picture where it fits."""

from __future__ import annotations

from pectin.model.media import MediaInfo
from pectin.model.plan import Plan
from pectin.model.profile import Profile
from pectin.model.rendition import Rendition


def renditions(media: MediaInfo, profile: Profile, plan: Plan) -> tuple[Rendition, ...]:  # noqa: ARG001
    """Largest first. `plan` is that of the film itself."""
    return ()
