"""What keeps a picture from being copied: every broken rule of the profile, each with its reason and its sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from types import MappingProxyType

from pectin.model.measured import Measured
from pectin.model.media import MediaInfo, VideoStream
from pectin.model.plan import Reason
from pectin.model.profile import FastPictures, Hdr, Profile, VideoCodec
from pectin.planning import colours, levels, scan
from pectin.planning.containers import holds

Fault = tuple[Reason, str]

NAMES: Mapping[VideoCodec, str] = MappingProxyType(
    {VideoCodec.H264: "H.264", VideoCodec.HEVC: "HEVC", VideoCodec.AV1: "AV1", VideoCodec.VP9: "VP9"})
_H264_PROFILES = ("Constrained Baseline", "Main", "High")
_HIGHEST_HEVC = 153  # level 5.1, as ffprobe counts (30 to the level): more than a screen of 4K and 60 frames needs
# What the hardware decoders of a codec know. AV1's and HEVC's main profiles are made for 10 bits, VP9's profile 0 is not.
_PIXEL_FORMATS: Mapping[VideoCodec, tuple[str, ...]] = MappingProxyType({
    VideoCodec.H264: ("yuv420p",), VideoCodec.HEVC: ("yuv420p", "yuv420p10le"), VideoCodec.AV1: ("yuv420p", "yuv420p10le"),
    VideoCodec.VP9: ("yuv420p",)})
_COPIED_CONTAINER = 1.01  # of a copied film's rate: what the container needs
_SHORTEST_CLAIM = 0.001  # seconds: a header that claims less lies, and would make the rate endless
_OWN_ENHANCEMENT = 7  # Dolby Vision with a second picture inside: half of the file that nobody else can use


def find(stream: VideoStream, media: MediaInfo, profile: Profile, audio_rate: int, *, copyable: bool, measured: Measured,
         codec: VideoCodec) -> Iterator[Fault]:
    """All faults, as a film of `codec` in this profile. `audio_rate` in bit/s is what the sound of the output takes; `copyable`:
    the source's timestamps can be trusted."""
    if stream.codec != codec:
        yield Reason.CODEC, f"the codec is {stream.codec}"
    else:
        if not copyable:
            yield Reason.TIMESTAMPS, "its timestamps cannot be taken over"
        if not holds(profile.container, stream.codec):
            yield Reason.CODEC, f"{profile.container} cannot hold {stream.codec}"
        if codec is VideoCodec.H264:
            yield from _h264(stream)
        elif codec is VideoCodec.HEVC and (stream.level or 0) > _HIGHEST_HEVC:
            yield Reason.LEVEL, f"the level is {(stream.level or 0) / 30:g}, over {_HIGHEST_HEVC / 30:g}"
    yield from _picture(stream, profile, measured, codec)
    yield from _size(stream, profile)
    rate = bit_rate(stream, media)
    if rate is None:
        yield Reason.UNKNOWN_FACTS, "the bit rate is unknown"
    elif (rate + audio_rate) * _COPIED_CONTAINER > profile.max_bitrate:
        yield Reason.BITRATE, f"{rate / 1e6:.1f} Mbit/s with the sound is over {profile.max_bitrate / 1e6:g}"


def bit_rate(stream: VideoStream, media: MediaInfo) -> int | None:
    """The picture's bit/s: its own word, else the container's rate less the sound. None: unknown."""
    if stream.bit_rate:
        return stream.bit_rate
    whole = media.bit_rate
    if not whole and media.size and media.duration:
        whole = int(media.size * 8 / max(media.duration, _SHORTEST_CLAIM))
    sound = sum(track.bit_rate or 0 for track in media.audio)
    return whole - sound if whole and whole > sound else whole


def keeps_hdr(stream: VideoStream, profile: Profile, codec: VideoCodec) -> bool:
    """Whether this picture stays HDR. In H.264 and VP9 hardly any player shows it as such."""
    return profile.hdr is Hdr.KEEP and codec in (VideoCodec.HEVC, VideoCodec.AV1) and colours.is_hdr(stream)


def _h264(stream: VideoStream) -> Iterator[Fault]:
    if stream.profile is None:
        yield Reason.UNKNOWN_FACTS, "the H.264 profile is unknown"
    elif stream.profile not in _H264_PROFILES:
        yield Reason.CODEC_PROFILE, f"the H.264 profile is {stream.profile}"
    if stream.level is None:
        yield Reason.UNKNOWN_FACTS, "the H.264 level is unknown"
    elif stream.level > levels.HIGHEST_LEVEL:
        yield Reason.LEVEL, f"the level is {stream.level / 10:g}, over {levels.HIGHEST_LEVEL / 10:g}"
    # ffprobe looks no deeper than the header (5.1 says 1 of nearly every film), and so does Jellyfin: silence is no fault.
    if (stream.reference_frames or 0) > levels.MOST_REFERENCES:
        yield Reason.REFERENCE_FRAMES, f"{stream.reference_frames} reference frames, more than {levels.MOST_REFERENCES}"


def _picture(stream: VideoStream, profile: Profile, measured: Measured, codec: VideoCodec) -> Iterator[Fault]:
    known, kept = _PIXEL_FORMATS[codec], keeps_hdr(stream, profile, codec)
    if stream.pixel_format is None:
        yield Reason.UNKNOWN_FACTS, "the pixel format is unknown"
    elif stream.pixel_format not in known or stream.color_range == "pc":
        kind = "full range" if stream.pixel_format in known else f"{stream.pixel_format} ({stream.bit_depth} bit)"
        yield Reason.PIXEL_FORMAT, f"the picture is {kind}, not {' or '.join(known)}"
    vision = stream.dolby_vision_profile
    if vision is not None and not (kept and vision != _OWN_ENHANCEMENT):
        yield Reason.DOLBY_VISION, f"it is Dolby Vision profile {vision}"
    if colours.is_hdr(stream) and not kept:
        yield Reason.HDR, f"it is {colours.HDR[colours.transfer(stream)]}, tone-mapped to SDR"
    fields = scan.fault(stream, measured)
    if fields is not None:
        yield fields
    if stream.sample_aspect_ratio not in (None, 1):
        ratio = stream.sample_aspect_ratio or Fraction(1)
        yield Reason.ANAMORPHIC, f"its pixels are not square ({ratio.numerator}:{ratio.denominator})"
    if stream.rotation % 360:
        yield Reason.ROTATED, f"it is rotated by {stream.rotation} degrees"
    elif stream.mirrored:
        yield Reason.ROTATED, "it is mirrored"


def _size(stream: VideoStream, profile: Profile) -> Iterator[Fault]:
    width, height, rate = stream.width or 0, stream.height or 0, stream.frame_rate
    if not width or not height:
        yield Reason.UNKNOWN_FACTS, "the picture size is unknown"
    if width > profile.max_width or height > profile.max_height:
        yield Reason.TOO_LARGE, f"{width}x{height} is over {profile.max_width}x{profile.max_height}"
    if width % 2 or height % 2:
        yield Reason.ODD_SIZE, f"{width}x{height} is not even"
    if rate is None:
        yield Reason.UNKNOWN_FACTS, "the frame rate is unknown"
        return
    highest = levels.highest_rate(width, height, profile)
    if rate > highest + levels.RATE_SLACK:
        cure = ("made smaller" if profile.fast_pictures is FastPictures.SHRINK and rate <= levels.fastest(profile)
                else "every second one or more is left out")
        yield Reason.FRAME_RATE, f"{float(rate):.4g} frames per second are over {highest} at this size: {cure}"
