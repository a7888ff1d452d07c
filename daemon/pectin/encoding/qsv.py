"""QSV (Intel's own way to its devices, over the same node as VAAPI): the parts of a command. Read, not measured: no such device
was at hand; the probe decides."""

from __future__ import annotations

from pectin.encoding import rates
from pectin.encoding.labels import Argv
from pectin.model.hardware import Mode, RateControl, Way
from pectin.model.plan import VideoTarget
from pectin.model.profile import VideoCodec

_R = RateControl
ENCODERS = {VideoCodec.H264: "h264_qsv", VideoCodec.HEVC: "hevc_qsv", VideoCodec.AV1: "av1_qsv", VideoCodec.VP9: "vp9_qsv"}
MODES = (Mode(_R.VBR), Mode(_R.VBR, low_power=True), Mode(_R.ICQ), Mode(_R.CQP), Mode(_R.CQP, low_power=True))
_DECODERS = {"h264": "h264_qsv", "hevc": "hevc_qsv", "mpeg2video": "mpeg2_qsv", "vp9": "vp9_qsv", "av1": "av1_qsv"}
_PROFILES = {(VideoCodec.H264, 8): "high", (VideoCodec.HEVC, 8): "main", (VideoCodec.HEVC, 10): "main10",
             (VideoCodec.AV1, 8): "main", (VideoCodec.AV1, 10): "main",
             (VideoCodec.VP9, 8): "profile0", (VideoCodec.VP9, 10): "profile2"}


def device(way: Way) -> Argv:
    """Through VAAPI, so that it is this node and no other."""
    return ("-init_hw_device", f"vaapi=va:{way.node}", "-init_hw_device", "qsv=qs@va", "-filter_hw_device", "qs")


def decoding(way: Way) -> Argv:
    decoder = _DECODERS.get(way.source.codec)
    return ("-hwaccel", "qsv", "-hwaccel_device", "qs", "-hwaccel_output_format", "qsv", *(("-c:v", decoder) if decoder else ()))


def filters(way: Way, target: VideoTarget) -> tuple[str, ...]:
    """vpp_qsv deinterlaces (2: advanced), scales and converts in one step."""
    chain = list(rates.fewer(target))
    deinterlace = "deinterlace=2:" if target.deinterlace else ""
    tonemap = "tonemap=1:" if target.tonemap else ""  # newer versions only: where it is unknown, the probe finds no tone mapper
    chain.append(f"vpp_qsv={deinterlace}{tonemap}w={target.width}:h={target.height}:format={_surface(way)}:extra_hw_frames=24")
    return tuple(chain)


def upload(way: Way) -> tuple[str, ...]:
    return (f"format={_surface(way)}", "hwupload=extra_hw_frames=64", "format=qsv")


def _surface(way: Way) -> str:
    return "p010" if way.target.bits == 10 else "nv12"


def options(way: Way, of: str, target: VideoTarget) -> Argv:
    mode, codec = way.mode, way.codec
    return (
        "-c:" + of, ENCODERS[codec], "-preset:" + of, "medium", "-profile:" + of, _PROFILES[codec, way.target.bits],
        *(("-level:" + of, target.level.replace(".", "")) if codec is VideoCodec.H264 else ()),
        *(("-low_power:" + of, "1") if mode.low_power else ()),
        *_rate(of, mode, target), "-bf:" + of, "0", *rates.keys(of, target),
        # Without it, a forced key frame is one that players may not start at.
        *(("-forced_idr:" + of, "1") if codec in (VideoCodec.H264, VideoCodec.HEVC) else ()),
        *(("-refs:" + of, str(target.reference_frames)) if codec is VideoCodec.H264 else ()),
        *rates.colours(of),
    )


def _rate(of: str, mode: Mode, target: VideoTarget) -> Argv:
    """QSV has no option for the mode: it follows from what is given."""
    if mode.rate_control is _R.CQP:
        return ("-q:" + of, str(rates.quality(target)))
    quality = ("-global_quality:" + of, str(rates.quality(target))) if mode.rate_control is _R.ICQ else ()
    return (*quality, *rates.bounded(of, mode, target))
