"""The search for a crf: which samples, what is tried next, when it ends, and what is told."""

from __future__ import annotations

import math
import string
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pectin.encoding import scores
from pectin.model.measured import Measured
from pectin.model.plan import VideoTarget
from pectin.model.profile import Hdr, Profile, VideoCodec
from pectin.model.quality import Found, Metric, Quality, QualityMode, Samples, Try
from pectin.planning import quality
from pectin.planning.hardware import ladder
from pectin.planning.plan import decide
from pectin.planning.quality import MOST_TRIES, Ended, Search, Verdict
from unit.mediamaker import film, picture, sound

SAMPLES = Samples(places=(1.0, 2.0), frames=48, seconds=2.0)
WISH = Quality(mode=QualityMode.TARGET, target=95.0, max_size=0.8)
TARGET = VideoTarget(width=1280, height=720, scale=True, frame_rate=None, nominal_frame_rate=Fraction(24))
BOUNDS = {VideoCodec.H264: (10, 46), VideoCodec.HEVC: (10, 46), VideoCodec.AV1: (5, 63), VideoCodec.VP9: (5, 63)}


def a_search(wish: Quality = WISH, *, codec: VideoCodec = VideoCodec.H264, fallback: float = 22.0,
             source_rate: float | None = 10e6) -> Search:
    return Search(quality=wish, codec=codec, fallback=fallback, source_rate=source_rate, limit=8_000_000, samples=SAMPLES)


def searched(search: Search, score: Callable[[float], float], rate: Callable[[float], float] = lambda crf: 1e6,
             ) -> tuple[Ended, list[Try]]:
    """To its end, with encoders that behave as these say."""
    tries: list[Try] = []
    while isinstance(answer := quality.step(search, tries), float):
        assert len(tries) < MOST_TRIES
        assert all(abs(answer - one.crf) > 0.05 for one in tries), "nothing is tried twice"
        tries.append(Try(crf=answer, score=score(answer), rate=rate(answer)))
    return answer, tries


def halving(crf: float) -> float:
    """Bit rates of x264: half for six steps."""
    return 4e6 * 2 ** ((22 - crf) / 6)


def losing(at_22: float, growth: float) -> Callable[[float], float]:
    """A film whose VMAF loss grows by a factor of e**growth with each step of crf."""
    return lambda crf: 100 - min(100.0, at_22 * math.exp(growth * (crf - 22)))


@given(at_22=st.floats(0.5, 30), growth=st.floats(0.06, 0.4), target=st.floats(80, 98),
       fallback=st.floats(14, 32).map(lambda crf: round(crf, 1)))
@settings(max_examples=600, deadline=None)
def test_a_film_whose_score_falls_with_the_crf_gets_the_target(at_22: float, growth: float, target: float,
                                                               fallback: float) -> None:
    score = losing(at_22, growth)
    search = a_search(replace(WISH, target=target, max_size=2.0), fallback=fallback)
    ended, tries = searched(search, score, halving)
    assert all(10 <= one.crf <= 46 for one in tries)
    if score(10) < target - 0.05:
        assert ended.verdict is not Verdict.REACHED
        return
    if ended.verdict is Verdict.TOO_LARGE:
        assert search.size(ended.tell) > 2.0
        return
    assert ended.verdict is Verdict.REACHED
    assert ended.best is not None
    assert target - 0.051 <= ended.best.score
    at_limit = ended.best.crf >= 45.95
    steepness = (100 - ended.best.score) * growth  # points for one step
    assert at_limit or ended.best.score <= target + 1.0 + steepness * 0.1


@given(at_22=st.floats(2, 10), growth=st.floats(0.12, 0.25))
def test_of_an_ordinary_film_three_or_four_tries_are_enough(at_22: float, growth: float) -> None:
    _, tries = searched(a_search(replace(WISH, max_size=2.0)), losing(at_22, growth), halving)
    assert len(tries) <= 4


@given(at_22=st.floats(1, 20), growth=st.floats(0.08, 0.3), noise=st.lists(st.floats(-0.4, 0.4), min_size=8, max_size=8),
       codec=st.sampled_from(list(BOUNDS)))
@settings(max_examples=400, deadline=None)
def test_scores_that_are_off_end_the_search_all_the_same(at_22: float, growth: float, noise: list[float],
                                                         codec: VideoCodec) -> None:
    score = losing(at_22, growth)
    off = iter(noise)
    fallback = 22.0 if codec in (VideoCodec.H264, VideoCodec.HEVC) else 31.0
    ended, tries = searched(a_search(codec=codec, fallback=fallback), lambda crf: min(100.0, score(crf) + next(off)), halving)
    assert len(tries) <= MOST_TRIES
    low, high = BOUNDS[codec]
    assert all(low <= one.crf <= high for one in tries)
    if ended.best is not None:
        assert ended.best.score >= 94.949


@given(st.lists(st.floats(0, 100), min_size=6, max_size=6), st.lists(st.floats(1e3, 1e9), min_size=6, max_size=6),
       st.sampled_from(list(Metric)), st.sampled_from(list(BOUNDS)), st.floats(20, 100))
@settings(max_examples=400, deadline=None)
def test_whatever_an_encoder_answers_the_search_ends(told: list[float], rates: list[float], metric: Metric, codec: VideoCodec,
                                                     target: float) -> None:
    answers, sizes = iter(told), iter(rates)
    ended, tries = searched(a_search(replace(WISH, metric=metric, target=target), codec=codec), lambda crf: next(answers),
                            lambda crf: next(sizes))
    assert ended.best is None or ended.best in tries
    assert (ended.best is not None) == (ended.verdict is Verdict.REACHED)


@given(at_22=st.floats(26, 44), slope=st.floats(0.2, 1.2), target=st.floats(28, 45))
@settings(max_examples=300, deadline=None)
def test_xpsnr_is_reached_too(at_22: float, slope: float, target: float) -> None:
    def score(crf: float) -> float:
        return at_22 - slope * (crf - 22)

    ended, _ = searched(a_search(replace(WISH, metric=Metric.XPSNR, target=target), source_rate=None), score, halving)
    if score(10) < target - 0.05:
        assert ended.verdict is Verdict.UNREACHABLE
    else:
        assert ended.best is not None
        assert ended.best.score >= target - 0.051
        assert ended.best.crf >= 45.95 or ended.best.score <= target + 0.5


@pytest.mark.parametrize("codec", [VideoCodec.AV1, VideoCodec.VP9])
def test_an_encoder_that_knows_whole_steps_only_gets_them(codec: VideoCodec) -> None:
    ended, tries = searched(a_search(codec=codec, fallback=31), losing(4, 0.09), halving)
    assert ended.verdict is Verdict.REACHED
    assert all(one.crf == round(one.crf) for one in tries)
    assert ended.best is not None
    assert losing(4, 0.09)(ended.best.crf + 1) < 95 + 0.3


def test_a_target_that_takes_too_much_is_given_up_as_soon_as_that_is_clear() -> None:
    search = a_search(source_rate=4e6)
    ended, tries = searched(search, losing(20, 0.17), halving)
    assert (ended.verdict, ended.best, len(tries)) == (Verdict.TOO_LARGE, None, 1)
    found = quality.result(search, ended, tries, remembered=False)
    assert (found.reached, found.crf) == (False, 22)
    assert "VMAF 95 is given up, crf 22 is taken: it would take more than max_size, 80 % of the source" in found.sentence


def test_a_target_that_is_only_reached_by_a_file_too_large_is_given_up() -> None:
    ended, _ = searched(a_search(source_rate=6e6), losing(8, 0.17), halving)
    assert (ended.verdict, ended.best) == (Verdict.TOO_LARGE, None)


def test_a_film_held_back_by_its_bit_rate_is_not_tried_to_the_end() -> None:
    """From some crf on the limit decides: a finer one changes neither score nor size."""
    search = a_search(replace(WISH, max_size=2))
    ended, tries = searched(search, lambda crf: min(90.0, losing(9, 0.17)(crf)), lambda crf: min(halving(crf), 4e6))
    assert (ended.verdict, len(tries)) == (Verdict.CAPPED, 2)
    found = quality.result(search, ended, tries, remembered=False)
    assert "the limit of 8.0 Mbit/s (max_bitrate) does not allow it" in found.sentence


def test_a_film_that_is_perfect_at_any_crf_gets_the_coarsest() -> None:
    ended, tries = searched(a_search(), lambda crf: 100.0, halving)
    assert ended.best is not None
    assert ended.verdict is Verdict.REACHED
    assert ended.best.crf == max(one.crf for one in tries)


def test_the_same_tries_lead_to_the_same_step() -> None:
    """So what is remembered goes on where it was interrupted, at every point."""
    search = a_search()
    ended, tries = searched(search, losing(7, 0.2), halving)
    for number in range(len(tries)):
        assert quality.step(search, tries[:number]) == tries[number].crf
    assert quality.step(search, tries) == ended


def test_another_target_goes_on_with_the_tries_of_the_first() -> None:
    _, tries = searched(a_search(), losing(5, 0.17), halving)
    again = quality.step(a_search(replace(WISH, target=90.0)), tries)
    assert isinstance(again, float)
    assert again > max(one.crf for one in tries)


def test_what_was_found_is_told_with_what_it_was_measured_on() -> None:
    search = a_search()
    ended, tries = searched(search, losing(5, 0.17), halving)
    found = quality.result(search, ended, tries, remembered=True)
    assert found.reached
    assert found.remembered
    assert found.sentence == ("crf 22 reaches VMAF 95.0 (target 95), measured on 2 samples of 2 s in 1 try of an earlier job, "
                              "about 40 % of the source's size.")


def test_the_samples_of_a_film_are_spread_and_leave_out_the_credits() -> None:
    samples = quality.choose(1200.0, ("matroska", "webm"), TARGET)
    places = [place for place in samples.places if place is not None]
    assert 24 <= len(places) <= 30
    assert places == sorted(places)
    assert places[0] > 24
    assert places[-1] < 0.92 * 1200
    assert (samples.frames, samples.seconds) == (24, 1.0)


@pytest.mark.parametrize("period", [28.0, 56.0, 56.84, 113.7])
def test_samples_do_not_fall_in_step_with_a_film_that_repeats_itself(period: float) -> None:
    """Each quarter of what comes again and again is seen."""
    places = [place for place in quality.choose(1200.0, ("mov",), TARGET).places if place is not None]
    assert {int(4 * (place % period) / period) for place in places} == {0, 1, 2, 3}


@given(seconds=st.floats(0.1, 40_000), preset=st.sampled_from(["ultrafast", "veryfast", "medium", "placebo"]),
       height=st.sampled_from([240, 720, 1080, 2160]))
@settings(max_examples=200, deadline=None)
def test_samples_lie_in_the_film_and_stay_a_small_part_of_it(seconds: float, preset: str, height: int) -> None:
    samples = quality.choose(seconds, ("mov",), replace(TARGET, preset=preset, height=height, width=height * 16 // 9))
    if samples.frames is None:
        assert samples.places == (None,)
        assert seconds <= 8 / 0.85 + 0.01
        return
    assert all(place is not None and 0 <= place <= seconds for place in samples.places)
    assert len(samples.places) * samples.seconds <= max(8.0, min(60.0, 0.03 * seconds) + 1)


def test_a_fast_preset_gets_fewer_samples() -> None:
    """Beside it measuring costs more than encoding."""
    quick = quality.choose(6000.0, ("mov",), replace(TARGET, preset="ultrafast"))
    assert len(quick.places) < len(quality.choose(6000.0, ("mov",), TARGET).places)


@pytest.mark.parametrize(("seconds", "formats"), [(None, ("matroska",)), (3600.0, ("h264",)), (3600.0, ("mpegvideo",))])
def test_a_film_that_cannot_be_sought_in_is_looked_at_from_its_beginning(seconds: float | None, formats: tuple[str, ...]) -> None:
    samples = quality.choose(seconds, formats, TARGET)
    assert samples.places == (None,)
    assert samples.frames is not None
    assert samples.frames >= 24 * 8


def test_a_short_film_is_its_own_sample() -> None:
    assert quality.choose(9.0, ("mov",), TARGET) == Samples(places=(None,), frames=None, seconds=9.0)


def test_large_pictures_get_no_more_samples_than_a_disk_bears() -> None:
    samples = quality.choose(7200.0, ("mov",), replace(TARGET, width=3840, height=2160, pixel_format="yuv420p10le"))
    assert len(samples.places) * 24 * 3840 * 2160 * 1.2 <= 1.5e9


SOURCE = film(picture(codec="mpeg4", width=1280, height=720), sound())
LOOKING = Profile(quality=WISH)


def key(**changes: object) -> str:
    plan = decide(SOURCE, LOOKING)
    target = quality.wanted(plan, LOOKING)
    assert target is not None
    search = quality.begin(plan, target, SOURCE, LOOKING)
    given: dict[str, object] = {"fingerprint": "1-abc", "plan": plan, "target": target, "search": search, "version": "7.1"}
    return quality.key(**(given | changes))  # type: ignore[arg-type]


def test_a_search_is_remembered_for_its_content_and_settings() -> None:
    plan = decide(SOURCE, LOOKING)
    target = quality.wanted(plan, LOOKING)
    assert target is not None
    search = quality.begin(plan, target, SOURCE, LOOKING)
    assert key() == key()
    assert key(target=replace(target, crf=30.0)) == key(), "the crf is what is looked for"
    assert key(search=replace(search, quality=replace(WISH, target=90.0, max_size=0.5))) == key()
    others = [key(fingerprint="1-abd"), key(version="7.2"), key(target=replace(target, preset="slow")),
              key(target=replace(target, height=480)), key(plan=replace(plan, extra=("-tune:v", "grain"))),
              key(search=replace(search, quality=replace(WISH, metric=Metric.XPSNR)))]
    assert len({key(), *others}) == len(others) + 1


def test_nothing_is_looked_for_where_nothing_is_encoded() -> None:
    fits = film(picture(width=1280, height=720), sound())
    assert quality.wanted(decide(fits, LOOKING), LOOKING) is None
    assert quality.wanted(decide(SOURCE, Profile()), Profile()) is None
    assert decide(SOURCE, Profile()).notes == ()


def test_the_plan_is_made_with_what_was_found_and_tells_it() -> None:
    found = Found(crf=24.3, score=95.1, size=0.6, tries=3, reached=True, sentence="crf 24.3 reaches VMAF 95.1.")
    plan = decide(SOURCE, LOOKING, Measured(quality=found))
    target = plan.kept[0].target
    assert isinstance(target, VideoTarget)
    assert (target.crf, target.searched) == (24.3, True)
    assert plan.notes == ("crf 24.3 reaches VMAF 95.1.",)
    assert "on the CPU" in ladder(plan, SOURCE, (), why_none=(None, ""))[0].sentence  # type: ignore[arg-type]


def test_a_plan_without_a_search_says_what_a_job_would_do() -> None:
    assert decide(SOURCE, LOOKING).notes == (
        "A job looks on samples of the film for the crf that reaches VMAF 95, and begins with crf 22.",)


def test_hdr_that_is_kept_is_not_measured_by_vmaf() -> None:
    kept = replace(TARGET, transfer="smpte2084", pixel_format="yuv420p10le", codec=VideoCodec.HEVC)
    profile = Profile(video=VideoCodec.HEVC, hdr=Hdr.KEEP, quality=WISH)
    refused = quality.against(kept, profile)
    assert refused is not None
    assert (refused.reached, refused.crf) == (False, profile.crf)
    assert quality.against(kept, replace(profile, quality=replace(WISH, metric=Metric.XPSNR))) is None
    assert quality.against(TARGET, profile) is None, "tone-mapped it is a usual picture"


@pytest.mark.parametrize(("metric", "words", "score"), [
    (Metric.VMAF, "[libvmaf@score @ 0x7f] VMAF score: 95.120034", 95.120034),
    (Metric.XPSNR, "[xpsnr@score @ 0x7f] XPSNR  y: 41.2661  u: 40.7102  v: 38.5417  (minimum: 38.5417)", 38.5417),
    (Metric.XPSNR, "[xpsnr@score @ 0x7f] XPSNR  y: inf  u: inf  v: inf  (minimum: inf)", 100.0),
    (Metric.VMAF, "[libvmaf@score @ 0x7f] VMAF score: nan", None),
    (Metric.VMAF, "", None)])
def test_a_score_is_found_in_what_ffmpeg_says(metric: Metric, words: str, score: float | None) -> None:
    assert scores.score(metric, words) == score


@given(st.text(alphabet=string.printable, max_size=60))
def test_whatever_stands_there_is_a_score_or_none(words: str) -> None:
    for metric in Metric:
        found = scores.score(metric, f"VMAF score: {words} XPSNR minimum: {words}")
        assert found is None or found <= 100.0
