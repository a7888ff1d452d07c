"""How much room a job will need, as a ceiling: what is set aside for it must suffice, or the disk fills up in the middle."""

from __future__ import annotations

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
