"""How much room a job will need, as a ceiling: what is set aside for it must suffice, or the disk fills up in the middle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pectin.model.plan import Method

UNPLANNED = 1.1  # of the source's size, as long as nobody has looked into it
SLACK = 1.05     # containers and subtitles


def output_size(source: int, *, method: Method | None = None, seconds: float | None = None, max_bitrate: int = 0) -> int:
    """The most bytes that a job's outputs take. A copied film has the size of its source; an encoded one at most the profile's
    `max_bitrate` (bit/s) for its `seconds`. Without a plan or a length: a little more than its source."""
    if method is Method.REMUX:
        return round(source * SLACK)
    if method is Method.ENCODE and seconds and max_bitrate:
        return round(max_bitrate * seconds / 8 * SLACK)
    return round(source * UNPLANNED)


@dataclass(frozen=True, slots=True)
class Rung:
    """A rendition, as far as its size goes: `max_bitrate` in bit/s, 0 for a copy of the source; `share`: of the film instead, as
    long as nobody has planned it. `files`: it is kept as a file."""

    max_bitrate: int = 0
    files: bool = True
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Extras:
    """The most bytes that renditions take: `made` all of them, `kept` those that stay as files, `cut` the set for web players."""

    made: int = 0
    kept: int = 0
    cut: int = 0


def extras_size(rungs: Iterable[Rung], *, film: int, source: int, seconds: float | None, hls: bool) -> Extras:
    """`film` and `source` in bytes. A set for web players holds all of them once more, and the film."""
    sizes = [(rung, _rung_size(rung, film, source, seconds)) for rung in rungs]
    made = sum(size for _, size in sizes)
    return Extras(made, sum(size for rung, size in sizes if rung.files), film + made if hls else 0)


def _rung_size(rung: Rung, film: int, source: int, seconds: float | None) -> int:
    if rung.share is not None:
        return round(film * rung.share)
    if not rung.max_bitrate or seconds is None:
        return round(source * SLACK)
    return round(rung.max_bitrate * seconds / 8 * SLACK)
