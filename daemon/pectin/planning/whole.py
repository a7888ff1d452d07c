"""Whether a source is already exactly what would be made of it: then the file itself is taken over, without ffmpeg."""

from __future__ import annotations

from pectin.model.media import MediaInfo, OtherStream, Stream
from pectin.model.plan import Plan, Reason, StreamAction, StreamDecision
from pectin.model.profile import Container, Profile

# Would become Jellyfin's overview, or show where the file came from.
UNWANTED_TAGS = ("comment", "description", "synopsis")
_QUICKTIME = "qt"
_TAGS = {"h264": ("avc1",), "hevc": ("hvc1",)}  # the others have only one, or it does not matter


def fits(media: MediaInfo, profile: Profile, plan: Plan) -> bool:
    """Whether nothing at all would change. Only asked of MP4: of others nobody has shown where their index stands."""
    layout = media.layout
    return (
        profile.container is Container.MP4 and layout is not None and not profile.extra
        and layout.faststart and layout.plain_edits and not (layout.fragmented or layout.texts_enabled)
        and media.tags.get("major_brand", _QUICKTIME).strip() != _QUICKTIME
        and not any(name.lower() in UNWANTED_TAGS for name in media.tags)
        and bool(media.chapters) == plan.chapters and not plan.extracted
        and all(is_chapters(other, media) for other in media.others)
        and all(any(decision.index == other.index for other in media.others) for decision in plan.dropped)
        and all(_same(decision, stream) for decision, stream in _pairs(media, plan))
        and (order := [d.index for d in plan.kept if d.kind == "audio"]) == sorted(order)
    )


def is_chapters(other: OtherStream, media: MediaInfo) -> bool:
    """Whether this is only the track in which MP4 keeps its chapters' names."""
    return media.chapters > 0 and other.kind == "data" and other.codec in ("bin_data", None) and other.codec_tag == "text"


def untouched(media: MediaInfo, profile: Profile, *, picture: Stream, size: tuple[int, int], source_format: str,
              seconds: float | None) -> Plan:
    """The plan of a profile whose product is the source itself."""
    kinds: tuple[tuple[str, tuple[Stream, ...]], ...] = (
        ("video", media.video), ("audio", media.audio), ("subtitle", media.subtitles), ("cover", media.covers))
    streams = [_kept(kind, stream) for kind, found in kinds for stream in found]
    streams += [_kept(other.kind, other) for other in media.others]
    streams.sort(key=lambda decision: decision.index != picture.index)
    return Plan(profile=profile.name, source_format=source_format, seconds=seconds, width=size[0], height=size[1],
                container=profile.container.value, chapters=media.chapters > 0, streams=tuple(streams),
                estimated_size=media.size, whole_file=True)


def _kept(kind: str, stream: Stream) -> StreamDecision:
    flags = stream.disposition
    return StreamDecision(index=stream.index, kind=kind, codec=stream.codec or "unknown", action=StreamAction.COPY,
                          reason=Reason.WHOLE_FILE, sentence="Copied: the source's own file is what this profile wants.",
                          language=stream.language, title=stream.title, default=flags.default, forced=flags.forced,
                          hearing_impaired=flags.hearing_impaired, comment=flags.comment)


def _pairs(media: MediaInfo, plan: Plan) -> list[tuple[StreamDecision, Stream]]:
    streams: dict[int, Stream] = {s.index: s for s in (*media.video, *media.audio, *media.subtitles)}
    return [(decision, streams[decision.index]) for decision in plan.kept if decision.index in streams]


def _same(decision: StreamDecision, stream: Stream) -> bool:
    flags = stream.disposition
    return (
        decision.action is StreamAction.COPY and decision.target is None
        and (stream.codec_tag or "") in _TAGS.get(stream.codec or "", (stream.codec_tag or "",))
        and decision.language == stream.language and decision.title == stream.title
        and (decision.default, decision.forced, decision.hearing_impaired, decision.comment)
        == (flags.default, flags.forced, flags.hearing_impaired, flags.comment)
    )
