"""Chooses the names under which outputs go into a library and among the renditions, and writes down what they are: the intent to
publish. Changes nothing there. All functions block: from asyncio they go through `asyncio.to_thread`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pectin.linux import trees
from pectin.linux.content import fingerprint_of
from pectin.linux.move import fsync_folder, sha256_of
from pectin.model.conflict import Conflict, Terms
from pectin.model.errors import Cause, PectinError
from pectin.model.intent import Intent, Placement
from pectin.model.output import DECORATION, RENDITION_ROLE, VIDEO_ROLE, Home, Output
from pectin.model.sidecar import ROLE as SIDECAR_ROLE
from pectin.publishing.naming import (
    VIDEO_EXTENSIONS,
    alternative,
    numbered_suffix,
    part_name,
    rendition_folder,
    sidecar_name,
    version_name,
)
from pectin.publishing.place import explained
from pectin.publishing.things import is_replaceable, sync

NO_TERMS = Terms()
MOST_VERSIONS = 999  # of one name; then something else is wrong than a taken name
_SETS = frozenset({"hls", "sprites"})  # folders that are outputs
_MODEST = DECORATION | {SIDECAR_ROLE}  # never the reason for another version of a film


@dataclass(frozen=True, slots=True)
class Shelves:
    """Where outputs go. `renditions`: for what has no place in the library; below it each route has its folder, `route`."""

    library: Path
    renditions: Path | None = None
    route: str = ""


def intend(outputs: Sequence[Output], folder: Path, shelves: Shelves, *, place: PurePosixPath, job_id: str,
           terms: Terms = NO_TERMS) -> Intent:
    """Decide where each output in `folder` goes. The one with role "video" has the name of `place`. If any of the names beside it
    is taken, all get another version's, or what `terms` say. Only sidecars and decoration do not decide that: they get a number,
    or are left out (see numbered_suffix). What lies among the renditions gets another folder there when a name is taken.

    All is fsynced and hashed: what is written down here can be relied on after a power cut.
    Raises PectinError NAME_EXISTS, NAME_TAKEN, OUTPUT_LOST, IO_ERROR, NO_PERMISSION."""
    measured = [_measured(output, folder / output.file) for output in outputs]
    for above in {one.work.parent for one in measured}:
        with explained(above):
            fsync_folder(above)
    return _addressed(measured, shelves, place, job_id, terms)


def renamed(intent: Intent, place: PurePosixPath, job_id: str, terms: Terms = NO_TERMS) -> Intent:
    """The same outputs under a name that they can have now: after take_back, when somebody else took the first one's. Raises
    as `intend`."""
    stem = intent.video.final.stem
    outputs = [_Measured(Output(role=p.role, file=p.work.name, home=Home.RENDITIONS if p.name else Home.LIBRARY, name=p.name,
                                tree=bool(p.files), suffix=p.final.name[len(stem):-len(p.final.suffix)],
                                extension=p.final.suffix[1:]),
                         p.work, p.size, p.sha256, p.mtime_ns, p.fingerprint, p.files)
               for p in intent.placements]
    return _addressed(outputs, Shelves(intent.library, intent.renditions, intent.shelf), place, job_id, terms)


def refuse_taken(library: Path, place: PurePosixPath, terms: Terms) -> None:
    """Before a film is made that would not be placed. Raises PectinError NAME_EXISTS."""
    with explained(library / place):
        if terms.conflict is Conflict.REJECT and library / place not in terms.earlier and os.path.lexists(library / place):
            raise PectinError(Cause.NAME_EXISTS, str(library / place))


@dataclass(frozen=True, slots=True)
class _Measured:
    """An output that has no name in the library yet."""

    output: Output
    work: Path
    size: int
    sha256: str
    mtime_ns: int
    fingerprint: str
    files: int

    def at(self, final: Path, job_id: str) -> Placement:
        return Placement(role=self.output.role, work=self.work, part=final.with_name(part_name(final.name, job_id)), final=final,
                         size=self.size, sha256=self.sha256, mtime_ns=self.mtime_ns, fingerprint=self.fingerprint,
                         files=self.files, name=self.output.name if self.output.home is Home.RENDITIONS else "")

    def beside(self, target: Path, job_id: str, suffix: str | None = None) -> Placement:
        """Its placement beside the video `target`."""
        output = self.output
        if output.role == VIDEO_ROLE:
            return self.at(target, job_id)
        name = version_name if output.role == RENDITION_ROLE else sidecar_name
        behind = output.suffix if suffix is None else suffix
        return self.at(target.with_name(name(target.name, behind, output.extension)), job_id)


def _measured(output: Output, work: Path) -> _Measured:
    with explained(work):
        if not is_replaceable(work, folder=output.tree):
            raise PectinError(Cause.OUTPUT_LOST, str(work))
        sync(work)
        if output.tree:
            found = trees.contents_of(work)
            if not found.files:
                raise PectinError(Cause.OUTPUT_LOST, f"{work} is empty")
            return _Measured(output, work, found.size, found.sha256, found.mtime_ns, "", found.files)
        info = work.stat()
        known = fingerprint_of(work) if work.suffix[1:].lower() in VIDEO_EXTENSIONS else ""
        return _Measured(output, work, info.st_size, sha256_of(work), info.st_mtime_ns, known, 0)


def _addressed(outputs: Sequence[_Measured], shelves: Shelves, place: PurePosixPath, job_id: str, terms: Terms) -> Intent:
    """The outputs under the first version of `place` that they can have by these terms. A library that is away right now takes
    any name: a finished film must not be made again for that, and placing looks again."""
    library = shelves.library
    apart = [one for one in outputs if one.output.home is Home.RENDITIONS]
    modest = sorted((one for one in outputs if one not in apart and one.output.role in _MODEST),
                    key=lambda one: one.output.role != SIDECAR_ROLE)  # what came with the film has the first choice
    for target in _targets(library, place, terms):
        made = [one.beside(target, job_id) for one in outputs if one not in apart and one not in modest]
        with explained(target):
            taken = [p for p in made if os.path.lexists(p.final) and not (p.final in terms.earlier and _may_go(p))]
        if taken and terms.conflict is Conflict.REJECT:
            raise PectinError(Cause.NAME_EXISTS, str(taken[0].final))
        if taken and not (terms.conflict is Conflict.REPLACE and all(map(_may_go, taken))):
            continue
        replacing = any(p.final == target for p in taken)
        may = {*terms.earlier, *(p.final for p in taken), *(terms.ours if replacing else ())}
        beside = _modest_beside(target, modest, made, job_id, may)
        others = _among_renditions(apart, shelves, target, job_id, may)
        replaces = {*terms.earlier, *(p.final for p in taken), *(p.final for p in (*beside, *others) if p.final in may),
                    *(terms.goes if replacing else ())}
        return Intent(library=library, placements=tuple(sorted((*beside, *made, *others), key=_turn)),
                      replaces=tuple(sorted(replaces)), renditions=shelves.renditions, shelf=shelves.route)
    raise PectinError(Cause.NAME_TAKEN, f"{library / place} and {MOST_VERSIONS - 1} other versions of it")


def _turn(placement: Placement) -> int:
    """Small things first, the video last."""
    return 2 if placement.role == VIDEO_ROLE else 1 if placement.name or placement.role == RENDITION_ROLE else 0


def _may_go(placement: Placement) -> bool:
    """Whether what has its name is something that it can replace. Raises OSError."""
    return is_replaceable(placement.final, folder=bool(placement.files))


def _targets(library: Path, place: PurePosixPath, terms: Terms) -> Iterator[Path]:
    """The names a film may have: first the one it had before."""
    if terms.film_first:
        yield from (path for path in terms.earlier[:1] if path.is_relative_to(library) and path.suffix == place.suffix)
    yield library / place
    yield from (library / alternative(place, number) for number in range(2, MOST_VERSIONS + 1))


def _modest_beside(target: Path, modest: Sequence[_Measured], made: Sequence[Placement], job_id: str,
                   may: Set[Path]) -> list[Placement]:
    """Those that find a name beside what is made: a poster that is there already does not make the film another version. `may`:
    names they can have although they are taken."""
    taken = {placement.final.name.casefold() for placement in made}  # a library on exFAT or behind Samba knows no case
    found = []
    for one in modest:
        for number in range(1, MOST_VERSIONS + 1):
            if (suffix := numbered_suffix(one.output.suffix, one.output.extension, number)) is None:
                break
            placement = one.beside(target, job_id, suffix)
            with explained(placement.final):
                free = not os.path.lexists(placement.final) or (placement.final in may and _may_go(placement))
            if placement.final.name.casefold() not in taken and free:
                taken.add(placement.final.name.casefold())
                found.append(placement)
                break
    return found


def _among_renditions(apart: Sequence[_Measured], shelves: Shelves, target: Path, job_id: str, may: Set[Path]) -> list[Placement]:
    """In the first folder for this film in which no name is taken, but by what they replace (`may`): what is left of a film that
    somebody has removed from the library, or belongs to another one, is not touched."""
    if not apart:
        return []
    if shelves.renditions is None:
        raise ValueError("an output that does not go into the library needs a folder for the renditions")
    for number in range(1, MOST_VERSIONS + 1):
        folder = shelves.renditions / shelves.route / rendition_folder(PurePosixPath(target.relative_to(shelves.library)), number)
        found = [one.at(folder / one.output.name, job_id) for one in apart]
        with explained(folder):
            if _is_free(folder, may) and all(not os.path.lexists(p.final) or (p.final in may and _may_go(p)) for p in found):
                return found
    raise PectinError(Cause.NAME_TAKEN, f"{folder} and {MOST_VERSIONS - 1} other folders for it")


def _is_free(folder: Path, may: Set[Path]) -> bool:
    """Whether a film may have this folder: it has it already, or nothing of another one is there. Two films in one folder would
    pass for one, also where no name of theirs meets. A folder in it may be another film's own, and what is hidden is a file
    manager's."""
    if not os.path.lexists(folder) or any(path.is_relative_to(folder) for path in may):
        return True
    return trees.is_folder(folder) and not any(path.name in _SETS or not trees.is_folder(path)
                                               for path in folder.iterdir() if not path.name.startswith("."))


def unplaced(outputs: Sequence[Output], intent: Intent, folder: Path) -> list[Output]:
    """The decoration that was left out because its name is taken."""
    placed = {placement.work for placement in intent.placements}
    return [output for output in outputs if output.role in DECORATION and folder / output.file not in placed]
