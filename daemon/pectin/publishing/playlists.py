"""The playlists of HLS (RFC 8216): of one track, of its still pictures, and the master. Pure text of what was measured; all names
in them are ours, and relative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pectin.publishing.cuts import Piece, target_duration

MASTER, INDEX, STILLS, INIT = "master.m3u8", "index.m3u8", "iframes.m3u8", "init.mp4"
# What the tags in use ask of a player at least (RFC 8216, section 7): a map for whole segments, times with a fraction, a map
# for still pictures.
WITH_MAP, WITHOUT_MAP, STILLS_VERSION = 6, 3, 5
_FIRST = 2_000_000  # bit/s: players begin with the first in the list, and this comes through nearly everywhere
_AUDIO, _TEXT = "audio", "text"


@dataclass(frozen=True, slots=True)
class Still:
    """A picture that needs no other: `size` bytes from `place` on in segment `segment`, until the next one is shown."""

    segment: int
    place: int
    size: int
    seconds: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One version of the picture. `peak` and `average` in bit/s, without the sound that is a list of its own; `stills` are those
    of its still pictures, None where there are none. `codecs` of all that is in its segments."""

    folder: str
    codecs: tuple[str, ...]
    width: int
    height: int
    rate: Fraction
    range: str
    peak: int
    average: int
    stills: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A sound track or subtitles to choose. `language` as in BCP 47; `folder` None: it is in the variants' own segments.
    `describes`: audio description. `hearing_impaired`: subtitles that tell what is heard."""

    name: str
    folder: str | None
    language: str | None = None
    default: bool = False
    forced: bool = False
    hearing_impaired: bool = False
    describes: bool = False
    channels: int | None = None
    codec: str = ""
    peak: int = 0
    average: int = 0


def media(names: Sequence[str], pieces: Sequence[Piece], *, target: int, initial: str | None = None) -> str:
    """The playlist of one track. `target` is that of the whole set: all but subtitles must have the same."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{WITH_MAP if initial else WITHOUT_MAP}", f"#EXT-X-TARGETDURATION:{target}",
             "#EXT-X-MEDIA-SEQUENCE:0", "#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-INDEPENDENT-SEGMENTS",
             *([f'#EXT-X-MAP:URI="{initial}"'] if initial else [])]
    for name, piece in zip(names, pieces, strict=True):
        lines += [f"#EXTINF:{_seconds(piece.seconds)},", name]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def stills(names: Sequence[str], found: Sequence[Still], *, initial: str | None) -> str:
    """The playlist of a track's still pictures, for what one sees while winding. `initial` None: each has its own headers."""
    target = target_duration([Piece(still.seconds, still.size) for still in found])
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{STILLS_VERSION}", f"#EXT-X-TARGETDURATION:{target}", "#EXT-X-MEDIA-SEQUENCE:0",
             "#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-I-FRAMES-ONLY", *([f'#EXT-X-MAP:URI="{initial}"'] if initial else [])]
    for still in found:
        lines += [f"#EXTINF:{_seconds(still.seconds)},", f"#EXT-X-BYTERANGE:{still.size}@{still.place}", names[still.segment]]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def master(variants: Sequence[Variant], sounds: Sequence[Alternative], texts: Sequence[Alternative], *, version: int) -> str:
    """What a player is given. Bandwidths are those of a picture with the most expensive sound and subtitles."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{version}", "#EXT-X-INDEPENDENT-SEGMENTS",
             *(_media("AUDIO", _AUDIO, sound) for sound in sounds), *(_media("SUBTITLES", _TEXT, one) for one in texts)]
    peak, average = (sum(max((getattr(one, key) for one in group), default=0) for group in (sounds, texts))
                     for key in ("peak", "average"))
    groups = (*([f'AUDIO="{_AUDIO}"'] if sounds else []), *([f'SUBTITLES="{_TEXT}"'] if texts else []))
    heard = [sound.codec for sound in sounds if sound.codec]
    for variant in _order(variants):
        codecs = ",".join(dict.fromkeys((*variant.codecs, *heard)))
        words = (f"BANDWIDTH={variant.peak + peak}", f"AVERAGE-BANDWIDTH={variant.average + average}", f'CODECS="{codecs}"',
                 f"RESOLUTION={variant.width}x{variant.height}", f"FRAME-RATE={float(variant.rate):.3f}",
                 f"VIDEO-RANGE={variant.range}", *groups, "CLOSED-CAPTIONS=NONE")
        lines += ["#EXT-X-STREAM-INF:" + ",".join(words), f"{variant.folder}/{INDEX}"]
    for variant in _order(variants):
        if variant.stills is not None:
            words = (f"BANDWIDTH={variant.stills[0]}", f"AVERAGE-BANDWIDTH={variant.stills[1]}",
                     f'CODECS="{variant.codecs[0]}"', f"RESOLUTION={variant.width}x{variant.height}",
                     f"VIDEO-RANGE={variant.range}", f'URI="{variant.folder}/{STILLS}"')
            lines.append("#EXT-X-I-FRAME-STREAM-INF:" + ",".join(words))
    return "\n".join([*lines, ""])


def _order(variants: Sequence[Variant]) -> list[Variant]:
    """Largest first, but before all the one to begin with."""
    ordered = sorted(variants, key=lambda variant: -variant.average)
    first = min(ordered, key=lambda variant: abs(variant.average - _FIRST), default=None)
    return sorted(ordered, key=lambda variant: variant is not first)


def _media(kind: str, group: str, one: Alternative) -> str:
    traits = ["public.accessibility.describes-video"] if one.describes else []
    if one.hearing_impaired:
        traits += ["public.accessibility.transcribes-spoken-dialog", "public.accessibility.describes-music-and-sound"]
    # A forced track is shown to whoever understands the film's language: players must find it by themselves.
    words = [f"TYPE={kind}", f'GROUP-ID="{group}"', f'NAME="{one.name}"',
             *([f'LANGUAGE="{one.language}"'] if one.language else []), f"DEFAULT={_yes(one.default)}", "AUTOSELECT=YES"]
    if kind == "SUBTITLES":
        words.append(f"FORCED={_yes(one.forced)}")
    if traits:
        words.append(f'CHARACTERISTICS="{",".join(traits)}"')
    if one.channels:
        words.append(f'CHANNELS="{one.channels}"')
    if one.folder is not None:
        words.append(f'URI="{one.folder}/{INDEX}"')
    return "#EXT-X-MEDIA:" + ",".join(words)


def _yes(said: bool) -> str:
    return "YES" if said else "NO"


def _seconds(seconds: Fraction) -> str:
    return f"{float(seconds):.6f}"
