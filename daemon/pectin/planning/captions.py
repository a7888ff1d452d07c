"""Closed captions hide in the picture's own data (EIA-608): no header tells of them."""

from __future__ import annotations

from pectin.model.media import MediaInfo
from pectin.model.profile import Container, Profile, TextSubtitles
from pectin.planning.rules import main_video

# The codecs in which broadcasts and discs carry them (ATSC A/53, SCTE 128).
CODECS = frozenset({"mpeg2video", "h264", "hevc"})


def ask(media: MediaInfo, profile: Profile) -> bool:
    """Whether some frames should be looked at for captions."""
    picture = main_video(media)
    wanted = profile.subtitles is not TextSubtitles.NONE and profile.container is not Container.SOURCE
    return wanted and picture is not None and picture.codec in CODECS
