"""What a run has taught about a source: with it the plan is made anew, and the run repeated."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from pectin.model.media import MediaInfo, Stream
from pectin.model.plan import Plan, Reason, StreamAction, StreamDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class Amends:
    """Source stream indexes: `encode` those whose packets are damaged, so that copies of them would not play to their end; `drop`
    those that nothing can be made of. `copy_picture`: what was encoded came out larger than the source."""

    encode: frozenset[int] = frozenset()
    drop: frozenset[int] = frozenset()
    copy_picture: bool = False

    def __bool__(self) -> bool:
        return bool(self.encode or self.drop or self.copy_picture)


NO_AMENDS = Amends()


def usable(media: MediaInfo, amends: Amends) -> MediaInfo:
    """The source without the sound and the subtitles that are to be dropped. The picture is never dropped."""
    return replace(media, audio=tuple(s for s in media.audio if s.index not in amends.drop),
                   subtitles=tuple(s for s in media.subtitles if s.index not in amends.drop))


def dropped(media: MediaInfo, amends: Amends) -> tuple[StreamDecision, ...]:
    kinds: tuple[tuple[str, tuple[Stream, ...]], ...] = (("audio", media.audio), ("subtitle", media.subtitles))
    return tuple(
        StreamDecision(index=stream.index, kind=kind, codec=stream.codec or "unknown", action=StreamAction.DROP,
                       reason=Reason.UNDECODABLE, language=stream.language, title=stream.title,
                       sentence=f"Dropped: ffmpeg could make nothing of this {stream.codec or 'unknown'} stream; it stays in the "
                                "original.")
        for kind, streams in kinds for stream in streams if stream.index in amends.drop)


def encodes(streams: tuple[Stream, ...], amends: Amends) -> bool:
    """Whether one of these streams must be encoded."""
    return any(stream.index in amends.encode for stream in streams)


def retold(plan: Plan, amends: Amends) -> Plan:
    """The plan with the true reasons: of what is encoded for its damage, and of a picture that is copied for its size."""
    return replace(plan, streams=tuple(_retold(stream, amends) for stream in plan.streams))


def _retold(stream: StreamDecision, amends: Amends) -> StreamDecision:
    if stream.index in amends.encode and stream.action is StreamAction.ENCODE and stream.reason in _DISTRUST:
        what, _, _ = stream.sentence.partition(":")
        return replace(stream, reason=Reason.DAMAGED,
                       sentence=f"{what}: a copy did not prove good, for some of it is damaged or cannot be carried over.")
    if amends.copy_picture and stream.kind == "video" and stream.action is StreamAction.COPY:
        return replace(stream, reason=Reason.LARGER, sentence="Copied: encoded, it came out larger than the source.")
    return stream


_DISTRUST: Set[Reason] = frozenset({Reason.TIMESTAMPS})  # planning is told that the packets cannot be trusted
