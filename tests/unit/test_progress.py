"""ffmpeg's progress: any cut of the bytes gives the same blocks, and the share done never goes back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.encoding.progress import Parser
from pectin.model.reports import Progress

# As Debian's ffmpeg 5.1.9 writes it, spaces before numbers included.
FIRST = (b"frame=1\nfps=0.00\nstream_0_0_q=0.0\nbitrate=N/A\ntotal_size=48\nout_time_us=0\nout_time_ms=0\n"
         b"out_time=00:00:00.000000\ndup_frames=0\ndrop_frames=0\nspeed=       0x\nprogress=continue\n")
LAST = (b"frame=25\nfps=12.50\nstream_0_0_q=-1.0\nbitrate= 799.2kbits/s\ntotal_size=102061\nout_time_us=1021678\n"
        b"out_time_ms=1021678\nout_time=00:00:01.021678\ndup_frames=0\ndrop_frames=0\nspeed=1.04e+03x\nprogress=end\n")


def block(**values: object) -> bytes:
    ending = values.pop("progress", "continue")
    return b"".join(f"{key}={value}\n".encode() for key, value in values.items()) + f"progress={ending}\n".encode()


def test_a_block_gives_its_figures() -> None:
    first, last = Parser(2.0).feed(FIRST + LAST)
    assert first == Progress(frame=1, out_seconds=0.0, total_size=48, fps=0.0, speed=0.0, fraction=0.0, ended=False)
    assert last == Progress(frame=25, out_seconds=1.021678, total_size=102061, fps=12.5, speed=1040.0, fraction=1.0, ended=True)


@given(st.lists(st.integers(1, len(FIRST + LAST)), max_size=30))
def test_any_cut_of_the_bytes_gives_the_same_blocks(cuts: list[int]) -> None:
    data, parser = FIRST + FIRST + LAST, Parser(2.0)
    edges = [0, *sorted(cuts), len(data)]
    pieces = [progress for start, end in pairwise(edges) for progress in parser.feed(data[start:end])]
    assert pieces == Parser(2.0).feed(data)


def test_byte_by_byte_is_the_same_too() -> None:
    parser = Parser(2.0)
    assert [p for byte in LAST for p in parser.feed(bytes([byte]))] == Parser(2.0).feed(LAST)


def test_not_available_is_unknown() -> None:
    (progress,) = Parser(10).feed(block(frame="N/A", total_size="N/A", out_time_us="N/A", speed="N/A", fps="N/A"))
    assert progress == Progress()


def test_a_negative_time_is_the_beginning() -> None:
    (progress,) = Parser(10).feed(block(out_time_us=-3916667))
    assert (progress.out_seconds, progress.fraction) == (0.0, 0.0)


def test_only_the_end_is_the_whole() -> None:
    parser = Parser(10)
    (almost,) = parser.feed(block(out_time_us=12_000_000))
    assert almost.fraction is not None
    assert almost.fraction < 1.0
    (end,) = parser.feed(block(out_time_us=9_900_000, progress="end"))
    assert (end.fraction, end.ended) == (1.0, True)


def test_frames_are_preferred_to_seconds() -> None:
    (progress,) = Parser(10, 200).feed(block(frame=50, out_time_us=9_000_000))
    assert progress.fraction == 0.25


def test_a_run_without_frames_falls_back_to_seconds() -> None:
    (progress,) = Parser(10, 200).feed(block(out_time_us=5_000_000))
    assert progress.fraction == 0.5


@pytest.mark.parametrize("total", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_without_a_length_the_share_is_unknown_until_the_end(total: float | None) -> None:
    parser = Parser(total)
    assert parser.feed(block(frame=3, out_time_us=1))[0].fraction is None
    assert parser.feed(block(progress="end"))[0].fraction == 1.0


@given(st.lists(st.tuples(st.integers(-10**7, 10**8) | st.just("N/A"), st.integers(0, 10**4) | st.just("N/A")), max_size=20))
def test_the_share_never_goes_back(values: list[tuple[object, object]]) -> None:
    parser = Parser(20, 300)
    shares = [p.fraction for time, frame in values for p in parser.feed(block(out_time_us=time, frame=frame))]
    known = [share for share in shares if share is not None]
    assert known == sorted(known)
    assert all(0 <= share < 1 for share in known)


@given(st.binary(max_size=500))
def test_rubbish_is_survived(data: bytes) -> None:
    Parser(1).feed(data + b"\n" + data)


def test_an_endless_line_is_not_kept() -> None:
    parser = Parser(1)
    for _ in range(100):
        parser.feed(b"x" * 10_000)
    assert parser.feed(b"\n" + LAST)[0].frame == 25


def test_speed_counts_the_time_it_worked_not_its_pauses() -> None:
    (progress,) = Parser(10).feed(block(fps=10, speed="0.5x"), active=0.25)
    assert (progress.fps, progress.speed) == (40, 2)


def test_what_was_read_is_the_share_only_where_nothing_else_is_known() -> None:
    (by_bytes,) = Parser().feed(block(frame=5), read=0.3)
    assert by_bytes.fraction == 0.3
    (by_time,) = Parser(10).feed(block(out_time_us=5_000_000), read=0.3)
    assert by_time.fraction == 0.5


def test_what_was_read_never_goes_back_and_is_not_the_whole() -> None:
    """ffmpeg reads the end of some files first, and all of a short one at once."""
    parser = Parser()
    shares = [parser.feed(block(frame=1), read=read)[0].fraction for read in (0.5, 0.2, 1.0)]
    assert shares[:2] == [0.5, 0.5]
    assert shares[2] is not None
    assert shares[2] < 1.0
