"""Puts what came with a film beside it in the library: what Jellyfin shows without transcoding, under a name that it understands.
Text subtitles become UTF-8 SubRip there.

Always a copy: the sidecar itself stays with the original, as it is. All block: use `asyncio.to_thread`."""

from __future__ import annotations

import itertools
import os
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePath

from pectin.linux.move import copy_durably, fsync_folder, make_folders, move_durably, rename_noreplace, sha256_of
from pectin.model.intent import Intent
from pectin.model.sidecar import SUBTITLES, SidecarKind, kind_of
from pectin.publishing import subtitle_names
from pectin.publishing.address import MOST_VERSIONS
from pectin.publishing.naming import numbered_suffix, part_name, sidecar_name, sidecar_suffix
from pectin.publishing.originals import numbered
from pectin.publishing.place import explained, need_library
from pectin.publishing.subtitle_text import LARGEST, TOO_LARGE, fits, to_subrip
from pectin.publishing.things import make_public, sync_file

FOLDER = "sidecars"         # below the job's outputs: the copies on their way
ASIDE = "with-original"     # below the scratch folder: subtitles from inside the film that stay with the original
_NAMELESS = "film"          # stands there for the film's own name, which nothing from outside has to know
_PICTURES = ("subtitles that are pictures, or in a format few clients read, make Jellyfin transcode the film for whoever "
             "switches them on")
_NO_TEXT = "there is no line of text with its time in it"
_VOBSUB = b"\0\0\x01\xba"   # the start of an MPEG program stream: pictures, though `.sub` is an ending of texts too


@dataclass(frozen=True, slots=True)
class Fate:
    """`why_not` is empty exactly when the sidecar goes into the library. `suffix` and `extension` as in naming.sidecar_name.
    `text`: what it is there; None: its own bytes."""

    suffix: str
    extension: str
    why_not: str = ""
    text: bytes | None = None


def fate_of(sidecar: PurePath, film: PurePath, file: Path, *, frame_rate: float | None = None) -> Fate:
    """What becomes of a sidecar that lies at `file`. `sidecar` and `film` are paths from the folder on in which the film was
    dropped; `frame_rate` is the film's. Raises PectinError when it cannot be read."""
    kind = kind_of(sidecar.name)
    extension = sidecar.suffix[1:].lower()
    if kind is None:
        return Fate("", extension, "nothing that Jellyfin reads beside a film")
    if kind not in SUBTITLES:
        return Fate(sidecar_suffix(sidecar, film), extension)
    if kind is SidecarKind.IMAGE_SUBTITLE and extension != "sub":
        return Fate("", extension, _PICTURES)
    suffix = subtitle_names.normal(sidecar_suffix(sidecar, film))
    with explained(file):
        if file.stat().st_size > LARGEST:
            return Fate("", extension, _PICTURES if kind is SidecarKind.IMAGE_SUBTITLE else TOO_LARGE)
        data = file.read_bytes()
    if extension == "srt" and fits(data):
        return Fate(suffix, extension)
    language = subtitle_names.language_in(suffix)
    text = None if data.startswith(_VOBSUB) else to_subrip(data, language=language, frame_rate=frame_rate)
    if text is not None:
        return Fate(suffix, "srt", text=text)
    return Fate("", extension, _PICTURES if kind is SidecarKind.IMAGE_SUBTITLE else _NO_TEXT)


def copy_for_placing(sidecar: PurePath, fate: Fate, folder: Path, outputs: Path) -> str:
    """Put what `folder`/`sidecar` will be in the library among the outputs in the making; gives its path below them. Raises
    PectinError."""
    target = outputs / FOLDER / sidecar
    with explained(target):
        make_folders(target.parent)
        target.unlink(missing_ok=True)
        _fill(target, folder / sidecar, fate)
        os.utime(target)  # its own time, by which taking back tells it from the same poster of another job
    return str(PurePath(FOLDER, sidecar))


def origin_of(work: Path, outputs: Path) -> PurePath | None:
    """The sidecar that an output in the making is a copy of; None: it is none."""
    return PurePath(work.relative_to(outputs / FOLDER)) if work.is_relative_to(outputs / FOLDER) else None


def content(sidecar: Path, fate: Fate) -> tuple[int, str]:
    """Size and SHA-256 of what it is in the library. Raises PectinError."""
    if fate.text is not None:
        return len(fate.text), sha256(fate.text).hexdigest()
    with explained(sidecar):
        return sidecar.stat().st_size, sha256_of(sidecar)


def with_original(scratch: Path, suffix: str, extension: str) -> Path:
    """Where a subtitle from inside the film waits until the film is verified."""
    return scratch / ASIDE / f"{_NAMELESS}{suffix}.{extension}"


def keep_with_original(scratch: Path, stem: str, folder: Path) -> None:
    """Make sidecars of those that wait: from now on they go where the original goes. What an earlier try has put into `folder` is
    known by its content and not doubled; another file of that name stays. `stem` is the film's own name. Raises PectinError."""
    waiting = scratch / ASIDE
    with explained(waiting):
        for file in sorted(waiting.iterdir()) if waiting.is_dir() else ():
            make_folders(folder)
            wanted = numbered(folder / f"{stem}{file.suffix}", file.stem.removeprefix(_NAMELESS))
            for number in itertools.count(1):
                with suppress(FileExistsError):
                    move_durably(file, wanted if number == 1 else numbered(wanted, f" ({number})"))
                    break
        if waiting.is_dir():
            waiting.rmdir()


def add_beside(sidecar: Path, fate: Fate, intent: Intent, job_id: str, *, file_mode: int, group: int | None,
               owner: int | None = None) -> Path | None:
    """Put a sidecar that came late beside its film, which stands in the library. Gives where it stands, also when the same bytes
    stand there already (a crash came behind it); None when no name is free for it. May be called again.

    Raises PectinError LIBRARY_MISSING, NO_SPACE, READ_ONLY, NO_PERMISSION, IO_ERROR."""
    need_library(intent.library)
    size, digest = content(sidecar, fate)
    for number in range(1, MOST_VERSIONS + 1):
        if (suffix := numbered_suffix(fate.suffix, fate.extension, number)) is None:
            break
        final = intent.video.final.with_name(sidecar_name(intent.video.final.name, suffix, fate.extension))
        part = final.with_name(part_name(final.name, job_id))
        with explained(final, intent.library):
            if os.path.lexists(final):
                if not final.is_symlink() and final.is_file() and final.stat().st_size == size and sha256_of(final) == digest:
                    fsync_folder(final.parent)  # a predecessor may have died between its rename and this
                    return final
                continue
            part.unlink(missing_ok=True)  # from before a crash
            _fill(part, sidecar, fate)
            make_public(part, file_mode, group, owner)
            try:
                rename_noreplace(part, final)
            except FileExistsError:  # somebody was faster
                part.unlink()
                continue
            fsync_folder(final.parent)
            return final
    return None


def _fill(target: Path, sidecar: Path, fate: Fate) -> None:
    if fate.text is None:
        copy_durably(sidecar, target)
    else:
        target.write_bytes(fate.text)
        sync_file(target)
