"""Puts what came with a film beside it in the library: what Jellyfin shows without transcoding, under a name that it understands.

Always a copy: the sidecar itself stays with the original. All but fate_of block: use `asyncio.to_thread`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePath

from pectin.linux.move import copy_durably, fsync_folder, make_folders, rename_noreplace, sha256_of
from pectin.model.intent import Intent
from pectin.model.sidecar import SidecarKind, kind_of
from pectin.publishing.address import MOST_VERSIONS
from pectin.publishing.naming import numbered_suffix, part_name, sidecar_name, sidecar_suffix
from pectin.publishing.place import explained, make_public, need_library

FOLDER = "sidecars"  # below the job's outputs: the copies on their way


@dataclass(frozen=True, slots=True)
class Fate:
    """`why_not` is empty exactly when the sidecar goes into the library. `suffix` and `extension` as in naming.sidecar_name."""

    suffix: str
    extension: str
    why_not: str = ""


def fate_of(sidecar: PurePath, film: PurePath) -> Fate:
    """What becomes of a sidecar. Both are paths from the folder on in which the film was dropped."""
    kind = kind_of(sidecar.name)
    extension = sidecar.suffix[1:].lower()
    if kind is SidecarKind.IMAGE_SUBTITLE:
        return Fate("", extension, "subtitles that are pictures, or in a format few clients read, make Jellyfin transcode the "
                                   "film for whoever switches them on")
    if kind is None:
        return Fate("", extension, "nothing that Jellyfin reads beside a film")
    return Fate(sidecar_suffix(sidecar, film), extension)


def copy_for_placing(sidecar: PurePath, folder: Path, outputs: Path) -> str:
    """Copy `folder`/`sidecar` to the outputs in the making; gives its path below them. Raises PectinError."""
    target = outputs / FOLDER / sidecar
    with explained(target):
        make_folders(target.parent)
        target.unlink(missing_ok=True)
        copy_durably(folder / sidecar, target)
        os.utime(target)  # its own time, by which taking back tells it from the same poster of another job
    return str(PurePath(FOLDER, sidecar))


def origin_of(work: Path, outputs: Path) -> PurePath | None:
    """The sidecar that an output in the making is a copy of; None: it is none."""
    return PurePath(work.relative_to(outputs / FOLDER)) if work.is_relative_to(outputs / FOLDER) else None


def add_beside(sidecar: Path, fate: Fate, intent: Intent, job_id: str, *, file_mode: int, group: int | None,
               owner: int | None = None) -> Path | None:
    """Copy a sidecar that came late beside its film, which stands in the library. Gives where it stands, also when the same bytes
    stand there already (a crash came behind it); None when no name is free for it. May be called again.

    Raises PectinError LIBRARY_MISSING, NO_SPACE, READ_ONLY, NO_PERMISSION, IO_ERROR."""
    need_library(intent.library)
    with explained(sidecar):
        size, digest = sidecar.stat().st_size, sha256_of(sidecar)
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
            copy_durably(sidecar, part)
            make_public(part, file_mode, group, owner)
            try:
                rename_noreplace(part, final)
            except FileExistsError:  # somebody was faster
                part.unlink()
                continue
            fsync_folder(final.parent)
            return final
    return None
