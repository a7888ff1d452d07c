"""Black borders: whether they are worth cutting off, and where exactly."""

from __future__ import annotations

from pectin.model.measured import CropBox
from pectin.model.media import VideoStream
from pectin.model.profile import Crop, Profile

_WORTH = 0.02  # of the width or the height: thinner borders are dirt at the edge of the picture, and nobody sees them
_LEAST_LEFT = 0.3  # of the width or the height: what leaves less is a dark film, not a border


def possible(stream: VideoStream, profile: Profile) -> bool:
    """Whether the profile wants it. A turned picture comes from a phone and has no borders."""
    return profile.crop is Crop.AUTO and not stream.rotation and not stream.mirrored


def box(stream: VideoStream, seen: CropBox | None, profile: Profile, *, fields: bool) -> CropBox | None:
    """What to keep, in the source's pixels; None: everything. Edges are moved outwards to even numbers, to multiples of four
    lines where the picture is made of `fields` (else their colours would change places): never a line of picture is lost."""
    width, height = stream.width or 0, stream.height or 0
    if seen is None or not possible(stream, profile) or not _inside(seen, width, height):
        return None
    left, right = _edges(seen.x, seen.width, width, 2)
    top, bottom = _edges(seen.y, seen.height, height, 4 if fields else 2)
    if (left, right, top, bottom) == (0, width, 0, height):
        return None
    return CropBox(width=right - left, height=bottom - top, x=left, y=top)


def _inside(seen: CropBox, width: int, height: int) -> bool:
    return (min(seen.x, seen.y) >= 0 and seen.x + seen.width <= width and seen.y + seen.height <= height
            and seen.width >= width * _LEAST_LEFT and seen.height >= height * _LEAST_LEFT)


def _edges(start: int, length: int, whole: int, step: int) -> tuple[int, int]:
    """Where the picture begins and ends along one side; all of it when the borders are not worth it."""
    first, last = start // step * step, min(-(-(start + length) // step) * step, whole)
    return (0, whole) if whole - (last - first) < whole * _WORTH or last - first < step else (first, last)
