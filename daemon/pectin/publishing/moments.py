"""When the streams of a file begin and end, read from its packets as ffprobe lists them: headers may claim anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def starts(document: Mapping[str, Any]) -> dict[int, frozenset[float]]:
    """`document`: what ffprobe printed of a file's beginning (its packets with their flags), decoded. For each stream the moments
    at which it may be said to begin, in seconds: its first packet, the first that is shown, the first that can be decoded by
    itself. They differ where a film was cut out of a longer one, and where an encoder of sound has to run up."""
    found: dict[int, list[tuple[float, str]]] = {}
    for index, time, packet in _packets(document):
        found.setdefault(index, []).append((time, str(packet.get("flags", ""))))
    return {index: frozenset(min(some) for some in (
        [time for time, _ in packets], [time for time, flags in packets if "D" not in flags],
        [time for time, flags in packets if "K" in flags and "D" not in flags]) if some)
        for index, packets in found.items()}


def ends(document: Mapping[str, Any]) -> dict[int, float]:
    """`document`: what ffprobe printed of a file's end, decoded. For each stream with a packet there: when the last one ends, in
    seconds."""
    found: dict[int, float] = {}
    for index, time, packet in _packets(document):
        end = time + (_number(packet.get("duration_time")) or 0.0)
        found[index] = max(end, found.get(index, end))
    return found


def _packets(document: Mapping[str, Any]) -> Iterator[tuple[int, float, Mapping[str, Any]]]:
    listed = document.get("packets")
    for packet in listed if isinstance(listed, list) else ():
        index, time = packet.get("stream_index"), _number(packet.get("pts_time"))
        if isinstance(index, int) and time is not None:
            yield index, time, packet


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
