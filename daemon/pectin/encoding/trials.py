"""Short runs that show what a device really does, as arguments: each makes pictures on it and holds them against the CPU's.
What a driver claims is no proof: some claim modes they fail at, and some give green pictures with exit status 0."""

from __future__ import annotations

import re
from fractions import Fraction

from pectin.encoding import accelerators
from pectin.encoding.labels import Argv
from pectin.model.hardware import Api, Device, Driver, Filter, Mode, Picture, RateControl, Rung, Way
from pectin.model.plan import Reason as StreamReason
from pectin.model.plan import StreamAction, StreamDecision, VideoTarget
from pectin.model.profile import VideoCodec

OUTPUT = "trial.mp4"
RATE, FRAMES = 25, 25  # one second
# Small, but above the least of every vendor; 360 is no multiple of 16, so a driver that forgets to cut its pictures is found.
WIDTH, HEIGHT = 640, 360
_SCALED = (480, 270)
_TEST_PICTURE = f"testsrc2=size={WIDTH}x{HEIGHT}:rate={RATE}:duration={FRAMES / RATE:g}"
_HDR = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
# The CPU's encoders that make samples for decoding.
SAMPLES: dict[Picture, Argv] = {
    Picture("h264", 8): ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"),
    Picture("hevc", 8): ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", "log-level=error"),
    Picture("hevc", 10): ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020",
                          "-color_trc", "smpte2084", "-colorspace", "bt2020nc",
                          "-x265-params", f"log-level=error:hdr10=1:repeat-headers=1:{_HDR}"),
    Picture("mpeg2video", 8): ("-c:v", "mpeg2video", "-q:v", "3", "-pix_fmt", "yuv420p"),
    Picture("vp9", 8): ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p"),
    Picture("vp9", 10): ("-c:v", "libvpx-vp9", "-profile:v", "2", "-deadline", "realtime", "-cpu-used", "8",
                         "-pix_fmt", "yuv420p10le"),
    Picture("av1", 8): ("-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p"),
    Picture("av1", 10): ("-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p10le"),
}
# What profiles ask for.
WANTED = (Picture("h264", 8), Picture("hevc", 8), Picture("hevc", 10), Picture("av1", 8), Picture("av1", 10), Picture("vp9", 8))
# dB between two pictures, measured with this one: all green 5, black 7, half green 13, colours swapped 12, eight lines too low
# 22, the last row of blocks green 24; x264 at half the trial's rate 35, the simplest scaler against ours 29, our own tone mapping
# against none 14.
ENCODED_LEAST, FILTERED_LEAST, TONE_MAPPED_LEAST = 25.0, 18.0, 9.0


def through(device: Device, picture: Picture, *, rung: Rung = Rung.HYBRID, mode: Mode = Mode(RateControl.VBR),  # noqa: B008  (frozen)
         source: Picture = Picture("h264", 8)) -> Way:  # noqa: B008
    codec = VideoCodec(picture.codec)
    return Way(api=device.api, node=device.node, driver=device.driver, rung=rung, mode=mode, source=source, target=picture,
                codec=codec)


def introduce(ffmpeg: str, device: Device) -> Argv:
    """Only opens the device: its driver's name is among the words."""
    return (ffmpeg, "-nostdin", "-hide_banner", "-v", "verbose", *accelerators.device(through(device, WANTED[0])),
            "-f", "lavfi", "-i", "color=size=16x16:rate=1:duration=1", "-frames:v", "1", "-f", "null", "-")


def encode(ffmpeg: str, way: Way) -> Argv:
    """The test picture, encoded with the very options of a job."""
    stream = StreamDecision(index=0, kind="video", codec="rawvideo", action=StreamAction.ENCODE, reason=StreamReason.CODEC,
                            sentence="", target=_target(way.target, way.codec))
    chain = ",".join(("setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709", *accelerators.upload(way)))
    return (*_quietly(ffmpeg), "-y", *accelerators.device(way), "-f", "lavfi", "-i", _TEST_PICTURE,
            "-filter_complex", f"[0:v]{chain}[picture]", "-map", "[picture]", *accelerators.options(0, stream, way, "mp4"),
            "-f", "mp4", OUTPUT)


def judge(ffmpeg: str) -> Argv:
    """The CPU decodes what the device wrote and compares it with the test picture."""
    return (*_quietly(ffmpeg), "-f", "mov", "-i", OUTPUT, "-f", "lavfi", "-i", _TEST_PICTURE,
            *_compare("[0:v]format=yuv420p", "[1:v]format=yuv420p"))


def sample(ffmpeg: str, picture: Picture, name: str) -> Argv:
    """Made by the CPU, for `decode`."""
    return (*_quietly(ffmpeg), "-y", "-f", "lavfi", "-i", _TEST_PICTURE, *SAMPLES[picture], "-threads", "1",
            "-f", "matroska", name)


def decode(ffmpeg: str, device: Device, picture: Picture, name: str) -> Argv:
    """One file twice, decoded by the device and by the CPU. A device that leaves it to the CPU fails at hwdownload."""
    way = through(device, WANTED[0], rung=Rung.FULL, source=picture)
    form = "p010le" if picture.bits == 10 else "nv12"
    return (*_quietly(ffmpeg), *accelerators.device(way), "-threads", "1", *accelerators.decoding(way), "-i", name,
            "-threads", "1", "-i", name, *_compare(f"[0:v]hwdownload,format={form},format=yuv420p", "[1:v]format=yuv420p"))


def work(ffmpeg: str, device: Device, filtered: Filter) -> Argv:
    """The device's filters against the CPU's, on the same picture."""
    way = through(device, WANTED[0], rung=Rung.FULL)
    target = _target(way.target, way.codec, *_SCALED, deinterlace=filtered is Filter.DEINTERLACE)
    chain = ",".join((*accelerators.filters(way, target), "hwdownload", "format=nv12", "format=yuv420p"))
    return (*_quietly(ffmpeg), *accelerators.device(way), "-f", "lavfi", "-i", _TEST_PICTURE, "-f", "lavfi", "-i", _TEST_PICTURE,
            *_compare(f"[0:v]{chain}", f"[1:v]scale={_SCALED[0]}:{_SCALED[1]},format=yuv420p"))


def tone_map(ffmpeg: str, device: Device, name: str) -> Argv:
    """`name`: the HDR10 sample. It is a picture that comes out: how bright it is, is a matter of taste."""
    way = through(device, WANTED[0], rung=Rung.FULL, source=Picture("hevc", 10))
    target = _target(way.target, way.codec, tonemap=True)
    chain = ",".join((*accelerators.filters(way, target), "hwdownload", "format=nv12", "format=yuv420p"))
    return (*_quietly(ffmpeg), *accelerators.device(way), "-threads", "1", "-i", name, "-threads", "1", "-i", name,
            *_compare(f"[0:v]{chain}", "[1:v]format=yuv420p"))


def driver_of(api: Api, words: str) -> tuple[Driver, str]:
    """Whose driver it is and what it calls itself, from what `introduce` made ffmpeg say."""
    if api is Api.NVENC:
        return Driver.NVIDIA, "NVIDIA"
    found = re.search(r"VAAPI driver: (.+?)\.?$", words, re.MULTILINE)
    name = found[1].strip() if found else ""
    known = (("Intel iHD", Driver.IHD), ("Intel i965", Driver.I965), ("Mesa Gallium", Driver.RADEONSI))
    return next((driver for text, driver in known if text in name), Driver.OTHER), name


def likeness(said: str, frames: int = FRAMES) -> float:
    """The PSNR of the worst frame in dB, from psnr's lines; 0 when frames are missing. (Equal frames have infinity.)"""
    found = [float(value) for value in re.findall(r"^n:\d+ .*\bpsnr_avg:(\S+)", said, re.MULTILINE)]
    return min(found) if len(found) >= frames else 0.0


def hopeless(words: str) -> bool:
    """Whether no other mode of this encoder can do better."""
    return any(text in words for text in ("Unknown encoder", "No usable encoding profile found"))


def _quietly(ffmpeg: str) -> Argv:
    return (ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-filter_complex_threads", "1")


def _compare(left: str, right: str) -> Argv:
    return ("-filter_complex", f"{left}[left];{right}[right];[left][right]psnr=stats_file=-", "-f", "null", "-")


def _target(picture: Picture, codec: VideoCodec, width: int = WIDTH, height: int = HEIGHT, *, deinterlace: bool = False,
            tonemap: bool = False) -> VideoTarget:
    return VideoTarget(width=width, height=height, scale=False, frame_rate=None, nominal_frame_rate=Fraction(RATE), codec=codec,
                       pixel_format="yuv420p10le" if picture.bits == 10 else "yuv420p", deinterlace=deinterlace, tonemap=tonemap,
                       max_bitrate=6_000_000, buffer_bits=6_000_000, level="3.1",
                       crf=25.0 if codec in (VideoCodec.AV1, VideoCodec.VP9) else 20.0)
