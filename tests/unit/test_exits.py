"""What the end of an ffmpeg means. The words are those of FFmpeg 5.1.9 and 9.0.2."""

from __future__ import annotations

import pytest

from pectin.encoding.exits import CAUSES, Exit, interpret, last_words
from pectin.model.errors import Cause


def end(status: int, words: str = "", *, ended: bool = True, asked: bool = False) -> Exit:
    return interpret(status, words, ended=ended, asked_to_stop=asked)


def test_status_zero_with_the_end_said_is_good() -> None:
    assert end(0) is Exit.OK
    assert end(0, "[mp4 @ 0x1] Non-monotonous DTS in output stream 0:1") is Exit.OK


def test_status_zero_without_the_end_is_a_failure() -> None:
    assert end(0, ended=False) is Exit.FAILED


@pytest.mark.parametrize("words", ["Error writing trailer of out.mp4: Invalid argument", "Error closing file out.mp4: Bad thing"])
def test_status_zero_with_a_spoiled_trailer_is_a_failure(words: str) -> None:
    assert end(0, words) is Exit.FAILED


@pytest.mark.parametrize(("status", "words"), [
    (0, "Error closing file out.mp4: No space left on device"),
    (1, "av_interleaved_write_frame(): No space left on device"),
    (1, "[out] Error\nError writing trailer of out.mp4: No space left on device\nConversion failed!"),
    (1, "out.mp4: Disk quota exceeded"),
    (228, ""),
])
def test_a_full_disk_is_told_from_other_failures(status: int, words: str) -> None:
    assert end(status, words, ended=status == 0) is Exit.NO_SPACE
    assert CAUSES[Exit.NO_SPACE] is Cause.NO_SPACE


def test_a_tag_that_speaks_of_space_is_not_a_full_disk() -> None:
    assert end(1, "title : No space left on device, a documentary", ended=False) is Exit.FAILED


def test_a_stop_that_was_asked_for_is_a_stop_whatever_it_left() -> None:
    assert {end(status, asked=True) for status in (0, 255, 123, -9, -15, 1)} == {Exit.STOPPED}


@pytest.mark.parametrize("status", [-9, -15, -2, -1, 255, 123])
def test_a_signal_nobody_asked_for_is_a_kill(status: int) -> None:
    assert end(status, ended=False) is Exit.KILLED


@pytest.mark.parametrize("status", [-11, -6, -4, -8, -7])
def test_a_signal_of_its_own_making_is_a_crash(status: int) -> None:
    assert end(status, ended=False) is Exit.CRASHED


@pytest.mark.parametrize(("status", "words"), [
    (69, ""), (183, ""), (1, "file:/proc/self/fd/3: Invalid data found when processing input"),
])
def test_damaged_input_is_told_from_other_failures(status: int, words: str) -> None:
    assert end(status, words, ended=False) is Exit.DAMAGED_INPUT


@pytest.mark.parametrize(("status", "words", "expected"), [
    (127, "pectin-confine: /no/ffmpeg: No such file or directory", Exit.MISSING),
    (126, "", Exit.MISSING),
    (125, "pectin-confine: files: Operation not supported", Exit.UNCONFINED),
    (125, "ffmpeg's own 125", Exit.FAILED),
    (1, "bwrap: Can't mount proc on /newroot/proc: Operation not permitted", Exit.UNCONFINED),
    (1, "a film may say so\nbwrap: no", Exit.FAILED),
    (1, "[libx264] malloc of size 1 failed\nx: Cannot allocate memory", Exit.NO_MEMORY),
    (244, "", Exit.NO_MEMORY),
    (-25, "", Exit.TOO_LARGE),
    (1, "video.mp4: Read-only file system", Exit.READ_ONLY),
    (0, "file:/proc/self/fd/3: Input/output error", Exit.IO_ERROR),
    (1, "Unrecognized option 'x'.", Exit.FAILED),
])
def test_the_other_ends(status: int, words: str, expected: Exit) -> None:
    assert end(status, words) is expected


def test_every_end_but_the_good_one_has_a_cause() -> None:
    assert set(CAUSES) == set(Exit) - {Exit.OK}


def test_the_last_words_are_few_and_say_something() -> None:
    said = "\n".join([*(f"line {number}" for number in range(99)), "", "    Last message repeated 3 times", "Conversion failed!",
                      "Warning: using insecure memory!"])
    assert last_words(said) == "\n".join(f"line {number}" for number in range(94, 99))
    assert len(last_words("x" * 5000)) == 1000


@pytest.mark.parametrize(("status", "words"), [
    (1, "Decoder (codec mpegh_3d_audio) not found for input stream #0:1"),
    (234, "[vist#0:0/h264 @ 0x55d0c0] Decoding requested, but no decoder found for: h264"),  # from a user's log, no run of ours
])
def test_a_codec_without_a_decoder_is_a_refusal_and_not_a_failure(status: int, words: str) -> None:
    assert end(status, words, ended=False) is Exit.NO_DECODER
    assert CAUSES[Exit.NO_DECODER] is Cause.NO_DECODER
    assert end(1, f"title : {words}", ended=False) is Exit.FAILED


def test_what_an_encoder_tells_of_its_settings_is_no_last_word() -> None:
    said = "Svt[info]: SVT [version]: SVT-AV1 v1.4.1\nreal trouble\nSvt[warn]: Failed to set thread priority\n"
    assert last_words(said) == "real trouble"
