"""Bit rates and quantisers for encoders that know no crf: one table for all devices."""

from __future__ import annotations

import math

from pectin.encoding import encoders
from pectin.encoding.labels import Argv
from pectin.model.hardware import Mode, RateControl
from pectin.model.plan import VideoTarget
from pectin.model.profile import VideoCodec

# Bits per pixel that look about as x264's crf 22 does in a film: 5 Mbit/s for H.264 in 1080p at 24 frames per second. A rule of
# thumb of our own: devices need a fifth to a half more than x264, newer codecs less than H.264.
_BITS = {VideoCodec.H264: 0.10, VideoCodec.HEVC: 0.07, VideoCodec.AV1: 0.06, VideoCodec.VP9: 0.07}
_EVEN_CRF = 22.0
_HALVED_BY = 6.0  # steps of crf, for H.264's quantiser halves the rate in about so many
_FINEST, _COARSEST = 1, 51
_RARELY = 10  # times the distance of key frames


def quality(target: VideoTarget) -> int:
    """The crf as a quantiser of H.264 and HEVC, 1 to 51. Those of AV1 and VP9 go up to 63."""
    crf = target.crf * _COARSEST / 63 if target.codec in (VideoCodec.AV1, VideoCodec.VP9) else target.crf
    return min(max(round(crf), _FINEST), _COARSEST)


def average(target: VideoTarget) -> int:
    """bit/s for an encoder that wants a number; never above the target's highest."""
    pixels = target.width * target.height * float(target.nominal_frame_rate)
    wished = pixels * _BITS[target.codec] * 2 ** ((_EVEN_CRF - quality(target)) / _HALVED_BY)
    return min(round(wished), target.max_bitrate)


def bounded(of: str, mode: Mode, target: VideoTarget) -> Argv:
    """-b, -maxrate and -bufsize for the modes that keep to a rate; nothing for the others."""
    if mode.rate_control is RateControl.CBR:
        rate = str(average(target))
        return ("-b:" + of, rate, "-maxrate:" + of, rate, "-bufsize:" + of, str(target.buffer_bits))
    if mode.rate_control in (RateControl.VBR, RateControl.QVBR):
        return ("-b:" + of, str(average(target)), "-maxrate:" + of, str(target.max_bitrate),
                "-bufsize:" + of, str(target.buffer_bits))
    return ()


def keys(of: str, target: VideoTarget) -> Argv:
    """A key frame every so many seconds, by the clock; the count only where the clock has gaps. Nothing is made up (vfr)."""
    frames = math.ceil(target.nominal_frame_rate * target.keyframe_seconds)
    # Aligned ones stand only where the clock says: a count must never be the first.
    return ("-g:" + of, str(frames * _RARELY if target.aligned else frames + 1),
            "-force_key_frames:" + of, encoders.key_frames(target),
            "-fps_mode:" + of, "vfr",
            "-enc_time_base:" + of, "1:90000")  # the frame rate's own clock would move frames by half of one


def fewer(target: VideoTarget) -> tuple[str, ...]:
    """The filter that leaves frames out, where there are too many: it moves no pixel, so it works on any device's frames."""
    if target.frame_step > 1:
        return (f"framestep={target.frame_step}",)
    return () if target.frame_rate is None else (f"fps={target.frame_rate.numerator}/{target.frame_rate.denominator}",)


def colours(of: str) -> Argv:
    return ("-color_range:" + of, "tv", "-colorspace:" + of, "bt709", "-color_primaries:" + of, "bt709",
            "-color_trc:" + of, "bt709")
