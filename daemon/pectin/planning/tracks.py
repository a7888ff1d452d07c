"""What one sound track is: whether it can be decoded, whether it is the film's own sound, and what its title is worth."""

from __future__ import annotations

import re

from pectin.model.media import AudioStream

# ffmpeg knows these by name and has no decoder. Source: `ffmpeg -codecs` of 5.1.9. Only for where nobody asked the ffmpeg.
_NO_DECODER = frozenset({"mpegh_3d_audio", "4gv", "smv", "celt"})
LOSSLESS = frozenset({"truehd", "mlp", "flac", "alac", "tta", "wavpack", "ape", "tak", "wmalossless"})
_LOSSLESS_DTS = "DTS-HD MA"  # ffprobe's profile

_COMMENTARY = re.compile(r"commentary|kommentar|commentaire|comentario|commento", re.IGNORECASE)
_DESCRIPTION = re.compile(r"audio.?descri|descriptive|h(ö|oe)rfilm|audiodesk", re.IGNORECASE)
# What a title says about the technique of the source would be a lie on a track that was encoded anew.
_TECHNICAL = re.compile(
    r"\b(dts(?:[- :]?(?:hd|x|es))?(?:[- ]?(?:ma|hra|master audio))?|dolby(?:[- ]?(?:digital|surround))?(?:[- ]?(?:plus|ex))?"
    r"|true[- ]?hd|atmos|e?-?ac-?3|dd(?:p|\+)?(?= ?\d\.\d)|flac|l?pcm|opus|vorbis|(?:he-?)?aac(?:-lc)?|mp[23]"
    r"|surround|stereo|mono|[1-9]\.[0-2](?: ?ch)?|\d+(?:\.\d+)? ?-?(?:ch|channels|kbps|kb/s|kbit/s|mbps|khz|hz|bits?))(?!\w)",
    re.IGNORECASE)
_EMPTY_BRACKETS = re.compile(r"\(\W*\)|\[\W*\]")
_EDGES = " \t-–—/|,;:@+&._"
_LEFT_ALONE = re.compile(r"(?:\s+[-–—/|,;:@+&]+)+(?=\s|$)")


def trouble(track: AudioStream, decoders: frozenset[str] | None) -> str | None:
    """Why nothing can be made of a track, to stand behind "the track is in"; None: it can be decoded. `decoders`: what the
    ffmpeg decodes, where it was asked."""
    if not track.codec:
        return "a codec ffmpeg does not know"
    if track.codec not in decoders if decoders is not None else track.codec in _NO_DECODER:
        return f"{track.codec}, which this ffmpeg cannot decode"
    if not track.channels or not track.sample_rate:
        return f"{track.codec} without a usable header"
    return None


def is_commentary(track: AudioStream) -> bool:
    return track.disposition.comment or bool(_COMMENTARY.search(track.title or ""))


def is_description(track: AudioStream) -> bool:
    """For those who do not see: somebody tells what happens."""
    return track.disposition.visual_impaired or bool(_DESCRIPTION.search(track.title or ""))


def is_aside(track: AudioStream) -> bool:
    """Somebody talks over the film."""
    return is_commentary(track) or is_description(track)


def worth(track: AudioStream) -> tuple[bool, int, bool]:
    """To compare tracks of one language by: the author's choice, then the most channels, then what has lost nothing."""
    lossless = track.codec in LOSSLESS or (track.codec or "").startswith("pcm_") or track.profile == _LOSSLESS_DTS
    return track.disposition.default, track.channels or 0, lossless


def kind(track: AudioStream) -> str:
    return f"{track.codec} with {track.channels} channel{'' if track.channels == 1 else 's'}"


def title_without_technique(title: str | None) -> str | None:
    """`DTS-HD MA 5.1` is nothing then, `Commentary (AC3 2.0)` is `Commentary`."""
    if not title or not _TECHNICAL.search(title):
        return title
    bare = _EMPTY_BRACKETS.sub(" ", _TECHNICAL.sub(" ", title))
    bare = " ".join(_LEFT_ALONE.sub(" ", bare).split()).strip(_EDGES)
    return bare if any(letter.isalpha() for letter in bare) else None
