"""Tells a film's content from another's without reading all of it: its size, and blocks from all over it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

BLOCK = 64 * 1024  # bytes
SPREAD = 16        # blocks between the first and the last


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOutput:
    """A film that we made: `path` is where it was published, `sha256` (hex) of all of it."""

    job_id: str
    role: str
    path: Path
    sha256: str
    fingerprint: str


def fingerprint(size: int, read: Callable[[int, int], bytes]) -> str:
    """`<size>-<SHA-256 of the blocks>` of a file of `size` bytes; `read(offset, length)` gives its bytes. Two files that differ
    in it are different films; two that do not are the same one in all likelihood: a download that was filled up with zeros, say,
    may have the same blocks, so where it matters whole files are compared then."""
    digest = hashlib.sha256()
    for offset, length in blocks(size):
        digest.update(read(offset, length))
    return f"{size}-{digest.hexdigest()}"


def blocks(size: int) -> list[tuple[int, int]]:
    """Which blocks are looked at, as (offset, length): the first, the last, and some at equal distances between; all of a small
    file."""
    if size <= (SPREAD + 2) * BLOCK:
        return [(0, size)] if size else []
    last = size - BLOCK
    return [(last * number // (SPREAD + 1), BLOCK) for number in range(SPREAD + 2)]
