"""What has to be looked for in the frames before a source can be planned: as little as possible, for looking costs time."""

from __future__ import annotations

from pectin.model.measured import Questions
from pectin.model.media import MediaInfo
from pectin.model.profile import Profile


def ask(media: MediaInfo, profile: Profile) -> Questions:  # noqa: ARG001
    """Empty where the headers say all that the profile needs."""
    return Questions()
