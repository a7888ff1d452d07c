"""The options of each picture encoder: quality, speed, limits of rate, closed groups of pictures, and threads that stay within
the cap."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType

from pectin.encoding.labels import Argv
from pectin.model.mastering import MasteringDisplay
from pectin.model.plan import VideoTarget
from pectin.model.profile import VideoCodec

# The names under which MP4 carries a codec. Apple's players take HEVC as hvc1 only; the others have one name each.
MP4_TAGS: Mapping[str, str] = MappingProxyType({"h264": "avc1", "hevc": "hvc1"})
# SVT-AV1 takes its limit as a hint: noise came out up to 28 % above it (1.4.1, 20 s at 400 and 340 kbit/s).
_SVT_SHARE = 0.75
# Frames that no film has: key frames are then those that are forced, and a cut to another scene gets a picture without
# references, but no key frame (x264, x265; with as many at least, libvpx sets none of its own either).
_NEVER = 10_000_000
_CLOCK_SLACK = 0.001  # seconds: the moment of a frame on a multiple may be rounded to just before it
_HDR_TAGS = ("bt2020nc", "bt2020")
_SDR_TAGS = ("bt709", "bt709")
_PQ = "smpte2084"


def options(target: VideoTarget, of: str, threads: int) -> Argv:
    """For the output stream `of` (`v:0`). `threads` bounds the encoder's own pools, which know nothing of ffmpeg's -threads."""
    matrix, primaries = _HDR_TAGS if target.transfer != "bt709" else _SDR_TAGS
    share = _SVT_SHARE if target.codec is VideoCodec.AV1 else 1.0
    return (
        *_ENCODERS[target.codec](target, of, threads),
        "-pix_fmt:" + of, target.pixel_format,
        "-maxrate:" + of, str(int(target.max_bitrate * share)), "-bufsize:" + of, str(int(target.buffer_bits * share)),
        *_distance(target, of), "-flags:" + of, "+cgop",
        "-force_key_frames:" + of, key_frames(target),
        "-fps_mode:" + of, "vfr",  # 5.1 would fill gaps with copies, without end in a hostile file
        # The encoder's clock would tick once a frame: a picture that begins late, or at its own pace, would be half a frame off.
        "-enc_time_base:" + of, "1:90000",
        "-color_range:" + of, "tv", "-colorspace:" + of, matrix, "-color_primaries:" + of, primaries,
        "-color_trc:" + of, target.transfer,
    )


def key_frames(target: VideoTarget) -> str:
    """When a key frame is forced. By the clock, not by counting: right for variable frame rates and for a picture that begins
    late. Aligned ones stand on the multiples, so that a gap or a lost frame shifts none of those behind it."""
    distance = target.keyframe_seconds
    if not target.aligned:
        return f"expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+{distance}))"
    ahead = f"{target.begins + _CLOCK_SLACK:.3f}"  # ffmpeg counts from the first picture
    return f"expr:if(isnan(prev_forced_t),1,gte(t+{ahead},{distance}*(floor((prev_forced_t+{ahead})/{distance})+1)))"


def _distance(target: VideoTarget, of: str) -> Argv:
    frames = math.ceil(target.nominal_frame_rate * target.keyframe_seconds)
    if target.codec is VideoCodec.AV1:  # cannot be forced to a key frame: it counts, and has none of its own between
        return ("-g:" + of, str(frames))
    if target.aligned:
        return ("-g:" + of, str(_NEVER), "-keyint_min:" + of, str(_NEVER))
    return ("-g:" + of, str(frames + 1))  # counted only where the clock has gaps


def _x264(target: VideoTarget, of: str, threads: int) -> Argv:  # noqa: ARG001 - it obeys ffmpeg's -threads
    return ("-c:" + of, "libx264", "-preset:" + of, target.preset, "-crf:" + of, f"{target.crf:g}",
            "-profile:" + of, "high", "-level:" + of, target.level, "-refs:" + of, str(target.reference_frames))


def _x265(target: VideoTarget, of: str, threads: int) -> Argv:
    """The level is x265's own choice: what clients ask for in HEVC is the profile."""
    # A pool's workers spread over all CPUs of the machine, whatever they were given (libnuma); for one thread there is none.
    pools = "none" if threads == 1 else str(threads)
    parameters = ["log-level=error", "open-gop=0", f"pools={pools}", f"frame-threads={_frame_threads(threads)}"]
    if target.transfer == _PQ:
        parameters += ["hdr10=1", "repeat-headers=1"]
        if target.mastering is not None:
            parameters.append("master-display=" + _mastering(target.mastering, lambda value: str(round(value * 50_000)),
                                                             lambda value: str(round(value * 10_000))))
        if target.light is not None:
            parameters.append(f"max-cll={target.light.pixel},{target.light.frame}")
    return ("-c:" + of, "libx265", "-preset:" + of, target.preset, "-crf:" + of, f"{target.crf:g}",
            "-profile:" + of, "main10" if target.pixel_format.endswith("10le") else "main",
            "-forced-idr:" + of, "1", "-x265-params:" + of, ":".join(parameters))


def _frame_threads(threads: int) -> int:
    """Frames in work at once: x265's own choice for so many CPUs, which costs memory for each."""
    return 3 if threads >= 8 else 2 if threads >= 4 else 1


def _svt_av1(target: VideoTarget, of: str, threads: int) -> Argv:
    """SVT-AV1 pins its threads to the first CPUs of the machine unless it is told not to."""
    parameters = [f"lp={threads}", "pin=0"]
    if target.transfer == _PQ:
        parameters.append("enable-hdr=1")
        if target.mastering is not None:
            parameters.append("mastering-display=" + _mastering(target.mastering, _decimal, _decimal))
        if target.light is not None:
            parameters.append(f"content-light={target.light.pixel},{target.light.frame}")
    return ("-c:" + of, "libsvtav1", "-preset:" + of, target.preset, "-crf:" + of, str(round(target.crf)),
            "-svtav1-params:" + of, ":".join(parameters))


def _vp9(target: VideoTarget, of: str, threads: int) -> Argv:  # noqa: ARG001 - it obeys ffmpeg's -threads
    """Constrained quality: with a bit rate of 0, as is usual, libvpx would know no upper limit at all. It keeps to it over a
    film (noise of 20 s: 5 % above), not over a few seconds (noise of 4 s: twice as much)."""
    return ("-c:" + of, "libvpx-vp9", "-deadline:" + of, "good", "-cpu-used:" + of, target.preset, "-row-mt:" + of, "1",
            "-crf:" + of, str(round(target.crf)), "-b:" + of, str(target.max_bitrate))


_ENCODERS: Mapping[VideoCodec, Callable[[VideoTarget, str, int], Argv]] = MappingProxyType({
    VideoCodec.H264: _x264, VideoCodec.HEVC: _x265, VideoCodec.AV1: _svt_av1, VideoCodec.VP9: _vp9})


def _mastering(screen: MasteringDisplay, place: Callable[[Fraction], str], light: Callable[[Fraction], str]) -> str:
    """The mastering display as x265 and SVT-AV1 write it, each in its own units."""
    points = (("G", screen.green), ("B", screen.blue), ("R", screen.red), ("WP", screen.white))
    return ("".join(f"{name}({place(x)},{place(y)})" for name, (x, y) in points)
            + f"L({light(screen.brightest)},{light(screen.darkest)})")


def _decimal(value: Fraction) -> str:
    return f"{float(value):.5f}"
