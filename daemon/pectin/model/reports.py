"""What running ffmpeg told us: progress on the way, and the figures at the end that the verification compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pectin.model.plan import Plan, StreamDecision
from pectin.model.profile import Verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One block of ffmpeg's `-progress`. Unknown values ("N/A") are None. `fraction` is 0 to 1, None when the length
    of the source is unknown; `speed` is times real time; `ended` is true only for the block with progress=end; `left_seconds`
    is how long it will still take at this speed."""

    frame: int | None = None
    out_seconds: float | None = None
    total_size: int | None = None
    fps: float | None = None
    speed: float | None = None
    fraction: float | None = None
    ended: bool = False
    left_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """How one ffmpeg run ended: the last progress block, whether progress=end was seen, and a bounded tail of stderr.
    `cpu_seconds` of all its threads, `peak_memory` in bytes."""

    frames: int | None
    out_seconds: float | None
    ended: bool
    stderr: str
    wall_seconds: float
    cpu_seconds: float = 0.0
    peak_memory: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What was found out about an output besides its headers and the decode. Streams by their index in the file; times are
    seconds.

    `copied` with the hashes of their packets, as they were read from the source and as they stand in the output. `ends`: when
    the last packet of a stream ends, of those that have one after `tail_start`. `starts`: the moments at which a stream may be
    said to begin (first packet, first that is shown, first key frame). `again`: the plan for the output, as if it were a
    source. `within_bitrate`: the whole file keeps to the profile's limit. `shapes`: in how many
    ways a copied picture says how large it is and how it is coded; 0: nowhere but in front."""

    depth: Verify = Verify.FULL
    copied: tuple[StreamDecision, ...] = ()
    source_hashes: tuple[str, ...] = ()
    output_hashes: tuple[str, ...] = ()
    tail_start: float | None = None
    ends: Mapping[int, float] = field(default_factory=dict)
    source_starts: Mapping[int, frozenset[float]] = field(default_factory=dict)
    output_starts: Mapping[int, frozenset[float]] = field(default_factory=dict)
    again: Plan | None = None
    within_bitrate: bool = False
    shapes: int = 1
