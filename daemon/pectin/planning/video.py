"""The picture: copied when it breaks none of the profile's rules, else encoded with every fault mended at once."""

from __future__ import annotations

import math
from fractions import Fraction

from pectin.model.measured import Measured, Scan
from pectin.model.media import MediaInfo, VideoStream
from pectin.model.plan import Burn, Reason, StreamAction, StreamDecision, VideoTarget
from pectin.model.profile import FastPictures, Profile, VideoCodec
from pectin.planning import colours, cropping, faults, levels, scan

_DEFAULT_RATE = Fraction(25)  # only for the key frame distance, where the source does not tell
CONTAINER_SHARE = 0.02  # of max_bitrate, for MP4's tables (short clips need most)
# The first seconds may empty a full buffer on top of the steady rate. Two seconds of buffer are good for quality; a short
# clip gets less, so that even noise stays below the limit on average.
_BUFFER_SECONDS = (0.5, 2.0)
_BUFFER_PART = 0.02  # of the whole film
_UNKNOWN_LENGTH = 5.0  # seconds: a cautious guess
_SHORTEST = 0.1  # seconds: a clip that claims less gets what this one would
_LEAST_SIDE = {VideoCodec.AV1: 64}  # SVT-AV1 refuses smaller pictures
_NOTHING = Measured()


def decide(stream: VideoStream, media: MediaInfo, profile: Profile, *, audio_rate: int, copyable: bool, seconds: float | None,
           measured: Measured = _NOTHING, burn: Burn | None = None, copy_picture: bool = False) -> StreamDecision:
    """Copy or encode. `audio_rate` in bit/s is what the sound of the output takes; `copyable`: the container's timestamps can
    be trusted; `burn`: an image subtitle that becomes part of the picture; `copy_picture`: H.264 that plays everywhere may stay,
    though the profile wants another codec. All faults stand in the sentence, the first is the reason."""
    codec = profile.video

    def found(of: VideoCodec) -> tuple[faults.Fault, ...]:
        return tuple(faults.find(stream, media, profile, audio_rate, copyable=copyable, measured=measured, codec=of))

    size = f"{stream.width}x{stream.height}"
    if codec is VideoCodec.COPY:
        return _copied(stream, Reason.COPY_ONLY, f"Copied: {stream.codec}, {size}; this profile encodes no picture.")
    if copy_picture and burn is None and codec is not VideoCodec.H264 and not found(VideoCodec.H264):
        return _copied(stream, Reason.LARGER, f"Copied: H.264 {stream.profile}, {size}, plays everywhere as it is, and "
                                              f"{faults.NAMES[codec]} would only make it larger.")
    wrong = found(codec)
    if burn is not None:
        wrong = (*wrong, (Reason.BURNT_IN, "the forced subtitles, which are pictures, become part of it"))
    if not wrong:
        name = f"{faults.NAMES[codec]} {stream.profile or ''}".rstrip()
        fits = "plays everywhere as it is" if codec is VideoCodec.H264 else "is what this profile wants"
        return _copied(stream, Reason.FITS, f"Copied: {name}, {size}, {fits}.")
    target = aim(stream, profile, audio_rate=audio_rate, seconds=seconds, measured=measured, burn=burn)
    texts = [text for _, text in wrong]
    if target.crop is not None:
        texts.append(f"black borders are cut off ({target.crop.width}x{target.crop.height} are left)")
    return StreamDecision(index=stream.index, kind="video", codec=stream.codec or "unknown", action=StreamAction.ENCODE,
                          reason=wrong[0][0], target=target, language=stream.language, default=True,
                          sentence=f"Encoded to {faults.NAMES[codec]} {target.width}x{target.height}: {'; '.join(texts)}.")


def _copied(stream: VideoStream, reason: Reason, sentence: str) -> StreamDecision:
    return StreamDecision(index=stream.index, kind="video", codec=stream.codec or "unknown", action=StreamAction.COPY,
                          reason=reason, sentence=sentence, language=stream.language, default=True)


def aim(stream: VideoStream, profile: Profile, *, audio_rate: int, seconds: float | None, measured: Measured = _NOTHING,
        burn: Burn | None = None) -> VideoTarget:
    """The target of an encode: square pixels, even, upright, never enlarged beyond what square pixels need, within level 4.1
    (higher only where the profile's own size asks for it), and within max_bitrate even for a short clip of noise."""
    fields = scan.judge(stream, measured)
    crop = cropping.box(stream, measured.crop, profile, fields=fields is not Scan.PROGRESSIVE)
    shown = (crop.width, crop.height) if crop else (stream.width or 2, stream.height or 2)
    film_rate = scan.film_rate(stream) if fields is Scan.TELECINED else None
    source_rate = film_rate or stream.frame_rate
    nominal = source_rate or _DEFAULT_RATE
    width, height = _fit(stream, shown, profile, nominal)
    # A whole divisor drops frames evenly; anything else would stutter.
    step = math.ceil(nominal / (levels.highest_rate(width, height, profile) + levels.RATE_SLACK))
    nominal /= step
    level = levels.level(width, height, nominal)
    steady, buffer_bits = limits(profile.max_bitrate, audio_rate, seconds)
    hdr_kept = faults.keeps_hdr(stream, profile, profile.video)
    return VideoTarget(
        width=width, height=height, scale=(width, height) != (stream.width, stream.height), crop=crop,
        frame_rate=film_rate or (nominal if source_rate is not None and nominal != source_rate else None),
        frame_step=step if _steady(stream) and fields is Scan.PROGRESSIVE else 1, nominal_frame_rate=nominal, codec=profile.video,
        pixel_format="yuv420p10le" if hdr_kept or profile.video is VideoCodec.AV1 else "yuv420p",
        deinterlace=fields is Scan.INTERLACED, detelecine=fields is Scan.TELECINED, top_first=measured.top_first,
        burn=burn.index if burn else None, burn_fitted=burn.fitted if burn else False,
        tonemap=colours.is_hdr(stream) and not hdr_kept, level=level, reference_frames=levels.references(width, height, level),
        crf=measured.quality.crf if measured.quality else profile.crf,
        searched=measured.quality is not None and measured.quality.reached,
        preset=profile.preset, max_bitrate=steady, buffer_bits=buffer_bits,
        source_matrix=colours.matrix(stream), source_transfer=colours.transfer(stream),
        transfer=colours.transfer(stream) if hdr_kept else "bt709",
        mastering=stream.mastering or measured.mastering if hdr_kept else None,
        light=stream.light or measured.light if hdr_kept else None,
    )


def limits(max_bitrate: int, audio_rate: int, seconds: float | None) -> tuple[int, int]:
    """The steady rate (bit/s) and the buffer (bits) of a picture whose file keeps to `max_bitrate` with its sound."""
    low, high = _BUFFER_SECONDS
    length = max(seconds or _UNKNOWN_LENGTH, _SHORTEST)
    buffer_seconds = min(max(length * _BUFFER_PART, low), high, length)
    budget = max(max_bitrate * (1 - CONTAINER_SHARE) - audio_rate, max_bitrate * 0.1)
    steady = int(budget / (1 + buffer_seconds / length))
    return steady, int(steady * buffer_seconds)


def _steady(stream: VideoStream) -> bool:
    """Whether the frames can be counted off. Where they are fields, or flagged as such, some containers count each field."""
    average, real = stream.average_frame_rate, stream.real_frame_rate
    return average is not None and real is not None and abs(average - real) <= real / 100 and not scan.flagged(stream)


def _fit(stream: VideoStream, shown: tuple[int, int], profile: Profile, rate: Fraction) -> tuple[int, int]:
    """Width and height of the output: the display size of what is `shown` with square pixels, upright, inside the limits, even;
    smaller still where the profile would rather lose lines than frames."""
    ratio = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, 4) <= ratio <= 4:  # no camera makes such pixels: the header lies
        ratio = Fraction(1)
    width, height = Fraction(shown[0]) * ratio, Fraction(shown[1])
    if stream.rotation % 180 == 90:  # ffmpeg turns the picture upright by itself
        width, height = height, width
    inside = _inside(width, height, profile, profile.max_width, profile.max_height)
    highest = levels.highest_rate(*inside, profile)
    if profile.fast_pictures is FastPictures.SHRINK and highest + levels.RATE_SLACK < rate <= levels.fastest(profile):
        long, short = levels.SMALL_WIDTH, levels.SMALL_HEIGHT
        box = (long, short) if width >= height else (short, long)
        return _inside(width, height, profile, min(box[0], profile.max_width), min(box[1], profile.max_height))
    return inside


def _inside(width: Fraction, height: Fraction, profile: Profile, widest: int, highest: int) -> tuple[int, int]:
    factor = min(Fraction(1), widest / width, highest / height)
    least = _LEAST_SIDE.get(profile.video)
    if least is not None and min(width, height) * factor < least:
        factor = Fraction(least) / min(width, height)
    return _even(width * factor), _even(height * factor)


def _even(length: Fraction) -> int:
    return max(2, int(length) // 2 * 2)
