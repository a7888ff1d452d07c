"""The picture: copied when it breaks none of the universal rules, else encoded with every fault mended at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from pectin.model.media import MediaInfo, VideoStream
from pectin.model.plan import Reason, StreamAction, StreamDecision, VideoTarget
from pectin.model.profile import Profile

_PROFILES = ("Constrained Baseline", "Main", "High")
_INTERLACED = ("tt", "bb", "tb", "bt")
_HDR = {"smpte2084": "HDR10 (PQ)", "arib-std-b67": "HLG"}
_HIGHEST_LEVEL = 41
_MOST_REFERENCES = 4
_SMALL = 3_600  # macroblocks of 1280x720 (lying or standing): up to here level 4.1 has room for twice the frame rate
_RATE_SLACK = Fraction(1, 2)  # measured averages of variable-rate films lie a little above the nominal rate
_DEFAULT_RATE = Fraction(25)  # only for the key frame distance, where the source does not tell
CONTAINER_SHARE = 0.02  # of max_bitrate, for MP4's tables (short clips need most)
_COPIED_CONTAINER = 1.01
# H.264 Annex A, table A-1: level -> macroblocks per second, per frame, and in the picture buffer.
_LEVELS = {"4.1": (245_760, 8_192, 32_768), "4.2": (522_240, 8_704, 34_816), "5.0": (589_824, 22_080, 110_400),
           "5.1": (983_040, 36_864, 184_320), "5.2": (2_073_600, 36_864, 184_320)}
# The first seconds may empty a full buffer on top of the steady rate. Two seconds of buffer are good for quality; a short
# clip gets less, so that even noise stays below the limit on average.
_BUFFER_SECONDS = (0.5, 2.0)
_BUFFER_PART = 0.02  # of the whole film
_UNKNOWN_LENGTH = 5.0  # seconds: a cautious guess
_SHORTEST = 0.5
_SHORTEST_CLAIM = 0.001  # seconds: a header that claims less lies, and would make the rate endless
_MATRICES = {"bt709": "bt709", "smpte170m": "smpte170m", "bt470bg": "smpte170m", "fcc": "fcc", "smpte240m": "smpte240m",
             "bt2020nc": "bt2020", "bt2020c": "bt2020"}


def decide(stream: VideoStream, media: MediaInfo, profile: Profile, *, audio_rate: int, copyable: bool,
           seconds: float | None) -> StreamDecision:
    """Copy or encode. `audio_rate` in bit/s is what the sound of the output takes; `copyable`: the container's timestamps can
    be trusted. All faults stand in the sentence, the first is the reason."""
    faults = tuple(_faults(stream, media, profile, audio_rate, copyable=copyable))
    action, reason, target = StreamAction.COPY, Reason.FITS, None
    sentence = f"Copied: H.264 {stream.profile}, {stream.width}x{stream.height}, plays everywhere as it is."
    if faults:
        action, reason = StreamAction.ENCODE, faults[0][0]
        target = aim(stream, profile, audio_rate=audio_rate, seconds=seconds)
        sentence = f"Encoded to H.264 {target.width}x{target.height}: {'; '.join(text for _, text in faults)}."
    return StreamDecision(index=stream.index, kind="video", codec=stream.codec or "unknown", action=action, reason=reason,
                          sentence=sentence, target=target, language=stream.language, default=True)


def bit_rate(stream: VideoStream, media: MediaInfo) -> int | None:
    """The picture's bit/s: its own word, else the container's rate less the sound. None: unknown."""
    if stream.bit_rate:
        return stream.bit_rate
    whole = media.bit_rate
    if not whole and media.size and media.duration:
        whole = int(media.size * 8 / max(media.duration, _SHORTEST_CLAIM))
    sound = sum(track.bit_rate or 0 for track in media.audio)
    return whole - sound if whole and whole > sound else whole


def is_hdr(stream: VideoStream) -> bool:
    return transfer(stream) in _HDR


def transfer(stream: VideoStream) -> str:
    """The transfer function, from the tag, else from what Dolby Vision says of its base layer (1, 6: PQ; 4: HLG)."""
    if stream.color_transfer is None and stream.dolby_vision_profile is not None:
        return {1: "smpte2084", 6: "smpte2084", 4: "arib-std-b67"}.get(stream.dolby_vision_compatibility or 0, "bt709")
    return stream.color_transfer or "bt709"


def _faults(stream: VideoStream, media: MediaInfo, profile: Profile, audio_rate: int, *, copyable: bool,
            ) -> Iterator[tuple[Reason, str]]:
    if stream.codec != "h264":
        yield Reason.CODEC, f"the codec is {stream.codec}"
    else:
        yield from _h264_faults(stream, copyable=copyable)
    yield from _picture_faults(stream)
    yield from _size_faults(stream, profile)
    rate = bit_rate(stream, media)
    if rate is None:
        yield Reason.UNKNOWN_FACTS, "the bit rate is unknown"
    elif (rate + audio_rate) * _COPIED_CONTAINER > profile.max_bitrate:
        yield Reason.BITRATE, f"{rate / 1e6:.1f} Mbit/s with the sound is over {profile.max_bitrate / 1e6:g}"


def _h264_faults(stream: VideoStream, *, copyable: bool) -> Iterator[tuple[Reason, str]]:
    if not copyable:
        yield Reason.TIMESTAMPS, "this container's timestamps cannot be trusted"
    if stream.profile is None:
        yield Reason.UNKNOWN_FACTS, "the H.264 profile is unknown"
    elif stream.profile not in _PROFILES:
        yield Reason.CODEC_PROFILE, f"the H.264 profile is {stream.profile}"
    if stream.level is None:
        yield Reason.UNKNOWN_FACTS, "the H.264 level is unknown"
    elif stream.level > _HIGHEST_LEVEL:
        yield Reason.LEVEL, f"the level is {stream.level / 10:g}, over 4.1"
    # ffprobe looks no deeper than the header (5.1 says 1 of nearly every film), and so does Jellyfin: silence is no fault.
    if (stream.reference_frames or 0) > _MOST_REFERENCES:
        yield Reason.REFERENCE_FRAMES, f"{stream.reference_frames} reference frames, more than {_MOST_REFERENCES}"


def _picture_faults(stream: VideoStream) -> Iterator[tuple[Reason, str]]:
    if stream.pixel_format is None:
        yield Reason.UNKNOWN_FACTS, "the pixel format is unknown"
    elif stream.pixel_format != "yuv420p" or stream.color_range == "pc":
        kind = "full range" if stream.pixel_format == "yuv420p" else f"{stream.pixel_format} ({stream.bit_depth} bit)"
        yield Reason.PIXEL_FORMAT, f"the picture is {kind}, not yuv420p"
    if stream.dolby_vision_profile is not None:
        yield Reason.DOLBY_VISION, f"it is Dolby Vision profile {stream.dolby_vision_profile}"
    if is_hdr(stream):
        yield Reason.HDR, f"it is {_HDR[transfer(stream)]}, tone-mapped to SDR"
    if stream.field_order in _INTERLACED:
        yield Reason.INTERLACED, "it is interlaced"
    if stream.sample_aspect_ratio not in (None, 1):
        ratio = stream.sample_aspect_ratio or Fraction(1)
        yield Reason.ANAMORPHIC, f"its pixels are not square ({ratio.numerator}:{ratio.denominator})"
    if stream.rotation % 360:
        yield Reason.ROTATED, f"it is rotated by {stream.rotation} degrees"


def _size_faults(stream: VideoStream, profile: Profile) -> Iterator[tuple[Reason, str]]:
    width, height, rate = stream.width or 0, stream.height or 0, stream.frame_rate
    if not width or not height:
        yield Reason.UNKNOWN_FACTS, "the picture size is unknown"
    if width > profile.max_width or height > profile.max_height:
        yield Reason.TOO_LARGE, f"{width}x{height} is over {profile.max_width}x{profile.max_height}"
    if width % 2 or height % 2:
        yield Reason.ODD_SIZE, f"{width}x{height} is not even"
    if rate is None:
        yield Reason.UNKNOWN_FACTS, "the frame rate is unknown"
    elif rate > _highest_rate(width, height, profile) + _RATE_SLACK:
        yield Reason.FRAME_RATE, f"{float(rate):.4g} frames per second are over {_highest_rate(width, height, profile)}"


def _highest_rate(width: int, height: int, profile: Profile) -> int:
    return profile.max_frame_rate * 2 if _macroblocks(width, height) <= _SMALL else profile.max_frame_rate


def _macroblocks(width: int, height: int) -> int:
    return math.ceil(width / 16) * math.ceil(height / 16)


def aim(stream: VideoStream, profile: Profile, *, audio_rate: int, seconds: float | None) -> VideoTarget:
    """The target of an encode: square pixels, even, upright, never enlarged beyond what square pixels need, within level 4.1
    (higher only where the profile's own size asks for it), and within max_bitrate even for a short clip of noise."""
    width, height = _fit(stream, profile)
    source_rate = stream.frame_rate
    nominal = source_rate or _DEFAULT_RATE
    limit = _highest_rate(width, height, profile)
    # A whole divisor drops frames evenly; anything else would stutter.
    nominal /= math.ceil(nominal / (limit + _RATE_SLACK))
    frame_rate = nominal if source_rate is not None and nominal != source_rate else None
    macroblocks = _macroblocks(width, height)
    level = _level(macroblocks, nominal)
    low, high = _BUFFER_SECONDS
    length = max(seconds or _UNKNOWN_LENGTH, _SHORTEST)
    buffer_seconds = min(max(length * _BUFFER_PART, low), high)
    budget = max(profile.max_bitrate * (1 - CONTAINER_SHARE) - audio_rate, profile.max_bitrate * 0.1)
    steady = int(budget / (1 + buffer_seconds / length))
    return VideoTarget(
        width=width, height=height, scale=(width, height) != (stream.width, stream.height),
        frame_rate=frame_rate, nominal_frame_rate=nominal,
        deinterlace=stream.field_order in _INTERLACED, tonemap=is_hdr(stream), level=level,
        reference_frames=max(1, min(_MOST_REFERENCES, _LEVELS[level][2] // macroblocks)),
        crf=profile.crf, preset=profile.preset, max_bitrate=steady, buffer_bits=int(steady * buffer_seconds),
        source_matrix=_matrix(stream), source_transfer=transfer(stream),
    )


def _fit(stream: VideoStream, profile: Profile) -> tuple[int, int]:
    """Width and height of the output: the display size with square pixels, upright, inside the limits, even."""
    ratio = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, 4) <= ratio <= 4:  # no camera makes such pixels: the header lies
        ratio = Fraction(1)
    width, height = Fraction(stream.width or 2) * ratio, Fraction(stream.height or 2)
    if stream.rotation % 180 == 90:  # ffmpeg turns the picture upright by itself
        width, height = height, width
    factor = min(Fraction(1), profile.max_width / width, profile.max_height / height)
    return _even(width * factor), _even(height * factor)


def _even(length: Fraction) -> int:
    return max(2, int(length) // 2 * 2)


def _level(macroblocks: int, rate: Fraction) -> str:
    for level, (per_second, per_frame, _) in _LEVELS.items():
        # Slack: an average of 30.1 must not lift a 1080p film to level 4.2, which fewer clients take.
        if macroblocks <= per_frame and macroblocks * (rate - _RATE_SLACK) <= per_second:
            return level
    return "5.2"


def _matrix(stream: VideoStream) -> str:
    """Which matrix the source's colours are coded with, as swscale calls it, or `gbr` for RGB; unlabelled SD is BT.601, HD is
    BT.709 (what every player assumes)."""
    if stream.color_space == "gbr" or (stream.pixel_format or "").startswith(("gbr", "rgb", "bgr", "argb", "abgr")):
        return "gbr"
    known = _MATRICES.get(stream.color_space or "")
    if known is not None:
        return known
    return "bt709" if (stream.height or 0) >= 720 or (stream.width or 0) >= 1280 else "smpte170m"
