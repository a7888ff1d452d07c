"""The values all rooms speak in: the state table, the causes, job ids, intents."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.errors import MEANINGS, Cause, Kind, PectinError
from pectin.model.identity import is_job_id, job_id
from pectin.model.intent import Intent, Placement
from pectin.model.job import FINAL, TRANSITIONS, IllegalTransitionError, Job, State, Trigger, next_state, state_diagram

# The agreed table, written out by hand, so that a change of the code's table does not go unnoticed.
AGREED = """
PENDING    claim     PROCESSING
PENDING    cancel    CANCELLED
PROCESSING encoded   PUBLISHING
PROCESSING reject    REJECTED
PROCESSING retry     PENDING
PROCESSING interrupt PENDING
PROCESSING give_up   FAILED
PROCESSING cancel    CANCELLED
PUBLISHING published COMPLETED
PUBLISHING retry     PUBLISHING
PUBLISHING interrupt PENDING
PUBLISHING give_up   FAILED
PUBLISHING reject    REJECTED
FAILED     requeue   PENDING
REJECTED   requeue   PENDING
CANCELLED  requeue   PENDING
COMPLETED  redo      PENDING
COMPLETED  undo      CANCELLED
"""


def test_the_state_table_is_the_agreed_one() -> None:
    agreed = {(State(source), Trigger(trigger)): State(target)
              for source, trigger, target in (line.split() for line in AGREED.strip().splitlines())}
    assert dict(TRANSITIONS) == agreed


def test_every_state_can_be_reached_from_pending() -> None:
    reached = {State.PENDING}
    while True:
        further = reached | {target for (source, _), target in TRANSITIONS.items() if source in reached}
        if further == reached:
            break
        reached = further
    assert reached == set(State)


def test_final_states_are_left_only_because_a_person_said_so() -> None:
    for (source, trigger) in TRANSITIONS:
        assert (source in FINAL) == (trigger in (Trigger.REQUEUE, Trigger.REDO, Trigger.UNDO))


def test_no_state_is_a_dead_end() -> None:
    assert {source for source, _ in TRANSITIONS} == set(State)


@given(st.sampled_from(State), st.sampled_from(Trigger))
def test_what_the_table_does_not_hold_is_refused_and_says_what_would_be_possible(state: State, trigger: Trigger) -> None:
    if (state, trigger) in TRANSITIONS:
        assert next_state(state, trigger) is TRANSITIONS[state, trigger]
        return
    with pytest.raises(IllegalTransitionError) as refused:
        next_state(state, trigger)
    assert all(possible in str(refused.value) for source, possible in TRANSITIONS if source is state)


def test_the_diagram_shows_every_transition() -> None:
    shown = set()
    for line in state_diagram().splitlines()[2:]:
        source, target, triggers = re.fullmatch(r"    (\w+) --> (\w+): (.+)", line).groups()
        shown |= {(source, trigger, target) for trigger in triggers.split(", ")}
    assert shown == {(source, trigger, target) for (source, trigger), target in TRANSITIONS.items()}


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_tells_a_person_what_happened_and_what_to_do(cause: Cause) -> None:
    meaning = MEANINGS[cause]
    assert meaning.kind in Kind
    assert len(meaning.sentence) > 5
    assert len(meaning.next_step) > 5
    assert not meaning.sentence.endswith(".")  # facts of the case are put behind it
    assert "/tmp/x" in str(PectinError(cause, "/tmp/x"))
    assert str(PectinError(cause)) == meaning.sentence


@given(st.binary(min_size=7, max_size=16))
def test_a_job_id_is_short_and_recognised(random: bytes) -> None:
    made = job_id(random)
    assert is_job_id(made)
    assert re.fullmatch("[0-9a-hjkmnp-tv-z]{10}", made)


@pytest.mark.parametrize("text", ["", "short", "0123456789a", "012345678i", "../../etc/", "0123456 89"])
def test_other_text_is_no_job_id(text: str) -> None:
    assert not is_job_id(text)


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
paths = names.map(lambda name: Path("/srv") / name)
placements = st.builds(Placement, role=st.sampled_from(["video", "subtitle"]), work=paths, part=paths, final=paths,
                       size=st.integers(0, 1 << 50), sha256=st.just("0" * 64))


@given(st.builds(Intent, library=paths, placements=st.lists(placements, min_size=1, max_size=4).map(tuple)))
def test_an_intent_comes_back_as_it_was_written(intent: Intent) -> None:
    assert Intent.from_json(intent.as_json()) == intent


def test_the_name_of_a_job_can_be_printed_whatever_the_file_is_called() -> None:
    job = Job(id="0123456789", state=State.PENDING, route="films", profile="universal", inbox_path=PurePath("/in/a\udcff.mkv"),
              relative=PurePath("a\udcff.mkv"), size=1, created_at=0.0, updated_at=0.0)
    assert job.name == "a\ufffd.mkv"
    assert job.name.encode()
