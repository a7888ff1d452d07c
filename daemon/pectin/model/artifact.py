"""What a profile makes beside the film for people to look at: pictures, and the film's details."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ArtifactKind(StrEnum):
    POSTER = "poster"        # Jellyfin's picture of a film
    FANART = "fanart"        # its background
    THUMB = "thumb"          # its landscape picture; of an episode the only one
    PREVIEW = "preview"      # a few moving seconds
    TRICKPLAY = "trickplay"  # Jellyfin's pictures along the time bar
    SPRITE = "sprite"        # the same for web players, with a WebVTT index
    DETAILS = "nfo"          # title, year, ids and the day it was added, as Jellyfin reads them


class Preview(StrEnum):
    """In which form the moving seconds come."""

    NONE = "none"
    GIF = "gif"
    WEBP = "webp"
    MP4 = "mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a picture is taken: `seconds` from the start, or `fraction` of the film (0 to 1); neither: a good frame is
    looked for."""

    seconds: float | None = None
    fraction: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Which pictures a profile wants. `poster`, `fanart`, `thumb`: None for none. `preview_at`: the moments its seconds are taken
    from; empty: spread over the film. `preview_seconds`: all of it together."""

    poster: Moment | None = None
    fanart: Moment | None = None
    thumb: Moment | None = None
    preview: Preview = Preview.NONE
    preview_at: tuple[Moment, ...] = ()
    preview_seconds: float = 3.0
    preview_width: int = 320
    trickplay: bool = False
    sprite: bool = False

    def __bool__(self) -> bool:
        return bool(self.poster or self.fanart or self.thumb or self.preview is not Preview.NONE or self.trickplay or self.sprite)


NO_PICTURES = Pictures()


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One of them, as planned for a film."""

    kind: ArtifactKind
    sentence: str
    moment: Moment | None = None
    width: int = 0
    height: int = 0
