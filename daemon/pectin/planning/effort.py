"""How long a plan will take, about: for a person who wants to know whether it is minutes or days.

Measured with ffmpeg 5.1 on one core of an AMD EPYC (480p, one thread): other machines and other films are easily twice as fast or
slow."""

from __future__ import annotations

from collections.abc import Mapping

from pectin.model.media import MediaInfo
from pectin.model.plan import AudioTarget, Method, Plan, StreamAction, VideoTarget
from pectin.model.profile import Verify, VideoCodec
from pectin.planning.rules import main_video

# Millions of pixels per second and core. Between and beyond those that were measured: by the same factor from one to the next.
_X264 = {"ultrafast": 400, "superfast": 110, "veryfast": 100, "faster": 56, "fast": 41, "medium": 34, "slow": 23, "slower": 14,
         "veryslow": 6.6, "placebo": 2}
_X265 = {"ultrafast": 57, "superfast": 33, "veryfast": 24, "faster": 24, "fast": 20, "medium": 17, "slow": 6.5, "slower": 1.2,
         "veryslow": 0.7, "placebo": 0.3}
_SVT = {"0": 0.15, "1": 0.3, "2": 0.5, "3": 1, "4": 1.8, "5": 3.6, "6": 6.7, "7": 10, "8": 14, "9": 24, "10": 35, "11": 45,
        "12": 65, "13": 75}
_VPX = {"0": 1.9, "1": 5, "2": 7, "3": 12, "4": 13, "5": 14}
_ENCODE: Mapping[VideoCodec, Mapping[str, float]] = {
    VideoCodec.H264: _X264, VideoCodec.HEVC: _X265, VideoCodec.AV1: _SVT, VideoCodec.VP9: _VPX}
_DECODE = {"h264": 100.0, "hevc": 70.0, "av1": 80.0, "vp9": 80.0, "mpeg2video": 200.0, "mpeg4": 150.0}
_OTHER_DECODER = 70.0
_TONEMAP = 7.0           # in floating point, pixel by pixel
_DEINTERLACE = 150.0
_SOUND_SPEED = 100.0     # seconds of a sound track that one core decodes and encodes in a second
_COPY_SPEED = 60e6       # bytes per second of a file that is read, written, read again and hashed twice: a usual disk
_MORE_CORES = 0.5        # what each core beyond the first adds: two threads take 0.7 of the time of one
_QUICK_SHARE = 0.1       # of the output's frames are looked at by verify: quick


def expected_seconds(plan: Plan, media: MediaInfo, *, threads: int, verify: Verify) -> float | None:
    """Wall-clock seconds from the probe to the published film; None when nobody knows how long the film is."""
    size = media.size or plan.estimated_size or 0
    moving = (size + (plan.estimated_size or size)) / _COPY_SPEED
    if plan.method is Method.FILE:
        return moving
    if plan.seconds is None:
        return None
    source = main_video(media)
    rate = float(source.frame_rate or 25) if source else 25.0
    before = (source.width or 0) * (source.height or 0) * rate * plan.seconds / 1e6 if source else 0.0
    work = 0.0
    after, codec = before, (source.codec if source else None) or ""
    for stream in plan.streams:
        target = stream.target
        if stream.action is not StreamAction.ENCODE:
            continue
        if isinstance(target, AudioTarget):
            work += plan.seconds / _SOUND_SPEED
        elif isinstance(target, VideoTarget):
            after = target.width * target.height * float(target.nominal_frame_rate) * plan.seconds / 1e6
            work += before / _DECODE.get(codec, _OTHER_DECODER) + after / encode_speed(target)
            work += (after / _TONEMAP if target.tonemap else 0.0) + (before / _DEINTERLACE if target.deinterlace else 0.0)
            codec = target.codec.value
    for rendition in plan.renditions:
        work += sum(_rendition_work(stream.target, plan.seconds) for stream in rendition.streams)
    share = 1.0 if verify is Verify.FULL else _QUICK_SHARE
    work += share * after / _DECODE.get(codec, _OTHER_DECODER)
    return moving + work / (1 + _MORE_CORES * (threads - 1))


def _rendition_work(target: object, seconds: float) -> float:
    """Core seconds, beside those of the film that it is made with; it is verified as well."""
    if isinstance(target, AudioTarget):
        return seconds / _SOUND_SPEED
    if isinstance(target, VideoTarget):
        pixels = target.width * target.height * float(target.nominal_frame_rate) * seconds / 1e6
        return pixels / encode_speed(target) + pixels / _DECODE.get(target.codec.value, _OTHER_DECODER)
    return 0.0


def encode_speed(target: VideoTarget) -> float:
    """Millions of pixels per second and core."""
    speeds = _ENCODE[target.codec]
    return speeds.get(target.preset) or min(speeds.values())
