"""When work is allowed: windows such as `mon-fri 22:00-07:00`, by the clock on the wall.

What that clock shows decides, also on the two days of the year when it jumps: an hour that is left out is not missed, one that
comes twice counts twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60    # minutes
_WEEK = 7 * _DAY
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})")
WORDS = 'a window such as "mon-fri 22:00-07:00", "sat-sun" or "01:00-06:30"'


class WindowError(ValueError):
    """A window that cannot be understood; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class Window:
    """Minutes of the week, counted from Monday 00:00. It begins on `first` of each of `days` (0 is Monday) and lasts `length`,
    perhaps into the next day."""

    text: str
    days: frozenset[int]
    first: int
    length: int

    def holds(self, minute: int) -> bool:
        return any((minute - day * _DAY - self.first) % _WEEK < self.length for day in self.days)


def parse_window(text: str) -> Window:
    """`days times`, either of which may be left out: all days, or the whole day. A range of days may run over Sunday, one of
    times over midnight: it belongs to the day on which it begins. Raises WindowError."""
    words = text.strip().lower().split()
    if len(words) == 1:
        words = ["mon-sun", *words] if words[0][:1].isdigit() else [*words, "00:00-24:00"]
    if len(words) != 2:
        raise WindowError('it must be days, times, or both: "mon-fri 22:00-07:00"')
    first, last = _times(words[1])
    if first == last:
        raise WindowError("it begins when it ends: 00:00-24:00 is the whole day")
    return Window(text, _days(words[0]), first, (last - first) % _DAY or _DAY)


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        start, end = _day(first), _day(last if dash else first)
        found |= {(start + step) % 7 for step in range((end - start) % 7 + 1)}
    return frozenset(found)


def _day(text: str) -> int:
    if text not in DAYS:
        raise WindowError(f"there is no day {text!r}: {', '.join(DAYS)}")
    return DAYS.index(text)


def _times(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not dash:
        raise WindowError(f"{text!r} is no range of times: 22:00-07:00")
    start = _minute(first)
    if start == _DAY:
        raise WindowError("a window cannot begin at 24:00: that is 00:00 of the next day")
    return start, _minute(last)


def _minute(text: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None or int(found[2]) > 59 or int(found[1]) * 60 + int(found[2]) > _DAY:
        raise WindowError(f"there is no time {text!r}: 00:00 to 24:00")
    return int(found[1]) * 60 + int(found[2])


@dataclass(frozen=True, slots=True)
class Schedule:
    """No windows: always open. `zone` None is the zone of this machine. Times are Unix seconds."""

    windows: tuple[Window, ...] = ()
    zone: tzinfo | None = None

    def is_open(self, at: float) -> bool:
        if not self.windows:
            return True
        wall = self._wall(at)
        minute = wall.weekday() * _DAY + wall.hour * 60 + wall.minute
        return any(window.holds(minute) for window in self.windows)

    def next_change(self, at: float) -> float | None:
        """When it opens or closes next; None: never."""
        now = self.is_open(at)
        moments = sorted({moment for moment in self._moments(at) if moment > at})
        return next((moment for moment in moments if self.is_open(moment) is not now), None)

    def _wall(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, self.zone)

    def _moments(self, at: float) -> Iterator[float]:
        """All moments of the days to come at which it could change: where windows begin and end, and where the clock jumps."""
        today = self._wall(at).date()
        ends = {minute % _DAY for window in self.windows for minute in (window.first, window.first + window.length)}
        for day in range(-1, 9):
            for minute in ends:
                yield from self._instants(today + timedelta(days=day), time(minute // 60, minute % 60))
        yield from self._jumps(at)

    def _instants(self, day: date, moment: time) -> tuple[float, float]:
        """An hour that comes twice has each of its minutes twice."""
        wall = datetime.combine(day, moment, tzinfo=self.zone)
        return wall.timestamp(), wall.replace(fold=1).timestamp()

    def _jumps(self, at: float) -> Iterator[float]:
        hour = at // 3600 * 3600
        for low in (hour + 3600 * step for step in range(8 * 24 + 1)):
            first, last = low, low + 3600
            if self._offset(first) == self._offset(last):
                continue
            while last - first > 60:  # zones change on whole minutes
                middle = first + (last - first) // 120 * 60
                first, last = (middle, last) if self._offset(middle) == self._offset(first) else (first, middle)
            yield last

    def _offset(self, at: float) -> float:
        return self._wall(at).replace(tzinfo=UTC).timestamp() - at

    def told(self, at: float) -> str:
        """A moment as a person says it: the hour, with the day where that is not today's."""
        return datetime.fromtimestamp(at, self.zone).strftime("%a %H:%M")


def schedule(texts: Sequence[str], zone: tzinfo | None = None) -> Schedule:
    """Raises WindowError."""
    return Schedule(tuple(map(parse_window, texts)), zone)
