"""What a rendition has to keep to besides what every output has to: its own highest rate, and its level."""

from __future__ import annotations

from collections.abc import Iterator

from pectin.model.media import MediaInfo
from pectin.model.plan import VideoTarget
from pectin.model.profile import VideoCodec
from pectin.model.rendition import Rendition
from pectin.publishing.mismatch import Mismatch, MismatchKind

_SLACK = 1.05  # rate controls are a few per cent off
# libvpx keeps a rate over a film, not over seconds of noise (twice as much was measured); SVT-AV1 takes it as a hint.
_LOOSE = frozenset({VideoCodec.VP9, VideoCodec.AV1})
_LONG = 30.0   # seconds


def limits(rendition: Rendition, output: MediaInfo) -> Iterator[Mismatch]:
    """Where it goes beyond them."""
    target = rendition.streams[0].target
    if not isinstance(target, VideoTarget):
        return
    judged = target.codec not in _LOOSE or (output.duration or 0.0) >= _LONG
    if judged and (output.bit_rate or 0) > rendition.max_bitrate * _SLACK:
        yield Mismatch(MismatchKind.RULES, f"it takes {(output.bit_rate or 0) / 1e6:.2f} Mbit/s, more than "
                                           f"{rendition.max_bitrate / 1e6:.2f}")
    level = output.video[0].level if output.video else None
    if target.codec is VideoCodec.H264 and level is not None and level > round(float(target.level) * 10):
        yield Mismatch(MismatchKind.RULES, f"its level is {level / 10:g}, over {target.level}")
