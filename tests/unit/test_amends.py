"""What a run has taught: planning/amends.py, planning/damage.py and pipeline/mending.py."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.errors import Cause, PectinError
from pectin.model.plan import Plan, Reason, StreamAction
from pectin.model.profile import Profile
from pectin.pipeline import mending
from pectin.planning import plan
from pectin.planning.amends import NO_AMENDS, Amends
from pectin.planning.damage import damage
from pectin.publishing.mismatch import Mismatch, MismatchKind
from unit.mediamaker import any_film, film, picture, sound

FILM = film(picture(), sound(1), sound(2, "dts", 6, language="ger"), sound(3, "ac3", 2, language="fre"))


def decided(amends: Amends = NO_AMENDS) -> Plan:
    return plan.decide(FILM, Profile(), amends=amends)


def test_what_is_damaged_is_encoded_with_that_reason() -> None:
    made = decided(Amends(encode=frozenset({0, 1})))
    assert {(s.index, s.action, s.reason) for s in made.kept if s.index in (0, 1)} == {
        (0, StreamAction.ENCODE, Reason.DAMAGED), (1, StreamAction.ENCODE, Reason.DAMAGED)}
    assert all("damaged" in s.sentence for s in made.kept if s.index in (0, 1))


def test_without_a_track_another_one_becomes_the_default() -> None:
    made = decided(Amends(drop=frozenset({1})))
    assert next(s for s in made.kept if s.default and s.kind == "audio").index != 1
    assert [(s.reason, s.action) for s in made.streams if s.index == 1] == [(Reason.UNDECODABLE, StreamAction.DROP)]


@given(any_film(), st.frozensets(st.integers(0, 20)), st.frozensets(st.integers(0, 20)))
def test_every_stream_still_has_a_decision(media, encode: frozenset[int], drop: frozenset[int]) -> None:  # type: ignore[no-untyped-def]
    made = plan.decide(media, Profile(), amends=Amends(encode=encode, drop=drop))
    everything = (*media.video, *media.audio, *media.subtitles, *media.covers, *media.others)
    assert {s.index for s in made.streams} == {s.index for s in everything}
    assert not made.whole_file or not (encode or drop)
    assert not {s.index for s in made.kept if s.kind == "audio"} & drop


def failed(words: str) -> PectinError:
    return PectinError(Cause.FFMPEG_FAILED, f"status 69 (damaged input)\n{words}\ncommand: ffmpeg stream #0:1")


@pytest.mark.parametrize(("words", "dropped"), [
    ("Error while decoding stream #0:2: Invalid data found when processing input", {2}),
    ("Cannot determine format of input stream 0:3 after EOF", {3}),
    ("[aist#0:2/dts @ 0x55] Error submitting packet to decoder: Invalid data found when processing input", {2}),
    ("Could not find tag for codec pcm in stream #1, codec not currently supported in container", {1}),
    ("Error applying bitstream filters to an output packet for output stream #0:1", {1}),
])
def test_the_track_that_ffmpeg_names_is_dropped(words: str, dropped: set[int]) -> None:
    assert mending.after_failed_run(failed(words), decided(), NO_AMENDS).drop == dropped


def test_where_the_picture_itself_cannot_be_decoded_the_source_is_at_fault() -> None:
    with pytest.raises(PectinError) as raised:
        mending.after_failed_run(failed("Error while decoding stream #0:0: Invalid data found"), decided(), NO_AMENDS)
    assert raised.value.cause is Cause.DAMAGED_SOURCE


@pytest.mark.parametrize("error", [failed("something else"), PectinError(Cause.NO_SPACE, "Error while decoding stream #0:2: x"),
                                   failed("Could not write header for output file #0")])
def test_what_nobody_is_named_for_stays_what_it_was(error: PectinError) -> None:
    with pytest.raises(PectinError) as raised:
        mending.after_failed_run(error, decided(), NO_AMENDS)
    assert raised.value is error


def test_the_same_track_is_not_dropped_twice() -> None:
    error = failed("Error while decoding stream #0:2: Invalid data found when processing input")
    with pytest.raises(PectinError):
        mending.after_failed_run(error, decided(), Amends(drop=frozenset({2})))


def test_copies_that_do_not_play_are_encoded_once() -> None:
    learnt = mending.after_failed_decode(decided(), NO_AMENDS)
    assert learnt is not None
    assert learnt.encode == {s.index for s in decided().kept if s.action is StreamAction.COPY}
    assert mending.after_failed_decode(decided(learnt), learnt) is None


def mismatch(kind: MismatchKind, index: int | None) -> Mismatch:
    return Mismatch(kind, "wrong", index)


def test_a_copy_that_breaks_the_rules_is_encoded_and_a_side_track_that_ends_early_is_dropped() -> None:
    default = next(s.index for s in decided().kept if s.kind == "audio")
    side = next(s.index for s in decided().kept if s.kind == "audio" and s.index != default)
    for kind, index, expected in ((MismatchKind.RULES, 0, Amends(encode=frozenset({0}))),
                                  (MismatchKind.TOO_LONG, 0, Amends(encode=frozenset({0}))),
                                  (MismatchKind.TOO_SHORT, side, Amends(drop=frozenset({side}))),
                                  (MismatchKind.TOO_SHORT, 0, None), (MismatchKind.TOO_SHORT, default, None),
                                  (MismatchKind.EMPTY, None, None), (MismatchKind.LANGUAGE, side, None)):
        assert mending.after_mismatches([mismatch(kind, index)], decided(), NO_AMENDS, "") == expected, (kind, index)


def test_a_track_of_which_nothing_came_out_is_dropped_if_ffmpeg_has_named_it() -> None:
    missing = [mismatch(MismatchKind.STREAMS, None)]
    assert mending.after_mismatches(missing, decided(), NO_AMENDS, "") is None
    learnt = mending.after_mismatches(missing, decided(), NO_AMENDS, "Error while decoding stream #0:2: Invalid data")
    assert learnt == Amends(drop=frozenset({2}))


@pytest.mark.parametrize(("stated", "shown", "faultless", "lost", "too_much"), [
    (1000.0, 1000, 1000, None, False),
    (1000.0, 1000, 990, 10, False),
    (1000.0, 1000, 989, 11, True),
    (1000.0, 900, 900, 100, True),
    (None, 900, 899, 1, False),
    (50.0, 50, 48, 2, False),
    (50.0, 50, 47, 3, True),
    (1000.0, 500, 500, None, False),  # fields were counted
    (None, 0, 0, None, False),
])
def test_a_hundredth_of_a_film_may_be_damaged(stated: float | None, shown: int, faultless: int, lost: int | None,
                                               too_much: bool) -> None:
    found = damage(stated=stated, shown=shown, faultless=faultless)
    assert (found.lost if found else None) == lost
    assert (found is not None and found.too_much) is too_much
    assert found is None or f"{lost} of" in found.sentence


def test_a_picture_copied_for_its_size_says_so() -> None:
    made = plan.decide(film(), replace(Profile(), video="hevc"), amends=Amends(copy_picture=True))  # type: ignore[arg-type]
    assert made.kept[0].reason is Reason.LARGER
