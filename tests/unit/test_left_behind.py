"""What is left alone in an inbox, and until when; which originals may have to go."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.intake.left import LeftAlone
from pectin.intake.settle import Mark, WaitReason
from pectin.model.job import Job, State
from pectin.model.left_behind import LeftBehind, Why
from pectin.pipeline.purging import Keep, Kept, due
from pectin.publishing.restore import beside

FILM = Path("/in/Film.mkv")
UNDONE = LeftBehind(why=Why.UNDONE, path=FILM, inode=7, size=100, mtime_ns=10**18)
LINKED = replace(UNDONE, why=Why.LINKED)
MARK = Mark(1, 7, 100, 10**18)


@given(st.builds(LeftBehind, why=st.sampled_from(Why), path=st.binary(min_size=1).map(lambda b: Path("/in", os.fsdecode(b))),
                 inode=st.integers(0, 2**64), size=st.integers(0, 2**63), mtime_ns=st.integers(-2**60, 2**63),
                 elsewhere=st.booleans(), sidecars=st.just(((PurePath("Subs/a\udcff.srt"), Path("/in/Subs/a\udcff.srt")),))))
def test_it_is_read_as_it_was_written_whatever_the_name(left: LeftBehind) -> None:
    assert left.as_json().isascii()
    assert LeftBehind.from_json(left.as_json()) == left


@pytest.mark.parametrize(("left", "path", "mark", "alone"), [
    (UNDONE, FILM, MARK, True),
    (UNDONE, FILM, replace(MARK, inode=8, mtime_ns=10**18 + 10**9), True),  # coarse times, no lasting inodes
    (UNDONE, FILM, replace(MARK, mtime_ns=10**18 + 10**9 + 7), False),  # somebody touched it a second later
    (UNDONE, FILM, replace(MARK, size=101), False),
    (UNDONE, FILM, replace(MARK, mtime_ns=2 * 10**18), False),
    (UNDONE, Path("/in/Better name.mkv"), MARK, False),
    (LINKED, FILM, MARK, True),
    (LINKED, Path("/in/Renamed by its program.mkv"), MARK, True),
    (LINKED, Path("/in/Renamed by its program.mkv"), replace(MARK, inode=8), False),
    (LINKED, FILM, replace(MARK, size=101), False),
])
def test_a_film_is_left_alone_until_it_changes(left: LeftBehind, path: Path, mark: Mark, alone: bool) -> None:
    book = LeftAlone()
    book.add("0123456789", left)
    why = book.why(path, mark)
    assert (why is not None) is alone
    if why is not None:
        assert why[0] is (WaitReason.LINKED if left is LINKED else WaitReason.PUT_BACK)
        assert "{" not in why[1]
    book.drop("0123456789")
    assert book.why(path, mark) is None


def test_of_two_jobs_that_left_a_film_at_one_place_the_last_counts() -> None:
    book = LeftAlone()
    book.add("aaaaaaaaaa", UNDONE)
    book.add("bbbbbbbbbb", replace(UNDONE, size=200))
    book.drop("aaaaaaaaaa")
    assert book.why(FILM, MARK) is None
    assert book.why(FILM, replace(MARK, size=200)) is not None


@pytest.mark.parametrize(("sidecar", "target", "expected"), [
    ("Film.en.srt", "/in/Film.mkv", "/in/Film.en.srt"),
    ("Film.en.srt", "/in/Film (2).mkv", "/in/Film (2).en.srt"),
    ("Subs/Film.en.srt", "/in/Film (2).mkv", "/in/Subs/Film (2).en.srt"),
    ("poster.jpg", "/in/Film (2).mkv", "/in/poster.jpg"),
])
def test_a_sidecar_goes_with_its_film(sidecar: str, target: str, expected: str) -> None:
    assert beside(PurePath(sidecar), PurePath("Film.mkv"), Path(target)) == Path(expected)


def kept(finished_at: float, size: int = 10) -> Kept:
    return Kept(Job(id=f"{finished_at:010.0f}", state=State.COMPLETED, route="films", profile="universal", inbox_path=FILM,
                    relative=PurePath("Film.mkv"), size=size, created_at=0, updated_at=0, finished_at=finished_at), size)


def test_originals_go_by_time_and_the_oldest_first() -> None:
    some = [kept(300), kept(100), kept(200)]
    assert [k.job.finished_at for k, _ in due(some, Keep(seconds=150), 301)] == [100]
    assert [k.job.finished_at for k, _ in due(some, Keep(size=1), 301)] == [100, 200, 300]
    assert due(some, Keep(), 10**9) == []
    assert [why.split("(")[1] for _, why in due(some, Keep(seconds=150, size=1), 301)] == [
        "originals.keep)", "originals.max_size)", "originals.max_size)"]
