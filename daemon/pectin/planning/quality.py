"""The search for the crf that reaches a score: on which parts of a film, what to try next, and what was found. It knows nothing
of how a try is made.

Scores are interpolated between tries, as ab-av1 does, but on a scale on which they are nearly a straight line over the crf: the
loss (100 - VMAF) grows by the same factor from one crf to the next, XPSNR falls by the same amount."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from pectin.model.media import MediaInfo
from pectin.model.plan import Plan, VideoTarget, plain
from pectin.model.profile import Profile, VideoCodec
from pectin.model.quality import Found, Metric, Quality, QualityMode, Samples, Try
from pectin.planning import effort, faults
from pectin.planning.rules import main_video

MOST_TRIES = 6
# Samples of one second: many short ones know a film better than a few long ones, and cost the same. (That their groups of frames
# are shorter than the film's changed neither score nor size: within 0.3 points and 3 %, seven different scenes, x264 medium.) The
# share of the film that they cover: four tries, each an encode and a comparison (which costs as much as an encode of _COMPARED
# million pixels per second), stay below an eighth of the film's own encode.
_SECONDS = 1.0
_SHARE, _COMPARED = 0.03, 110.0
_LEAST, _MOST = 8.0, 60.0  # seconds of all samples together
_WHOLE = 0.85              # of the film: from there on all of it is the sample
_LARGEST = 1.5e9           # bytes that the samples may take on the disk, without loss
_BYTES_PER_PIXEL = 0.6     # of them, as measured with grain (8 bit)
_OPENING, _CLOSING = 0.02, 0.92  # logos and credits say little about a film
_GOLDEN = 0.618034  # its multiples spread evenly between whole numbers, however many there are
_UNSEEKABLE = frozenset({"h264", "hevc", "mpegvideo", "dv"})  # without an index or times: seeking would read it all


@dataclass(frozen=True, slots=True)
class _Scale:
    """Of an encoder: which crf is tried at all (about ab-av1's limits), the smallest step, the usual slope of the loss over the
    crf for each metric, and how far a first jump may go."""

    low: float
    high: float
    step: float
    slopes: Mapping[Metric, float]
    jump: float


# Measured with x264 medium on drawn and on filmed pictures: the VMAF loss doubles in four steps, XPSNR falls 0.45 dB in one.
_X26 = _Scale(10.0, 46.0, 0.1, MappingProxyType({Metric.VMAF: 0.17, Metric.XPSNR: 0.45}), 8)
_TO_63 = _Scale(5.0, 63.0, 1.0, MappingProxyType({Metric.VMAF: 0.09, Metric.XPSNR: 0.25}), 14)
_SCALES: Mapping[VideoCodec, _Scale] = MappingProxyType({
    VideoCodec.H264: _X26, VideoCodec.HEVC: _X26, VideoCodec.AV1: _TO_63, VideoCodec.VP9: _TO_63})

# A score may be so much above the target: the more tries there were, the more (as in ab-av1).
_TOLERANCES: Mapping[Metric, tuple[float, ...]] = MappingProxyType({
    Metric.VMAF: (0.3, 0.3, 0.4, 0.6, 0.9), Metric.XPSNR: (0.15, 0.15, 0.2, 0.3, 0.5)})
_ROUNDING = 0.05   # below the target: a person sees one decimal
_LEAST_LOSS = 0.02
_STUCK_STEPS, _STUCK_RATE = 2.0, 1.02  # so much finer, and hardly any larger: the limit of the rate holds it back


class Verdict(StrEnum):
    """How a search has ended."""

    REACHED = "reached"
    TOO_LARGE = "too_large"        # for max_size
    CAPPED = "capped"              # by max_bitrate
    UNREACHABLE = "unreachable"    # even by the finest crf
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for. `source_rate`: bit/s of the source's picture, None when nobody knows; `fallback`: the profile's crf,
    with which it begins too; `limit`: the highest bit/s of the output."""

    quality: Quality
    codec: VideoCodec
    fallback: float
    source_rate: float | None
    limit: int
    samples: Samples

    def size(self, one: Try) -> float:
        """The part of the source's picture; 0 when nobody knows."""
        return one.rate / self.source_rate if self.source_rate else 0.0


@dataclass(frozen=True, slots=True)
class Ended:
    """`best` is what the film is encoded by, None for the profile's crf; `tell` is what the reason is told by."""

    verdict: Verdict
    best: Try | None
    tell: Try


def wanted(plan: Plan, profile: Profile) -> VideoTarget | None:
    """The picture whose crf is looked for; None where nobody asks for it, or nothing is encoded."""
    if profile.quality.mode is not QualityMode.TARGET:
        return None
    return next((stream.target for stream in plan.kept if isinstance(stream.target, VideoTarget)), None)


def against(target: VideoTarget, profile: Profile) -> Found | None:
    """Why this picture's score cannot be measured, as what is done instead; None: it can. VMAF was made from what people saw on
    usual screens: of HDR as it is coded it makes numbers that mean nothing. XPSNR counts differences, and may."""
    if target.transfer != "bt709" and profile.quality.metric is Metric.VMAF:
        return given_up(profile, "VMAF says nothing about HDR, which is kept (XPSNR would)")
    return None


def given_up(profile: Profile, why: str) -> Found:
    """Without any try."""
    quality = profile.quality
    return Found(crf=profile.crf, score=0.0, size=0.0, tries=0, reached=False,
                 sentence=f"{quality.metric.sign} {quality.target:g} was not looked for, crf {profile.crf:g} is taken: {why}.")


def begin(plan: Plan, target: VideoTarget, media: MediaInfo, profile: Profile) -> Search:
    """The search for this film."""
    picture = main_video(media)
    rate = faults.bit_rate(picture, media) if picture is not None else None
    return Search(quality=profile.quality, codec=target.codec, fallback=profile.crf, source_rate=float(rate) if rate else None,
                  limit=target.max_bitrate, samples=choose(plan.seconds, media.formats, target))


def choose(seconds: float | None, formats: Sequence[str], target: VideoTarget) -> Samples:
    """Spread over the film, without its first moments and the credits. A film that cannot be sought in, or does not say how long
    it is, is looked at from its beginning."""
    rate = float(target.nominal_frame_rate)
    frames = max(1, round(_SECONDS * rate))
    fits = max(1, int(_LARGEST / (target.width * target.height * frames * _BYTES_PER_PIXEL * _deeper(target))))
    share = _SHARE / (1 + effort.encode_speed(target) / _COMPARED)
    most = min(max((seconds or 0.0) * share, _LEAST), _MOST)
    count = max(1, min(round(most / _SECONDS), fits))
    if seconds is not None and seconds * _WHOLE <= count * _SECONDS:
        return Samples(places=(None,), frames=None, seconds=seconds)
    if seconds is None or _UNSEEKABLE & set(formats):
        return Samples(places=(None,), frames=frames * count, seconds=_SECONDS * count)
    span = (_CLOSING - _OPENING) * seconds
    # One in each equal part, at another point of it each time: what comes again and again would else be all that is seen.
    places = tuple(round(_OPENING * seconds + span * (number + (0.5 + number * _GOLDEN) % 1) / count, 3)
                   for number in range(count))
    return Samples(places=places, frames=frames, seconds=_SECONDS)


def _deeper(target: VideoTarget) -> int:
    return 2 if "10" in target.pixel_format else 1


def key(fingerprint: str, plan: Plan, target: VideoTarget, search: Search, version: str) -> str:
    """Of everything that a try's score hangs on, except the crf: the film's content, how its picture is made and on what it is
    measured. Neither the target nor max_size: another target may use the same tries. `version`: ffmpeg's."""
    made = plain(replace(target, crf=0.0, searched=False))
    told = [1, fingerprint, plan.source_format, plan.container, list(plan.extra), made, search.quality.metric.value,
            plain(search.samples), version]
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def step(search: Search, tries: Sequence[Try]) -> float | Ended:
    """The crf to try next, or the end. The same tries lead to the same step."""
    scale = _SCALES[search.codec]
    low, high = min(scale.low, search.fallback), max(scale.high, search.fallback)
    if not tries:
        return _rounded(search.fallback, scale)
    target = search.quality.target
    good = max((one for one in tries if one.score >= target - _ROUNDING), key=lambda one: one.crf, default=None)
    bad = min((one for one in tries if one.score < target - _ROUNDING and (good is None or one.crf > good.crf)),
              key=lambda one: one.crf, default=None)
    tolerance = _TOLERANCES[search.quality.metric][min(len(tries), len(_TOLERANCES[search.quality.metric])) - 1]
    if bad is not None and good is None and search.size(bad) > search.quality.max_size:
        return Ended(Verdict.TOO_LARGE, None, bad)  # finer would only be larger
    if good is not None and (good.score <= target + tolerance or good.crf >= high or len(tries) >= MOST_TRIES):
        return _end(search, good)
    if good is None and bad is not None:
        if _stuck(tries, bad):
            return Ended(Verdict.CAPPED, None, bad)
        if bad.crf <= low or len(tries) >= MOST_TRIES:
            return Ended(Verdict.UNREACHABLE, None, bad)
    crf = _between(search, scale, tolerance, good, bad) if good is not None and bad is not None else \
        _beyond(search, scale, tolerance, tries, good or bad or tries[-1])
    crf = _rounded(min(max(crf, low), high), scale)
    if any(abs(one.crf - crf) < scale.step / 2 for one in tries):  # nothing is left between them
        return _end(search, good) if good is not None else Ended(Verdict.UNREACHABLE, None, bad or tries[-1])
    return crf


def _end(search: Search, best: Try) -> Ended:
    if search.size(best) > search.quality.max_size:
        return Ended(Verdict.TOO_LARGE, None, best)
    return Ended(Verdict.REACHED, best, best)


def _stuck(tries: Sequence[Try], finest: Try) -> bool:
    return any(one.crf - finest.crf >= _STUCK_STEPS and finest.rate <= one.rate * _STUCK_RATE for one in tries)


def _loss(metric: Metric, score: float) -> float:
    return math.log(max(100.0 - score, _LEAST_LOSS)) if metric is Metric.VMAF else -score


def _between(search: Search, scale: _Scale, tolerance: float, good: Try, bad: Try) -> float:
    """Well inside the two: a score that is off must not stop the search at one of its ends."""
    metric = search.quality.metric
    above, below = _loss(metric, good.score), _loss(metric, bad.score)
    part = (_loss(metric, search.quality.target + tolerance / 2) - above) / (below - above) if below > above else 0.5
    gap = bad.crf - good.crf
    margin = min(scale.step, gap / 2)
    return min(max(good.crf + gap * min(max(part, 0.05), 0.95), good.crf + margin), bad.crf - margin)


def _beyond(search: Search, scale: _Scale, tolerance: float, tries: Sequence[Try], nearest: Try) -> float:
    """All tries lie on one side: on from the nearest, by the slope that was seen, or the usual one."""
    metric = search.quality.metric
    slope = usual = scale.slopes[metric]
    far = max((one for one in tries if one is not nearest), key=lambda one: -abs(one.crf - nearest.crf), default=None)
    if far is not None:
        seen = (_loss(metric, far.score) - _loss(metric, nearest.score)) / (far.crf - nearest.crf)
        slope = min(max(seen, usual * 0.3), usual * 3)
    move = (_loss(metric, search.quality.target + tolerance / 2) - _loss(metric, nearest.score)) / slope
    move = min(max(move, -scale.jump), scale.jump)
    least = max(scale.step, 0.5 * (len(tries) - 1))  # towards the target in any case, the further the longer it takes
    ahead = 1 if nearest.score >= search.quality.target - _ROUNDING else -1
    return nearest.crf + ahead * max(move * ahead, least)


def _rounded(crf: float, scale: _Scale) -> float:
    return round(round(crf / scale.step) * scale.step, 1)  # a float: step is one


def result(search: Search, ended: Ended, tries: Sequence[Try], *, remembered: bool) -> Found:
    """The result, in words too."""
    best, tell, quality = ended.best, ended.tell, search.quality
    sign, size = quality.metric.sign, search.size(ended.tell)
    where = f"measured on {_told(search.samples)} in {len(tries)} {'try' if len(tries) == 1 else 'tries'}"
    if remembered:
        where += " of an earlier job"
    about = f", about {100 * size:.0f} % of the source's size" if search.source_rate else ""
    gives = f"crf {tell.crf:g} gives {tell.score:.1f}{about}"
    if best is not None:
        sentence = f"crf {best.crf:g} reaches {sign} {best.score:.1f} (target {quality.target:g}), {where}{about}."
    else:
        why = {Verdict.TOO_LARGE: f"it would take more than max_size, {100 * quality.max_size:g} % of the source",
               Verdict.CAPPED: f"the limit of {search.limit / 1e6:.1f} Mbit/s (max_bitrate) does not allow it",
               }.get(ended.verdict, "this encoder does not reach it")
        sentence = f"{sign} {quality.target:g} is given up, crf {search.fallback:g} is taken: {why}; {gives}, {where}."
    return Found(crf=best.crf if best else search.fallback, score=tell.score, size=size, tries=len(tries),
                 reached=best is not None, sentence=sentence, remembered=remembered)


def _told(samples: Samples) -> str:
    if samples.frames is None:
        return "the whole film"
    if samples.places == (None,):
        return f"the first {samples.seconds:g} s"
    return f"{len(samples.places)} sample{'s' if len(samples.places) > 1 else ''} of {samples.seconds:g} s"


def notes(target: object, profile: Profile, found: Found | None) -> tuple[str, ...]:
    """What a plan says about it, a sentence each: what was found, or what a job would do."""
    if not isinstance(target, VideoTarget) or profile.quality.mode is not QualityMode.TARGET:
        return ()
    if found is not None:
        return (found.sentence,)
    quality = profile.quality
    return (f"A job looks on samples of the film for the crf that reaches {quality.metric.sign} {quality.target:g}, and begins "
            f"with crf {target.crf:g}.",)
