"""Chooses the names under which outputs go into a library, and writes down what they are: the intent to publish. Changes nothing
there. All functions block: from asyncio they go through `asyncio.to_thread`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pectin.linux.content import fingerprint_of
from pectin.linux.move import fsync_folder, sha256_of
from pectin.model.conflict import Conflict, Terms
from pectin.model.errors import Cause, PectinError
from pectin.model.intent import Intent, Placement
from pectin.model.sidecar import ROLE as SIDECAR_ROLE
from pectin.publishing.naming import alternative, numbered_suffix, part_name, sidecar_name
from pectin.publishing.place import VIDEO_ROLE, explained, sync_file
from pectin.publishing.replace import is_regular

NO_TERMS = Terms()
MOST_VERSIONS = 999  # of one name; then something else is wrong than a taken name


def intend(outputs: Sequence[tuple[str, Path, str, str]], *, library: Path, place: PurePosixPath, job_id: str,
           terms: Terms = NO_TERMS) -> Intent:
    """Decide where each output goes. `outputs` are (role, file, suffix, extension), e.g. ("subtitle", out/sub0.srt, ".eng",
    "srt"); the one with role "video" has the name of `place`. If any of the names is taken, all get another version's, or what
    `terms` say. Only those with role "sidecar" do not decide that: they get a number, or are left out (see numbered_suffix).

    The files are fsynced and hashed: what is written down here can be relied on after a power cut.
    Raises PectinError NAME_EXISTS, NAME_TAKEN, OUTPUT_LOST, IO_ERROR, NO_PERMISSION."""
    measured = []
    for role, work, suffix, extension in sorted(outputs, key=lambda output: output[0] == VIDEO_ROLE):  # the video last
        with explained(work):
            if not work.is_file():
                raise PectinError(Cause.OUTPUT_LOST, str(work))
            sync_file(work)
            found = work.stat()
            known = fingerprint_of(work) if role == VIDEO_ROLE else ""
            measured.append(_Output(role, work, suffix, extension, found.st_size, sha256_of(work), found.st_mtime_ns, known))
    for folder in {output.work.parent for output in measured}:
        with explained(folder):
            fsync_folder(folder)
    return _addressed(measured, library, place, job_id, terms)


def renamed(intent: Intent, place: PurePosixPath, job_id: str, terms: Terms = NO_TERMS) -> Intent:
    """The same outputs under a name that they can have now: after take_back, when somebody else took the first one's. Raises
    as `intend`."""
    stem = intent.video.final.stem
    outputs = [_Output(p.role, p.work, p.final.name[len(stem):-len(p.final.suffix)], p.final.suffix[1:], p.size, p.sha256,
                       p.mtime_ns, p.fingerprint)
               for p in intent.placements]
    return _addressed(outputs, intent.library, place, job_id, terms)


def refuse_taken(library: Path, place: PurePosixPath, terms: Terms) -> None:
    """Before a film is made that would not be placed. Raises PectinError NAME_EXISTS."""
    with explained(library / place):
        if terms.conflict is Conflict.REJECT and library / place not in terms.earlier and os.path.lexists(library / place):
            raise PectinError(Cause.NAME_EXISTS, str(library / place))


@dataclass(frozen=True, slots=True)
class _Output:
    """An output that has no name in the library yet."""

    role: str
    work: Path
    suffix: str
    extension: str
    size: int
    sha256: str
    mtime_ns: int
    fingerprint: str

    def at(self, target: Path, job_id: str) -> Placement:
        """Its placement beside the video `target`."""
        name = target.name if self.role == VIDEO_ROLE else sidecar_name(target.name, self.suffix, self.extension)
        return Placement(role=self.role, work=self.work, part=target.with_name(part_name(name, job_id)),
                         final=target.with_name(name), size=self.size, sha256=self.sha256, mtime_ns=self.mtime_ns,
                         fingerprint=self.fingerprint)


def _addressed(outputs: Sequence[_Output], library: Path, place: PurePosixPath, job_id: str, terms: Terms) -> Intent:
    """The outputs under the first version of `place` that they can have by these terms. A library that is away right now takes
    any name: a finished film must not be made again for that, and placing looks again."""
    for target in _targets(library, place, terms):
        made = [output.at(target, job_id) for output in outputs if output.role != SIDECAR_ROLE]
        with explained(target):
            taken = [p.final for p in made if p.final not in terms.earlier and os.path.lexists(p.final)]
        if taken and terms.conflict is Conflict.REJECT:
            raise PectinError(Cause.NAME_EXISTS, str(taken[0]))
        if taken and not (terms.conflict is Conflict.REPLACE and all(is_regular(final) for final in taken)):
            continue
        may = {*terms.earlier, *taken, *(terms.ours if target in taken else ())}
        came = _sidecars_beside(target, [o for o in outputs if o.role == SIDECAR_ROLE], made, job_id, may)
        replaces = {*terms.earlier, *taken, *(p.final for p in came if p.final in may)}
        return Intent(library=library, placements=(*came, *made), replaces=tuple(sorted(replaces)))
    raise PectinError(Cause.NAME_TAKEN, f"{library / place} and {MOST_VERSIONS - 1} other versions of it")


def _targets(library: Path, place: PurePosixPath, terms: Terms) -> Iterator[Path]:
    """The names a film may have: first the one it had before."""
    yield from (path for path in terms.earlier[:1] if path.is_relative_to(library) and path.suffix == place.suffix)
    yield library / place
    yield from (library / alternative(place, number) for number in range(2, MOST_VERSIONS + 1))


def _sidecars_beside(target: Path, sidecars: Sequence[_Output], made: Sequence[Placement], job_id: str,
                     may: Set[Path]) -> list[Placement]:
    """Those that find a name beside what is made: a poster that is there already does not make the film another version. `may`:
    names they can have although they are taken."""
    taken = {placement.final.name.casefold() for placement in made}  # a library on exFAT or behind Samba knows no case
    found = []
    for sidecar in sidecars:
        for number in range(1, MOST_VERSIONS + 1):
            if (suffix := numbered_suffix(sidecar.suffix, sidecar.extension, number)) is None:
                break
            placement = replace(sidecar, suffix=suffix).at(target, job_id)
            if placement.final.name.casefold() not in taken and (placement.final in may or not os.path.lexists(placement.final)):
                taken.add(placement.final.name.casefold())
                found.append(placement)
                break
    return found
