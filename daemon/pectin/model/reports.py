"""What running ffmpeg told us: progress on the way, and the figures at the end that the verification compares."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One block of ffmpeg's `-progress`. Unknown values ("N/A") are None. `fraction` is 0 to 1, None when the length
    of the source is unknown; `speed` is times real time; `ended` is true only for the block with progress=end."""

    frame: int | None = None
    out_seconds: float | None = None
    total_size: int | None = None
    fps: float | None = None
    speed: float | None = None
    fraction: float | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """How one ffmpeg run ended: the last progress block, whether progress=end was seen, and a bounded tail of stderr."""

    frames: int | None
    out_seconds: float | None
    ended: bool
    stderr: str
    wall_seconds: float
