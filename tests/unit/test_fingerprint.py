"""What tells one film's content from another's."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pectin.model.fingerprint import BLOCK, SPREAD, blocks, fingerprint

MOST = (SPREAD + 2) * BLOCK


def of(content: bytes) -> str:
    return fingerprint(len(content), lambda offset, length: content[offset:offset + length])


@given(size=st.integers(0, 2**48))
def test_the_first_and_the_last_byte_are_looked_at_and_none_beyond(size: int) -> None:
    found = blocks(size)
    assert all(offset >= 0 and length > 0 and offset + length <= size for offset, length in found)
    assert sum(length for _, length in found) == min(size, MOST)
    assert [offset for offset, _ in found] == sorted({offset for offset, _ in found})
    if size:
        assert found[0][0] == 0
        assert sum(found[-1]) == size


@given(size=st.integers(MOST + 1, 2**40))
def test_the_blocks_of_a_large_file_lie_at_equal_distances(size: int) -> None:
    offsets = [offset for offset, _ in blocks(size)]
    steps = [after - before for before, after in pairwise(offsets)]
    assert max(steps) - min(steps) <= 1


@given(content=st.binary(max_size=300), other=st.binary(max_size=300))
def test_small_files_have_one_fingerprint_exactly_when_they_are_equal(content: bytes, other: bytes) -> None:
    assert (of(content) == of(other)) is (content == other)
    assert of(content).startswith(f"{len(content)}-")


def test_of_a_large_file_a_change_between_the_blocks_is_not_seen_and_one_in_them_is() -> None:
    content = bytearray(4 * MOST)
    before = of(bytes(content))
    content[BLOCK + 1] = 1  # behind the first block, before the second
    assert of(bytes(content)) == before
    content[-1] = 1
    assert of(bytes(content)) != before
