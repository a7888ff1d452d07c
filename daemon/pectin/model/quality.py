"""Quality as a wish: a fixed crf, or the crf that reaches a score, found by trying."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class QualityMode(StrEnum):
    FIXED = "fixed"    # the profile's crf
    TARGET = "target"  # the crf that reaches the target score


class Metric(StrEnum):
    """What the score is measured by: the names of ffmpeg's filters, `libvmaf` being the one of VMAF."""

    VMAF = "vmaf"
    XPSNR = "xpsnr"

    @property
    def filter(self) -> str:
        """ffmpeg's name of it."""
        return "libvmaf" if self is Metric.VMAF else "xpsnr"

    @property
    def sign(self) -> str:
        """As a person writes it."""
        return self.value.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """`target` in the metric's own unit (VMAF: 0 to 100, XPSNR: dB). `max_size`: the output may take at most this part of the
    source; a target that would need more is given up. `floor`: an SSIM below which the output is reported; None: nobody looks."""

    mode: QualityMode = QualityMode.FIXED
    metric: Metric = Metric.VMAF
    target: float = 95.0
    max_size: float = 0.8
    floor: float | None = None


FIXED_QUALITY = Quality()


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The parts of a film that tries are made on. `places`: seconds from the beginning, None for the beginning itself; `frames`:
    how many of each, None for all of the film; `seconds`: how long each is."""

    places: tuple[float | None, ...]
    frames: int | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """All samples encoded at a crf: the score they get, and the bit/s they take."""

    crf: float
    score: float
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search has found: this crf reaches `score`, as measured on samples; `size` is the predicted part of the source.
    `remembered`: it was measured for an earlier job with the same content and settings. `reached`: False where the target
    was given up, and `sentence` says why and what is used instead."""

    crf: float
    score: float
    size: float
    tries: int
    reached: bool
    sentence: str
    remembered: bool = False
