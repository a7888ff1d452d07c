"""What a media file is made of, as ffprobe saw it; holes are values (None), never errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from pectin.model.mastering import ContentLight, MasteringDisplay

# The demuxers that may open a source. A playlist under a film's name could otherwise pull other people's files in: a file
# is opened by one of these or not at all. (mp3 is left out on purpose: a huge sparse one keeps ffprobe busy for long.)
DEMUXERS = ("aac", "ac3", "asf", "avi", "dv", "eac3", "flac", "flv", "h264", "hevc", "matroska", "mov", "mpeg", "mpegts",
            "mpegvideo", "mxf", "ogg", "rm", "wav", "wtv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    """The flags of a stream that matter to players. Source: ffprobe's `disposition` object."""

    default: bool = False
    forced: bool = False
    hearing_impaired: bool = False
    visual_impaired: bool = False
    comment: bool = False
    dub: bool = False
    original: bool = False
    attached_pic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What every stream has. `index` is ffprobe's stream index in the file; times are seconds."""

    index: int
    codec: str | None
    codec_tag: str | None = None
    profile: str | None = None
    bit_rate: int | None = None
    start_time: float | None = None
    duration: float | None = None
    packets: int | None = None
    language: str | None = None
    title: str | None = None
    disposition: Disposition = field(default_factory=Disposition)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStream(Stream):
    """A moving picture. `sample_aspect_ratio` None means not stated (players assume square);
    `rotation` is degrees as ffprobe's Display Matrix gives it, `mirrored` when that turns left and right about;
    `dolby_vision_profile` None means none."""

    width: int | None = None
    height: int | None = None
    pixel_format: str | None = None
    bit_depth: int | None = None
    level: int | None = None
    reference_frames: int | None = None
    field_order: str | None = None
    sample_aspect_ratio: Fraction | None = None
    average_frame_rate: Fraction | None = None
    real_frame_rate: Fraction | None = None
    rotation: int = 0
    mirrored: bool = False
    color_range: str | None = None
    color_space: str | None = None
    color_transfer: str | None = None
    color_primaries: str | None = None
    dolby_vision_profile: int | None = None
    dolby_vision_compatibility: int | None = None
    mastering: MasteringDisplay | None = None
    light: ContentLight | None = None

    @property
    def frame_rate(self) -> Fraction | None:
        """The rate Jellyfin judges by: the average when it is plausible (below 1000), else the real base rate."""
        if self.average_frame_rate is not None and 0 < self.average_frame_rate < 1000:
            return self.average_frame_rate
        return self.real_frame_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioStream(Stream):
    """A sound track. `sample_rate` in Hz."""

    channels: int | None = None
    channel_layout: str | None = None
    sample_rate: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtitleStream(Stream):
    """A subtitle track, text or pictures: the codec name tells which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherStream(Stream):
    """Attachment, data, timecode: carried for the record, never into the output."""

    kind: str = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How an MP4 is laid out, read from its boxes by planning/layout.py. `faststart`: the index stands before the film;
    `plain_edits`: each track is shown from one moment to its end; `texts_enabled`: a subtitle track is switched on for
    everybody; `times_agree`: no picture or sound track lists samples that last longer than it says itself; `pieced`: the
    picture or the sound is put together from pieces, so that what lies between them is only hidden."""

    faststart: bool
    fragmented: bool
    plain_edits: bool
    texts_enabled: bool
    times_agree: bool = True
    pieced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """One probed file. `formats` are the demuxer's alias names (`mov`, `mp4`, ...); `duration` in seconds;
    `size` in bytes; `bit_rate` in bit/s. Cover pictures are in `covers`, not in `video`. `layout`: None for all but MP4.
    `chapters_end`: when the last chapter ends, in seconds."""

    formats: tuple[str, ...]
    duration: float | None = None
    start_time: float | None = None
    size: int | None = None
    bit_rate: int | None = None
    video: tuple[VideoStream, ...] = ()
    audio: tuple[AudioStream, ...] = ()
    subtitles: tuple[SubtitleStream, ...] = ()
    covers: tuple[VideoStream, ...] = ()
    others: tuple[OtherStream, ...] = ()
    chapters: int = 0
    chapters_end: float | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    layout: Layout | None = None

    def summary(self) -> str:
        """One line for a person, e.g. `matroska, h264 1920x1080, dts 5.1, 1:42:10`."""
        parts = [self.formats[0] if self.formats else "unknown format"]
        for video in self.video[:1]:
            parts.append(f"{video.codec or 'unknown video'} {video.width or '?'}x{video.height or '?'}")
        for audio in self.audio[:1]:
            parts.append(f"{audio.codec or 'unknown audio'} {audio.channels or '?'} ch")
        if self.duration is not None:
            whole = int(self.duration)
            parts.append(f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}")
        return ", ".join(parts)
