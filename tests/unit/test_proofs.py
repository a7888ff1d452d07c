"""publishing/proofs.py and moments.py: what headers and a decode do not tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pectin.model.media import AudioStream, MediaInfo, VideoStream
from pectin.model.plan import AudioTarget, Plan, Reason, StreamAction
from pectin.model.reports import Proofs
from pectin.publishing import moments, proofs
from pectin.publishing.mismatch import MismatchKind
from unit.test_verify import OUTPUT, PLAN, SURROUND, decision

COPIED = replace(PLAN, streams=(decision(0, "video", "h264"), decision(1, "audio", "aac", default=True)))


def output(**facts: Any) -> MediaInfo:
    return MediaInfo(formats=("mov", "mp4"), duration=60.0, video=(VideoStream(index=0, codec="h264", duration=60.0),),
                     audio=(AudioStream(index=1, codec="aac", duration=facts.get("sound", 60.0)),))


def test_a_copy_must_have_the_hash_of_what_was_read() -> None:
    good = Proofs(copied=(SURROUND,), source_hashes=("murmur3=1",), output_hashes=("murmur3=1",))
    assert list(proofs.copies(good)) == []
    for bad in (replace(good, output_hashes=("murmur3=2",)), replace(good, output_hashes=())):
        assert [(m.kind, m.index) for m in proofs.copies(bad)] == [(MismatchKind.COPY_DIFFERS, SURROUND.index)]


@pytest.mark.parametrize(("ends", "wrong"), [
    ({0: 60.0, 1: 60.02}, 0), ({0: 59.7, 1: 59.6}, 0), ({0: 58.0, 1: 60.0}, 1), ({1: 60.0}, 1), ({}, 2), ({0: 75.0, 1: 60.0}, 1)])
def test_a_stream_ends_where_its_header_says(ends: dict[int, float], wrong: int) -> None:
    found = list(proofs.ends(output(), Proofs(tail_start=50.0, ends=ends)))
    assert [m.kind for m in found] == [MismatchKind.LYING_HEADER] * wrong


def test_sound_that_ended_before_the_last_seconds_need_not_be_there() -> None:
    assert list(proofs.ends(output(sound=20.0), Proofs(tail_start=50.0, ends={0: 60.0}))) == []


@pytest.mark.parametrize(("sound", "good"), [(0.5, True), (0.515, True), (0.47, False), (0.53, False), (0.0, False)])
def test_copied_sound_begins_as_long_after_its_picture_as_before(sound: float, good: bool) -> None:
    given = Proofs(source_starts={0: frozenset({1.4}), 1: frozenset({1.9})},
                   output_starts={0: frozenset({0.0}), 1: frozenset({sound})})
    assert (list(proofs.offsets(COPIED, given)) == []) is good


def test_encoded_sound_may_be_filled_with_silence_from_the_beginning() -> None:
    target = AudioTarget(codec="aac", channels=2, sample_rate=48000, bitrate=1, source_channels=2)
    encoded = replace(COPIED, streams=(COPIED.streams[0], replace(COPIED.streams[1], action=StreamAction.ENCODE, target=target)))
    for begins, good in ((0.0, True), (0.5, True), (0.2, False), (0.7, False)):
        given = Proofs(source_starts={0: frozenset({0.0}), 1: frozenset({0.5})},
                       output_starts={0: frozenset({0.0}), 1: frozenset({begins})})
        assert (list(proofs.offsets(encoded, given)) == []) is good, begins


def test_a_film_cut_out_of_another_may_begin_with_its_first_key_frame() -> None:
    given = Proofs(source_starts={0: frozenset({0.0, 0.8}), 1: frozenset({0.0})},
                   output_starts={0: frozenset({0.8}), 1: frozenset({0.0})})
    assert list(proofs.offsets(COPIED, given)) == []


def test_where_nobody_looked_nothing_is_wrong() -> None:
    assert [*proofs.ends(OUTPUT, Proofs()), *proofs.offsets(COPIED, Proofs()), *proofs.unfit(COPIED, Proofs())] == []


def unfit(again: Plan, **facts: Any) -> list[int | None]:
    return [m.index for m in proofs.unfit(replace(PLAN, extra=facts.pop("extra", ())), Proofs(again=again, **facts))]


def test_an_output_in_which_something_would_have_to_be_changed_breaks_the_rules() -> None:
    good = replace(PLAN, streams=tuple(decision(n, s.kind, s.codec) for n, s in enumerate(PLAN.kept)))
    assert unfit(good) == []
    bad = replace(good, streams=(good.streams[0], good.streams[1],
                                 replace(good.streams[2], action=StreamAction.ENCODE, reason=Reason.CHANNELS)))
    assert unfit(bad) == [SURROUND.index]
    assert unfit(bad, extra=("-tune", "film")) == [], "a user's own options are the user's choice"


def test_of_our_own_encodes_the_whole_file_decides_about_the_bit_rate() -> None:
    again = replace(PLAN, streams=(decision(0, "video", "h264", action=StreamAction.ENCODE, reason=Reason.BITRATE),))
    assert unfit(again) == [0]
    assert unfit(again, within_bitrate=True) == []


def test_beginnings_are_the_first_packet_the_first_shown_and_the_first_key_frame() -> None:
    packets = [{"stream_index": 0, "pts_time": "0.08", "flags": "__"}, {"stream_index": 0, "pts_time": "0.04", "flags": "__"},
               {"stream_index": 0, "pts_time": "0.5", "flags": "K_"}, {"stream_index": 1, "pts_time": "-0.02", "flags": "KD"},
               {"stream_index": 1, "pts_time": "0.0", "flags": "K_"}, {"stream_index": 2, "flags": "K_"}, {"pts_time": "1"}]
    assert moments.starts({"packets": packets}) == {0: {0.04, 0.5}, 1: {-0.02, 0.0}}
    assert moments.starts({}) == {}


def test_an_end_is_the_latest_moment_of_any_packet() -> None:
    packets = [{"stream_index": 0, "pts_time": "9.0", "duration_time": "0.5"}, {"stream_index": 0, "pts_time": "8.9"},
               {"stream_index": 1, "pts_time": "9.2", "duration_time": "N/A"}]
    assert moments.ends({"packets": packets}) == {0: 9.5, 1: 9.2}
    assert moments.ends({"packets": None}) == {}
