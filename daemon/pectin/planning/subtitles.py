"""Subtitles: text goes beside the film as .srt, or into it; pictures of text stay with the original, or one becomes part of the
picture. None of them ever fails a job."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pectin.model.measured import Measured
from pectin.model.media import MediaInfo, SubtitleStream, VideoStream
from pectin.model.plan import Burn, Reason, StreamAction, StreamDecision, SubtitleTarget
from pectin.model.profile import Container, ImageSubtitles, Profile, TextSubtitles

# All that ffmpeg decodes to text, also what is rarely found inside a film.
TEXT = frozenset({"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text", "microdvd", "subviewer", "subviewer1", "sami",
                  "mpl2", "pjs", "realtext", "stl", "vplayer", "jacosub", "eia_608", "dvb_teletext"})
IMAGES = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub"})
CAPTIONS = "eia_608"
TELETEXT = "dvb_teletext"
_SQUARE = "hdmv_pgs_subtitle"  # Blu-ray: the canvas has square pixels; the others have the picture's own
_EMBEDDED = {Container.MP4: "mov_text", Container.MKV: "subrip", Container.WEBM: "webvtt"}
# Text that is UTF-8 by its specification and may be copied unseen. (Matroska's SubRip should be, and often is not.)
_SURE = frozenset({"mov_text", "webvtt"})

# Many releases say it in the title only.
_FORCED = re.compile(r"\bforced\b", re.IGNORECASE)
_HEARING_IMPAIRED = re.compile(r"\b(sdh|hearing impaired|hoh)\b", re.IGNORECASE)
_CC = re.compile(r"\b(cc|closed captions?)\b", re.IGNORECASE)


def to_burn(tracks: Iterable[SubtitleStream], profile: Profile) -> Burn | None:
    """The image subtitle that is to become part of the picture: the forced one, if the profile wants it; of several the default,
    else the first."""
    if profile.image_subtitles is not ImageSubtitles.BURN_FORCED:
        return None
    forced = [track for track in tracks if track.codec in IMAGES and _is_forced(track)]
    chosen = next((track for track in forced if track.disposition.default), forced[0] if forced else None)
    return None if chosen is None else Burn(index=chosen.index, fitted=chosen.codec == _SQUARE)


def decide(media: MediaInfo, profile: Profile, measured: Measured, *, picture: VideoStream,
           burnt: int | None = None) -> tuple[StreamDecision, ...]:
    """One decision per track, and one for captions that were seen in the `picture`. `burnt`: the track that has become part of
    it. Suffixes are unique within the film: Jellyfin would see only one of two equal names. Not for Container.SOURCE, which takes
    over the file."""
    names = _Names()
    found = [_decide(track, profile, names, burnt) for track in media.subtitles]
    if measured.captions and profile.subtitles is not TextSubtitles.NONE:
        found.append(StreamDecision(
            index=picture.index, kind="captions", codec=CAPTIONS, action=StreamAction.EXTRACT, reason=Reason.CAPTIONS,
            sentence="Extracted: the picture carries closed captions, which play everywhere as a .srt file beside the film.",
            target=SubtitleTarget(suffix=names.unique(".cc", "srt")), hearing_impaired=True))
    return tuple(found)


@dataclass(slots=True)
class _Names:
    """The suffixes that are taken so far."""

    taken: set[tuple[str, str]] = field(default_factory=set)

    def unique(self, base: str, extension: str) -> str:
        """The number that tells equals apart stands first, where Jellyfin (which reads from the right) takes it for a title."""
        suffix, number = base, 1
        while (suffix, extension) in self.taken:
            number += 1
            suffix = f".{number}{base}"
        self.taken.add((suffix, extension))
        return suffix


def _decide(track: SubtitleStream, profile: Profile, names: _Names, burnt: int | None) -> StreamDecision:
    codec = track.codec or "unknown"
    target = None
    action, reason = StreamAction.DROP, Reason.UNDECODABLE
    if codec in IMAGES:
        action, reason, sentence, target = _image(track, codec, profile, names, burnt)
    elif codec not in TEXT:
        sentence = f"Dropped: subtitles in {codec} cannot be turned into text; they stay in the original."
    elif profile.subtitles is TextSubtitles.NONE:
        reason, sentence = Reason.SWITCHED_OFF, "Dropped: the profile switches subtitles off."
    elif profile.subtitles is TextSubtitles.EMBED:
        action, reason, sentence, target = _inside(codec, profile)
    else:
        action, reason = StreamAction.EXTRACT, Reason.CAPTIONS if codec == CAPTIONS else Reason.TEXT_SUBTITLE
        target = SubtitleTarget(suffix=names.unique(_suffix(track), "srt"))
        sentence = f"Extracted: {_called(codec)} play everywhere as a .srt file beside the film."
    return StreamDecision(index=track.index, kind="subtitle", codec=codec, action=action, reason=reason, sentence=sentence,
                          target=target, language=track.language, title=track.title, forced=_is_forced(track),
                          hearing_impaired=_is_impaired(track), comment=track.disposition.comment)


_Decided = tuple[StreamAction, Reason, str, SubtitleTarget | None]


def _image(track: SubtitleStream, codec: str, profile: Profile, names: _Names, burnt: int | None) -> _Decided:
    if track.index == burnt:
        return (StreamAction.DROP, Reason.BURNT_IN,
                f"Burnt in: the forced subtitles ({codec}) are part of the picture now, for every client.", None)
    if profile.image_subtitles is ImageSubtitles.DROP:
        return (StreamAction.DROP, Reason.SWITCHED_OFF,
                f"Dropped: {codec} are pictures of text, which the profile does not keep; they stay in the original.", None)
    extension = "sup" if codec == _SQUARE else "mks"
    target = SubtitleTarget(suffix=names.unique(_suffix(track), extension), extension=extension, with_original=True)
    return (StreamAction.EXTRACT, Reason.IMAGE_SUBTITLE,
            f"Kept beside the original as .{extension}: {codec} are pictures of text, for which Jellyfin would transcode the "
            "film.", target)


def _inside(codec: str, profile: Profile) -> _Decided:
    wanted = _EMBEDDED[profile.container]
    if codec == wanted and codec in _SURE:
        return StreamAction.COPY, Reason.FITS, f"Copied: {codec} is the text that this container holds.", None
    return (StreamAction.ENCODE, Reason.TEXT_SUBTITLE, f"Embedded: {_called(codec)} become {wanted} inside the film.",
            SubtitleTarget(suffix="", codec=wanted))


def _called(codec: str) -> str:
    return {CAPTIONS: "closed captions", TELETEXT: "teletext subtitles"}.get(codec, f"text subtitles ({codec})")


def _is_forced(track: SubtitleStream) -> bool:
    return track.disposition.forced or bool(_FORCED.search(track.title or ""))


def _is_impaired(track: SubtitleStream) -> bool:
    return track.disposition.hearing_impaired or bool(_HEARING_IMPAIRED.search(track.title or ""))


def _suffix(track: SubtitleStream) -> str:
    """`.eng.forced.sdh`. `.default` only where it is forced too: with it, a client in mode Default shows a track to everyone."""
    forced = _is_forced(track)
    captions = track.codec == CAPTIONS or bool(_CC.search(track.title or ""))
    return "".join((
        ".commentary" if track.disposition.comment else "", f".{track.language}" if track.language else "",
        ".default" if forced and track.disposition.default else "", ".forced" if forced else "",
        ".sdh" if _is_impaired(track) else ".cc" if captions else ""))
