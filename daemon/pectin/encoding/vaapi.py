"""VAAPI (Intel, AMD): the parts of a command, with what each driver does badly left out.

What is said of drivers here comes from Jellyfin's EncodingHelper and its list of known issues, and from the drivers' bug reports;
whatever a driver really does is found out by the probe, which uses these very options, and by the verification of each film."""

from __future__ import annotations

from pectin.encoding import rates
from pectin.encoding.labels import Argv
from pectin.model.hardware import Driver, Mode, Picture, RateControl, Way
from pectin.model.plan import VideoTarget
from pectin.model.profile import VideoCodec

_R, _INTEL = RateControl, frozenset({Driver.IHD, Driver.I965})
ENCODERS = {VideoCodec.H264: "h264_vaapi", VideoCodec.HEVC: "hevc_vaapi", VideoCodec.AV1: "av1_vaapi",
            VideoCodec.VP9: "vp9_vaapi"}
# Which modes are worth trying, the best first. i965's VBR is said to blur; radeonsi has no ICQ; low power has no ICQ, and
# without the HuC firmware nothing but CQP; some Intel chips have no other encoder than the low-power one.
MODES: dict[Driver, tuple[Mode, ...]] = {
    Driver.IHD: (Mode(_R.QVBR), Mode(_R.VBR), Mode(_R.QVBR, low_power=True), Mode(_R.VBR, low_power=True),
                 Mode(_R.ICQ), Mode(_R.CQP), Mode(_R.CQP, low_power=True)),
    Driver.I965: (Mode(_R.CBR), Mode(_R.CQP), Mode(_R.CQP, low_power=True)),
    Driver.RADEONSI: (Mode(_R.VBR), Mode(_R.CQP)),
}
MODES_ELSE = (Mode(_R.VBR), Mode(_R.CQP))
# FFmpeg prefers a decoder of its own making that no device stands behind.
_DECODERS = {"av1": "av1"}
_PROFILES = {(VideoCodec.H264, 8): "high", (VideoCodec.HEVC, 8): "main", (VideoCodec.HEVC, 10): "main10",
             (VideoCodec.AV1, 8): "main", (VideoCodec.AV1, 10): "main",
             (VideoCodec.VP9, 8): "0", (VideoCodec.VP9, 10): "2"}
_AV1_STEP = 4  # AV1's and VP9's quantiser runs to 255, the crf to 63


def device(way: Way) -> Argv:
    return ("-init_hw_device", f"vaapi=va:{way.node}", "-filter_hw_device", "va")


def decoding(way: Way) -> Argv:
    """Before -i. A device that turns out not to decode this gives ffmpeg's own frames, and `filters` takes them too."""
    decoder = _DECODERS.get(way.source.codec)
    return ("-hwaccel", "vaapi", "-hwaccel_device", "va", "-hwaccel_output_format", "vaapi",
            *(("-c:v", decoder) if decoder else ()))


def filters(way: Way, target: VideoTarget) -> tuple[str, ...]:
    """All that is done to the pictures, on the device. Surfaces in flight are counted beforehand, hence extra_hw_frames: the
    encoder holds some back."""
    out = surface(way.target)
    chain = [f"format={surface(way.source)}|vaapi", "hwupload"]
    if target.deinterlace:
        chain.append("deinterlace_vaapi=rate=frame")
    chain += rates.fewer(target)
    scaled = "p010" if target.tonemap else out
    chain.append(f"scale_vaapi=w={target.width}:h={target.height}:format={scaled}:extra_hw_frames=24")
    if target.tonemap:
        chain.append(f"tonemap_vaapi=format={out}:p=bt709:t=bt709:m=bt709:extra_hw_frames=32")
    return tuple(chain)


def upload(way: Way) -> tuple[str, ...]:
    """After the filters of the CPU."""
    return (f"format={surface(way.target)}", "hwupload")


def surface(picture: Picture) -> str:
    return "p010" if picture.bits == 10 else "nv12"


def options(way: Way, of: str, target: VideoTarget) -> Argv:
    """The encoder's. No B frames but from Intel's full encoder: others have few or none, and reorder wrongly."""
    mode, codec, intel = way.mode, way.codec, way.driver in _INTEL
    b_frames = "2" if way.driver is Driver.IHD and not mode.low_power and codec in (VideoCodec.H264, VideoCodec.HEVC) else "0"
    return (
        "-c:" + of, ENCODERS[codec], "-profile:" + of, _PROFILES[codec, way.target.bits],
        # AMD's output is said to be damaged by a level that it did not choose itself.
        *(("-level:" + of, target.level) if intel and codec is VideoCodec.H264 else ()),
        *(("-low_power:" + of, "1") if mode.low_power else ()),
        "-rc_mode:" + of, mode.rate_control.value, *_rate(of, mode, codec, target), "-bf:" + of, b_frames,
        *rates.keys(of, target),
        # AMD's HEVC headers in the stream differ from those that ffmpeg writes beside it: those in the stream count.
        *(("-flags:" + of, "-global_header", "-bsf:" + of, "extract_extradata=remove=0")
          if way.driver is Driver.RADEONSI and codec is VideoCodec.HEVC else ()),
        *rates.colours(of),
    )


def _rate(of: str, mode: Mode, codec: VideoCodec, target: VideoTarget) -> Argv:
    step = _AV1_STEP if codec in (VideoCodec.AV1, VideoCodec.VP9) else 1
    value = str(round(target.crf * step) if step > 1 else rates.quality(target))
    if mode.rate_control is _R.CQP:
        return ("-qp:" + of, value) if codec in (VideoCodec.H264, VideoCodec.HEVC) else ("-global_quality:" + of, value)
    quality = ("-global_quality:" + of, value) if mode.rate_control in (_R.ICQ, _R.QVBR) else ()
    return (*quality, *rates.bounded(of, mode, target))
