"""The benchmark table's own arithmetic: a wrong verdict would be worse than none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.table import Limit, Row, Verdict, as_json, exit_status, markdown, pair_ratios, spread

LENGTHS = st.floats(0.001, 1e6)


def row(**changes: Any) -> Row:
    plain: dict[str, Any] = {"name": "wait", "figure": "Waiting", "measured": 75.4, "bound": 150.0, "unit": "ms", "digits": 0,
                             "judged": True, "notes": "40 drops"}
    return Row(**{**plain, **changes})


@pytest.mark.parametrize(("changes", "verdict"), [
    ({"measured": 150.0}, Verdict.HELD),
    ({"measured": 150.001}, Verdict.MISSED),
    ({"measured": float("nan")}, Verdict.MISSED),
    ({"measured": 999.0, "judged": False}, Verdict.NOT_JUDGED),
    ({"measured": None}, Verdict.NOT_MEASURED),
    ({"measured": 150.0, "limit": Limit.LEAST}, Verdict.HELD),
    ({"measured": 149.999, "limit": Limit.LEAST}, Verdict.MISSED),
    ({"measured": float("nan"), "limit": Limit.LEAST}, Verdict.MISSED),
])
def test_a_bound_is_held_up_to_its_last_digit_and_a_short_run_is_not_judged(changes: dict[str, Any], verdict: Verdict) -> None:
    assert row(**changes).verdict is verdict


def test_only_a_missed_bound_is_an_error() -> None:
    assert exit_status([row(), row(measured=None), row(measured=999.0, judged=False)]) == 0
    assert exit_status([row(), row(measured=999.0)]) == 1


def test_the_table_has_a_line_for_every_row_and_its_notes_below() -> None:
    table = markdown([row(), row(figure="Ratio", measured=1.0712, bound=1.1, unit="", digits=3, notes="")], {"CPUs": "2"})
    assert table.splitlines() == [
        "| figure | measured | bound | verdict |", "| --- | --- | --- | --- |",
        "| Waiting | 75 ms | at most 150 ms | held |", "| Ratio | 1.071 | at most 1.100 | held |",
        "", "- Waiting: 40 drops.", "", "Measured on: CPUs 2."]


def test_a_figure_that_rounds_to_its_bound_is_still_missed() -> None:
    assert "| 150 ms | at most 150 ms | missed |" in markdown([row(measured=150.3)], {})


def test_a_bound_that_is_a_minimum_is_called_one() -> None:
    assert "| 75 ms | at least 60 ms | held |" in markdown([row(bound=60.0, limit=Limit.LEAST)], {})


def test_what_was_left_out_has_no_figure() -> None:
    assert "| Waiting | – | at most 150 ms | not measured |" in markdown([row(measured=None)], {})


def test_programs_get_the_verdict_too() -> None:
    told = json.loads(as_json([row()], {"CPUs": "2"}))
    assert told["machine"] == {"CPUs": "2"}
    assert [(r["name"], r["measured"], r["limit"], r["bound"], r["verdict"]) for r in told["rows"]] == [
        ("wait", 75.4, "at most", 150.0, "held")]


@given(st.lists(LENGTHS, min_size=1, max_size=50))
def test_median_and_percentiles_lie_between_the_extremes(values: list[float]) -> None:
    seen = spread(values)
    assert min(values) == seen.least <= seen.median <= seen.most == max(values)
    for percentile, one_in in ((seen.p95, 20), (seen.p99, 100)):
        assert percentile in values
        assert sum(value > percentile for value in values) <= len(values) / one_in
        assert sum(value >= percentile for value in values) > len(values) / one_in


def test_of_two_hundred_measurements_two_may_lie_above_the_99th_percentile() -> None:
    assert spread([*range(198), 1000, 1001]).p99 == 197


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        spread([])


@given(st.lists(st.tuples(LENGTHS, LENGTHS), min_size=1, max_size=9), st.floats(0.1, 10))
def test_a_machine_that_slows_down_between_pairs_changes_no_ratio(pairs: list[tuple[float, float]], slower: float) -> None:
    slowed = [(a * slower, b * slower) for a, b in pairs]
    assert pair_ratios(slowed) == pytest.approx(pair_ratios(pairs))


def test_a_run_of_no_length_cannot_be_compared_with() -> None:
    with pytest.raises(ValueError, match="no length"):
        pair_ratios([(1.0, 0.0)])
