"""How one sound track is kept: copied where every client plays it as it is, else encoded, and to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pectin.model.measured import Measured
from pectin.model.media import AudioStream
from pectin.model.plan import LONGEST_SILENCE, AudioTarget, Reason, StreamAction, StreamDecision
from pectin.model.profile import AudioCodec, Container, Profile, Surround
from pectin.planning.containers import holds
from pectin.planning.gain import gain
from pectin.planning.tracks import is_commentary, is_description, kind, title_without_technique

SAMPLE_RATE = 48_000
# What all tracks together may take of profile.max_bitrate: with 2 % for the container the picture keeps 60 %.
SHARE = 0.38
# What is copied may take a little more: an encoder's average lies above what it was asked for, and our own output must still fit.
COPIED_SLACK = 1.1
_LEAST_BITRATE = 48_000  # below this AAC-LC is not worth listening to
# AC-3: 5.1 as on DVD, every receiver takes it. E-AC-3: as much as a disc's AC-3 has. Opus: transparent for six channels.
_SURROUND_BITRATES = {"ac3": 448_000, "eac3": 640_000, "libopus": 320_000}
_SURROUND_NAMES = {"ac3": "AC-3", "eac3": "E-AC-3", "libopus": "Opus"}
# The codecs of surround tracks that are copied: what clients play in MP4, and what players of the other containers know.
_SURROUND_IN_MP4 = frozenset({"ac3", "eac3", "aac"})
_SURROUND_ELSEWHERE = _SURROUND_IN_MP4 | {"dts", "truehd", "flac", "opus", "vorbis"}
_MOST_CHANNELS = {"aac": 6, "ac3": 6}  # the others may have more
_HIGHEST = {"aac": 640_000, "ac3": 640_000}
_COPIED_RATES = (44_100, 48_000)
_LATE_FROM = 1.0  # seconds; with sound that begins later some clients show nothing, or ask the server
# What to count for a copied track that does not say its rate: up to stereo, and beyond. (Jellyfin too, for the first row.)
_TYPICAL = {"aac": (192_000, 320_000), "ac3": (192_000, 640_000), "eac3": (192_000, 640_000),
            "opus": (128_000, 320_000), "vorbis": (160_000, 450_000), "dts": (768_000, 1_509_000),
            "flac": (900_000, 2_500_000), "truehd": (1_500_000, 4_000_000)}
_LANGUAGE, _COMMENTARY = ", kept as another language", ", kept as a commentary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for all tracks of a film. `copyable`: the container's timestamps can be trusted; `begin`: when the picture
    begins, in seconds."""

    profile: Profile
    copyable: bool
    measured: Measured
    begin: float

    @property
    def share(self) -> int:
        """Bit/s that all sound may take."""
        return int(self.profile.max_bitrate * SHARE)


def rate(decision: StreamDecision, by_index: Mapping[int, AudioStream]) -> int:
    """Bit/s of a kept sound track; one that is copied and does not say counts as typical for its kind."""
    if isinstance(decision.target, AudioTarget):
        return decision.target.bitrate
    if decision.kind != "audio" or decision.action is not StreamAction.COPY:
        return 0
    return _copied_rate(by_index[decision.index])


def _copied_rate(track: AudioStream) -> int:
    low, high = _TYPICAL.get(track.codec or "", (320_000, 640_000))
    return track.bit_rate or (high if (track.channels or 0) > 2 else low)


def plays_everywhere(track: AudioStream, profile: Profile) -> bool:
    """Whether the track is by its kind one of those that stand first, as they are."""
    return _fault_of_kind(track, profile) is None


def stereo(track: AudioStream, reason: Reason, terms: Terms) -> StreamDecision:
    """The track with at most two channels. `reason`: for which place it is made."""
    first = reason is Reason.STEREO_FIRST
    change = gain(terms.profile.loudness, terms.measured.loudness.get(track.index))
    fault = _fault(track, terms, change)
    part = {Reason.OTHER_LANGUAGE: _LANGUAGE, Reason.COMMENTARY: _COMMENTARY}.get(reason, "")
    if fault is None:
        return decision(track, StreamAction.COPY, Reason.FITS if first else reason,
                        f"Copied: {kind(track)} plays everywhere{part}.")
    why, sentence = fault
    if first and (track.channels or 0) <= 2:
        reason = why  # it is not made for the place but for its fault
    channels = min(track.channels or 2, 2)
    wanted = terms.profile.audio_bitrate if channels == 2 else terms.profile.audio_bitrate * 3 // 5  # one needs little over half
    codec, name = ("libopus", "Opus") if terms.profile.audio is AudioCodec.OPUS else ("aac", "AAC")
    target = _target(track, codec, channels, terms, gain=change,
                     bitrate=max(min(wanted, terms.share), min(_LEAST_BITRATE, terms.profile.audio_bitrate)))
    louder = "" if change is None or why is Reason.LOUDNESS else f", {abs(change):.1f} dB {'louder' if change > 0 else 'quieter'}"
    return decision(track, StreamAction.ENCODE, reason,
                    f"Encoded to {name} {'stereo' if channels == 2 else 'mono'}{louder}{part}: {sentence}.", target)


def surround(track: AudioStream, terms: Terms, room: int) -> StreamDecision | None:
    """The track with all its channels, for those who have the loudspeakers; `room` is what it may take in bit/s. None: stereo
    carries as much."""
    as_loud = "" if terms.profile.loudness is None else ", as loud as it was"
    if surround_is_copied(track, terms, room):
        return decision(track, StreamAction.COPY, Reason.SURROUND_KEPT,
                        f"Copied: {kind(track)} stays as the second track for those with more loudspeakers{as_loud}.")
    channels = track.channels or 0
    if channels < 5:
        return None
    codec = "libopus" if terms.profile.audio is AudioCodec.OPUS else "eac3" if terms.profile.surround is Surround.EAC3 else "ac3"
    return decision(track, StreamAction.ENCODE, Reason.SURROUND_KEPT,
                    f"Encoded to {_SURROUND_NAMES[codec]} 5.1, the second track for those with more loudspeakers{as_loud}: "
                    f"{_why_not(track, terms)}.", _target(track, codec, 6, terms, bitrate=_SURROUND_BITRATES[codec]))


def surround_is_copied(track: AudioStream, terms: Terms, room: int) -> bool:
    codec = track.codec or ""
    return (terms.copyable and _late(track, terms) is None and _surround_plays(track, terms)
            and _copied_rate(track) <= min(_HIGHEST.get(codec, room), room) * COPIED_SLACK)


def only_copied(track: AudioStream, profile: Profile) -> StreamDecision:
    """For a profile that encodes no sound."""
    if holds(profile.container, track.codec):
        return decision(track, StreamAction.COPY, Reason.COPY_ONLY, f"Copied: {kind(track)}, as the profile wants all sound.")
    return drop(track, Reason.CONTAINER, f"Dropped: {profile.container.value} cannot hold {track.codec}, and the profile encodes "
                                         "no sound; it stays in the original.")


def decision(track: AudioStream, action: StreamAction, reason: Reason, sentence: str, target: AudioTarget | None = None,
             ) -> StreamDecision:
    """A decision with all that the track carries. A title that would lie about the encoded track is cleaned."""
    flags = track.disposition
    return StreamDecision(index=track.index, kind="audio", codec=track.codec or "unknown", action=action, reason=reason,
                          sentence=sentence, target=target, language=track.language,
                          title=title_without_technique(track.title) if action is StreamAction.ENCODE else track.title,
                          hearing_impaired=flags.hearing_impaired, visual_impaired=is_description(track),
                          comment=is_commentary(track), dub=flags.dub, original=flags.original)


def drop(track: AudioStream, reason: Reason, sentence: str) -> StreamDecision:
    return decision(track, StreamAction.DROP, reason, sentence)


def _target(track: AudioStream, codec: str, channels: int, terms: Terms, *, bitrate: int, gain: float | None = None,
            ) -> AudioTarget:
    return AudioTarget(codec=codec, channels=channels, sample_rate=SAMPLE_RATE, bitrate=bitrate,
                       source_channels=track.channels or channels, source_layout=track.channel_layout, gain=gain,
                       fill=(track.start_time or 0.0) - terms.begin <= LONGEST_SILENCE)


def _fault(track: AudioStream, terms: Terms, change: float | None) -> tuple[Reason, str] | None:
    """Why this track cannot be taken as it is where every client must play it; None: it can."""
    found = _fault_of_kind(track, terms.profile)
    if found is not None:
        return found
    if not terms.copyable:
        return Reason.TIMESTAMPS, "its timestamps cannot be taken over"
    late = _late(track, terms)
    if late is not None:
        return Reason.LATE, late
    if (track.bit_rate or 0) > terms.share * COPIED_SLACK:
        return Reason.BITRATE, f"{track.bit_rate} bit/s is too much of the whole"
    if change is not None:
        found_loudness = terms.measured.loudness[track.index].integrated
        return Reason.LOUDNESS, f"its loudness is {found_loudness:.1f} LUFS, {terms.profile.loudness:g} is wanted"
    return None


def _fault_of_kind(track: AudioStream, profile: Profile) -> tuple[Reason, str] | None:
    if track.codec not in _first_codecs(profile):
        held = holds(profile.container, track.codec)
        return Reason.CODEC, (f"not every client plays {track.codec}" if held else
                              f"{track.codec} cannot be in {profile.container}")
    if track.codec == "aac" and track.profile != "LC":
        return Reason.CODEC_PROFILE, f"not every client plays AAC {track.profile or 'of an unknown profile'}"
    if (track.channels or 0) > 2:
        return Reason.CHANNELS, f"not every client plays {track.channels} channels"
    if track.sample_rate not in _COPIED_RATES:
        return Reason.SAMPLE_RATE, f"{track.sample_rate} Hz is not 44100 or 48000"
    return None


def _first_codecs(profile: Profile) -> frozenset[str]:
    """What may stand first without being encoded. A profile with Opus takes AAC too where it can: to encode it once more would
    only lose."""
    if profile.audio is not AudioCodec.OPUS:
        return frozenset({"aac"})
    return frozenset(codec for codec in ("opus", "aac", "vorbis") if holds(profile.container, codec))


def _surround_plays(track: AudioStream, terms: Terms) -> bool:
    profile, codec = terms.profile, track.codec or ""
    # A profile with Opus gives up the clients that need the others.
    with_others = profile.container is not Container.MP4 or profile.audio is AudioCodec.OPUS
    known = _SURROUND_ELSEWHERE if with_others else _SURROUND_IN_MP4
    return (codec in known and holds(profile.container, codec) and (codec != "aac" or track.profile == "LC")
            and (track.channels or 0) <= _MOST_CHANNELS.get(codec, 8) and track.sample_rate in _COPIED_RATES)


def _why_not(track: AudioStream, terms: Terms) -> str:
    if not _surround_plays(track, terms):
        return f"few clients play {kind(track)}"
    if not terms.copyable:
        return "its timestamps cannot be taken over"
    return _late(track, terms) or f"{_copied_rate(track)} bit/s are more than is left for it"


def _late(track: AudioStream, terms: Terms) -> str | None:
    late = (track.start_time or 0.0) - terms.begin
    if not _LATE_FROM < late <= LONGEST_SILENCE:  # what is later than that cannot be filled with silence
        return None
    return f"it begins {late:.1f} s after the picture, which not every client waits for"
