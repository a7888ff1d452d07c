"""What becomes of a job after trouble: every cause in both running states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.errors import MEANINGS, Cause, Kind
from pectin.model.job import State, Trigger, next_state
from pectin.pipeline.retry import RESOURCE_DELAY, RetryPolicy, backoff, decide

POLICY = RetryPolicy(attempts=3, first=30, cap=3600, max_interruptions=3)
RUNNING = [State.PROCESSING, State.PUBLISHING]
COUNTS = st.integers(0, 100)


@pytest.mark.parametrize("state", RUNNING)
@pytest.mark.parametrize("cause", Cause)
@given(attempts=COUNTS, interruptions=COUNTS, jitter=st.floats(0, 1))
def test_every_decision_is_a_legal_transition_or_none(state: State, cause: Cause, attempts: int, interruptions: int,
                                                      jitter: float) -> None:
    decision = decide(state, cause, attempts=attempts, interruptions=interruptions, policy=POLICY, jitter=jitter)
    if decision.trigger is not None:
        next_state(state, decision.trigger)
    assert decision.delay >= 0
    assert decision.attempts >= attempts
    assert decision.interruptions >= interruptions


@pytest.mark.parametrize("cause", [c for c in Cause if MEANINGS[c].kind is Kind.TRANSIENT])
@pytest.mark.parametrize("state", RUNNING)
def test_passing_trouble_ends_after_a_bounded_number_of_tries(state: State, cause: Cause) -> None:
    """Whatever passes too often is given up: no job can go round for ever."""
    attempts = interruptions = 0
    for _ in range(POLICY.attempts + POLICY.max_interruptions + 1):
        decision = decide(state, cause, attempts=attempts, interruptions=interruptions, policy=POLICY)
        attempts, interruptions = decision.attempts, decision.interruptions
        if decision.trigger is Trigger.GIVE_UP:
            return
    raise AssertionError(f"{cause} in {state} never ends")


@pytest.mark.parametrize("cause", [c for c in Cause if MEANINGS[c].kind is Kind.RESOURCE])
@pytest.mark.parametrize("state", RUNNING)
def test_what_the_machine_lacks_is_waited_for_and_costs_no_attempt(state: State, cause: Cause) -> None:
    decision = decide(state, cause, attempts=2, interruptions=1, policy=POLICY)
    assert (decision.trigger, decision.delay, decision.attempts, decision.interruptions) == (Trigger.RETRY, RESOURCE_DELAY, 2, 1)


@pytest.mark.parametrize("cause", [c for c in Cause if MEANINGS[c].kind is Kind.REFUSAL])
def test_a_source_at_fault_is_rejected_at_once(cause: Cause) -> None:
    assert decide(State.PROCESSING, cause, attempts=0, interruptions=0, policy=POLICY).trigger is Trigger.REJECT


def test_an_orderly_stop_interrupts_without_counting_and_placing_goes_on_later() -> None:
    stopped = decide(State.PROCESSING, Cause.DAEMON_STOPPED, attempts=1, interruptions=2, policy=POLICY)
    assert (stopped.trigger, stopped.interruptions, stopped.attempts) == (Trigger.INTERRUPT, 2, 1)
    placing = decide(State.PUBLISHING, Cause.DAEMON_STOPPED, attempts=1, interruptions=2, policy=POLICY)
    assert (placing.trigger, placing.interruptions, placing.attempts, placing.delay) == (Trigger.RETRY, 2, 1, 0)


def test_a_daemon_that_died_while_placing_goes_on_placing_and_never_encodes_twice() -> None:
    died = decide(State.PUBLISHING, Cause.DAEMON_DIED, attempts=0, interruptions=0, policy=POLICY)
    assert (died.trigger, died.interruptions) == (Trigger.RETRY, 1)


def test_a_lost_output_is_made_again() -> None:
    assert decide(State.PUBLISHING, Cause.OUTPUT_LOST, attempts=0, interruptions=0, policy=POLICY).trigger is Trigger.INTERRUPT


def test_a_cancel_comes_too_late_once_the_film_is_being_placed() -> None:
    assert decide(State.PROCESSING, Cause.CANCELLED_BY_USER, attempts=0, interruptions=0, policy=POLICY).trigger is Trigger.CANCEL
    assert decide(State.PUBLISHING, Cause.CANCELLED_BY_USER, attempts=0, interruptions=0, policy=POLICY).trigger is None


def test_our_own_fault_is_not_tried_again() -> None:
    assert decide(State.PROCESSING, Cause.INTERNAL, attempts=0, interruptions=0, policy=POLICY).trigger is Trigger.GIVE_UP


@given(attempts=COUNTS, jitter=st.floats(0, 1))
def test_waits_grow_to_the_cap_and_never_beyond(attempts: int, jitter: float) -> None:
    wait = backoff(attempts, POLICY, jitter)
    assert POLICY.first * 0.9 <= wait <= POLICY.cap
    assert backoff(attempts + 1, POLICY, jitter) >= wait


def test_waits_double() -> None:
    assert [backoff(n, POLICY, 0) for n in range(9)] == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
