"""What can be wrong with an output: a kind, and a sentence for a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MismatchKind(StrEnum):
    """What is wrong with an output. The value may become a metric label."""

    EMPTY = "empty"
    UNFINISHED = "unfinished"
    CONTAINER = "container"
    STREAMS = "streams"
    CODEC = "codec"
    CHAPTERS = "chapters"
    LANGUAGE = "language"
    DEFAULT = "default"
    PICTURE_SIZE = "picture_size"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    LYING_HEADER = "lying_header"
    FRAMES = "frames"
    COPY_DIFFERS = "copy_differs"
    OFFSET = "offset"
    RULES = "rules"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is wrong, with a sentence for a person. `index`: the stream of the source that it is about."""

    kind: MismatchKind
    sentence: str
    index: int | None = None
