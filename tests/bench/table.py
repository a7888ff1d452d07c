"""The benchmark table, pure: measured figures against their bounds, as Markdown and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import median


class Verdict(StrEnum):
    """What a row says about its bound."""

    HELD = "held"
    MISSED = "missed"
    NOT_JUDGED = "not judged"      # measured, but too briefly for the bound to mean anything
    NOT_MEASURED = "not measured"


class Limit(StrEnum):
    """On which side of its bound a figure has to stay. The value is the word before the bound."""

    MOST = "at most"
    LEAST = "at least"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. `bound` is the most it may be, in `unit`, or with Limit.LEAST the least; `measured` is None when it was left
    out; `judged` is False for a short run. `notes` say what was measured and how far it spread."""

    name: str
    figure: str
    measured: float | None
    bound: float
    unit: str
    judged: bool
    digits: int
    notes: str = ""
    limit: Limit = Limit.MOST

    @property
    def verdict(self) -> Verdict:
        if self.measured is None:
            return Verdict.NOT_MEASURED
        if not self.judged:
            return Verdict.NOT_JUDGED
        held = self.measured <= self.bound if self.limit is Limit.MOST else self.measured >= self.bound
        return Verdict.HELD if held else Verdict.MISSED  # a NaN is on neither side of anything: missed


@dataclass(frozen=True, slots=True)
class Spread:
    """Of some measurements in one unit: their median, the 95th and 99th percentiles (the measured values that at most one in
    twenty, or in a hundred, exceeds), the least and the most."""

    median: float
    p95: float
    p99: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """Raises ValueError when there are none."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    p95, p99 = (ordered[math.ceil(len(ordered) * percent / 100) - 1] for percent in (95, 99))
    return Spread(median(ordered), p95, p99, ordered[0], ordered[-1])


def pair_ratios(pairs: Sequence[tuple[float, float]]) -> list[float]:
    """What was measured / what it is compared with, pair by pair. The two of a pair ran one after the other, so that a machine
    that slows down slows both; medians over all would compare different minutes. Raises ValueError for a zero."""
    if any(base <= 0 for _, base in pairs):
        raise ValueError("a run of no length cannot be compared with")
    return [value / base for value, base in pairs]


def markdown(rows: Sequence[Row], machine: Mapping[str, str]) -> str:
    """The table as people read it, with the notes and the machine below."""
    lines = ["| figure | measured | bound | verdict |", "| --- | --- | --- | --- |"]
    lines += [f"| {row.figure} | {_amount(row, row.measured)} | {row.limit} {_amount(row, row.bound)} | {row.verdict} |"
              for row in rows]
    lines += ["", *(f"- {row.figure}: {row.notes}." for row in rows if row.notes)]
    lines += ["", "Measured on: " + ", ".join(f"{name} {value}" for name, value in machine.items()) + "."]
    return "\n".join(lines)


def as_json(rows: Sequence[Row], machine: Mapping[str, str]) -> str:
    """The same for programs."""
    listed = [{**asdict(row), "verdict": row.verdict.value} for row in rows]
    return json.dumps({"machine": dict(machine), "rows": listed}, indent=2)


def exit_status(rows: Sequence[Row]) -> int:
    """1 when a bound was missed."""
    return int(any(row.verdict is Verdict.MISSED for row in rows))


def _amount(row: Row, value: float | None) -> str:
    return "–" if value is None else f"{value:.{row.digits}f}{' ' if row.unit else ''}{row.unit}"
