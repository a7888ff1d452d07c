"""NVENC (NVIDIA): the parts of a command. Read, not measured: no such device was at hand; the probe decides."""

from __future__ import annotations

from pectin.encoding import rates
from pectin.encoding.labels import Argv
from pectin.model.hardware import Mode, RateControl, Rung, Way
from pectin.model.plan import VideoTarget
from pectin.model.profile import VideoCodec

_R = RateControl
ENCODERS = {VideoCodec.H264: "h264_nvenc", VideoCodec.HEVC: "hevc_nvenc", VideoCodec.AV1: "av1_nvenc"}
MODES = (Mode(_R.QVBR), Mode(_R.VBR), Mode(_R.CQP))
_DECODERS = {"av1": "av1"}
_PROFILES = {(VideoCodec.H264, 8): "high", (VideoCodec.HEVC, 8): "main", (VideoCodec.HEVC, 10): "main10"}


def device(way: Way) -> Argv:
    """The number of the card: /dev/nvidia1 is cuda 1."""
    number = way.node.removeprefix("/dev/nvidia")
    return ("-init_hw_device", f"cuda=cu:{number if number.isdigit() else 0}", "-filter_hw_device", "cu")


def decoding(way: Way) -> Argv:
    decoder = _DECODERS.get(way.source.codec)
    return ("-hwaccel", "cuda", "-hwaccel_device", "cu", "-hwaccel_output_format", "cuda",
            *(("-c:v", decoder) if decoder else ()))


def filters(way: Way, target: VideoTarget) -> tuple[str, ...]:
    chain = [f"format={'p010' if way.source.bits == 10 else 'nv12'}|cuda", "hwupload"]
    if target.deinterlace:
        chain.append("yadif_cuda=mode=send_frame:deint=all")
    chain += rates.fewer(target)
    chain.append(f"scale_cuda=w={target.width}:h={target.height}:format={_surface(way)}")
    return tuple(chain)


def upload(way: Way) -> tuple[str, ...]:
    """The encoder takes frames from memory as they are."""
    return (f"format={_surface(way)}",)


def _surface(way: Way) -> str:
    if way.target.bits == 8:
        return "nv12"
    return "p010" if way.rung is Rung.FULL else "p010le"


def options(way: Way, of: str, target: VideoTarget) -> Argv:
    codec = way.codec
    profile = _PROFILES.get((codec, way.target.bits))
    return (
        "-c:" + of, ENCODERS[codec], "-preset:" + of, "p5", *(("-profile:" + of, profile) if profile else ()),
        *(("-level:" + of, target.level) if codec is VideoCodec.H264 else ()),
        *_rate(of, way.mode, target), "-bf:" + of, "0", *rates.keys(of, target),
        # Without these, forced key frames are such that players may not start at, and some are its own idea.
        "-forced-idr:" + of, "1", "-no-scenecut:" + of, "1", *rates.colours(of),
    )


def _rate(of: str, mode: Mode, target: VideoTarget) -> Argv:
    quality = str(rates.quality(target))
    if mode.rate_control is _R.CQP:
        return ("-rc:" + of, "constqp", "-qp:" + of, quality)
    if mode.rate_control is _R.QVBR:  # a constant quality within a rate
        return ("-rc:" + of, "vbr", "-cq:" + of, quality, "-b:" + of, "0",
                "-maxrate:" + of, str(target.max_bitrate), "-bufsize:" + of, str(target.buffer_bits))
    return ("-rc:" + of, "vbr", *rates.bounded(of, mode, target))
