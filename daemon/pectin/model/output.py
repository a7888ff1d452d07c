"""One finished file or folder of a job, on its way from the job's folder to its place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pectin.model.sidecar import ROLE as SIDECAR_ROLE

VIDEO_ROLE = "video"
RENDITION_ROLE = "rendition"
# Made for Jellyfin to show beside the film. Where somebody's own has the name, ours is left out; and Jellyfin itself may change
# or remove it.
DECORATION = frozenset({"poster", "fanart", "thumb", "nfo", "trickplay"})
CHANGEABLE = DECORATION | {SIDECAR_ROLE}  # what may be another than was placed, and no harm is done


class Home(StrEnum):
    """Where an output belongs."""

    LIBRARY = "library"        # beside the film, by its name: only what Jellyfin knows
    RENDITIONS = "renditions"  # in the film's own folder below paths.renditions, by a name of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """`file` lies in the job's folder; with `tree` it is a folder. In the library it gets the film's stem, `suffix` and a dot
    with the `extension`; among the renditions `name`, which may be a path such as `sprites/sheet-0.jpg`."""

    role: str
    file: str
    suffix: str = ""
    extension: str = ""
    home: Home = Home.LIBRARY
    name: str = ""
    tree: bool = False
