"""How much room is set aside for a job: a ceiling, from what is known at the time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pectin.model.need import output_size
from pectin.model.plan import Method

SIZES = st.integers(0, 10**13)


def test_before_the_plan_a_little_more_than_the_source_is_set_aside() -> None:
    assert output_size(1000) == 1100


def test_a_copied_film_has_the_size_of_its_source() -> None:
    assert output_size(1000, method=Method.REMUX, seconds=3600.0, max_bitrate=8_000_000) == 1050


def test_an_encoded_film_has_at_most_the_profiles_rate_for_its_length() -> None:
    assert output_size(10**12, method=Method.ENCODE, seconds=100.0, max_bitrate=8_000_000) == 105_000_000


def test_an_encode_of_unknown_length_is_guessed_by_its_source() -> None:
    assert output_size(1000, method=Method.ENCODE, seconds=None, max_bitrate=8_000_000) == 1100


@given(size=SIZES, method=st.sampled_from([None, *Method]), seconds=st.none() | st.floats(0, 1e6), rate=st.integers(0, 8_000_000))
def test_it_is_never_negative_and_a_copy_never_less_than_its_source(size: int, method: Method | None, seconds: float | None,
                                                                    rate: int) -> None:
    needed = output_size(size, method=method, seconds=seconds, max_bitrate=rate)
    assert needed >= (0 if method is Method.ENCODE else size)
