"""The commands of a search for quality, and what they say: samples of the finished picture without loss, tries of them at a crf,
and how much a try differs from its sample."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from pectin.encoding import argv, encoders, pictures
from pectin.encoding.labels import Argv
from pectin.model.plan import Plan, VideoTarget
from pectin.model.quality import Metric, Samples

SAMPLES = "samples.txt"  # the list of them, for ffmpeg's concat demuxer
_MUXERS: Mapping[str, str] = MappingProxyType({"mp4": "mp4", "mkv": "matroska", "webm": "webm"})
# Every seventh frame tells the same mean in half of the time. Seven divides no usual number of frames in a second: a fifth would
# be the first frame of each sample at 25 frames per second, and two points off.
_SUBSAMPLE = 7
_LARGE = 1440  # lines: above, the model for 4K on a large screen
_SLACK = 50    # frames that a film may have beyond what it says, where all of it is the sample
_WORDS: Mapping[str, re.Pattern[str]] = MappingProxyType({
    "libvmaf": re.compile(r"VMAF score: (\S+)"),
    "xpsnr": re.compile(r"XPSNR .*minimum: ([^\s)]+)"),
    "ssim": re.compile(r"SSIM Y:(\S+)")})
_SAME = 100.0  # dB, instead of the infinity of two equal pictures


def sample(number: int) -> str:
    """The file of a sample."""
    return f"sample-{number}.nut"


def listing(numbers: Sequence[int]) -> str:
    """What stands in SAMPLES."""
    return "".join(["ffconcat version 1.0\n", *(f"file {sample(number)}\n" for number in numbers)])


def sample_argv(plan: Plan, target: VideoTarget, samples: Samples, place: float | None, number: int, *, ffmpeg: str, source: str,
                threads: int, max_pixels: int) -> Argv:
    """One sample: decoded, and through all of the plan's filters, so that only the encoder is judged. It begins with the key
    frame before `place`: what is decoded before a place that is none would be for nothing."""
    seek = () if place is None else ("-noaccurate_seek", "-ss", f"{place:.3f}")
    most = samples.frames or math.ceil(samples.seconds * target.nominal_frame_rate) + _SLACK
    # Both hardly cost anything to decode, and every ffmpeg has them; the first knows 8 bit only.
    codec = "ffvhuff" if "10" in target.pixel_format else "utvideo"
    return (*argv.always(ffmpeg), "-y", *_threads(threads), *argv.opening(plan.source_format, source, threads, max_pixels, seek),
            *pictures.graph(plan), "-map", "[picture]", "-frames:v", str(most), "-c:v", codec, "-pix_fmt", target.pixel_format,
            "-fps_mode", "vfr", "-enc_time_base", "1:90000", "-threads", str(threads), "-f", "nut", sample(number))


def attempt(plan: Plan) -> str:
    """The file of a try."""
    return f"try.{plan.container}"


def try_argv(plan: Plan, target: VideoTarget, crf: float, *, ffmpeg: str, threads: int) -> Argv:
    """All samples, encoded as the film will be."""
    return (*argv.always(ffmpeg), "-y", *_threads(threads), *_samples(threads), "-map", "0:v:0",
            *encoders.options(replace(target, crf=crf), "v:0", threads), "-threads", str(threads), *plan.extra,
            "-f", _MUXERS[plan.container], attempt(plan))


def score_argv(plan: Plan, target: VideoTarget, metric: Metric, *, ffmpeg: str, threads: int) -> Argv:
    """A try against the samples; `score` finds the result on stderr."""
    return (*_loud(ffmpeg), *_threads(threads), "-threads", str(threads), "-protocol_whitelist", "file", "-i",
            f"file:{attempt(plan)}", *_samples(threads), "-filter_complex",
            f"[0:v:0]{_even(target)}[made];[1:v:0]{_even(target)}[meant];[made][meant]{_filter(metric, target, threads)}",
            "-f", "null", "-")


def score(metric: Metric, words: str) -> float | None:
    """Out of ffmpeg's stderr; None when it is not there."""
    return _number(_WORDS[metric.filter], words)


def floor_argv(plan: Plan, target: VideoTarget, video: str, place: float, frames: int, *, ffmpeg: str, source: str, threads: int,
               max_pixels: int, skip: tuple[int, int] = (0, 0)) -> Argv:
    """A spot of the finished film against its source, through the plan's own filters. `skip`: frames left out at the beginning of
    the source, and of the film: where one of them begins a frame later."""
    (option, chain), at = pictures.graph(plan), ("-ss", f"{place:.3f}")

    def side(number: int) -> str:
        return f"trim=start_frame={skip[number]}:end_frame={skip[number] + frames},{_even(target)}"

    return (*_loud(ffmpeg), *_threads(threads), *argv.opening(plan.source_format, source, threads, max_pixels, at),
            "-threads", str(threads), "-protocol_whitelist", "file", *at, "-i", f"file:{video}",
            option, f"{chain};[picture]{side(0)}[meant];[1:v:0]{side(1)}[made];[made][meant]ssim@score=shortest=1",
            "-frames:v", str(frames), "-f", "null", "-")


def similarity(words: str) -> float | None:
    """The SSIM of the brightness, out of ffmpeg's stderr."""
    return _number(_WORDS["ssim"], words)


def _loud(ffmpeg: str) -> Argv:
    return (ffmpeg, "-nostdin", "-hide_banner", "-v", "info", "-nostats", "-progress", "pipe:1", "-stats_period", "0.5")


def _threads(threads: int) -> Argv:
    return ("-filter_threads", str(threads), "-filter_complex_threads", str(threads))


def _samples(threads: int) -> Argv:
    return ("-threads", str(threads), "-protocol_whitelist", "file", "-f", "concat", "-i", f"file:{SAMPLES}")


def _even(target: VideoTarget) -> str:
    """Frame against frame: each container rounds its times in its own way, and one frame off makes 95 points 70."""
    return f"format={target.pixel_format},setparams=range=tv,settb=1/25,setpts=N"


def _filter(metric: Metric, target: VideoTarget, threads: int) -> str:
    if metric is Metric.XPSNR:
        return "xpsnr@score"
    model = ":model=version=vmaf_4k_v0.6.1" if target.height > _LARGE else ""
    return f"libvmaf@score=n_threads={threads}:n_subsample={_SUBSAMPLE}{model}"


def _number(pattern: re.Pattern[str], words: str) -> float | None:
    found = pattern.findall(words)
    try:
        value = float(found[-1]) if found else math.nan
    except ValueError:
        return None
    return None if math.isnan(value) else min(value, _SAME)
