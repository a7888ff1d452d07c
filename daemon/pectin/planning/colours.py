"""What the colours of a source mean: its transfer function and its matrix, guessed as players do where it is silent."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pectin.model.media import VideoStream

HDR: Mapping[str, str] = MappingProxyType({"smpte2084": "HDR10 (PQ)", "arib-std-b67": "HLG"})
# Dolby Vision's compatibility number says what its base layer is, for all players that know no Dolby Vision. Source: the Dolby
# Vision profiles and levels specification (1, 6: HDR10; 4: HLG; 2: SDR).
_BASE_LAYERS: Mapping[int, str] = MappingProxyType({1: "smpte2084", 6: "smpte2084", 4: "arib-std-b67"})
_MATRICES: Mapping[str, str] = MappingProxyType({
    "bt709": "bt709", "smpte170m": "smpte170m", "bt470bg": "smpte170m", "fcc": "fcc", "smpte240m": "smpte240m",
    "bt2020nc": "bt2020", "bt2020c": "bt2020"})
_RGB = ("gbr", "rgb", "bgr", "argb", "abgr", "0rgb", "0bgr", "x2rgb", "x2bgr", "pal8")


def transfer(stream: VideoStream) -> str:
    """The transfer function, from the tag, else from what Dolby Vision says of its base layer."""
    if stream.color_transfer is None and stream.dolby_vision_profile is not None:
        return _BASE_LAYERS.get(stream.dolby_vision_compatibility or 0, "bt709")
    return stream.color_transfer or "bt709"


def is_hdr(stream: VideoStream) -> bool:
    return transfer(stream) in HDR


def matrix(stream: VideoStream) -> str:
    """Which matrix the source's colours are coded with, as swscale calls it, or `gbr` for RGB; unlabelled SD is BT.601, HD is
    BT.709 (what every player assumes)."""
    if stream.color_space == "gbr" or (stream.pixel_format or "").startswith(_RGB):
        return "gbr"
    known = _MATRICES.get(stream.color_space or "")
    if known is not None:
        return known
    return "bt709" if (stream.height or 0) >= 720 or (stream.width or 0) >= 1280 else "smpte170m"
