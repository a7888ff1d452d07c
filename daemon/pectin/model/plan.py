"""The decision for one source: what happens to each stream, and why. A value: made by planning/, shown by `pectin plan`,
turned into ffmpeg's arguments by encoding/argv.py, held against the result by publishing/verify.py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from pectin.model.artifact import Artifact
from pectin.model.mastering import ContentLight, MasteringDisplay
from pectin.model.measured import CropBox
from pectin.model.parsed import LibraryName
from pectin.model.profile import VideoCodec
from pectin.model.rendition import Hls, Rendition


class StreamAction(StrEnum):
    COPY = "copy"        # the packets go over unchanged
    ENCODE = "encode"    # decoded and encoded anew
    DROP = "drop"        # not in the output
    EXTRACT = "extract"  # into a file of its own beside the video


class Method(StrEnum):
    """What the plan amounts to, derived from its streams."""

    FILE = "file"      # the whole file fits: it is taken over as it is, without ffmpeg
    REMUX = "remux"    # every kept stream is copied, only the container is new
    ENCODE = "encode"  # at least one stream is encoded


class Reason(StrEnum):
    """Why a stream is treated as it is. The value is the metric label."""

    FITS = "fits"
    COPY_ONLY = "copy_only"  # the profile encodes no picture
    CODEC = "codec"
    CODEC_PROFILE = "codec_profile"
    LEVEL = "level"
    PIXEL_FORMAT = "pixel_format"
    INTERLACED = "interlaced"
    TELECINED = "telecined"
    WRONG_FLAG = "wrong_flag"  # flagged as interlaced, which it is not: clients would deinterlace it all the same
    ANAMORPHIC = "anamorphic"
    ROTATED = "rotated"
    ODD_SIZE = "odd_size"
    TOO_LARGE = "too_large"
    FRAME_RATE = "frame_rate"
    HDR = "hdr"
    DOLBY_VISION = "dolby_vision"
    BITRATE = "bitrate"
    REFERENCE_FRAMES = "reference_frames"
    TIMESTAMPS = "timestamps"
    LATE = "late"  # the sound begins long after the picture
    LOUDNESS = "loudness"
    CONTAINER = "container"  # the output's container cannot hold it
    UNKNOWN_FACTS = "unknown_facts"
    CHANNELS = "channels"
    SAMPLE_RATE = "sample_rate"
    STEREO_FIRST = "stereo_first"
    SURROUND_KEPT = "surround_kept"
    OTHER_LANGUAGE = "other_language"
    COMMENTARY = "commentary"
    DUPLICATE = "duplicate"
    UNDECODABLE = "undecodable"
    TEXT_SUBTITLE = "text_subtitle"
    IMAGE_SUBTITLE = "image_subtitle"
    BURNT_IN = "burnt_in"
    CAPTIONS = "captions"
    EMPTY_TRACK = "empty_track"
    SWITCHED_OFF = "switched_off"
    SECOND_VIDEO = "second_video"
    COVER = "cover"
    ATTACHMENT = "attachment"
    DATA = "data"
    DAMAGED = "damaged"
    LARGER = "larger"
    WHOLE_FILE = "whole_file"
    RENDITION = "rendition"  # a further version


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTarget:
    """How a picture is encoded. `width`, `height` are the output's; None frame_rate keeps the source's timestamps (VFR
    included). Bit rates are bit/s. The booleans say which repairs the filter chain makes, in the order of encoding/pictures.py.
    `crop` (in the source's pixels) comes first of all; `detelecine` undoes 3:2 pulldown; `top_first`: which field of an
    interlaced picture is the earlier one, where it was seen. `frame_step`: of a steady rate, one frame of so many stays; 1 where
    `frame_rate` has to be made by the clock. `burn` is the index of an image subtitle stream that becomes part of the picture,
    `burn_fitted` says that its pixels are square.

    `searched`: the crf was found by a search, with the CPU's encoder, and means that score with no other.

    `source_matrix` and `source_transfer` are ffprobe's color_space and color_transfer names, as swscale takes them (`gbr`: RGB),
    guessed where the source is silent. The output is bt709, unless HDR is kept: then `transfer` is the output's, in BT.2020, and
    `mastering` and `light` go with it.

    `aligned`: several pictures are cut at the same places: key frames stand at the first frame of every `keyframe_seconds` of
    the clock, and nowhere else. `begins`: when the first of them is shown, in seconds of the film."""

    width: int
    height: int
    scale: bool
    frame_rate: Fraction | None
    nominal_frame_rate: Fraction
    codec: VideoCodec = VideoCodec.H264
    pixel_format: str = "yuv420p"
    crop: CropBox | None = None
    deinterlace: bool = False
    detelecine: bool = False
    burn: int | None = None
    burn_fitted: bool = False
    tonemap: bool = False
    level: str = "4.1"
    reference_frames: int = 4
    crf: float = 22.0
    preset: str = "medium"
    max_bitrate: int = 7_000_000
    buffer_bits: int = 7_000_000
    keyframe_seconds: int = 2
    source_matrix: str = "bt709"
    source_transfer: str = "bt709"
    transfer: str = "bt709"
    mastering: MasteringDisplay | None = None
    light: ContentLight | None = None
    top_first: bool | None = None
    frame_step: int = 1
    aligned: bool = False
    begins: float = 0.0
    searched: bool = False


# Seconds. A longer gap in a sound track is not filled: one damaged timestamp would make hours of silence, and 0.4 MB of memory
# for each second of it (measured with ffmpeg 5.1.9).
LONGEST_SILENCE = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTarget:
    """How a sound track is encoded. `codec` is ffmpeg's encoder name; `source_layout` is what the downmix starts from;
    `gain` in dB brings it to the profile's loudness. `fill`: what is missing at the beginning becomes silence."""

    codec: str
    channels: int
    sample_rate: int
    bitrate: int
    source_channels: int
    source_layout: str | None = None
    gain: float | None = None
    fill: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """The image subtitle that becomes part of the picture. `fitted`: its canvas has square pixels and may be larger than a
    picture whose borders were cut off; else it is as large as the coded picture."""

    index: int
    fitted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtitleTarget:
    """A subtitle track in a file of its own, or (`codec` is set: ffprobe's name) as text inside the film. `suffix` stands between
    the film's stem and the extension, e.g. `.eng.forced`. `with_original`: the file stays beside the original."""

    suffix: str
    extension: str = "srt"
    codec: str | None = None
    with_original: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDecision:
    """What happens to source stream `index`. One source stream may have several decisions (stereo first, surround second)."""

    index: int
    kind: str
    codec: str
    action: StreamAction
    reason: Reason
    sentence: str
    target: VideoTarget | AudioTarget | SubtitleTarget | None = None
    language: str | None = None
    title: str | None = None
    default: bool = False
    forced: bool = False
    hearing_impaired: bool = False
    comment: bool = False
    visual_impaired: bool = False
    dub: bool = False
    original: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Decisions in output order: video, audio in the order they will have, text inside the film, extracted subtitles, then all
    that is dropped.

    `source_format` is the demuxer to force; `seconds` the expected length of the output (None: unknown). `whole_file`: nothing
    has to change, the file is taken over without ffmpeg. `instead`: what to do when the output turns out larger than the
    source. `estimated_size` in bytes, `estimated_seconds` of work: both rough. `extra`: a user's own options for ffmpeg.
    `notes`: what a person should know besides, a sentence each. `renditions`: further versions, largest first; `hls`: what web
    players get of them; `artifacts`: pictures and details."""

    profile: str
    source_format: str
    seconds: float | None
    streams: tuple[StreamDecision, ...]
    width: int
    height: int
    container: str = "mp4"
    chapters: bool = False
    estimated_size: int | None = None
    estimated_seconds: float | None = None
    whole_file: bool = False
    instead: Plan | None = None
    extra: tuple[str, ...] = ()
    name: LibraryName | None = None
    notes: tuple[str, ...] = ()
    renditions: tuple[Rendition, ...] = ()
    hls: Hls = Hls.NONE
    artifacts: tuple[Artifact, ...] = ()

    @property
    def kept(self) -> tuple[StreamDecision, ...]:
        """The streams of the main output, in their order there."""
        return tuple(s for s in self.streams if s.action in (StreamAction.COPY, StreamAction.ENCODE))

    @property
    def extracted(self) -> tuple[StreamDecision, ...]:
        return tuple(s for s in self.streams if s.action is StreamAction.EXTRACT)

    @property
    def dropped(self) -> tuple[StreamDecision, ...]:
        return tuple(s for s in self.streams if s.action is StreamAction.DROP)

    @property
    def method(self) -> Method:
        if self.whole_file:
            return Method.FILE
        # Text that goes into the film costs nothing: that alone is no encode.
        encodes = any(s.action is StreamAction.ENCODE and s.kind != "subtitle" for s in self.streams)
        return Method.ENCODE if encodes else Method.REMUX

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, for the store, the API and `--json`."""
        return {"method": self.method.value, **plain(self)}

    def as_json(self) -> str:
        return json.dumps(self.as_dict(), ensure_ascii=False)


def plain(value: object) -> Any:
    """Dataclasses, enums, fractions and tuples as plain JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    if isinstance(value, StrEnum):
        return value.value
    return value
