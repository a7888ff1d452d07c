"""Black borders, told from frames all over the film: the filter that looks, and how the boxes it sees become one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pectin.model.measured import CropBox

# Black is up to 24 of 255 in the mean of a line (as a share, so that it holds for 10 bits). Each frame by itself: no memory.
FILTER = "cropdetect=limit=0.094:reset=1:skip=0,metadata=mode=print:file=-"
# The edges as they are: its width and height are rounded down, and would cost a line of picture.
_WORD = re.compile(r"lavfi\.cropdetect\.(x1|x2|y1|y2)=(-?\d+)")
LEAST_FRAMES = 6  # with something to see on them; fewer prove nothing
_WITNESSES = 0.2  # of the frames must show picture up to an edge: one flash, one logo make no edge
_NEAR = 4  # pixels: as far as the edge of a picture trembles from frame to frame
_UNEVEN = 0.04  # of the side: borders are the same on both sides, or what is dark is part of the picture


def parse(lines: Iterable[str]) -> tuple[CropBox, ...]:
    """The boxes that FILTER printed; a frame that is black all over has none."""
    boxes: list[CropBox] = []
    found: dict[str, int] = {}
    for line in lines:
        if line.startswith("frame:"):
            found = {}
        word = _WORD.match(line)
        if word is None:
            continue
        found[word[1]] = int(word[2])
        if len(found) == 4:
            width, height = found["x2"] - found["x1"] + 1, found["y2"] - found["y1"] + 1
            if min(width, height) > 0 and min(found["x1"], found["y1"]) >= 0:
                boxes.append(CropBox(width=width, height=height, x=found["x1"], y=found["y1"]))
    return tuple(boxes)


def combine(boxes: Sequence[CropBox], width: int, height: int) -> CropBox | None:
    """The smallest box that holds all boxes: what was picture once is never cut off. None: it cannot be told, as in a film that
    is dark throughout. `width`, `height`: the whole picture's."""
    if len(boxes) < LEAST_FRAMES:
        return None
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right, bottom = max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)
    witnesses = (sum(box.x - left <= _NEAR for box in boxes), sum(right - box.x - box.width <= _NEAR for box in boxes),
                 sum(box.y - top <= _NEAR for box in boxes), sum(bottom - box.y - box.height <= _NEAR for box in boxes))
    if min(witnesses) < len(boxes) * _WITNESSES:
        return None
    if abs(left - (width - right)) > width * _UNEVEN or abs(top - (height - bottom)) > height * _UNEVEN:
        return None
    return CropBox(width=right - left, height=bottom - top, x=left, y=top)
