"""How large a picture will be, roughly: for disk space and for a person, not for verification."""

from __future__ import annotations

from pectin.model.plan import VideoTarget
from pectin.planning.video import CONTAINER_SHARE

# Bits per pixel of libx264 at crf 22, rather high: for the estimate only, real films lie from a third to double.
_BITS_PER_PIXEL = 0.1


def rate(target: VideoTarget) -> int:
    """Bit/s of an encoded picture."""
    guess = int(target.width * target.height * target.nominal_frame_rate * _BITS_PER_PIXEL * 2 ** ((22 - target.crf) / 6))
    return min(guess, target.max_bitrate)


def size(bit_rate: int, seconds: float) -> int:
    """Bytes of a file with streams of `bit_rate` together."""
    return int(bit_rate * (1 + CONTAINER_SHARE / 2) * seconds / 8)
