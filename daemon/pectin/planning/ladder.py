"""Which renditions a film gets: never enlarged, none twice, the source's own picture where MP4 can hold it.

All of them are made like the film: the same repairs, the same frames, key frames at the same moments."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from fractions import Fraction

from pectin.model.measured import Measured
from pectin.model.media import MediaInfo, VideoStream
from pectin.model.plan import AudioTarget, Plan, Reason, StreamAction, StreamDecision, VideoTarget
from pectin.model.profile import AudioCodec, Container, Profile, VideoCodec
from pectin.model.rendition import ORIGINAL, Hls, Rendition
from pectin.planning import audio, faults, keeping, levels, rules, sizes, tracks, video
from pectin.planning.containers import COPYABLE, holds

# What a height may take at most, bit/s with its sound. 480, 720 and 1080 are what is usual for direct play; those around follow
# the same curve (web players' ladders have about the same).
_CAPS = ((144, 300_000), (240, 600_000), (360, 1_000_000), (480, 2_000_000), (720, 4_000_000), (1080, 8_000_000),
         (1440, 16_000_000), (2160, 30_000_000))
# Up to this height a picture is encoded by so much another crf than at 1080p: faults of small ones are enlarged on the screen.
_FINER = ((576, -2.0), (900, -1.0), (1440, 0.0))
_FINER_ELSE = 2.0
_HAS_FINER = frozenset({VideoCodec.H264, VideoCodec.HEVC})  # the tables of the others have one crf for all heights
# Bit/s of sound that do not weigh down a small picture, up to a height.
_SOUND = ((240, 64_000), (360, 96_000), (576, 128_000))
_LEAST_SIDE = {VideoCodec.AV1: 64, VideoCodec.HEVC: 64}  # SVT-AV1 refuses smaller pictures, x265 3.5 crashes at some


@dataclass(frozen=True, slots=True)
class _Film:
    """What all renditions of a film come from: `base` is the picture at its largest, as it is encoded or would be."""

    media: MediaInfo
    profile: Profile
    measured: Measured
    plan: Plan
    stream: VideoStream
    base: VideoTarget

    @property
    def picture(self) -> StreamDecision:
        return self.plan.kept[0]

    @property
    def encoded(self) -> bool:
        return isinstance(self.picture.target, VideoTarget)


def with_renditions(media: MediaInfo, profile: Profile, measured: Measured, plan: Plan) -> Plan:
    """The plan of the film with its renditions, largest first; its notes say what was left out, and why."""
    plan = replace(plan, hls=profile.hls)
    stream = rules.main_video(media)
    if stream is None or not (profile.renditions or profile.original or profile.hls is not Hls.NONE):
        return plan
    film = _Film(media, profile, measured, plan, stream, _base(media, profile, measured, plan, stream))
    rungs, notes = _rungs(film)
    made, why_not = _original(film)
    notes += [why_not] if why_not else []
    if film.encoded and (rungs or profile.hls is not Hls.NONE):
        aligned = replace(film.picture, target=replace(film.base, aligned=True, begins=_begins(media, stream)))
        plan = replace(plan, streams=tuple(aligned if one is film.picture else one for one in plan.streams))
    return replace(plan, renditions=(*made, *rungs), notes=(*plan.notes, *notes))


def height_of(width: int, height: int) -> int:
    """By which height people call a picture: that of the 16:9 box it fits into, as `max_height` means it."""
    return max(height, math.ceil(Fraction(width) * 9 / 16 / 2) * 2)


def _begins(media: MediaInfo, stream: VideoStream) -> float:
    """In recordings the sound often comes first. ffmpeg begins to count with the first stream."""
    first = min((one.start_time for one in (*media.video, *media.audio) if one.start_time is not None), default=0.0)
    return round(max(0.0, (stream.start_time or 0.0) - (first if media.start_time is None else media.start_time)), 3)


def _base(media: MediaInfo, profile: Profile, measured: Measured, plan: Plan, stream: VideoStream) -> VideoTarget:
    target = plan.kept[0].target
    if isinstance(target, VideoTarget):
        return target
    # It is copied: what would be made of it if it had to be encoded at its own size.
    side = max(stream.width or 0, stream.height or 0)
    codec = VideoCodec.H264 if profile.video is VideoCodec.COPY else profile.video
    wide = replace(profile, video=codec, max_width=max(profile.max_width, side), max_height=max(profile.max_height, side))
    return video.aim(stream, wide, audio_rate=audio.rate(plan.kept, media.audio), seconds=plan.seconds,
                     measured=replace(measured, quality=None))


def _rungs(film: _Film) -> tuple[list[Rendition], list[str]]:
    base, profile = film.base, film.profile
    own = height_of(base.width, base.height)
    found: list[Rendition] = []
    notes: list[str] = []
    heights = dict.fromkeys(profile.renditions, profile.rendition_files)
    if not profile.rendition_files and profile.hls is Hls.NONE:
        heights = {}
    if profile.hls is not Hls.NONE and not film.encoded:
        # A copied picture has its key frames where its author put them: what HLS cuts must be encoded.
        heights.setdefault(min(own, profile.max_height), False)
    for height in sorted(heights, reverse=True):
        size = _fitted(base, height)
        needed = not film.encoded and height == min(own, profile.max_height) and profile.hls is not Hls.NONE
        if (base.width, base.height) == size and not needed:
            notes.append(f"No rendition {height}p: " + ("that is the film itself." if height == own else
                         f"the film has {base.width}x{base.height}, and nothing is enlarged."))
        elif size in [(other.width, other.height) for other in found]:
            notes.append(f"No rendition {height}p: it would be {size[0]}x{size[1]} as well.")
        elif min(size) < _LEAST_SIDE.get(base.codec, 0):
            notes.append(f"No rendition {height}p: {faults.NAMES[base.codec]} takes no picture of {size[0]}x{size[1]}.")
        else:
            files = heights[height] and (base.width, base.height) != size
            found.append(_rung(film, height, size, files=files))
    return found, notes


def _rung(film: _Film, height: int, size: tuple[int, int], *, files: bool) -> Rendition:
    base, own = film.base, height_of(film.base.width, film.base.height)
    most = _cap(height, own, film.profile)
    sound = _sound(film, height)
    sound_rate = audio.rate(sound, film.media.audio)
    steady, buffer_bits = video.limits(most, sound_rate, film.plan.seconds)
    level = levels.least(*size, base.nominal_frame_rate, max(steady, buffer_bits))
    finer = _finer(height) - _finer(own) if base.codec in _HAS_FINER else 0.0
    target = replace(
        base, width=size[0], height=size[1], scale=size != (film.stream.width, film.stream.height), aligned=True, searched=False,
        begins=_begins(film.media, film.stream),
        crf=max(1.0, film.profile.crf + finer), level=level, reference_frames=levels.references(*size, level),
        max_bitrate=steady, buffer_bits=buffer_bits)
    name = f"{faults.NAMES[base.codec]} {size[0]}x{size[1]}"
    picture = replace(film.picture, action=StreamAction.ENCODE, reason=Reason.RENDITION, target=target,
                      sentence=f"Encoded to {name} beside the film.")
    seconds = film.plan.seconds
    return Rendition(
        name=f"{height}p", streams=(picture, *sound), width=size[0], height=size[1], files=files, max_bitrate=most,
        estimated_size=None if seconds is None else sizes.size(sizes.rate(target) + sound_rate, seconds),
        sentence=f"Encoded to {name}, at most {most / 1e6:.1f} Mbit/s{'' if files else ', for HLS only'}.")


def _original(film: _Film) -> tuple[tuple[Rendition, ...], str | None]:
    """The source's own picture, or why there is none."""
    if not film.profile.original:
        return (), None
    codec, layout = film.stream.codec or "unknown", film.media.layout
    if not film.encoded:
        return (), "No rendition original: the film itself has the source's own picture."
    if not film.profile.rendition_files:
        return (), "No rendition original: no renditions are kept as files (rendition_files)."
    if not holds(Container.MP4, film.stream.codec):
        return (), f"No rendition original: MP4 cannot hold {codec}."
    if film.plan.source_format not in COPYABLE or (layout is not None and layout.pieced):
        return (), "No rendition original: the timestamps of the source cannot be taken over."
    width, height = film.stream.width or 0, film.stream.height or 0
    sentence = f"Copied: the source's own picture, {codec} {width}x{height}."
    picture = replace(film.picture, action=StreamAction.COPY, reason=Reason.RENDITION, target=None, sentence=sentence)
    return (Rendition(name=ORIGINAL, streams=(picture, *_sound(film, height)), width=width, height=height, sentence=sentence,
                      estimated_size=film.media.size),), None


def _sound(film: _Film, height: int) -> tuple[StreamDecision, ...]:
    """The film's first sound track in stereo AAC, which every player of a smaller version plays; none where it has none."""
    profile, plan = film.profile, film.plan
    by_index = {track.index: track for track in film.media.audio if tracks.trouble(track, film.measured.decoders) is None}
    first = next((stream for stream in plan.kept if stream.kind == "audio" and stream.index in by_index), None)
    if first is None:
        return ()
    trusted = first.action is StreamAction.COPY and plan.container != Container.SOURCE and profile.audio is not AudioCodec.COPY
    terms = keeping.Terms(profile=replace(profile, audio=AudioCodec.AAC, container=Container.MP4), copyable=trusted,
                          measured=film.measured, begin=film.stream.start_time or 0.0)
    made = replace(keeping.stereo(by_index[first.index], Reason.STEREO_FIRST, terms), default=True)
    if isinstance(made.target, AudioTarget):
        most = next((rate for highest, rate in _SOUND if height <= highest), made.target.bitrate)
        made = replace(made, target=replace(made.target, bitrate=min(made.target.bitrate, most)))
    return (made,)


def _fitted(base: VideoTarget, height: int) -> tuple[int, int]:
    """The film's shape inside a 16:9 box of this height, never enlarged; even, to the nearest."""
    factor = min(Fraction(1), Fraction(height * 16, 9) / base.width, Fraction(height, base.height))
    return _even(base.width * factor, base.width), _even(base.height * factor, base.height)


def _even(length: Fraction, most: int) -> int:
    return min(max(2, round(length / 2) * 2), most)


def _cap(height: int, own: int, profile: Profile) -> int:
    """What the table says, less where the film itself may take less."""
    share = min(1.0, profile.max_bitrate / _most(own))
    return int(min(_most(height) * share, profile.max_bitrate))


def _most(height: int) -> float:
    """The table, and between its rows the curve through them."""
    height = min(max(height, _CAPS[0][0]), _CAPS[-1][0])
    (below, less), (above, more) = next(rows for rows in itertools.pairwise(_CAPS) if rows[0][0] <= height <= rows[1][0])
    return float(less * (more / less) ** (math.log(height / below) / math.log(above / below)))


def _finer(height: int) -> float:
    return next((change for highest, change in _FINER if height <= highest), _FINER_ELSE)
