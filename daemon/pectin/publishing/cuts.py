"""Where a track is cut into segments, what each takes, and what that means for those who download them. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pectin.publishing.mp4_tracks import VIDEO, Track

_USUAL = tuple(Fraction(rate * 1000, by) for rate in (24, 25, 30, 48, 50, 60) for by in (1000, 1001))
_CLOSE = Fraction(3, 10_000)  # a third of what lies between 24 and 23.976
NO_TIME = Fraction(0)
SEGMENT = 6  # seconds; Apple's rule for all that is not live, and three of our key frame distances
# Seconds: times in MP4 are rounded to a clock of 10,000 Hz or more, and a key frame at 5.99995 s is the one at six.
_ROUNDED = Fraction(2, 1000)


@dataclass(frozen=True, slots=True)
class Piece:
    """One segment, or what is loaded of one for a still picture: how long it is shown, and how many bytes it has."""

    seconds: Fraction
    size: int


@dataclass(frozen=True, slots=True)
class Segment:
    """`packets` of the track; `start` is when the first is shown."""

    packets: range
    start: Fraction
    seconds: Fraction


def segments(track: Track) -> list[Segment]:
    """At the first packet to begin with at or after every multiple of SEGMENT. Sound before the film begins is left out: it is
    the encoder's run-in, which no player lets hear. The first segment counts from the film's beginning, also where pictures or
    sound begin later."""
    scale = track.timescale
    begin = 0
    if track.kind != VIDEO:
        while begin < len(track) - 1 and track.shown(begin) < 0:
            begin += 1
    starts, following = [begin], _following(Fraction(max(0, track.shown(begin)), scale))
    keys: Sequence[int] = range(begin, len(track)) if track.keys is None else track.keys
    early = _ROUNDED * scale
    for key in keys[bisect_left(keys, begin + 1):]:
        shown = track.shown(key)
        if shown + early >= following * scale:
            starts.append(key)
            following = _following(Fraction(shown, scale))
    times = [Fraction(0), *(Fraction(track.shown(start), scale) for start in starts[1:]), Fraction(track.end, scale)]
    return [Segment(range(start, until), times[number], max(times[number + 1] - times[number], Fraction(1, scale)))
            for number, (start, until) in enumerate(zip(starts, [*starts[1:], len(track)], strict=True))]


def _following(shown: Fraction) -> int:
    return (int((shown + _ROUNDED) // SEGMENT) + 1) * SEGMENT


def parts(track: Track, segment: Segment) -> Iterator[range]:
    """A segment in pieces that are read by themselves: each picture that needs no other, then what follows it. Sound in one."""
    if track.kind != VIDEO or track.keys is None:
        yield segment.packets
        return
    at, stop = segment.packets.start, segment.packets.stop
    keys = track.keys[bisect_left(track.keys, at):bisect_left(track.keys, stop)]
    for key in keys:
        if at < key:
            yield range(at, key)
        yield range(key, key + 1)
        at = key + 1
    if at < stop:
        yield range(at, stop)


def still_seconds(track: Track) -> list[Fraction]:
    """For each key frame, in order: until the next one is shown."""
    keys = range(len(track)) if track.keys is None else track.keys
    times = [Fraction(track.shown(key), track.timescale) for key in keys]
    if times:
        times[0] = Fraction(0)
    ends = [*times[1:], Fraction(track.end, track.timescale)]
    return [max(after - here, Fraction(1, track.timescale)) for here, after in zip(times, ends, strict=True)]


def target_duration(pieces: Sequence[Piece]) -> int:
    """Whole seconds that no segment exceeds when rounded."""
    return max((1, *(int(piece.seconds + Fraction(1, 2)) for piece in pieces)))


def average_rate(pieces: Sequence[Piece]) -> int:
    """Bit/s of the whole."""
    seconds = sum((piece.seconds for piece in pieces), Fraction(0))
    return -int(-8 * sum(piece.size for piece in pieces) // seconds) if seconds else 0


def peak_rate(pieces: Sequence[Piece], target: int) -> int:
    """Bit/s of the most expensive neighbours that last from half to one and a half of a target duration together (RFC 8216,
    4.3.4.2); of the whole, where that is shorter."""
    least, most = Fraction(target, 2), Fraction(3 * target, 2)
    worst, first, size, seconds = 0, 0, 0, Fraction(0)
    found = False
    for number in range(len(pieces)):
        size, seconds, first = 0, Fraction(0), number
        while first < len(pieces) and seconds + pieces[first].seconds <= most:
            size, seconds, first = size + pieces[first].size, seconds + pieces[first].seconds, first + 1
            if seconds >= least:
                found, worst = True, max(worst, -int(-8 * size // seconds))
    return worst if found else average_rate(pieces)


def frame_rate(track: Track) -> Fraction:
    """Pictures per second, on average; one of the usual rates where only the rounding of times stands between."""
    seconds = Fraction(track.end - min(track.shown(0), track.end - 1), track.timescale)
    rate = Fraction(len(track)) / seconds
    usual = min(_USUAL, key=lambda one: abs(one - rate))
    return usual if abs(usual - rate) <= usual * _CLOSE else rate
