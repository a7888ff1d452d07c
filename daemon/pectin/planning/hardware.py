"""Which way a picture takes: all of it on a device, only the encoding, or the CPU. The whole ladder at once, with reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pectin.model.hardware import Choice, Device, Filter, Picture, Rung, Way, Why, takes
from pectin.model.media import MediaInfo, VideoStream
from pectin.model.plan import Plan, VideoTarget
from pectin.model.profile import VideoCodec

_ON_DEVICES = (VideoCodec.H264, VideoCodec.HEVC, VideoCodec.AV1, VideoCodec.VP9)
# Which field is shown first, by ffprobe's field_order. Not `tb` and `bt`: Matroska and QuickTime mean the second letter by them,
# ffmpeg itself writes `tb` for the first; what the frames say stays unknown.
_TOP_FIRST = {"tt": True, "bb": False}
_UP = {Rung.FULL: 0, Rung.HYBRID: 1}


def ladder(plan: Plan, media: MediaInfo, devices: Sequence[Device], *, why_none: tuple[Why, str]) -> tuple[Choice, ...]:
    """What to try, the best first; the last is always the CPU. `devices` are those that may be used now, the preferred first;
    `why_none`: what to say when there are none."""
    target = _target(plan)
    if target is None:
        return (_cpu(Why.NOT_ENCODED, "no picture is encoded"),)
    refused = _never(target)
    if refused is not None:
        return (_cpu(*refused),)
    if not devices:
        return (_cpu(*why_none),)
    ways = [way for device in devices if (way := _ways(device, plan, media, target))]
    if not ways:
        wanted = _wanted(target)
        return (_cpu(Why.NO_ENCODER, f"no device here encodes {wanted}"),)
    best = min(ways, key=lambda way: _UP[way[0].rung])  # the first of the best: `devices` is in order
    return (*best, _cpu(Why.FELL, "the device has failed"))


def unfit(plan: Plan, output: VideoStream) -> str | None:
    """What about a device's output would not play everywhere, as a sentence; None: it is as planned. (Encoders on the CPU do as
    they are told; devices choose profile, level and rate for themselves.)"""
    target = _target(plan)
    if target is None:
        return None
    bits = _wanted(target).bits
    if output.bit_depth is not None and output.bit_depth != bits:
        return f"the picture should have {bits} bit, but has {output.bit_depth}"
    if target.codec is VideoCodec.H264:
        if output.profile not in ("Constrained Baseline", "Main", "High"):
            return f"the H.264 profile is {output.profile or 'unknown'}"
        if output.level is not None and output.level > round(float(target.level) * 10):
            return f"the level is {output.level / 10:g}, over {target.level}"
    if (output.reference_frames or 0) > target.reference_frames:
        return f"{output.reference_frames} reference frames, more than {target.reference_frames}"
    # What the buffer may add on top of the steady rate in a short film: as in planning/video.py.
    most = target.max_bitrate + target.buffer_bits / max(plan.seconds or 1.0, 1.0)
    if output.bit_rate is not None and output.bit_rate > most * 1.05:  # rate controls are a few per cent off
        return f"the bit rate is {output.bit_rate / 1e6:.1f} Mbit/s, over {most / 1e6:.1f}"
    return None


def _target(plan: Plan) -> VideoTarget | None:
    return next((d.target for d in plan.kept if isinstance(d.target, VideoTarget)), None)


def _cpu(why: Why, sentence: str) -> Choice:
    return Choice(rung=Rung.CPU, why=why, sentence=f"on the CPU: {sentence}")


def _wanted(target: VideoTarget) -> Picture:
    return Picture(target.codec.value, 10 if "10" in target.pixel_format else 8)


def _never(target: VideoTarget) -> tuple[Why, str] | None:
    """What no device is asked for."""
    if target.codec not in _ON_DEVICES:
        return Why.CODEC_ON_CPU, f"devices are not asked to encode {target.codec}"
    if target.transfer != "bt709":
        return Why.HDR_KEPT, "HDR is kept, and drivers lose its metadata"
    if target.searched:
        return Why.QUALITY, "its quality was looked for with the CPU's encoder, and a device has another scale"
    if not takes(target.codec, target.width, target.height):
        return Why.SIZE, f"{target.width}x{target.height} is outside what devices take"
    return None


def _ways(device: Device, plan: Plan, media: MediaInfo, target: VideoTarget) -> tuple[Choice, ...]:
    """The rungs of one device, the higher first; none when it does not encode this."""
    wanted = _wanted(target)
    modes = device.encodes.get(wanted)
    if not modes:
        return ()
    index = next(d.index for d in plan.kept if d.target is target)
    stream = next((s for s in media.video if s.index == index), None)
    source = Picture((stream and stream.codec) or "unknown", (stream and stream.bit_depth) or 8)

    def choice(rung: Rung, why: Why, sentence: str) -> Choice:
        way = Way(api=device.api, node=device.node, driver=device.driver, rung=rung, mode=modes[0], source=source,
                    target=wanted, codec=target.codec)
        return Choice(rung=rung, why=why, sentence=sentence, device=device, way=way)

    against = next(_against_full(device, source, stream, target), None)
    hybrid = choice(Rung.HYBRID, against[0] if against else Why.FELL,
                    f"encoded on {device.node}, decoded and filtered on the CPU: "
                    f"{against[1] if against else 'the device failed with all of it'}")
    if against is not None:
        return (hybrid,)
    return choice(Rung.FULL, Why.WORKS, f"decoded, filtered and encoded on {device.node}"), hybrid


def _against_full(device: Device, source: Picture, stream: VideoStream | None, target: VideoTarget) -> Iterator[tuple[Why, str]]:
    """Why the pictures themselves must be worked on by the CPU. What changes little in quality on a device, or was not seen to
    work there, is not left to it."""
    if source not in device.decodes:
        yield Why.NO_DECODER, f"the device does not decode {source}"
    if stream is None or not (stream.pixel_format or "").startswith(("yuv420p", "yuvj420p")):
        yield Why.NO_DECODER, f"the device does not decode {(stream and stream.pixel_format) or 'this kind of picture'}"
    if target.detelecine:
        yield Why.TELECINE, "telecine is undone by the CPU"
    if target.crop is not None:
        yield Why.CROP, "black borders are cut off by the CPU"
    if target.burn is not None:
        yield Why.BURNED_IN, "subtitles are burned in by the CPU"
    if stream is not None and (stream.rotation % 360 or stream.mirrored):
        yield Why.ROTATED, "it is turned upright by the CPU"
    if target.tonemap:
        if target.source_transfer != "smpte2084" or Filter.TONEMAP not in device.filters:
            yield Why.NO_TONE_MAPPER, "the device does not tone-map this"
    elif target.source_matrix != "bt709" or (stream is not None and stream.color_range == "pc"):
        yield Why.COLOURS, "its colours are converted by the CPU"
    if Filter.SCALE not in device.filters:
        yield Why.NO_SCALER, "the device does not scale"
    told = _TOP_FIRST.get((stream and stream.field_order) or "")
    if target.deinterlace and target.top_first not in (None, told):
        yield Why.NO_DEINTERLACER, "the flags of its fields are missing or lie, and the device would believe them"
    elif target.deinterlace and Filter.DEINTERLACE not in device.filters:
        yield Why.NO_DEINTERLACER, "the device does not deinterlace"
