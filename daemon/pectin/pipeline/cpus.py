"""Which CPUs each worker slot may use, so that two jobs do not sit on the same core while another is idle."""

from __future__ import annotations

from collections.abc import Sequence


def share(available: Sequence[int], slots: int, threads: int) -> list[frozenset[int] | None]:
    """One set of `threads` CPUs per slot, apart from each other as far as they go. None: all of them, nothing to pin."""
    if threads >= len(available):
        return [None] * slots
    ring = list(available)
    return [frozenset(ring[(slot * threads + place) % len(ring)] for place in range(threads)) for slot in range(slots)]


def threads_for(setting: int | str, available: int) -> int:
    """`auto` is half of the CPUs, at least one: the other half is for Jellyfin. A number is kept, but not above what there is."""
    return max(1, available // 2) if setting == "auto" else max(1, min(int(setting), available))
