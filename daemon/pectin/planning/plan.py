"""The decision for one source: every stream with its action and its reason. Call `decide` when `rules.refusals` is empty."""

from __future__ import annotations

from collections.abc import Iterator

from pectin.model.measured import Measured
from pectin.model.media import DEMUXERS, MediaInfo, Stream, VideoStream
from pectin.model.plan import Plan, Reason, StreamAction, StreamDecision, VideoTarget
from pectin.model.profile import Profile, TextSubtitles
from pectin.planning import audio, rules, subtitles, video

# Demuxers whose packets have timestamps that MP4 can take over. AVI has none of its own (and no B-frame order), raw
# streams neither; MPEG program streams and ASF carry H.264 so rarely that nobody has shown them to be right.
COPYABLE = frozenset({"matroska", "mov", "mpegts", "flv"})
# Bits per pixel of libx264 at crf 22, rather high: for the estimate only, real films lie from a third to double.
_BITS_PER_PIXEL = 0.1
NOTHING = Measured()
_STREAM_TOLERANCE = 1.0  # seconds a stream may claim to outlast its container before it is not believed


def decide(media: MediaInfo, profile: Profile, measured: Measured = NOTHING) -> Plan:  # noqa: ARG001
    """The plan for a source that nothing speaks against. `measured`: the answers to what questions.py asked. Raises ValueError
    when there is no picture at all: the rules were not asked first."""
    stream = rules.main_video(media)
    if stream is None:
        raise ValueError("a source without a picture was not refused")
    source_format = next((name for name in media.formats if name in DEMUXERS), "".join(media.formats[:1]))
    copyable = source_format in COPYABLE
    seconds = _seconds(stream, media)
    sound = audio.decide(media.audio, profile, copyable=copyable)
    audio_rate = audio.rate(sound, media.audio)
    picture = video.decide(stream, media, profile, audio_rate=audio_rate, copyable=copyable, seconds=seconds)
    texts = subtitles.decide(media.subtitles, wanted=profile.subtitles is not TextSubtitles.NONE)
    everything = (picture, *sound, *texts, *_left_out(stream, media))
    target = picture.target
    width, height = (target.width, target.height) if isinstance(target, VideoTarget) else (stream.width or 0, stream.height or 0)
    return Plan(
        profile=profile.name, source_format=source_format, seconds=seconds, width=width, height=height,
        chapters=media.chapters > 0,
        # Sorted by part of the file, otherwise in the order decided: video, sound, extracted, dropped.
        streams=tuple(sorted(everything, key=_place)),
        estimated_size=_size(picture, stream, media, audio_rate, seconds),
    )


def _place(decision: StreamDecision) -> int:
    return {StreamAction.EXTRACT: 1, StreamAction.DROP: 2}.get(decision.action, 0)


def _seconds(stream: VideoStream, media: MediaInfo) -> float | None:
    """How long the output will be: the picture's own length where it is believable, else the container's (which a
    long subtitle track may have stretched)."""
    whole, own = media.duration, stream.duration
    if own and (whole is None or own <= whole + _STREAM_TOLERANCE):
        return own
    return whole or None


def _left_out(stream: VideoStream, media: MediaInfo) -> Iterator[StreamDecision]:
    for other in media.video:
        if other is not stream:
            yield _drop(other, "video", Reason.SECOND_VIDEO, "Dropped: the file has another picture, which is the film.")
    for cover in media.covers:
        yield _drop(cover, "cover", Reason.COVER, "Dropped: a cover picture is no part of the film.")
    for data in media.others:
        if data.kind == "attachment":
            yield _drop(data, data.kind, Reason.ATTACHMENT, "Dropped: attachments (fonts, pictures) have no place in MP4.")
        else:
            yield _drop(data, data.kind, Reason.DATA, f"Dropped: {data.kind} streams mean nothing to players.")


def _drop(stream: Stream, kind: str, reason: Reason, sentence: str) -> StreamDecision:
    return StreamDecision(index=stream.index, kind=kind, codec=stream.codec or "unknown", action=StreamAction.DROP, reason=reason,
                          sentence=sentence, language=stream.language, title=stream.title)


def _size(picture: StreamDecision, stream: VideoStream, media: MediaInfo, audio_rate: int, seconds: float | None) -> int | None:
    """Bytes of the output, roughly: for disk space and for a person, not for verification. None: the length is unknown."""
    if seconds is None:
        return None
    target = picture.target
    if isinstance(target, VideoTarget):
        guess = int(target.width * target.height * target.nominal_frame_rate * _BITS_PER_PIXEL * 2 ** ((22 - target.crf) / 6))
        rate = min(guess, target.max_bitrate)
    else:
        rate = video.bit_rate(stream, media) or 0
    return int((rate + audio_rate) * (1 + video.CONTAINER_SHARE / 2) * seconds / 8)
