"""How a picture's frames are made up, told from a few hundred of them: the filter that looks, and what its words mean."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pectin.model.measured import Scan

# For each frame two words, on stdout: how its lines lie to each other, and whether a field is the same as in the frame before.
# idet's own threshold of 1.04 takes sharp edges that move by single lines for fields (three of four frames of a progressive test
# picture); at 1.2 all of them are progressive, and fields are still found in test pictures and in film; at 2 they are not.
FILTER = "idet=intl_thres=1.2,metadata=mode=print:file=-"
_WORD = re.compile(r"lavfi\.idet\.(multiple|repeated)\.current_frame=(\w+)")
# Measured: progressive film has 0 % interlaced frames among those that can be told, interlaced and telecined film 96 to 100 %
# (idet remembers the frames before). Real fields have one order: both in turn are a coder's noise.
_INTERLACED_SHARE = 0.2
_ORDER_SHARE = 0.8
_LEAST_TOLD = 5  # frames
# 3:2 pulldown shows the top field again in one frame of five, the bottom field in another; still scenes hide it, cuts shift it.
_CYCLE = 5
_REPEATED_SHARE = 0.16  # of the frames; 0.4 when all moves
_IN_STEP = 0.7  # of the repeated fields lie at the same place of the cycle
_TELECINED_SHARE = 2 / 3  # of the places that tell anything


@dataclass(frozen=True, slots=True)
class Frame:
    """idet's words for one frame: `order` is tff, bff, progressive or undetermined; `repeated` neither, top or bottom."""

    order: str
    repeated: str


@dataclass(frozen=True, slots=True)
class Spot:
    """What the frames of one place in the film say. `scan` None: nothing moved."""

    scan: Scan | None
    top_first: bool | None


def parse(lines: Iterable[str]) -> tuple[Frame, ...]:
    """The frames that FILTER printed; anything else is skipped."""
    frames: list[Frame] = []
    repeated = "neither"
    for line in lines:
        found = _WORD.match(line)
        if found is not None and found[1] == "repeated":  # printed first
            repeated = found[2]
        elif found is not None:
            frames.append(Frame(found[2], repeated))
            repeated = "neither"
    return tuple(frames)


def judge(frames: Sequence[Frame]) -> Spot:
    """One place in the film."""
    orders = Counter(frame.order for frame in frames)
    fields = orders["tff"] + orders["bff"]
    told = fields + orders["progressive"]
    if told < _LEAST_TOLD:
        return Spot(None, None)
    if fields < told * _INTERLACED_SHARE:
        return Spot(Scan.PROGRESSIVE, None)
    if max(orders["tff"], orders["bff"]) < fields * _ORDER_SHARE:
        return Spot(None, None)
    return Spot(Scan.TELECINED if _pulled_down(frames) else Scan.INTERLACED, orders["tff"] > orders["bff"])


def combine(spots: Iterable[Spot]) -> Spot:
    """The whole film. Where much is telecined and as much is not, all is deinterlaced: undoing the pulldown would take frames
    away from the rest."""
    told = [spot for spot in spots if spot.scan is not None]
    made_of_fields = [spot for spot in told if spot.scan is not Scan.PROGRESSIVE]
    if not told:
        return Spot(None, None)
    if len(made_of_fields) < len(told) * _INTERLACED_SHARE:
        return Spot(Scan.PROGRESSIVE, None)
    top = sum(spot.top_first is True for spot in made_of_fields)
    telecined = sum(spot.scan is Scan.TELECINED for spot in told) >= len(told) * _TELECINED_SHARE
    return Spot(Scan.TELECINED if telecined else Scan.INTERLACED, top * 2 >= len(made_of_fields))


def _pulled_down(frames: Sequence[Frame]) -> bool:
    """Whether both fields are shown again once in five frames, each at its own place of the cycle."""
    tops, bottoms = (Counter(number % _CYCLE for number, frame in enumerate(frames) if frame.repeated == field)
                     for field in ("top", "bottom"))
    total = sum(tops.values()) + sum(bottoms.values())
    if not tops or not bottoms or total < len(frames) * _REPEATED_SHARE:
        return False
    (top, top_count), (bottom, bottom_count) = tops.most_common(1)[0], bottoms.most_common(1)[0]
    return top != bottom and top_count + bottom_count >= total * _IN_STEP
