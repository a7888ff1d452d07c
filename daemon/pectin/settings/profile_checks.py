"""What must hold inside a profile: which codecs, containers, presets and wishes go together. All findings at once, each with
what would be valid. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pectin.model.profile import AudioCodec, Container, Crop, Hdr, ImageSubtitles, Surround, TextSubtitles, VideoCodec
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
        for key in _PICTURE_KEYS:
            if key in profile.model_fields_set and getattr(profile, key) != _NO_WISH.get(key):
                yield key, "the picture is copied: this would change nothing", f"leave it out; or {_ENCODED}"
        if profile.hdr is Hdr.TONEMAP and "hdr" in profile.model_fields_set:
            yield "hdr", "the picture is copied: HDR stays", f"leave it out; or {_ENCODED}"
        if profile.image_subtitles is ImageSubtitles.BURN_FORCED:
            yield "image_subtitles", "the picture is copied: nothing can be burnt in", f"keep or drop; or {_ENCODED}"
    if profile.audio is AudioCodec.COPY:
        for key in _SOUND_KEYS:
            if key in profile.model_fields_set and getattr(profile, key) is not None:
                yield key, "the sound is copied: this would change nothing", "leave it out; or audio: aac or opus"


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
