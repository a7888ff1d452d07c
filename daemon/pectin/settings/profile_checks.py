"""What must hold inside a profile: which codecs, containers, presets and wishes go together. All findings at once, each with
what would be valid. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pectin.model.artifact import Preview
from pectin.model.profile import AudioCodec, Container, Crop, Hdr, ImageSubtitles, Surround, TextSubtitles, VideoCodec
from pectin.model.quality import QualityMode
from pectin.model.rendition import ORIGINAL, Hls
from pectin.settings import extra_options
from pectin.settings.codecs import ENCODERS
from pectin.settings.sections import ProfileSettings
from pectin.settings.shipped import UNIVERSAL

Finding = tuple[str, str, str]  # key, message, hint

_PICTURE_KEYS = ("preset", "crf", "max_height", "max_frame_rate", "fast_pictures", "max_bitrate", "crop")
_NO_WISH = {"preset": "auto", "crf": "auto", "crop": Crop.NONE}
_SOUND_KEYS = ("audio_bitrate", "loudness")
_ENCODED = "video: h264, hevc, av1 or vp9"
_TEN_BIT = (VideoCodec.HEVC, VideoCodec.AV1)


def check(name: str, profile: ProfileSettings) -> Iterator[Finding]:
    """Findings of one profile; a key of a list is written `extra[2]`."""
    yield from _container(profile)
    yield from _encoder(profile)
    yield from _copied(profile)
    yield from _extras(profile)
    for index, what, hint in extra_options.problems(profile.extra):
        yield f"extra[{index}]", what, hint
    if name == UNIVERSAL:
        yield from _universal(profile)


def _container(profile: ProfileSettings) -> Iterator[Finding]:
    if profile.container is Container.WEBM:
        if profile.video not in (VideoCodec.VP9, VideoCodec.AV1, VideoCodec.COPY):
            yield "video", f"{profile.video} cannot be in webm", "video: vp9 or av1; or container: mp4 or mkv"
        if profile.audio is not AudioCodec.OPUS:
            yield "audio", f"{profile.audio} cannot be in webm", "audio: opus; or container: mkv"
        if profile.surround is not Surround.NONE:
            yield "surround", f"{profile.surround} cannot be in webm", "surround: none; or container: mkv"
    elif profile.container is Container.SOURCE:
        hint = "the source's own file stays as it is; for a new one choose container: mp4, mkv or webm"
        if profile.video is not VideoCodec.COPY:
            yield "video", f"{profile.video} cannot be made in container: source", f"video: copy; {hint}"
        if profile.audio is not AudioCodec.COPY:
            yield "audio", f"{profile.audio} cannot be made in container: source", f"audio: copy; {hint}"
        if profile.subtitles is TextSubtitles.EMBED:
            yield "subtitles", "nothing can be embedded in container: source", f"subtitles: srt or none; {hint}"
        if profile.extra:
            yield "extra", "nothing is written by ffmpeg in container: source", f"leave it out; {hint}"


def _encoder(profile: ProfileSettings) -> Iterator[Finding]:
    if (encoder := ENCODERS.get(profile.video)) is None:
        return
    if profile.preset != "auto" and profile.preset not in encoder.presets:
        yield ("preset", f"{profile.preset!r} is no preset of {profile.video}",
               f"auto ({encoder.preset}), or {encoder.preset_words}")
    low, high = encoder.crf
    if profile.crf != "auto" and not low <= profile.crf <= high:
        yield ("crf", f"{profile.crf:g} is no crf of {profile.video}",
               f"auto ({encoder.default_crf:g}), or a number from {low:g} to {high:g}")
    if profile.hdr is Hdr.KEEP and profile.video not in _TEN_BIT:
        yield "hdr", f"{profile.video} does not carry HDR", "hdr: tonemap; or video: hevc or av1"


def _copied(profile: ProfileSettings) -> Iterator[Finding]:
    """Wishes about what is never encoded would silently mean nothing."""
    if profile.video is VideoCodec.COPY:
        # Renditions are encoded all the same.
        for key in () if profile.renditions or profile.hls is not Hls.NONE else _PICTURE_KEYS:
            if key in profile.model_fields_set and getattr(profile, key) != _NO_WISH.get(key):
                yield key, "the picture is copied: this would change nothing", f"leave it out; or {_ENCODED}"
        if profile.hdr is Hdr.TONEMAP and "hdr" in profile.model_fields_set:
            yield "hdr", "the picture is copied: HDR stays", f"leave it out; or {_ENCODED}"
        if profile.quality.mode is QualityMode.TARGET or profile.quality.floor is not None:
            yield "quality", "the picture is copied: there is no quality to look for", f"leave it out; or {_ENCODED}"
        if profile.image_subtitles is ImageSubtitles.BURN_FORCED:
            yield "image_subtitles", "the picture is copied: nothing can be burnt in", f"keep or drop; or {_ENCODED}"
    if profile.audio is AudioCodec.COPY:
        for key in _SOUND_KEYS:
            if key in profile.model_fields_set and getattr(profile, key) is not None:
                yield key, "the sound is copied: this would change nothing", "leave it out; or audio: aac or opus"


def _extras(profile: ProfileSettings) -> Iterator[Finding]:
    """Renditions, HLS and pictures that could not be made, or that nobody would ever see."""
    for index, height in enumerate(profile.renditions):
        if height in profile.renditions[:index]:
            yield f"renditions[{index}]", f"{height} stands twice", "leave one of them out"
        elif height == ORIGINAL and profile.video is VideoCodec.COPY:
            yield f"renditions[{index}]", "the film itself is the original already", f"leave it out; or {_ENCODED}"
        elif isinstance(height, int) and height > profile.max_height and profile.video is not VideoCodec.COPY:
            yield (f"renditions[{index}]", f"{height} is larger than the film may be (max_height: {profile.max_height})",
                   f"at most {profile.max_height}; or a larger max_height; or original for the source's own picture")
    if not profile.rendition_files and profile.hls is Hls.NONE:
        yield "rendition_files", "without files and hls no rendition would be made", "rendition_files: true, or hls: fmp4"
    if not profile.rendition_files and ORIGINAL in profile.renditions:
        yield "rendition_files", "original is a file, never HLS", "rendition_files: true, or leave original out of renditions"
    if profile.versions and not profile.renditions:
        yield "versions", "there are no renditions that could be versions", "renditions: [720], say; or leave versions out"
    elif profile.versions and not profile.rendition_files:
        yield "versions", "versions in the library are files", "rendition_files: true; or leave versions out"
    if profile.hls is Hls.TS and profile.video in (VideoCodec.VP9, VideoCodec.AV1):
        yield "hls", f"ts segments cannot hold {profile.video}", "hls: fmp4; or video: h264 or hevc"
    if profile.pictures.preview is Preview.NONE and profile.pictures.preview_at:
        yield "pictures.preview_at", "there is no preview: it would change nothing", "preview: webp, gif or mp4, or leave it out"


def _universal(profile: ProfileSettings) -> Iterator[Finding]:
    """Its name is a promise."""
    promise = f"every client must play {UNIVERSAL}: give a profile of another name to the route"
    for key, value, right, valid in (
            ("video", profile.video, profile.video is VideoCodec.H264, "h264"),
            ("container", profile.container, profile.container is Container.MP4, "mp4"),
            ("audio", profile.audio, profile.audio is AudioCodec.AAC, "aac"),
            ("max_height", profile.max_height, profile.max_height <= 1080, "at most 1080"),
            ("max_frame_rate", profile.max_frame_rate, profile.max_frame_rate <= 30, "at most 30"),
            ("max_bitrate", f"{profile.max_bitrate / 1e6:g}M", profile.max_bitrate <= 8_000_000, "at most 8M")):
        if not right:
            yield key, f"{value} is not what every client plays", f"{key}: {valid}; {promise}"
