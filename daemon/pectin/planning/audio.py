"""Sound: a stereo AAC track comes first, then the surround track as it is, then other languages and commentaries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pectin.model.media import AudioStream
from pectin.model.plan import AudioTarget, Reason, StreamAction, StreamDecision
from pectin.model.profile import Profile, Surround
from pectin.planning import languages

SAMPLE_RATE = 48_000
SURROUND_BITRATE = 448_000  # AC-3 5.1 as on DVD; every receiver takes it
MOST_TRACKS = 8
# What all tracks together may take of profile.max_bitrate: with 2 % for the container the picture keeps 60 %.
SHARE = 0.38
_LEAST_BITRATE = 48_000  # below this AAC-LC is not worth listening to
_COPIED_SURROUND = {"ac3": 640_000, "eac3": 640_000, "aac": 640_000}  # codec -> the highest bit rate that is copied
_COPIED_RATES = (44_100, 48_000)
# What to count for a copied track that does not say its rate (Jellyfin assumes the same): up to stereo, and beyond.
_TYPICAL = {"aac": (192_000, 320_000), "ac3": (192_000, 640_000), "eac3": (192_000, 640_000)}
# ffmpeg knows these by name and has no decoder. Source: `ffmpeg -codecs` of 5.1.9.
_NO_DECODER = frozenset({"mpegh_3d_audio", "4gv", "smv", "celt"})

_COMMENTARY = re.compile(r"commentary|kommentar|commentaire|comentario|audio.?descri|descriptive", re.IGNORECASE)
# A title that names the technique of the source would be a lie on a track that was encoded anew.
_TECHNICAL = re.compile(r"dts|true.?hd|atmos|e?-?ac-?3|dolby|flac|pcm|opus|vorbis|mp[23]|surround|[2-9]\.[01]|kbps|kb/s|hz",
                        re.IGNORECASE)


def decide(tracks: Sequence[AudioStream], profile: Profile, *, copyable: bool) -> tuple[StreamDecision, ...]:
    """Kept tracks in output order, then the dropped ones. `copyable`: the container's timestamps can be trusted. Every
    track has at least one decision; the first kept one is the only default."""
    usable = [track for track in tracks
              if track.codec and track.codec not in _NO_DECODER and track.channels and track.sample_rate]
    aside = [track for track in usable if _is_aside(track)]
    main = [track for track in usable if track not in aside]
    if aside and not main:  # a commentary alone is still the film's only sound
        main = [aside.pop(0)]
    wanted: list[StreamDecision] = []
    used: set[int] = set()

    def keep(decision: StreamDecision) -> None:
        wanted.append(decision)
        used.add(decision.index)

    if main:
        first = _first(main, profile)
        keep(replace(_stereo(first, profile, Reason.STEREO_FIRST, copyable=copyable), default=True))
        same = [first, *(track for track in main if track is not first and track.language == first.language)]
        surround = _surround(same, copyable=copyable) if profile.surround is not Surround.NONE else None
        if surround is not None:
            keep(surround)
        heard = {first.language} - {None}
        for track in main:
            # Tracks without a language may well differ in it: each of them is kept.
            if track.index not in used and track.language not in heard:
                same = [other for other in main if other.language == track.language]
                chosen = _preferred(same) if track.language else track
                keep(_stereo(chosen, profile, Reason.OTHER_LANGUAGE, copyable=copyable))
                heard |= {track.language} - {None}
    for track in aside:
        decision = _stereo(track, profile, Reason.COMMENTARY, copyable=copyable)
        keep(replace(decision, comment=not track.disposition.visual_impaired))
    kept, dropped = _within(wanted, tracks, profile)
    for track in tracks:
        if track not in usable:
            dropped.append(_drop(track, Reason.UNDECODABLE,
                                 f"Dropped: the track is in {_unusable(track)}; it stays in the original."))
        elif track.index not in used:
            dropped.append(_drop(track, Reason.DUPLICATE,
                                 f"Dropped: another track in {track.language or 'the same language'} is kept."))
    return (*kept, *dropped)


def rate(decisions: Iterable[StreamDecision], tracks: Iterable[AudioStream]) -> int:
    """Bit/s of all kept sound in the output; a copied track that does not say counts as typical for its kind."""
    by_index = {track.index: track for track in tracks}
    return sum(_rate(decision, by_index) for decision in decisions)


def _rate(decision: StreamDecision, by_index: Mapping[int, AudioStream]) -> int:
    if isinstance(decision.target, AudioTarget):
        return decision.target.bitrate
    if decision.kind != "audio" or decision.action is not StreamAction.COPY:
        return 0
    track = by_index[decision.index]
    if track.bit_rate:
        return track.bit_rate
    low, high = _TYPICAL.get(track.codec or "", (320_000, 640_000))
    return high if (track.channels or 0) > 2 else low


def _within(wanted: Sequence[StreamDecision], tracks: Sequence[AudioStream], profile: Profile,
            ) -> tuple[list[StreamDecision], list[StreamDecision]]:
    """Keeps from the front what fits into the sound's share; the first track always fits (`_stereo` sees to that)."""
    by_index = {track.index: track for track in tracks}
    left = int(profile.max_bitrate * SHARE)
    kept: list[StreamDecision] = []
    dropped: list[StreamDecision] = []
    for decision in wanted:
        need = _rate(decision, by_index)
        if kept and (need > left or len(kept) >= MOST_TRACKS):
            why = f"there are {MOST_TRACKS} sound tracks already" if need <= left else "the sound would take too much bit rate"
            dropped.append(replace(decision, action=StreamAction.DROP, reason=Reason.BITRATE, target=None, default=False,
                                   sentence=f"Dropped: {why}; it stays in the original."))
        else:
            kept.append(decision)
            left -= need
    return kept, dropped


def _is_aside(track: AudioStream) -> bool:
    flags = track.disposition
    return flags.comment or flags.visual_impaired or bool(_COMMENTARY.search(track.title or ""))


def _preferred(tracks: Sequence[AudioStream]) -> AudioStream:
    """The author's choice: the default track, else the first."""
    return next((track for track in tracks if track.disposition.default), tracks[0])


def _first(main: Sequence[AudioStream], profile: Profile) -> AudioStream:
    for wish in profile.languages:
        spoken = [track for track in main if track.language and track.language == languages.normalise(wish)]
        if spoken:
            return _preferred(spoken)
    return _preferred(main)


def _stereo(track: AudioStream, profile: Profile, reason: Reason, *, copyable: bool) -> StreamDecision:
    channels = min(track.channels or 2, 2)
    share = int(profile.max_bitrate * SHARE)
    offence = _offence(track, share, copyable=copyable)
    if offence is None:
        if reason is Reason.STEREO_FIRST:
            reason = Reason.FITS
        return _decision(track, StreamAction.COPY, reason, f"Copied: {_kind(track)} plays everywhere{_part(reason)}.")
    why, sentence = offence
    if reason is Reason.STEREO_FIRST and (track.channels or 0) <= 2:
        reason = why  # it is not made for the place but for its fault
    bitrate = profile.audio_bitrate if channels == 2 else profile.audio_bitrate * 3 // 5  # one channel needs little over half
    target = AudioTarget(codec="aac", channels=channels, sample_rate=SAMPLE_RATE,
                         bitrate=max(min(bitrate, share), min(_LEAST_BITRATE, profile.audio_bitrate)),
                         source_channels=track.channels or channels, source_layout=track.channel_layout)
    shape = "stereo" if channels == 2 else "mono"
    return _decision(track, StreamAction.ENCODE, reason, f"Encoded to AAC {shape}{_part(reason)}: {sentence}.", target)


def _offence(track: AudioStream, share: int, *, copyable: bool) -> tuple[Reason, str] | None:
    """Why this track cannot be the AAC-LC track that every client plays; None: it can."""
    if track.codec != "aac":
        return Reason.CODEC, f"not every client plays {track.codec}"
    if track.profile != "LC":
        return Reason.CODEC_PROFILE, f"not every client plays AAC {track.profile or 'of an unknown profile'}"
    if (track.channels or 0) > 2:
        return Reason.CHANNELS, f"not every client plays {track.channels} channels"
    if track.sample_rate not in _COPIED_RATES:
        return Reason.SAMPLE_RATE, f"{track.sample_rate} Hz is not 44100 or 48000"
    if not copyable:
        return Reason.TIMESTAMPS, "this container's timestamps cannot be trusted"
    if (track.bit_rate or 0) > share:
        return Reason.BITRATE, f"{track.bit_rate} bit/s is too much of the whole"
    return None


def _surround(tracks: Sequence[AudioStream], *, copyable: bool) -> StreamDecision | None:
    """The first track with more than two channels, for those who have the loudspeakers."""
    track = next((track for track in tracks if (track.channels or 0) > 2), None)
    if track is None:
        return None
    channels = track.channels or 0
    limit = _COPIED_SURROUND.get(track.codec or "")
    plays = limit is not None and (track.bit_rate or 0) <= limit and (track.codec != "aac" or track.profile == "LC")
    if copyable and plays and channels <= 6 and track.sample_rate in _COPIED_RATES:
        return _decision(track, StreamAction.COPY, Reason.SURROUND_KEPT,
                         f"Copied: {_kind(track)} stays as the second track for those with more loudspeakers.")
    if channels < 5:  # nothing that AC-3 5.1 would carry better than stereo
        return None
    target = AudioTarget(codec="ac3", channels=6, sample_rate=SAMPLE_RATE, bitrate=SURROUND_BITRATE, source_channels=channels,
                         source_layout=track.channel_layout)
    return _decision(track, StreamAction.ENCODE, Reason.SURROUND_KEPT,
                     f"Encoded to AC-3 5.1, the second track for those with more loudspeakers: few clients play {_kind(track)}.",
                     target)


def _unusable(track: AudioStream) -> str:
    if not track.codec:
        return "a codec ffmpeg does not know"
    if track.codec in _NO_DECODER:
        return f"{track.codec}, which ffmpeg cannot decode"
    return f"{track.codec} without a usable header"


def _part(reason: Reason) -> str:
    return {Reason.OTHER_LANGUAGE: ", kept as another language", Reason.COMMENTARY: ", kept as a commentary"}.get(reason, "")


def _kind(track: AudioStream) -> str:
    return f"{track.codec} with {track.channels} channel{'' if track.channels == 1 else 's'}"


def _decision(track: AudioStream, action: StreamAction, reason: Reason, sentence: str,
              target: AudioTarget | None = None) -> StreamDecision:
    title = track.title
    if action is StreamAction.ENCODE and title and _TECHNICAL.search(title):
        title = None
    return StreamDecision(index=track.index, kind="audio", codec=track.codec or "unknown", action=action, reason=reason,
                          sentence=sentence, target=target, language=track.language, title=title,
                          hearing_impaired=track.disposition.hearing_impaired)


def _drop(track: AudioStream, reason: Reason, sentence: str) -> StreamDecision:
    return replace(_decision(track, StreamAction.DROP, reason, sentence), comment=track.disposition.comment)
