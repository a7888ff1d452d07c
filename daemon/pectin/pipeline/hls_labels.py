"""What web players call the sound tracks and subtitles of a film: words of ours, each name once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pectin.model.output import Output
from pectin.model.plan import Plan, StreamDecision, SubtitleTarget
from pectin.planning import languages
from pectin.publishing import codecs
from pectin.publishing.mp4_tracks import SOUND, Track

AAC = "mp4a.40"
KNOWN = (AAC, "opus")  # what web players decode, the best known first
_LAYOUTS = {1: "mono", 6: "5.1", 8: "7.1"}


def heard(tracks: Sequence[Track], streams: Sequence[StreamDecision],
          known: Sequence[str] = KNOWN) -> list[tuple[int, Track, StreamDecision]]:
    """The sound tracks that web players know, all of one coding, each with its number among the sounds of the file and what was
    decided about it. Both are given in the order of their file. Raises PectinError."""
    sounds = [track for track in tracks if track.kind == SOUND]
    decided = [stream for stream in streams if stream.kind == "audio"]
    named = [(codecs.codec(track), (number, track, stream))
             for number, (track, stream) in enumerate(zip(sounds, decided, strict=False)) if len(track)]
    return next((found for word in known if (found := [one for name, one in named if name.startswith(word)])), [])


def subtitles(texts: Sequence[Output], plan: Plan) -> Iterator[tuple[Output, StreamDecision]]:
    """The files of text, each with what was decided about its track."""
    decided = {stream.target.suffix: stream for stream in plan.extracted if isinstance(stream.target, SubtitleTarget)}
    return ((text, decided[text.suffix]) for text in texts if text.extension == "srt" and text.suffix in decided)


@dataclass(slots=True)
class Labels:
    """The names of one kind that are taken so far. What a source calls its tracks is not taken over: it may be anything."""

    taken: set[str] = field(default_factory=set)

    def language(self, code: str | None) -> str | None:
        """As BCP 47 has it."""
        return languages.tag(code) if code else None

    def sound(self, stream: StreamDecision, channels: int | None) -> str:
        """Such as `English`, `German (5.1)`, `English (commentary)`."""
        return self._once(_spoken(stream, "Sound"), (
            "commentary" if stream.comment else "", "audio description" if stream.visual_impaired else "",
            _LAYOUTS.get(channels or 0, "")))

    def subtitle(self, stream: StreamDecision) -> str:
        """Such as `English`, `English (forced)`, `German (SDH)`."""
        return self._once(_spoken(stream, "Subtitles"), (
            "forced" if stream.forced else "", "SDH" if stream.hearing_impaired else "", "commentary" if stream.comment else ""))

    def _once(self, name: str, traits: Sequence[str]) -> str:
        said = ", ".join(trait for trait in traits if trait)
        whole = f"{name} ({said})" if said else name
        number, unique = 1, whole
        while unique in self.taken:
            number += 1
            unique = f"{whole} {number}"
        self.taken.add(unique)
        return unique


def _spoken(stream: StreamDecision, otherwise: str) -> str:
    return languages.english(stream.language) if stream.language else otherwise
