"""What only a look at the frames tells, because headers lie or are silent: what to look for, and what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pectin.model.mastering import ContentLight, MasteringDisplay
from pectin.model.quality import Found


class Scan(StrEnum):
    """How the frames of a picture are really made up."""

    PROGRESSIVE = "progressive"
    INTERLACED = "interlaced"
    TELECINED = "telecined"  # film at 24 frames per second, spread over 60 fields: 3:2 pulldown


@dataclass(frozen=True, slots=True, kw_only=True)
class CropBox:
    """The part of the coded picture that is not black, in its pixels."""

    width: int
    height: int
    x: int
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """One sound track by EBU R128: integrated loudness in LUFS, the highest true peak in dBTP, the range in LU."""

    integrated: float
    peak: float
    range: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What a plan needs to know beyond the headers; empty: nothing. `loudness`: stream indexes; `picture`: the index of the
    stream that `scan`, `crop` and `mastering` (what an HDR film says of its screen) are about."""

    picture: int = 0
    scan: bool = False
    crop: bool = False
    captions: bool = False
    mastering: bool = False
    loudness: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return self.scan or self.crop or self.captions or self.mastering or bool(self.loudness)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The answers. None and absent: nobody looked, or it could not be told; the headers count then. `top_first`: which field of
    an interlaced or telecined picture comes first. `decoders`: the codecs (ffprobe's names) that this ffmpeg can decode.
    `quality`: what a search for the target score has found."""

    scan: Scan | None = None
    top_first: bool | None = None
    crop: CropBox | None = None
    captions: bool | None = None
    mastering: MasteringDisplay | None = None
    light: ContentLight | None = None
    loudness: Mapping[int, Loudness] = field(default_factory=dict)
    decoders: frozenset[str] | None = None
    quality: Found | None = None
