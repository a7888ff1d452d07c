"""Renditions: further versions of a film beside the main one, smaller each, and HLS made of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pectin.model.plan import StreamDecision

ORIGINAL = "original"


class Hls(StrEnum):
    """How a film is cut for web players."""

    NONE = "none"
    FMP4 = "fmp4"  # CMAF segments
    TS = "ts"      # MPEG-TS segments, for old players


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One version, as planned. `name` is `720p` and the like, or `original`; `streams` as in a plan: the picture first (with a
    VideoTarget, or copied), then its sound: one stereo track of AAC. `files`: it is kept as a file of its own; else it is there
    for HLS only. `max_bitrate` in bit/s bounds the whole file; 0: a copy, which is as large as its source."""

    name: str
    streams: tuple[StreamDecision, ...]
    width: int
    height: int
    sentence: str
    container: str = "mp4"
    files: bool = True
    estimated_size: int | None = None
    max_bitrate: int = 0

    @property
    def copied(self) -> bool:
        """Whether its picture is the source's own."""
        return self.max_bitrate == 0

    @property
    def file(self) -> str:
        """Its name in the job's folder."""
        return f"rendition-{self.name}.{self.container}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A rendition that was made and verified; `file` lies in the job's folder. For HLS the main film may be one of them.
    `aligned`: it has a key frame at every multiple of the key frame distance, as all others that are."""

    rendition: Rendition
    file: str
    aligned: bool
