"""Priorities are words for people and numbers for the store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.priority import FRONT, MOST, parse_priority, priority_word


@pytest.mark.parametrize(("text", "number"), [("low", -10), ("Normal", 0), (" high ", 10), ("7", 7), ("-99", -99), ("+3", 3)])
def test_a_priority_is_a_word_or_a_number(text: str, number: int) -> None:
    assert parse_priority(text) == number


@pytest.mark.parametrize("text", ["", "urgent", "100", "-100", "1.5", "--1", "٣", "next", "1e3", "+"])
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=f"low, normal, high, or a number from -{MOST} to {MOST}"):
        parse_priority(text)


@given(st.integers(-MOST, MOST))
def test_a_priority_is_read_as_it_is_shown(number: int) -> None:
    assert parse_priority(priority_word(number)) == number
    assert priority_word(FRONT + number + MOST) == "next"
