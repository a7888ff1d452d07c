"""The note beside a source that rests: the whole job comes back from it, and from no other text."""

from __future__ import annotations

import os
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.errors import Cause
from pectin.model.job import Job, Stage, State
from pectin.model.job_note import note_text, noted_job

NAMES = st.binary(min_size=1, max_size=30).filter(lambda n: not {b"/"[0], 0} & set(n) and n not in (b".", b"..")).map(os.fsdecode)
TEXTS = st.none() | st.text(st.characters(), max_size=30)
TIMES = st.none() | st.floats(0, 4e9)


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    relative = PurePath(draw(NAMES))
    return Job(id="0123456789", state=draw(st.sampled_from(State)), stage=draw(st.sampled_from(Stage)), route="films",
               profile="universal", inbox_path=PurePath("/in") / relative, relative=relative, size=draw(st.integers(0, 2**62)),
               created_at=1.5, updated_at=draw(st.floats(0, 4e9)), attempts=draw(st.integers(0, 9)), started_at=draw(TIMES),
               finished_at=draw(TIMES), cause=draw(st.none() | st.sampled_from(Cause)), message=draw(TEXTS) or "",
               media=draw(TEXTS), plan=draw(TEXTS), intent=draw(TEXTS), outputs=draw(TEXTS), fingerprint=draw(TEXTS),
               left_behind=draw(TEXTS))


@given(job=jobs())
def test_a_job_comes_back_from_its_note_as_it_was_whatever_bytes_its_name_has(job: Job) -> None:
    text = note_text(job)
    assert text.isascii()
    assert noted_job(text) == job


@given(job=jobs(), cut=st.floats(0, 1, exclude_max=True))
def test_half_a_note_is_none(job: Job, cut: float) -> None:
    text = note_text(job)
    with pytest.raises((ValueError, KeyError, TypeError)):
        noted_job(text[:int(len(text) * cut)])


def test_what_another_version_wrote_is_taken_as_far_as_it_is_known() -> None:
    job = Job(id="0123456789", state=State.FAILED, route="films", profile="universal", inbox_path=PurePath("/in/a"),
              relative=PurePath("a"), size=1, created_at=1.0, updated_at=2.0)
    newer = note_text(job).replace("{", '{"colour": "red",', 1)
    assert noted_job(newer) == job
    older = note_text(job).replace(' "fingerprint": null,\n', "").replace(' "attempts": 0,\n', "")
    assert older != note_text(job)
    assert noted_job(older) == job


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"id": "0123456789"}', '{"state": "ASLEEP"}'])
def test_another_text_is_no_note(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        noted_job(text)
