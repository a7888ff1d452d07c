"""What must not get a name in a library: each way an output can differ from its plan, its source or its own header."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from pectin.model.media import AudioStream, Disposition, MediaInfo, SubtitleStream, VideoStream
from pectin.model.plan import AudioTarget, Plan, Reason, StreamAction, StreamDecision, VideoTarget
from pectin.model.profile import Verify
from pectin.model.reports import Proofs, RunReport
from pectin.publishing.mismatch import Mismatch, MismatchKind
from pectin.publishing.verify import compare, counting_helps

K = MismatchKind
RATE = Fraction(25)
TARGET = VideoTarget(width=320, height=240, scale=True, frame_rate=None, nominal_frame_rate=RATE)
SOUND = AudioTarget(codec="aac", channels=2, sample_rate=48000, bitrate=160_000, source_channels=6)


def decision(index: int, kind: str, codec: str, **more: Any) -> StreamDecision:
    return StreamDecision(**{"index": index, "kind": kind, "codec": codec, "action": StreamAction.COPY, "reason": Reason.FITS,
                             "sentence": "", **more})


PICTURE = decision(0, "video", "mpeg2video", action=StreamAction.ENCODE, target=TARGET)
STEREO = decision(1, "audio", "ac3", action=StreamAction.ENCODE, target=SOUND, language="eng", default=True)
SURROUND = decision(1, "audio", "ac3", language="eng")
PLAN = Plan(profile="universal", source_format="matroska", seconds=60.0, streams=(PICTURE, STEREO, SURROUND),
            width=320, height=240)
SOURCE = MediaInfo(
    formats=("matroska", "webm"), duration=60.5, start_time=0.0, size=10_000_000,
    video=(VideoStream(index=0, codec="mpeg2video", width=720, height=576, duration=60.0, packets=1500, average_frame_rate=RATE,
                       real_frame_rate=RATE),),
    audio=(AudioStream(index=1, codec="ac3", channels=6, duration=60.0, language="eng"),))
OUTPUT = MediaInfo(
    formats=("mov", "mp4"), duration=60.02, start_time=0.0, size=5_000_000,
    video=(VideoStream(index=0, codec="h264", width=320, height=240, duration=60.0, packets=1500, average_frame_rate=RATE,
                       disposition=Disposition(default=True)),),
    audio=(AudioStream(index=1, codec="aac", channels=2, duration=60.02, language="eng", disposition=Disposition(default=True)),
           AudioStream(index=2, codec="ac3", channels=6, duration=60.0, language="eng")))
ENCODED = RunReport(frames=1500, out_seconds=59.96, ended=True, stderr="", wall_seconds=9.0)
DECODED = RunReport(frames=1500, out_seconds=60.02, ended=True, stderr="", wall_seconds=1.0)


def picture(info: MediaInfo, **changes: Any) -> MediaInfo:
    return replace(info, video=(replace(info.video[0], **changes),))


def sound(info: MediaInfo, number: int, **changes: Any) -> MediaInfo:
    return replace(info, audio=tuple(replace(s, **changes) if n == number else s for n, s in enumerate(info.audio)))


def kinds(plan: Plan = PLAN, source: MediaInfo = SOURCE, output: MediaInfo = OUTPUT, encoded: RunReport = ENCODED,
          decoded: RunReport = DECODED) -> set[MismatchKind]:
    found = compare(plan, source, output, encoded, decoded)
    assert all(isinstance(mismatch, Mismatch) and mismatch.sentence for mismatch in found)
    return {mismatch.kind for mismatch in found}


def test_a_good_output_has_no_mismatch() -> None:
    assert compare(PLAN, SOURCE, OUTPUT, ENCODED, DECODED) == ()


@pytest.mark.parametrize(("output", "expected"), [
    (replace(OUTPUT, size=0), K.EMPTY),
    (replace(OUTPUT, size=None), K.EMPTY),
    (replace(OUTPUT, formats=("matroska", "webm")), K.CONTAINER),
    (replace(OUTPUT, audio=OUTPUT.audio[:1]), K.STREAMS),
    (replace(OUTPUT, video=()), K.STREAMS),
    (replace(OUTPUT, audio=(*OUTPUT.audio, OUTPUT.audio[1])), K.STREAMS),
    (replace(OUTPUT, subtitles=(SubtitleStream(index=3, codec="mov_text"),)), K.STREAMS),
    (replace(OUTPUT, audio=OUTPUT.audio[::-1]), K.CODEC),
    (picture(OUTPUT, codec="hevc"), K.CODEC),
    (sound(OUTPUT, 1, codec="eac3"), K.CODEC),
    (sound(OUTPUT, 0, language=None), K.LANGUAGE),
    (sound(OUTPUT, 0, language="deu"), K.LANGUAGE),
    (sound(OUTPUT, 0, disposition=Disposition()), K.DEFAULT),
    (sound(OUTPUT, 1, disposition=Disposition(default=True)), K.DEFAULT),
    (picture(OUTPUT, width=322), K.PICTURE_SIZE),
    (picture(OUTPUT, height=None), K.PICTURE_SIZE),
])
def test_a_difference_from_the_plan_is_found(output: MediaInfo, expected: MismatchKind) -> None:
    assert expected in kinds(output=output)


def test_runs_that_did_not_come_to_their_end_are_found() -> None:
    assert kinds(encoded=replace(ENCODED, ended=False)) == {K.UNFINISHED}
    assert kinds(decoded=replace(DECODED, ended=False)) == {K.UNFINISHED}


def test_a_source_that_breaks_off_gives_an_output_that_is_too_short() -> None:
    short = replace(picture(sound(sound(OUTPUT, 0, duration=54.0), 1, duration=54.0), duration=54.0, packets=1350), duration=54.0)
    run = replace(ENCODED, frames=1350, out_seconds=54.0)
    assert kinds(output=short, encoded=run, decoded=replace(DECODED, frames=1350, out_seconds=54.0)) == {K.TOO_SHORT}


def test_an_output_that_goes_on_longer_than_its_source_is_found() -> None:
    long = replace(picture(OUTPUT, duration=75.0, packets=1875), duration=75.0)
    run = replace(ENCODED, frames=1875, out_seconds=75.0)
    assert kinds(output=long, encoded=run, decoded=replace(DECODED, frames=1875, out_seconds=75.0)) == {K.TOO_LONG}


@pytest.mark.parametrize("source_format", ["mov", "matroska"])
@pytest.mark.parametrize(("seconds", "good"), [(60.0, True), (59.6, True), (60.4, True), (59.4, False), (60.6, False)])
def test_a_stated_length_is_held_to_half_a_second(seconds: float, good: bool, source_format: str) -> None:
    plan, source = replace(PLAN, source_format=source_format), picture(SOURCE, packets=None)
    assert (kinds(plan, source, picture(OUTPUT, duration=seconds)) == set()) is good


@pytest.mark.parametrize(("seconds", "good"), [(59.2, True), (60.8, True), (58.9, False), (61.7, False)])
def test_the_length_of_a_whole_file_is_held_to_a_second(seconds: float, good: bool) -> None:
    source = picture(replace(SOURCE, duration=60.0 if seconds < 60 else 60.5), duration=None, packets=None)
    output = replace(picture(OUTPUT, duration=seconds), duration=seconds)
    assert (kinds(source=source, output=output, decoded=replace(DECODED, out_seconds=seconds)) == set()) is good


def test_a_slide_show_is_held_to_two_of_its_frames() -> None:
    slides = replace(PICTURE, target=replace(TARGET, nominal_frame_rate=Fraction(1, 2)))
    plan = replace(PLAN, source_format="mov", streams=(slides, STEREO, SURROUND))
    assert kinds(plan, SOURCE, picture(OUTPUT, duration=56.5)) == set()
    assert kinds(plan, SOURCE, picture(OUTPUT, duration=55.5)) == {K.TOO_SHORT}


def test_a_picture_that_begins_late_is_as_long_by_either_way_of_counting() -> None:
    source = picture(replace(SOURCE, duration=64.0), duration=64.0, start_time=4.0)
    output = replace(picture(OUTPUT, duration=60.0, start_time=4.0), duration=64.0)
    assert kinds(source=source, output=output, decoded=replace(DECODED, out_seconds=64.0)) == set()


def test_a_container_may_outlast_its_picture_by_its_last_subtitle() -> None:
    source = picture(replace(SOURCE, duration=75.0), duration=None)
    assert kinds(source=source) == set()  # 1500 frames were counted and 1500 came out
    assert kinds(source=picture(source, packets=None)) == {K.TOO_SHORT}  # nothing speaks for it


def test_a_tag_that_is_too_short_is_not_held_against_sound_that_ends_with_its_picture() -> None:
    stale = sound(SOURCE, 0, duration=30.0)
    assert kinds(source=stale) == set()
    assert kinds(replace(PLAN, source_format="mov"), stale) == {K.TOO_LONG}, "there it is measured"
    assert kinds(source=stale, output=sound(OUTPUT, 0, duration=75.0)) == {K.TOO_LONG}


def test_a_stale_tag_that_outlasts_its_file_is_not_believed() -> None:
    assert kinds(source=picture(SOURCE, duration=7200.0, packets=None)) == set()


def test_a_wrong_estimate_of_a_broadcast_is_forgiven_when_every_frame_came_out() -> None:
    plan = replace(PLAN, source_format="mpegts")
    source = sound(picture(replace(SOURCE, duration=95_000.0), duration=95_000.0), 0, duration=95_000.0)
    assert kinds(plan, source) == set()
    assert K.TOO_SHORT in kinds(plan, picture(source, packets=2900))


def test_a_joined_broadcast_may_last_longer_than_its_estimate() -> None:
    plan = replace(PLAN, source_format="mpegts")
    source = replace(picture(SOURCE, duration=4.0, packets=None), duration=4.0)
    assert kinds(plan, source) == set()
    assert kinds(plan, picture(source, packets=100)) == {K.TOO_LONG}


def test_an_interlaced_broadcast_may_have_a_packet_for_each_field() -> None:
    plan = replace(PLAN, source_format="mpegts")
    source = replace(picture(SOURCE, duration=500.0, packets=3000, field_order="tt"), duration=500.0)
    assert kinds(plan, source) == set()
    assert kinds(plan, picture(source, field_order="progressive")) == {K.TOO_SHORT}


def test_of_a_steady_rate_the_planned_share_of_the_frames_counts_and_of_an_uneven_one_nothing() -> None:
    plan = replace(PLAN, streams=(replace(PICTURE, target=replace(TARGET, frame_rate=RATE)), STEREO, SURROUND))
    fast = picture(replace(SOURCE, duration=75.0), duration=None, packets=3000, average_frame_rate=2 * RATE,
                   real_frame_rate=2 * RATE)
    assert kinds(plan, fast) == set()
    assert kinds(plan, picture(fast, packets=3600)) == {K.TOO_SHORT}
    assert kinds(plan, picture(fast, average_frame_rate=Fraction(49))) == {K.TOO_SHORT}
    assert kinds(plan, picture(fast, average_frame_rate=None, real_frame_rate=None)) == {K.TOO_SHORT}


def test_matroska_may_begin_late_as_a_whole_and_state_the_time_of_its_end() -> None:
    source = picture(replace(SOURCE, duration=70.0, start_time=10.0), duration=70.0, start_time=10.0, packets=None)
    assert kinds(source=source) == set()
    short = replace(picture(OUTPUT, duration=58.0), duration=58.0)
    assert kinds(source=source, output=short, decoded=replace(DECODED, out_seconds=58.0)) == {K.TOO_SHORT}
    length = picture(source, duration=60.0, start_time=70.0)  # it cannot have ended before it began
    assert kinds(source=length, output=short, decoded=replace(DECODED, out_seconds=58.0)) == {K.TOO_SHORT}
    broadcast = replace(source, formats=("mpegts",))  # there all times are counted from the beginning
    assert kinds(replace(PLAN, source_format="mpegts"), broadcast) == {K.TOO_SHORT}


def test_matroska_that_begins_before_zero_is_longer_than_the_time_of_its_end() -> None:
    source = picture(replace(SOURCE, duration=59.5, start_time=-0.9), duration=59.1, start_time=0.1, packets=None)
    assert kinds(source=source) == set()
    assert kinds(source=replace(source, start_time=0.1)) == {K.TOO_LONG}


def test_encoded_sound_that_begins_late_may_be_filled_with_silence() -> None:
    plan = replace(PLAN, source_format="mov")
    source = sound(replace(SOURCE, formats=("mov", "mp4")), 0, duration=50.0, start_time=10.0)
    assert kinds(plan, source, replace(OUTPUT, audio=(OUTPUT.audio[0], replace(OUTPUT.audio[1], duration=50.0)))) == set()
    assert kinds(plan, sound(source, 0, start_time=0.0)) == {K.TOO_LONG}


def test_a_quick_proof_counts_the_packets_instead_of_the_frames() -> None:
    quick = Proofs(depth=Verify.QUICK)
    decoded = replace(DECODED, frames=31, out_seconds=9.0)
    assert compare(PLAN, SOURCE, OUTPUT, ENCODED, decoded, quick) == ()
    assert [m.kind for m in compare(PLAN, SOURCE, picture(OUTPUT, packets=1499), ENCODED, decoded, quick)] == [K.FRAMES]
    assert [m.kind for m in compare(PLAN, SOURCE, OUTPUT, ENCODED, replace(decoded, frames=0), quick)] == [K.FRAMES]


def test_chapters_must_have_come_over() -> None:
    assert kinds(replace(PLAN, chapters=True), replace(SOURCE, chapters=3)) == {K.CHAPTERS}
    assert kinds(replace(PLAN, chapters=True), replace(SOURCE, chapters=3), replace(OUTPUT, chapters=3)) == set()


def test_of_telecined_film_four_of_five_frames_are_all() -> None:
    undone = replace(TARGET, detelecine=True, nominal_frame_rate=Fraction(24000, 1001))
    plan = replace(PLAN, streams=(replace(PICTURE, target=undone), STEREO, SURROUND))
    source = picture(replace(SOURCE, duration=75.0), duration=None, packets=1875, average_frame_rate=Fraction(30000, 1001),
                     real_frame_rate=Fraction(30000, 1001))
    assert kinds(plan, source) == set()
    assert kinds(plan, picture(source, packets=2000)) == {K.TOO_SHORT}


def test_packets_are_counted_only_where_a_guessed_length_is_all_that_is_wrong() -> None:
    broadcast = replace(PLAN, source_format="mpegts")
    short, other = Mismatch(K.TOO_SHORT, "short"), Mismatch(K.CODEC, "other")
    assert counting_helps(broadcast, (short, short))
    assert not counting_helps(broadcast, (short, other))
    assert not counting_helps(broadcast, ())
    long = Mismatch(K.TOO_LONG, "long")
    assert counting_helps(PLAN, (long,))
    assert not counting_helps(replace(PLAN, source_format="mov"), (long,))
    assert not counting_helps(PLAN, (short,))  # a count would excuse a Matroska that breaks off


def test_a_last_still_of_a_variable_rate_may_be_lost_but_not_more() -> None:
    plan = replace(PLAN, source_format="mov")
    source = picture(SOURCE, average_frame_rate=Fraction(24))
    assert kinds(plan, source, picture(OUTPUT, duration=57.0)) == set()
    assert kinds(plan, source, picture(OUTPUT, duration=50.0)) == {K.TOO_SHORT}
    assert kinds(plan, SOURCE, picture(OUTPUT, duration=57.0)) == {K.TOO_SHORT}


def test_a_sound_track_that_breaks_off_is_found() -> None:
    plan, source = replace(PLAN, source_format="mov"), replace(SOURCE, formats=("mov", "mp4"))
    assert kinds(plan, source, sound(OUTPUT, 0, duration=30.0)) == {K.TOO_SHORT}


def test_a_source_without_any_length_is_not_held_against_the_output() -> None:
    source = replace(sound(picture(SOURCE, duration=None, packets=None), 0, duration=None), duration=None)
    assert kinds(source=source) == set()


def test_a_header_that_promises_more_than_there_is_lies() -> None:
    assert K.LYING_HEADER in kinds(decoded=replace(DECODED, out_seconds=7.0, frames=175))
    assert K.LYING_HEADER in kinds(decoded=replace(DECODED, out_seconds=None))


@pytest.mark.parametrize("frames", [1499, 1501, 0, None])
def test_every_encoded_frame_must_decode(frames: int | None) -> None:
    assert kinds(decoded=replace(DECODED, frames=frames)) == {K.FRAMES}


def test_a_copied_picture_may_begin_with_frames_that_cannot_be_decoded() -> None:
    plan = replace(PLAN, streams=(decision(0, "video", "h264"), STEREO, SURROUND))
    source = picture(SOURCE, codec="h264", width=320, height=240)
    assert kinds(plan, source, decoded=replace(DECODED, frames=1497)) == set()
    assert kinds(plan, source, picture(OUTPUT, width=640)) == {K.PICTURE_SIZE}


def test_without_a_planned_default_the_first_sound_track_may_become_it() -> None:
    plan = replace(PLAN, streams=(PICTURE, replace(STEREO, default=False), SURROUND))
    assert kinds(plan) == set()


def test_a_language_that_mp4_cannot_hold_comes_out_undetermined() -> None:
    plan = replace(PLAN, streams=(PICTURE, replace(STEREO, language="en-US"), SURROUND))
    assert kinds(plan, output=sound(OUTPUT, 0, language="und")) == set()
