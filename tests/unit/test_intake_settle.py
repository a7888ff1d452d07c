"""The rule that says when a file is finished."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.intake.settle import Facts, Lease, Patience, Verdict, WaitReason, judge
from pectin.intake.structure import Structure, Wholeness

WHOLE = Structure(Wholeness.WHOLE, 100, 100, "whole")
CUT = Structure(Wholeness.TRUNCATED, 61, 100, "cut short: 61 % of it is there")
UNKNOWN = Structure(Wholeness.UNPROVABLE, 100, None, "this format does not tell its length")
PATIENCE = Patience(linger=2, quiet=15)


def verdict(*, age: float, size: int = 100, lease: Lease = Lease.GRANTED, structure: Structure | None = WHOLE,
            patience: Patience = PATIENCE) -> Verdict:
    return judge(Facts(now=1000.0, last_change=1000.0 - age, size=size, lease=lease, structure=structure), patience)


@pytest.mark.parametrize(("facts", "reason", "again_in"), [
    ({"age": 1}, WaitReason.LINGER, 1), ({"age": 2}, WaitReason.SETTLED, None),
    ({"age": 14, "structure": UNKNOWN}, WaitReason.QUIET, 1), ({"age": 15, "structure": UNKNOWN}, WaitReason.SETTLED, None),
    ({"age": 14, "lease": Lease.UNSUPPORTED}, WaitReason.QUIET, 1),
    ({"age": 15, "lease": Lease.UNSUPPORTED}, WaitReason.SETTLED, None),
    ({"age": 14, "size": 0, "structure": None}, WaitReason.EMPTY, 1),
    ({"age": 15, "size": 0, "structure": None}, WaitReason.SETTLED, None),
    ({"age": 1e9, "structure": CUT}, WaitReason.TRUNCATED, None),
    ({"age": 1e9, "structure": CUT, "lease": Lease.UNSUPPORTED}, WaitReason.TRUNCATED, None),
    ({"age": 1e9, "lease": Lease.HELD}, WaitReason.WRITING, 5),
    ({"age": 1e9, "lease": Lease.HELD, "size": 0}, WaitReason.WRITING, 5),
    ({"age": 1e9, "lease": Lease.HELD, "structure": CUT}, WaitReason.WRITING, 5),
])
def test_the_rule(facts: dict[str, object], reason: WaitReason, again_in: float | None) -> None:
    given_verdict = verdict(**facts)  # type: ignore[arg-type]
    assert (given_verdict.reason, given_verdict.again_in) == (reason, again_in)
    assert given_verdict.settled == (reason is WaitReason.SETTLED)
    assert given_verdict.sentence


@pytest.mark.parametrize(("age", "settled", "again_in"), [(0, False, 100), (99, False, 1), (100, True, None), (1e9, True, None)])
def test_a_truncated_file_is_given_up_in_the_end(age: float, settled: bool, again_in: float | None) -> None:
    given_up = verdict(age=age, structure=CUT, patience=Patience(2, 15, give_up=100))
    assert (given_up.settled, given_up.reason, given_up.again_in) == (settled, WaitReason.TRUNCATED, again_in)


def test_a_truncated_file_says_how_much_is_there() -> None:
    assert "61 %" in verdict(age=5, structure=CUT).sentence


def test_without_patience_a_finished_file_is_settled_at_once() -> None:
    for structure in (WHOLE, UNKNOWN):
        assert verdict(age=0, structure=structure, patience=Patience(0, 0)).settled


def test_a_linger_longer_than_quiet_holds_for_all() -> None:
    for structure in (WHOLE, UNKNOWN):
        assert verdict(age=25, structure=structure, patience=Patience(30, 15)).again_in == 5


STATES = [Facts(now=0, last_change=0, size=size, lease=lease, structure=structure)
          for size, lease, structure in itertools.product((0, 100), Lease, (None, WHOLE, CUT, UNKNOWN))]


@given(st.sampled_from(STATES), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 3600), st.floats(0, 3600))
def test_waiting_as_long_as_told_settles(state: Facts, start: float, age: float, linger: float, quiet: float) -> None:
    patience = Patience(linger, quiet)

    def after(seconds: float) -> Verdict:
        return judge(Facts(now=start + seconds, last_change=start, size=state.size, lease=state.lease, structure=state.structure),
                     patience)

    first = after(age)
    if first.settled:
        assert state.lease is not Lease.HELD
        assert not state.size or state.structure is not CUT
        assert age >= linger - 1e-6
    elif first.again_in is not None:
        assert first.again_in > 0
        assert first.reason is WaitReason.WRITING or after(age + first.again_in + 1e-3).settled
    else:
        assert first.reason is WaitReason.TRUNCATED
