"""Sound: a stereo AAC track comes first, then the surround track, then other languages and commentaries.

Of each language one track is kept, and only the first one also with more channels; of those that name no language, each: they may
well differ in it. Commentaries and descriptions for the blind come last, each. The rest stays in the original."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pectin.model.measured import Measured
from pectin.model.media import AudioStream
from pectin.model.plan import Reason, StreamAction, StreamDecision
from pectin.model.profile import AudioCodec, Profile, Surround
from pectin.planning import keeping, languages, tracks
from pectin.planning.containers import holds
from pectin.planning.keeping import Terms

MOST_TRACKS = 8
SHARE = keeping.SHARE
_NOTHING = Measured()
# Bit/s. A stereo track below this beside a surround track is more likely a commentary that nobody marked.
_LEAST_STAND_IN = 96_000


def decide(found: Sequence[AudioStream], profile: Profile, *, copyable: bool, measured: Measured = _NOTHING,
           begin: float = 0.0) -> tuple[StreamDecision, ...]:
    """Kept tracks in output order, then the dropped ones. `copyable`: the container's timestamps can be trusted; `begin`: when
    the picture begins, in seconds. Every track has at least one decision; the first kept one is the only default."""
    usable = [track for track in found if tracks.trouble(track, measured.decoders) is None]
    if profile.audio is AudioCodec.COPY:
        wanted = _as_they_are(usable, profile)
        kept, dropped = [d for d in wanted if d.action is StreamAction.COPY], [d for d in wanted if d.action is StreamAction.DROP]
    else:
        terms = Terms(profile=profile, copyable=copyable, measured=measured, begin=begin)
        wanted = _chosen(usable, terms)
        kept, dropped = _within(wanted, found, terms)
    decided = {decision.index for decision in wanted}
    for track in found:
        trouble = tracks.trouble(track, measured.decoders)
        if trouble is not None:
            dropped.append(keeping.drop(track, Reason.UNDECODABLE,
                                        f"Dropped: the track is in {trouble}; it stays in the original."))
        elif track.index not in decided:
            dropped.append(keeping.drop(track, Reason.DUPLICATE,
                                        f"Dropped: another track in {track.language or 'the same language'} is kept."))
    return (*(replace(first, default=True) for first in kept[:1]), *kept[1:], *dropped)


def rate(decisions: Iterable[StreamDecision], found: Iterable[AudioStream]) -> int:
    """Bit/s of all kept sound in the output; a copied track that does not say counts as typical for its kind."""
    by_index = {track.index: track for track in found}
    return sum(keeping.rate(decision, by_index) for decision in decisions)


def refused(found: Sequence[AudioStream], profile: Profile, measured: Measured = _NOTHING) -> str | None:
    """Why a film that has sound would come out silent; None: it would not, or it has none."""
    troubles = [tracks.trouble(track, measured.decoders) or _not_held(track, profile) for track in found]
    if not found or None in troubles:  # the first of those that can be kept always is
        return None
    return "; ".join(f"stream {track.index} is in {trouble}" for track, trouble in zip(found, troubles, strict=True))


def _not_held(track: AudioStream, profile: Profile) -> str | None:
    if profile.audio is not AudioCodec.COPY or holds(profile.container, track.codec):
        return None
    return f"{track.codec}, which {profile.container.value} cannot hold, and this profile encodes no sound"


def _chosen(usable: Sequence[AudioStream], terms: Terms) -> list[StreamDecision]:
    """All that should be kept, the most important first."""
    profile = terms.profile
    main, aside = _apart(usable)
    if not main:
        return []
    first, family = _first(main, profile)
    wanted = [keeping.stereo(first, Reason.STEREO_FIRST, terms)]
    used = {first.index}
    second = _surround(family, terms, terms.share - keeping.rate(wanted[0], {first.index: first}))
    if second is not None:
        wanted.append(second)
        used.add(second.index)
    heard = {first.language} - {None}
    for track in main:
        if track.index in used or track.language in heard:
            continue
        chosen = _best([other for other in main if other.language == track.language], profile) if track.language else track
        wanted.append(keeping.stereo(chosen, Reason.OTHER_LANGUAGE, terms))
        used.add(chosen.index)
        heard |= {track.language} - {None}
    return [*wanted, *(keeping.stereo(track, Reason.COMMENTARY, terms) for track in aside)]


def _apart(usable: Sequence[AudioStream]) -> tuple[list[AudioStream], list[AudioStream]]:
    """The film's own sound, and what is spoken over it. Where there is nothing else, that is the film's sound."""
    main = [track for track in usable if not tracks.is_aside(track)]
    return (main, [track for track in usable if tracks.is_aside(track)]) if main else (list(usable), [])


def _first(main: Sequence[AudioStream], profile: Profile) -> tuple[AudioStream, list[AudioStream]]:
    """The track to begin with, and all in its language: the first language of the profile that is there, else the author's."""
    author = next((track for track in main if track.disposition.default), main[0])
    spoken = {track.language for track in main}
    wishes = (languages.normalise(wish) for wish in profile.languages)
    language = next((wish for wish in wishes if wish and wish in spoken), author.language)
    family = [track for track in main if track.language == language]
    return _best(family, profile), family


def _best(family: Sequence[AudioStream], profile: Profile) -> AudioStream:
    """Of the tracks in one language: the author's choice, then the most channels, then the lossless one, then the first. But
    instead of a surround track its own stereo version, where that can be copied."""
    best = max(family, key=tracks.worth)
    if (best.channels or 0) <= 2:
        return best
    stand_ins = (track for track in family if track.channels == 2 and keeping.plays_everywhere(track, profile)
                 and (track.bit_rate is None or track.bit_rate >= _LEAST_STAND_IN))
    return next(stand_ins, best)


def _surround(family: Sequence[AudioStream], terms: Terms, room: int) -> StreamDecision | None:
    """Of the tracks in the first language the one with the most channels, up to 5.1; of equals one that can be copied."""
    if terms.profile.surround is Surround.NONE:
        return None
    many = [track for track in family if (track.channels or 0) > 2]
    if not many:
        return None
    best = max(many, key=lambda track: (min(track.channels or 0, 6), keeping.surround_is_copied(track, terms, room),
                                        tracks.worth(track)))
    return keeping.surround(best, terms, room)


def _within(wanted: Sequence[StreamDecision], found: Sequence[AudioStream], terms: Terms,
            ) -> tuple[list[StreamDecision], list[StreamDecision]]:
    """Keeps from the front what fits into the sound's share; the first track always fits (keeping.stereo sees to that)."""
    by_index = {track.index: track for track in found}
    left = float(terms.share)
    kept: list[StreamDecision] = []
    dropped: list[StreamDecision] = []
    for decision in wanted:
        need = keeping.rate(decision, by_index) / (keeping.COPIED_SLACK if decision.action is StreamAction.COPY else 1)
        if kept and (need > left or len(kept) >= MOST_TRACKS):
            why = f"there are {MOST_TRACKS} sound tracks already" if need <= left else "the sound would take too much bit rate"
            dropped.append(replace(decision, action=StreamAction.DROP, reason=Reason.BITRATE, target=None,
                                   sentence=f"Dropped: {why}; it stays in the original."))
        else:
            kept.append(decision)
            left -= need
    return kept, dropped


def _as_they_are(usable: Sequence[AudioStream], profile: Profile) -> list[StreamDecision]:
    """For a profile that encodes no sound: every track, the preferred one first."""
    held = [track for track in usable if holds(profile.container, track.codec)]
    first = []
    if held:
        first = [max(_first(_apart(held)[0], profile)[1], key=tracks.worth)]
    return [keeping.only_copied(track, profile) for track in (*first, *(track for track in usable if track not in first))]
