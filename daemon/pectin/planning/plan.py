"""The decision for one source: every stream with its action and its reason. Call `decide` when `rules.refusals` is empty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pectin.model.measured import Measured
from pectin.model.media import DEMUXERS, MediaInfo, Stream, VideoStream
from pectin.model.plan import Plan, Reason, StreamAction, StreamDecision, VideoTarget
from pectin.model.profile import Container, Profile, VideoCodec
from pectin.planning import artifacts, audio, faults, ladder, quality, rules, sizes, subtitles, video, whole
from pectin.planning.amends import NO_AMENDS, Amends, dropped, encodes, retold, usable
from pectin.planning.containers import COPYABLE

NOTHING = Measured()
_MOST_CHAPTERS = 1000  # a list that nobody can use
_CHAPTER_TOLERANCE = 5.0  # seconds: the last one often ends with the container, which outlasts the picture a little
_STREAM_TOLERANCE = 1.0  # seconds a stream may claim to outlast its container before it is not believed


def decide(media: MediaInfo, profile: Profile, measured: Measured = NOTHING, amends: Amends = NO_AMENDS) -> Plan:
    """The plan for a source that nothing speaks against. `measured`: the answers to what questions.py asked; `amends`: what
    an earlier run has taught. Raises ValueError when there is no picture at all: the rules were not asked first."""
    stream = rules.main_video(media)
    if stream is None:
        raise ValueError("a source without a picture was not refused")
    source_format = next((name for name in media.formats if name in DEMUXERS), "".join(media.formats[:1]))
    seconds = _seconds(stream, media)
    if profile.container is Container.SOURCE:
        untouched = whole.untouched(media, profile, picture=stream, size=(stream.width or 0, stream.height or 0),
                                    source_format=source_format, seconds=seconds)
        return _with_extras(media, profile, measured, untouched)
    # Copied, what an edit list hides would be seen and heard: only a decoder can leave it out.
    copyable = source_format in COPYABLE and not (media.layout is not None and media.layout.pieced)
    rest = usable(media, amends)
    sound = audio.decide(rest.audio, profile, copyable=copyable and not encodes(rest.audio, amends), measured=measured,
                         begin=stream.start_time or 0.0)
    audio_rate = audio.rate(sound, media.audio)
    picture = video.decide(stream, media, profile, audio_rate=audio_rate, seconds=seconds, measured=measured,
                           copyable=copyable and stream.index not in amends.encode, copy_picture=amends.copy_picture,
                           burn=subtitles.to_burn(rest.subtitles, profile))
    burnt = picture.target.burn if isinstance(picture.target, VideoTarget) else None
    texts = subtitles.decide(rest, profile, measured, picture=stream, burnt=burnt)
    everything = (picture, *sound, *texts, *dropped(media, amends), *_left_out(stream, media))
    target = picture.target
    width, height = (target.width, target.height) if isinstance(target, VideoTarget) else (stream.width or 0, stream.height or 0)
    trouble = _chapter_trouble(media, seconds)
    plan = Plan(
        profile=profile.name, source_format=source_format, seconds=seconds, width=width, height=height,
        container=profile.container.value, chapters=media.chapters > 0 and trouble is None,
        notes=(*(() if trouble is None else (trouble,)), *quality.notes(target, profile, measured.quality)),
        # Sorted by part of the file, otherwise in the order decided: video, sound, extracted, dropped.
        streams=tuple(sorted(everything, key=_place)),
        estimated_size=_size(picture, stream, media, audio_rate, seconds), extra=profile.extra,
    )
    if amends:
        return _with_extras(media, profile, measured, retold(plan, amends))
    return _with_extras(media, profile, measured, replace(plan, whole_file=whole.fits(media, profile, plan),
                                                          instead=_instead(media, profile, measured, plan)))


def _with_extras(media: MediaInfo, profile: Profile, measured: Measured, plan: Plan) -> Plan:
    """What is made besides the film."""
    plan = ladder.with_renditions(media, profile, measured, plan)
    return replace(plan, artifacts=artifacts.artifacts(media, profile, plan))


def _instead(media: MediaInfo, profile: Profile, measured: Measured, plan: Plan) -> Plan | None:
    """For another codec's sake a picture is encoded that could be copied: that is no gain when the result is larger."""
    if profile.video is VideoCodec.H264 or plan.kept[0].action is not StreamAction.ENCODE:
        return None
    other = decide(media, profile, measured, Amends(copy_picture=True))
    return other if other.kept[0].action is StreamAction.COPY else None


def _place(decision: StreamDecision) -> int:
    return {StreamAction.EXTRACT: 1, StreamAction.DROP: 2}.get(decision.action, 0)


def _seconds(stream: VideoStream, media: MediaInfo) -> float | None:
    """How long the output will be: the picture's own length where it is believable, else the container's (which a
    long subtitle track may have stretched)."""
    whole, own = media.duration, stream.duration
    if own and (whole is None or own <= whole + _STREAM_TOLERANCE):
        return own
    return whole or None


def _chapter_trouble(media: MediaInfo, seconds: float | None) -> str | None:
    """Why chapters are better left out. MP4 keeps their names in a track: one that goes on after the film makes it longer."""
    if media.chapters > _MOST_CHAPTERS:
        return f"The chapters are left out: there are {media.chapters} of them."
    beyond = (media.chapters_end or 0.0) - (seconds or media.chapters_end or 0.0)
    if beyond > _CHAPTER_TOLERANCE:
        return f"The chapters are left out: they go on for {beyond:.0f} s after the end of the film."
    return None


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
    rate = sizes.rate(target) if isinstance(target, VideoTarget) else faults.bit_rate(stream, media) or 0
    return sizes.size(rate + audio_rate, seconds)
