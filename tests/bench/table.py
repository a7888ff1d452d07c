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


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. `bound` is the most it may be, in `unit`; `measured` is None when it was left out; `judged` is False for a
    short run. `notes` say what was measured and how far it spread."""

    name: str
    figure: str
    measured: float | None
    bound: float
    unit: str
    judged: bool
    digits: int
    notes: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.measured is None:
            return Verdict.NOT_MEASURED
        if not self.judged:
            return Verdict.NOT_JUDGED
        return Verdict.HELD if self.measured <= self.bound else Verdict.MISSED  # a NaN is not below anything: missed


@dataclass(frozen=True, slots=True)
class Spread:
    """Of some measurements in one unit: their median, the 95th percentile (the measured value that at most one in twenty
    exceeds), the least and the most."""

    median: float
    p95: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """Raises ValueError when there are none."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return Spread(median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1], ordered[0], ordered[-1])


def pair_ratios(pairs: Sequence[tuple[float, float]]) -> list[float]:
    """What was measured / what it is compared with, pair by pair. The two of a pair ran one after the other, so that a machine
    that slows down slows both; medians over all would compare different minutes. Raises ValueError for a zero."""
    if any(base <= 0 for _, base in pairs):
        raise ValueError("a run of no length cannot be compared with")
    return [value / base for value, base in pairs]


def markdown(rows: Sequence[Row], machine: Mapping[str, str]) -> str:
    """The table as people read it, with the notes and the machine below."""
    lines = ["| figure | measured | bound | verdict |", "| --- | --- | --- | --- |"]
    lines += [f"| {row.figure} | {_amount(row, row.measured)} | at most {_amount(row, row.bound)} | {row.verdict} |"
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
