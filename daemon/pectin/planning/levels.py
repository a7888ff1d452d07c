"""What H.264's levels allow, and how many frames per second are too many for a size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

from pectin.model.profile import Profile

HIGHEST_LEVEL = 41
MOST_REFERENCES = 4
SMALL_WIDTH, SMALL_HEIGHT = 1280, 720  # up to here level 4.1 has room for twice the frame rate, lying or standing
RATE_SLACK = Fraction(1, 2)  # measured averages of variable-rate films lie a little above the nominal rate
# H.264 Annex A, table A-1: level -> macroblocks per second, per frame, and in the picture buffer.
_LEVELS: Mapping[str, tuple[int, int, int]] = MappingProxyType({
    "4.1": (245_760, 8_192, 32_768), "4.2": (522_240, 8_704, 34_816), "5.0": (589_824, 22_080, 110_400),
    "5.1": (983_040, 36_864, 184_320), "5.2": (2_073_600, 36_864, 184_320)})
# Those below, for renditions: small ones play on small machines too.
_SMALL_LEVELS: Mapping[str, tuple[int, int, int]] = MappingProxyType({
    "2.1": (19_800, 792, 4_752), "3.0": (40_500, 1_620, 8_100), "3.1": (108_000, 3_600, 18_000), "3.2": (216_000, 5_120, 20_480),
    "4.0": (245_760, 8_192, 32_768)})
# Bit/s, and bits of buffer, in High profile: 1.25 times the table's, which are Main's.
_MOST_BITS: Mapping[str, int] = MappingProxyType({"2.1": 5_000_000, "3.0": 12_500_000, "3.1": 17_500_000, "3.2": 25_000_000,
                                                  "4.0": 25_000_000})


def highest_rate(width: int, height: int, profile: Profile) -> int:
    """Frames per second that the profile takes at this size."""
    small = _macroblocks(width, height) <= _macroblocks(SMALL_WIDTH, SMALL_HEIGHT)
    return profile.max_frame_rate * 2 if small else profile.max_frame_rate


def fastest(profile: Profile) -> Fraction:
    """The most frames per second at any size, with the slack that averages need."""
    return profile.max_frame_rate * 2 + RATE_SLACK


def level(width: int, height: int, rate: Fraction) -> str:
    """The lowest level from 4.1 on that has room for these pictures; 5.2 where none has."""
    macroblocks = _macroblocks(width, height)
    for name, (per_second, per_frame, _) in _LEVELS.items():
        # Slack: an average of 30.1 must not lift a 1080p film to level 4.2, which fewer clients take.
        if macroblocks <= per_frame and macroblocks * (rate - RATE_SLACK) <= per_second:
            return name
    return "5.2"


def least(width: int, height: int, rate: Fraction, bits: int) -> str:
    """The lowest level of all that has room for these pictures with a peak rate or a buffer of so many `bits`."""
    macroblocks = _macroblocks(width, height)
    for name, (per_second, per_frame, _) in _SMALL_LEVELS.items():
        if macroblocks <= per_frame and macroblocks * (rate - RATE_SLACK) <= per_second and bits <= _MOST_BITS[name]:
            return name
    return level(width, height, rate)


def references(width: int, height: int, of_level: str) -> int:
    """Reference frames that the level's picture buffer holds, at most four."""
    buffer = {**_SMALL_LEVELS, **_LEVELS}[of_level][2]
    return max(1, min(MOST_REFERENCES, buffer // _macroblocks(width, height)))


def _macroblocks(width: int, height: int) -> int:
    return math.ceil(width / 16) * math.ceil(height / 16)
