"""Chooses names in the library: safe on every file system and for Jellyfin, and as close to the source's own name as that
allows. Titles are not parsed: the folder structure of the inbox is the structure of the library."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath, PurePosixPath

from pectin.model.identity import LENGTH as ID_LENGTH
from pectin.model.sidecar import PICTURE_NAME, SidecarKind, behind, kind_of, known_words, words

NAME_BYTES = 255     # the limit of ext4, xfs, btrfs, zfs, SMB for one name, in bytes of UTF-8
SIDECAR_BYTES = 48   # room for a sidecar's suffix and extension: `.chi.commentary.default.forced.sdh.srt` has 38
LABEL_BYTES = 16     # room for ` - version 9999`
_PART_BYTES = len(".") + len(".") + ID_LENGTH + len(".replaced")  # the longest of the hidden names beside a final one
STEM_BYTES = NAME_BYTES - _PART_BYTES - SIDECAR_BYTES - LABEL_BYTES
NAMELESS = "Unnamed"

# What Jellyfin and ffmpeg know as a film's extension: only such an ending is taken off a source's name, so that
# `Mr. Nobody` without an extension keeps its second half.
VIDEO_EXTENSIONS = frozenset([
    "3g2", "3gp", "asf", "avi", "divx", "dv", "dvr-ms", "f4v", "flv", "h264", "hevc", "img", "iso", "m2t", "m2ts", "m2v",
    "m4v", "mk3d", "mkv", "mov", "mp4", "mpe", "mpeg", "mpg", "mts", "mxf", "nsv", "nuv", "ogm", "ogv", "qt", "rm", "rmvb",
    "strm", "tp", "ts", "vob", "webm", "wmv", "wtv",
])

# Windows keeps these names, with any extension, for devices: a file of that name cannot be opened over Samba.
_DEVICES = frozenset(["con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in "123456789¹²³")])
# The reserved characters, each as what a person would have written instead.
_READABLE = {"<": "(", ">": ")", ":": "-", '"': "'", "/": "-", "\\": "-", "|": "-", "?": "", "*": "-", "\ufffd": "_"}
_TRACK_NUMBER = re.compile(r"^[0-9]{1,3}[ ._-]+(?=.)")  # `2_English.srt`: scene releases number their subtitles
# Turn the direction of text around (a name could look like another one), or stand for a byte order.
_UNSEEN = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def library_place(relative: PurePath, *, own_folder: bool, extension: str = "mp4") -> PurePosixPath:
    """Where a film goes, below its library. `relative` is its path below the inbox (it may hold surrogate escapes for bytes
    that are not UTF-8); `own_folder`: a film at the top gets a folder of its own name, as Jellyfin likes films best."""
    parts = [part for part in relative.parts if part != relative.anchor]
    stem = clean(_stem(parts[-1]) if parts else "", STEM_BYTES)
    folders = [clean(part) for part in parts[:-1]]
    if own_folder and not folders:
        folders = [stem]
    return PurePosixPath(*folders, f"{stem}.{extension}")


def clean(name: str, limit: int = NAME_BYTES) -> str:
    """One name made safe: NFC, no reserved, control or undecodable character, no dot in front, no dot or blank behind, not
    empty, no device's name, at most `limit` bytes. A name that is already so stays as it is."""
    name = name.replace(": ", " - ")  # `Film: The Title`
    readable = unicodedata.normalize("NFC", "".join(_character(character) for character in name))
    spaced = " ".join(readable.split()).lstrip(". ")
    cut = _cut(spaced, limit).rstrip(". ") or NAMELESS
    before_dot, dot, rest = cut.partition(".")
    if before_dot.rstrip().casefold() in _DEVICES:
        cut = _cut(f"{before_dot.rstrip()}_{dot}{rest}", limit).rstrip(". ")
    return cut


def sidecar_name(video_name: str, suffix: str, extension: str) -> str:
    """The name of a file that belongs to a video: `Film.mp4`, `.eng.forced`, `srt` make `Film.eng.forced.srt`. A suffix that is
    too long for its room is cut (a track's title may be in it)."""
    safe = "".join(_character(character) for character in suffix)
    room = SIDECAR_BYTES - len(f".{extension}".encode())
    safe = _cut(" ".join(unicodedata.normalize("NFC", safe).split()), room).rstrip(". ")
    return f"{PurePosixPath(video_name).stem}{safe}.{extension}"


def sidecar_suffix(sidecar: PurePath, film: PurePath) -> str:
    """What a sidecar has behind the film's name in the library, as Jellyfin reads it. `sidecar` and `film` are the paths they
    came with, from the same folder: `Film_eng.srt` gives `.eng`, `Subs/2_English.srt` `.English`, `Film.poster.jpg` and
    `folder.jpg` `-poster`, `movie.nfo` nothing."""
    kind = kind_of(sidecar.name)
    rest = behind(film.stem, sidecar.stem)
    if rest is None:  # the folder said whose it is
        rest = "" if kind is SidecarKind.DETAILS else f".{_TRACK_NUMBER.sub('', sidecar.stem)}"
    if f"{rest}.".casefold().startswith(f"{film.suffix}.".casefold()):  # `Film.mkv.srt`, as some programs write it
        rest = rest[len(film.suffix):]
    if kind is SidecarKind.PICTURE:
        return _picture_suffix(rest)
    # Jellyfin takes words for a language or a flag only between dots; in what it takes for a title, blanks may stay.
    return "".join(f".{word}" for word in words(rest)) if known_words(rest) else rest


def _picture_suffix(rest: str) -> str:
    found = PICTURE_NAME.fullmatch(rest.lstrip("-_. "))
    if found is None:
        return rest
    what = found[1].lower()
    return f"-{'poster' if what in ('folder', 'cover') else what}{found[2]}"


def numbered_suffix(suffix: str, extension: str, number: int) -> str | None:
    """Another suffix for a sidecar whose name is taken: the number stands first, where Jellyfin (which reads from the right)
    takes it for the track's title. None for pictures and .nfo files: of those it reads only the one with the plain name."""
    if number == 1:
        return suffix
    return f".{number}{suffix}" if kind_of(f"x.{extension}") is SidecarKind.SUBTITLE else None


def alternative(place: PurePosixPath, number: int) -> PurePosixPath:
    """Another name in the same folder: `Film/Film - version 2.mp4`. Jellyfin shows what begins with the folder's name and
    goes on with ` - ` as a version of the same film."""
    label = f" - version {number}"
    stem = _cut(place.stem, STEM_BYTES + LABEL_BYTES - len(label))
    return place.with_name(f"{stem}{label}{place.suffix}")


def part_name(final_name: str, job_id: str) -> str:
    """The name of a file on its way: `.Film.mp4.<id>.part`. Jellyfin sees neither a name that begins with a dot nor one whose
    last extension is not a video's."""
    return f".{final_name}.{job_id}.part"


def _stem(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return stem if dot and extension.casefold() in VIDEO_EXTENSIONS else name


def _character(character: str) -> str:
    if character in _READABLE:
        return _READABLE[character]
    if character in _UNSEEN:
        return ""
    category = unicodedata.category(character)
    if category == "Cs":  # a byte that was not UTF-8, or half a character
        return "_"
    return " " if category in ("Cc", "Zl", "Zp") else character


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, never half a character."""
    return text.encode()[:limit].decode("utf-8", "ignore") if len(text.encode()) > limit else text
