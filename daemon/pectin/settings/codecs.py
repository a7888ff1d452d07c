"""What each encoder understands by preset and crf, and what these are when a profile leaves them to Pectin. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pectin.model.profile import VideoCodec

_X26 = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """`presets` from the fastest or the lowest number on; `crf` the range that makes sense; then the defaults."""

    presets: tuple[str, ...]
    crf: tuple[float, float]
    preset: str
    default_crf: float

    @property
    def preset_words(self) -> str:
        return f"{self.presets[0]} to {self.presets[-1]}" if self.presets[0].isdigit() else ", ".join(self.presets)


# crf 22 at 1080p: HandBrake's presets and our own measurements agree within one step. libx264's crf 0 is another H.264 profile
# (lossless), which nobody decodes. SVT-AV1: 6 and 30 are HandBrake's and its own recommendation. libvpx: cpu-used 2 and 31 are
# what Google's guide gives for 1080p; above 5 `good` is no slower encode any more.
ENCODERS: Mapping[VideoCodec, Encoder] = MappingProxyType({
    VideoCodec.H264: Encoder(presets=_X26, crf=(1, 51), preset="medium", default_crf=22),
    VideoCodec.HEVC: Encoder(presets=_X26, crf=(1, 51), preset="medium", default_crf=22),
    VideoCodec.AV1: Encoder(presets=tuple(map(str, range(14))), crf=(1, 63), preset="6", default_crf=30),
    VideoCodec.VP9: Encoder(presets=tuple(map(str, range(6))), crf=(1, 63), preset="2", default_crf=31),
})
