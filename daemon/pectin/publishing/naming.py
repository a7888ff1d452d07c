"""Chooses names in the library: safe on every file system and for Jellyfin. Either as close to the source's own name as that
allows (the folder structure of the inbox is then the structure of the library), or built from what its name was understood to
say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePath, PurePosixPath

from pectin.model.identity import LENGTH as ID_LENGTH
from pectin.model.parsed import Kind, LibraryName, ParsedName, Understanding
from pectin.model.profile import Container
from pectin.model.sidecar import PICTURE_NAME, SidecarKind, behind, kind_of, known_words, words
from pectin.publishing.traps import safe_folders, safe_stem

NAME_BYTES = 255     # the limit of ext4, xfs, btrfs, zfs, SMB for one name, in bytes of UTF-8
SIDECAR_BYTES = 48   # room for a sidecar's suffix and extension: `.chi.commentary.default.forced.sdh.srt` has 38
LABEL_BYTES = 16     # room for ` - version 9999`
_PART_BYTES = len(".") + len(".") + ID_LENGTH + len(".replaced")  # the longest of the hidden names beside a final one
STEM_BYTES = NAME_BYTES - _PART_BYTES - SIDECAR_BYTES - LABEL_BYTES
NAMELESS = "Unnamed"
_QUOTES_BYTES = 6           # what traps may add to a name at its end: three pairs of quotes
_NUMBER_BYTES = 24          # ` S2024E0001-E0002 `, and a day
_EPISODE_TITLE_BYTES = 60   # of an episode's title are left in any case
_MARK_BYTES = 40            # an edition's name

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


def library_place(relative: PurePath, *, own_folder: bool, extension: str = "mp4",
                  understanding: Understanding | None = None) -> PurePosixPath:
    """Where a film goes, below its library: see library_name."""
    return PurePosixPath(library_name(relative, own_folder=own_folder, extension=extension, understanding=understanding).place)


def library_name(relative: PurePath, *, own_folder: bool, extension: str = "mp4",
                 understanding: Understanding | None = None) -> LibraryName:
    """Where a film goes, below its library, and why it is called so. `relative` is its path below the inbox (it may hold
    surrogate escapes for bytes that are not UTF-8); `own_folder`: a film at the top gets a folder of its own name, as Jellyfin
    likes films best; `understanding`: what its name says, None where names are the source's own."""
    if understanding is not None and understanding.parsed is not None:
        return _built(understanding, understanding.parsed, extension)
    parts = [part for part in relative.parts if part != relative.anchor]
    above, last = [clean(part) for part in parts[:-1]], _stem(parts[-1]) if parts else ""
    alone = own_folder and not above
    stem, notes = _safe(last, above, alone=alone)
    folders, told = safe_folders([stem] if alone else above)
    if alone:
        stem = folders[0]  # versions of a film are known by their folder's name in front
    return LibraryName(place=str(PurePosixPath(*folders, f"{stem}.{extension}")), understanding=understanding,
                       notes=(*notes, *told))


def _built(understanding: Understanding, parsed: ParsedName, extension: str) -> LibraryName:
    """`Name (Year)/Name (Year).mp4`, `Series (Year)/Season NN/Series SxxEyy title.mp4`, as Jellyfin's documentation has them."""
    named = " ".join([f"{parsed.title} ({parsed.year})" if parsed.year else parsed.title,
                      *(f"[{provider}id-{number}]" for provider, number in parsed.ids)])
    if parsed.kind is Kind.EPISODE:
        season = parsed.season if parsed.season is not None else int((parsed.date or "0")[:4])
        folders, changed = safe_folders([clean(named), f"Season {season:02}"])
        told = [*parsed.assumed, *changed]
        head = f"{clean(parsed.title, STEM_BYTES - _NUMBER_BYTES - _EPISODE_TITLE_BYTES)} {_number(parsed)}"
        stem, notes = _safe(f"{head} {parsed.episode_title or ''}".rstrip(), folders, alone=False)
        if parsed.episodes and len(parsed.episodes) <= parsed.episodes[-1] - parsed.episodes[0]:
            told.append("Jellyfin knows only the first and the last of several episodes, and takes those between for included.")
    else:
        behind_it = "".join(f" - {clean(mark, _MARK_BYTES)}" for mark in (parsed.edition, parsed.stereo) if mark)
        behind_it += (f" cd{parsed.disc}" if parsed.disc is not None else "") + ("-trailer" if parsed.trailer else "")
        film, notes = _safe(named, (), alone=True, limit=STEM_BYTES - len(behind_it.encode()))
        folders, changed = safe_folders([film])
        stem, told = f"{folders[0]}{behind_it}", [*parsed.assumed, *changed]
    return LibraryName(place=str(PurePosixPath(*folders, f"{stem}.{extension}")), understanding=understanding,
                       notes=(*told, *notes))


def _number(parsed: ParsedName) -> str:
    """What tells an episode: `S01E01-E02`, or the day."""
    if not parsed.episodes:
        return parsed.date or ""
    first, last = parsed.episodes[0], parsed.episodes[-1]
    return f"S{parsed.season or 0:02}E{first:02}" + (f"-E{last:02}" if last != first else "")


def _safe(name: str, folders: Sequence[str], *, alone: bool, limit: int = STEM_BYTES) -> tuple[str, tuple[str, ...]]:
    """A name without an extension, clean and no trap, in at most `limit` bytes. A cut may lay a new trap open, at the very end:
    there is room for its quotes."""
    stem, notes = safe_stem(clean(name, limit), folders, alone=alone)
    if len(stem.encode()) > limit:
        stem, more = safe_stem(clean(stem, limit - _QUOTES_BYTES), folders, alone=alone)
        notes = (*notes, *more)
    return stem, notes


def extension_of(container: str, source: PurePath) -> str:
    """The extension of an output in this container, without the dot; the source's own file keeps its own."""
    return source.suffix[1:].lower() if container == Container.SOURCE else container


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


def version_name(video_name: str, suffix: str, extension: str) -> str:
    """The name of a version beside a film: `Film.mp4`, ` - 720p`, `mp4` make `Film - 720p.mp4`."""
    return f"{PurePosixPath(video_name).stem}{suffix}.{extension}"


def groups(place: PurePosixPath) -> bool:
    """Whether Jellyfin offers versions of a film as one: only those in a folder with the film's own name."""
    return place.stem == place.parent.name


def is_version(stem: str, folder: str) -> bool:
    """Whether Jellyfin takes a video of that name for a version of the film that has the folder. One that it does not makes all
    of them films of their own."""
    if not stem.casefold().startswith(folder.casefold()):
        return False
    rest = stem[len(folder):].strip()
    return not rest or rest.startswith("-") or (rest[0], rest[-1]) == ("[", "]")


def rendition_folder(place: PurePosixPath, number: int = 1) -> PurePosixPath:
    """Where the renditions of a film lie, by its place in the library: `Heat (1995)/Heat (1995).mp4` gives `Heat (1995)`, one
    folder and not two of a name; `Series/Season 01/Series S01E01.mp4` gives `Series/Season 01/Series S01E01`. `number`: of
    several for one name."""
    own = place.parent.name
    above = place.parent.parent if own and (place.stem == own or place.stem.startswith(f"{own} - ")) else place.parent
    return above / (place.stem if number == 1 else f"{place.stem} ({number})")


def part_name(final_name: str, job_id: str) -> str:
    """The name of a file on its way: `.Film.mp4.<id>.part`. Jellyfin sees neither a name that begins with a dot nor one whose
    last extension is not a video's."""
    return f".{final_name}.{job_id}.part"


def job_of(part: PurePath) -> str:
    """The id in a part file's name, or a replaced one's."""
    return part.stem[-ID_LENGTH:]


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
