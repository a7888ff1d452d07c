"""Which names in the inbox are films, which are not, and which are still on their way. Pure.

The lists are measured: what Samba, SFTP, rsync, browsers, download and sync programs write before a file has its final name."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import PurePath

from pectin.intake.sidecars import is_sidecar


class NameAction(StrEnum):
    TAKE = "take"
    IGNORE = "ignore"
    WAIT = "wait"
    SIDECAR = "sidecar"


class NameReason(StrEnum):
    """Why a name is not taken (now). The value is the JSON value."""

    CONFIGURED = "configured"            # a pattern of the configuration
    UNFINISHED = "unfinished"            # a program's own name for what is not yet whole
    COMPANION = "companion"              # what systems leave beside files
    RECYCLED = "recycled"                # a recycle bin
    SYNCHRONISING = "synchronising"      # the private folder of a sync program or of rsync
    UNPACKING = "unpacking"              # a download program unpacks here
    HIDDEN = "hidden"                    # any other name with a leading dot
    DISC_IMAGE = "disc_image"            # a whole disc, not one film
    DISC_FOLDER = "disc_folder"          # the same, as a folder: its pieces are no films
    ARCHIVE = "archive"                  # films may be in it, packed
    STREAM_LINK = "stream_link"          # a text file with an address
    NOT_A_VIDEO = "not_a_video"          # no extension of a video
    PARTNER = "partner"                  # a file beside it says that it is being downloaded
    SIDECAR = "sidecar"                  # a subtitle, a picture or an .nfo: it goes where its film goes


_SENTENCES = {
    NameReason.CONFIGURED: "left alone: intake.ignore has a pattern for it",
    NameReason.UNFINISHED: "not finished: a program writes to such a name until it is done",
    NameReason.COMPANION: "left alone: the operating system keeps this beside other files",
    NameReason.RECYCLED: "left alone: it lies in a recycle bin",
    NameReason.SYNCHRONISING: "left alone: it lies in a sync program's own folder",
    NameReason.UNPACKING: "left alone: a download program unpacks into this folder",
    NameReason.HIDDEN: "left alone: names with a leading dot are hidden, and many programs upload under such a name",
    NameReason.DISC_IMAGE: "left alone: a disc image holds a whole disc; extract the film with a tool such as MakeMKV",
    NameReason.DISC_FOLDER: "left alone: this folder is a whole disc in pieces; extract the film with a tool such as MakeMKV",
    NameReason.ARCHIVE: "left alone: an archive; unpack it, and the films in it are taken",
    NameReason.STREAM_LINK: "left alone: this is a link to a stream, not a film",
    NameReason.NOT_A_VIDEO: "left alone: not the extension of a video",
    NameReason.PARTNER: "waiting: a download of it is still under way",
    NameReason.SIDECAR: "waits for its film: a subtitle, picture or .nfo is taken together with the film it is named after",
}

_NO_EXTENSION = "left alone: its name has no extension; if it is a video, give it one, such as .mkv"

# What Jellyfin recognises as video, without iso, img and strm: those are not single films that ffmpeg could decode.
VIDEO_EXTENSIONS = frozenset({
    "3g2", "3gp", "asf", "avi", "divx", "dv", "dvr-ms", "f4v", "flv", "m2t", "m2ts", "m2v", "m4v", "mk3d", "mkv", "mov", "mp4",
    "mpe", "mpeg", "mpg", "mts", "mxf", "nsv", "nuv", "ogm", "ogv", "qt", "rm", "rmvb", "tp", "ts", "vob", "webm", "wmv", "wtv"})

# What films come packed in, also in volumes: `film.r00`, `film.7z.001`.
_ARCHIVE = re.compile(r"\.(zip|rar|7z|tar|tgz|gz|bz2|xz|zst|[rz][0-9]{2}|(zip|rar|7z)\.[0-9]{3})$")
# Jellyfin plays such a folder as one film; each piece of it taken for a film would spoil it. A camera's AVCHD folder is built the
# same way, but each clip in it (.mts, as cameras write it) is a film of its own.
_DISC_FOLDERS = frozenset({"video_ts", "audio_ts", "hvdvd_ts", "bdmv"})

# All patterns are lower case and are held against the lower-cased name.
_FILES = (
    (NameReason.COMPANION, (
        "._*", ".ds_store", ".apdisk", ".localized", "icon\r",             # macOS
        "thumbs.db", "ehthumbs.db", "desktop.ini", "~$*", "*:zone.identifier",  # Windows
        ".directory", ".nfs*")),                                          # KDE; NFS
    (NameReason.UNFINISHED, (
        "*.filepart",                                                     # WinSCP
        ".in.*",                                                          # lftp
        "*.part", "*.partial", "*.crdownload", "*.download", ".com.google.chrome.*", "*.opdownload",  # browsers
        "*.cyberducksegment",
        ".syncthing.*.tmp", "~syncthing~*",
        "*.aria2", "*.ytdl", "*.part-frag*", "*.!qb", "*.!ut", "*.bc!", "*.!sync",  # download programs
        ".goutputstream-*", "*.tmp")),
)
_FOLDERS = (
    (NameReason.RECYCLED, ("#recycle", "$recycle.bin", ".recycle", ".trashes", ".trash", ".trash-*")),
    (NameReason.SYNCHRONISING, (".~tmp~", ".rsync-partial", ".stversions", ".stfolder", ".sync", "@eadir")),
    (NameReason.UNPACKING, ("__admin__", "_unpack*", "_failed_*")),
    (NameReason.UNFINISHED, ("*.download", "*.part", "*.partial")),       # Safari makes a folder of its own per download
)
# yt-dlp: `film.temp.mkv`, and picture and sound apart before it joins them: `film.f137.mp4`, `film.f251-1.webm`. Only in lower
# case, as it writes them: "The.Temp.mkv" is a film.
_YOUTUBE_PIECE = re.compile(r"\.(temp|f[0-9]{1,4}(-[a-z0-9]+)?)\.[A-Za-z0-9-]+$")

# While one of these lies beside `film.mkv`, `film.mkv` is preallocated, empty or growing.
PARTNER_SUFFIXES = (".aria2", ".part", ".partial", ".crdownload", ".filepart", ".ytdl")


@dataclass(frozen=True, slots=True)
class NameVerdict:
    """`reason` is None exactly when the name is taken."""

    action: NameAction
    reason: NameReason | None = None
    sentence: str = ""


_TAKE = NameVerdict(NameAction.TAKE)
_SIDECAR = NameVerdict(NameAction.SIDECAR, NameReason.SIDECAR, _SENTENCES[NameReason.SIDECAR])


def partners(name: str, wait: Sequence[str] = ()) -> tuple[str, ...]:
    """The names which, when they lie beside `name`, say that it is still being downloaded. `wait` holds further endings."""
    return tuple(name + suffix for suffix in (*PARTNER_SUFFIXES, *wait))


def is_companion(name: str) -> bool:
    """What a system makes by itself and nobody misses: it may go with a folder in which nothing else is left. Not the marks of a
    file that is open somewhere (NFS's names, Office's `~$`)."""
    lower = name.lower()
    return _first(_FILES, lower) is NameReason.COMPANION and not lower.startswith((".nfs", "~$"))


def judge_name(relative: PurePath, *, ignore: Sequence[str] = (), siblings: Collection[str] = (),
               wait: Sequence[str] = ()) -> NameVerdict:
    """Judge a path below its inbox folder. `ignore` holds further shell patterns, for the name or the whole relative path;
    `siblings` the names in the same folder (those of `partners` are enough); `wait` further endings of unfinished downloads.
    Upper and lower case are the same."""
    name = relative.name
    lower = name.lower()
    path = relative.as_posix().lower()
    if any(fnmatchcase(lower, pattern.lower()) or fnmatchcase(path, pattern.lower()) for pattern in ignore):
        return _no(NameReason.CONFIGURED)
    for folder in relative.parts[:-1]:
        if reason := _first(_FOLDERS, folder.lower()) or (NameReason.HIDDEN if folder.startswith(".") else None):
            return _no(reason)
    if reason := _first(_FILES, lower) or (NameReason.HIDDEN if name.startswith(".") else None):
        return _no(reason)
    extension = relative.suffix[1:].lower()
    if extension != "mts" and any(folder.lower() in _DISC_FOLDERS for folder in relative.parts[:-1]):
        return _no(NameReason.DISC_FOLDER)
    if _YOUTUBE_PIECE.search(name):
        return _no(NameReason.UNFINISHED)
    if extension in ("iso", "img"):
        return _no(NameReason.DISC_IMAGE)
    if extension == "strm":
        return _no(NameReason.STREAM_LINK)
    sidecar = is_sidecar(relative)
    if extension not in VIDEO_EXTENSIONS and not sidecar:
        return _other(lower, wait)
    for partner in partners(name, wait):
        if partner in siblings:
            sentence = f"{_SENTENCES[NameReason.PARTNER]} ({partner} lies beside it)"
            return NameVerdict(NameAction.WAIT, NameReason.PARTNER, sentence)
    return _SIDECAR if sidecar else _TAKE


def _first(table: Sequence[tuple[NameReason, Sequence[str]]], name: str) -> NameReason | None:
    for reason, patterns in table:
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return reason
    return None


def _other(lower: str, wait: Sequence[str]) -> NameVerdict:
    """Neither a film nor a sidecar by its ending."""
    if any(lower.endswith(suffix.lower()) for suffix in wait):
        return _no(NameReason.UNFINISHED)
    if _ARCHIVE.search(lower):
        return _no(NameReason.ARCHIVE)
    if not PurePath(lower).suffix:
        return NameVerdict(NameAction.IGNORE, NameReason.NOT_A_VIDEO, _NO_EXTENSION)
    return _no(NameReason.NOT_A_VIDEO)


def _no(reason: NameReason) -> NameVerdict:
    return NameVerdict(NameAction.IGNORE, reason, _SENTENCES[reason])
