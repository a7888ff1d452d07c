"""A profile: what to produce from a source. The defaults are the universal profile that every Jellyfin client direct-plays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pectin.model.artifact import NO_PICTURES, Pictures, Preview
from pectin.model.quality import FIXED_QUALITY, Quality
from pectin.model.rendition import Hls


class VideoCodec(StrEnum):
    H264 = "h264"
    HEVC = "hevc"  # always tagged hvc1: Apple's players take no other
    AV1 = "av1"
    VP9 = "vp9"
    COPY = "copy"  # the source's own picture, never encoded


class AudioCodec(StrEnum):
    AAC = "aac"
    OPUS = "opus"
    COPY = "copy"  # the source's own tracks, never encoded


class Surround(StrEnum):
    """What a surround track that cannot be copied is encoded to."""

    AC3 = "ac3"
    EAC3 = "eac3"
    NONE = "none"  # there is no surround track at all


class Container(StrEnum):
    MP4 = "mp4"
    MKV = "mkv"
    WEBM = "webm"
    SOURCE = "source"  # the source's own file, as it is


class TextSubtitles(StrEnum):
    SRT = "srt"      # files beside the film, under names Jellyfin understands
    EMBED = "embed"  # inside the film (mov_text in MP4, SubRip in Matroska, WebVTT in WebM)
    NONE = "none"


class ImageSubtitles(StrEnum):
    KEEP = "keep"                # in a file of their own, beside the original
    BURN_FORCED = "burn-forced"  # the forced track becomes part of the picture; the others are kept
    DROP = "drop"


class FastPictures(StrEnum):
    """What becomes of a picture with too many frames per second for its size."""

    HALVE = "halve"  # every second frame (or third, ...), the size stays
    SHRINK = "720p"  # all frames, at most 1280x720


class Crop(StrEnum):
    NONE = "none"
    AUTO = "auto"  # black borders are cut off


class Hdr(StrEnum):
    TONEMAP = "tonemap"  # to SDR, which every screen shows
    KEEP = "keep"        # stays HDR, in 10 bit


class Verify(StrEnum):
    FULL = "full"    # every frame of the output is decoded
    QUICK = "quick"  # its key frames and its last ten seconds


class Damaged(StrEnum):
    """What becomes of a source that is cut short or damaged."""

    REJECT = "reject"
    PUBLISH = "publish"  # what there is of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Bit rates are bit/s, heights are picture lines.

    `max_bitrate` bounds the whole file (video, audio and container together); 8 Mbit/s is what the tightest client
    takes. `languages` is the order of preference for the first sound track (ISO 639-2, 3 letters); empty: the
    source's default track. `preset` and `crf` are the encoder's own (libx264, libx265: names; SVT-AV1, libvpx: numbers).
    `loudness` in LUFS (EBU R128); None leaves it. `extra` are a user's own options for ffmpeg's main output.
    `renditions`: heights of further versions, `original`: the source's own picture as one of them; `rendition_files`: they are
    kept as files (else only as HLS); `versions`: they stand in the library, where Jellyfin offers them as versions of the film.
    `nfo`: a file with the details."""

    name: str = "universal"
    video: VideoCodec = VideoCodec.H264
    container: Container = Container.MP4
    max_width: int = 1920
    max_height: int = 1080
    max_frame_rate: int = 30
    fast_pictures: FastPictures = FastPictures.HALVE
    max_bitrate: int = 8_000_000
    preset: str = "medium"
    crf: float = 22.0
    hdr: Hdr = Hdr.TONEMAP
    crop: Crop = Crop.NONE
    audio: AudioCodec = AudioCodec.AAC
    audio_bitrate: int = 160_000
    surround: Surround = Surround.AC3
    loudness: float | None = None
    languages: tuple[str, ...] = ()
    subtitles: TextSubtitles = TextSubtitles.SRT
    image_subtitles: ImageSubtitles = ImageSubtitles.KEEP
    verify: Verify = Verify.FULL
    damaged_source: Damaged = Damaged.REJECT
    extra: tuple[str, ...] = ()
    renditions: tuple[int, ...] = ()
    original: bool = False
    rendition_files: bool = True
    versions: bool = False
    hls: Hls = Hls.NONE
    pictures: Pictures = NO_PICTURES
    nfo: bool = False
    quality: Quality = FIXED_QUALITY
    max_pixels: int = 40_000_000

    @property
    def shelves(self) -> bool:
        """Whether anything of it goes into the folder of the renditions, or may have to."""
        pictures = self.pictures
        return bool(self.renditions or self.original or self.hls is not Hls.NONE or pictures.sprite
                    or pictures.preview is not Preview.NONE)
