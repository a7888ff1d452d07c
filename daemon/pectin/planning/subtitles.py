"""Subtitles: text goes into .srt files beside the film, under names Jellyfin understands; pictures stay in the original."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pectin.model.media import SubtitleStream
from pectin.model.plan import Reason, StreamAction, StreamDecision, SubtitleTarget

TEXT = frozenset({"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"})
IMAGES = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub"})

# Many releases say it in the title only.
_FORCED = re.compile(r"\bforced\b", re.IGNORECASE)
_HEARING_IMPAIRED = re.compile(r"\b(sdh|hearing impaired|hoh)\b", re.IGNORECASE)


def decide(tracks: Iterable[SubtitleStream], *, wanted: bool) -> tuple[StreamDecision, ...]:
    """One decision per track. Suffixes are unique within the film: Jellyfin would see only one of two equal names."""
    taken: set[str] = set()
    return tuple(_decide(track, wanted, taken) for track in tracks)


def _decide(track: SubtitleStream, wanted: bool, taken: set[str]) -> StreamDecision:
    forced = track.disposition.forced or bool(_FORCED.search(track.title or ""))
    impaired = track.disposition.hearing_impaired or bool(_HEARING_IMPAIRED.search(track.title or ""))
    codec = track.codec or "unknown"
    target = None
    if codec in IMAGES:
        action, reason = StreamAction.DROP, Reason.IMAGE_SUBTITLE
        sentence = f"Dropped: {codec} are pictures of text, which few clients show; they stay in the original."
    elif codec not in TEXT:
        action, reason = StreamAction.DROP, Reason.UNDECODABLE
        sentence = f"Dropped: subtitles in {codec} cannot be turned into text; they stay in the original."
    elif not wanted:
        action, reason = StreamAction.DROP, Reason.SWITCHED_OFF
        sentence = "Dropped: the profile switches subtitles off."
    else:
        action, reason = StreamAction.EXTRACT, Reason.TEXT_SUBTITLE
        target = SubtitleTarget(suffix=_suffix(track.language, forced, impaired, taken))
        sentence = f"Extracted: text subtitles ({codec}) play everywhere as a .srt file beside the film."
    return StreamDecision(index=track.index, kind="subtitle", codec=codec, action=action, reason=reason, sentence=sentence,
                          target=target, language=track.language, title=track.title, forced=forced, hearing_impaired=impaired,
                          comment=track.disposition.comment)


def _suffix(language: str | None, forced: bool, impaired: bool, taken: set[str]) -> str:
    """`.eng.forced.sdh`. Never `.default`: a client in mode Default would then show it to everyone. The number that tells
    equals apart stands first, where Jellyfin (which reads from the right) takes it for a title."""
    base = "".join((f".{language}" if language else "", ".forced" if forced else "", ".sdh" if impaired else ""))
    suffix, number = base, 1
    while suffix in taken:
        number += 1
        suffix = f".{number}{base}"
    taken.add(suffix)
    return suffix
