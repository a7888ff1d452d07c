"""Random triggers against the state table: legal ones lead where it says, illegal ones raise and change nothing."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pectin.model.job import FINAL, TRANSITIONS, IllegalTransitionError, State, Trigger, next_state


class JobMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.state = State.PENDING
        self.seen: list[tuple[State, Trigger]] = []

    @rule(trigger=st.sampled_from(Trigger))
    def pull(self, trigger: Trigger) -> None:
        before = self.state
        try:
            self.state = next_state(self.state, trigger)
        except IllegalTransitionError as refused:
            assert (before, trigger) not in TRANSITIONS
            assert (refused.state, refused.trigger) == (before, trigger)
            assert self.state is before
        else:
            assert TRANSITIONS[before, trigger] is self.state
            self.seen.append((before, trigger))

    @invariant()
    def nothing_is_completed_that_was_not_encoded_and_published(self) -> None:
        if self.state is State.COMPLETED:
            assert self.seen[-1] == (State.PUBLISHING, Trigger.PUBLISHED)
            encoded = [step for step in self.seen if step[1] in (Trigger.ENCODED, Trigger.INTERRUPT, Trigger.CLAIM)]
            assert encoded[-1] == (State.PROCESSING, Trigger.ENCODED)

    @invariant()
    def a_final_state_waits_for_a_person(self) -> None:
        if self.state in FINAL:
            ways_out = {trigger for source, trigger in TRANSITIONS if source is self.state}
            assert ways_out <= {Trigger.REQUEUE, Trigger.REDO, Trigger.UNDO}


TestJobMachine = JobMachine.TestCase
