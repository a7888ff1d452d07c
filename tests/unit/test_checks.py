"""encoding/checks.py: the commands of the verification as data, and what they print."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pectin.encoding import checks
from pectin.model.plan import Reason, StreamAction, StreamDecision
from pectin.model.profile import Verify


def has(arguments: Sequence[str], *wanted: str) -> bool:
    return any(tuple(arguments[n:n + len(wanted)]) == wanted for n in range(len(arguments)))


def stream(index: int, kind: str, codec: str, action: StreamAction = StreamAction.COPY) -> StreamDecision:
    return StreamDecision(index=index, kind=kind, codec=codec, action=action, reason=Reason.FITS, sentence="")


def test_the_proof_decodes_picture_and_sound_and_stops_at_the_first_error() -> None:
    arguments = checks.decode_argv("ffmpeg", "file:video.mp4", 2)
    for pair in (
        ("-xerror",),
        ("-skip_loop_filter", "all"),
        ("-f", "mov", "-i", "file:video.mp4"),
        ("-map", "0:v:0"),
        ("-map", "0:a?"),
        ("-f", "null", "-"),
        ("-progress", "pipe:1"),
        ("-protocol_whitelist", "file"),
    ):
        assert has(arguments, *pair), pair
    assert arguments.count("-threads") == 2


def test_a_quick_proof_decodes_key_frames_and_all_of_the_end() -> None:
    arguments = checks.decode_argv("ffmpeg", "file:video.mkv", 2, demuxer="matroska", depth=Verify.QUICK)
    assert arguments.index("-skip_frame") < arguments.index("-i") < arguments.index("-sseof")
    assert arguments.count("file:video.mkv") == arguments.count("matroska") == 2
    assert has(arguments, "-map", "0:v:0", "-map", "1:v:0", "-map", "1:a?")


def test_copied_streams_are_hashed_in_one_form_whichever_container_they_are_in() -> None:
    kept = (stream(3, "video", "h264"), stream(1, "audio", "aac"), stream(2, "audio", "ac3"),
            stream(4, "audio", "dts", StreamAction.ENCODE), stream(5, "audio", "pcm_s16le"), stream(6, "subtitle", "mov_text"))
    found = checks.hashed(kept)
    assert [s.index for s in found] == [3, 1, 2]
    arguments = checks.hash_output([(s.index, s) for s in found], "some.hash")
    assert has(arguments, "-map", "0:3", "-map", "0:1", "-map", "0:2")
    assert has(arguments, "-bsf:0", "h264_mp4toannexb,filter_units=remove_types=7-9", "-bsf:1", "aac_adtstoasc")
    assert "-bsf:2" not in arguments
    assert arguments[-1] == "some.hash"
    assert checks.hash_output([], "some.hash") == ()


@pytest.mark.parametrize(("text", "expected"), [
    ("0,v,murmur3=aa\n1,a,murmur3=bb\n", ("murmur3=aa", "murmur3=bb")),
    ("1,a,murmur3=bb\n", ("", "murmur3=bb")),
    ("", ()),
])
def test_hashes_are_read_by_the_number_of_their_stream(text: str, expected: tuple[str, ...]) -> None:
    assert checks.hashes(text) == expected


def test_a_strict_count_makes_the_decoder_leave_out_what_has_faults() -> None:
    arguments = checks.count_argv("ffmpeg", "file:x", demuxer="mpegts", index=4, strict=True)
    assert has(arguments, "-f", "mpegts", "-i", "file:x")
    assert has(arguments, "-map", "0:4")
    assert "explode" in arguments[arguments.index("-err_detect") + 1]
    assert arguments.index("-err_detect") < arguments.index("-i")
    assert "-err_detect" not in checks.count_argv("ffmpeg", "file:x", demuxer="mpegts", index=4, strict=False)


def test_the_shapes_of_a_copied_picture_are_told_apart_wherever_they_are_said_again() -> None:
    one, other = b"\x67\x42\xc0\x1e\xda", b"\x67\x42\xc0\x1f\xda"
    assert checks.shapes(b"") == 0
    assert checks.shapes(b"\0\0\0\1" + one + b"\0\0\1" + one + b"\0\0\0\1" + one) == 1
    assert checks.shapes(b"\0\0\0\1" + one + b"\0\0\0\1" + other + b"\0\0\0\1" + one) == 2
