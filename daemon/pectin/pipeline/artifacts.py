"""Pictures and details of a finished film. Trouble with one of them costs only that one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath

from pectin.encoding import trickplay
from pectin.encoding.shown import Shown
from pectin.encoding.stills import Look
from pectin.model.artifact import Artifact, ArtifactKind
from pectin.model.errors import PectinError
from pectin.model.job import Job
from pectin.model.output import Output
from pectin.model.parsed import Kind, LibraryName
from pectin.model.plan import Plan
from pectin.model.rendition import Made
from pectin.pipeline import picturing
from pectin.pipeline.omitting import omit
from pectin.pipeline.proving import Work
from pectin.planning.artifacts import WORDS, chosen, suited
from pectin.publishing import details, nfo
from pectin.publishing.place import explained

_STILLS = (ArtifactKind.POSTER, ArtifactKind.FANART, ArtifactKind.THUMB)
_SHEETS = (ArtifactKind.TRICKPLAY, ArtifactKind.SPRITE)
_NFO = "details.nfo"


async def make(work: Work, plan: Plan, film: Output, made: Sequence[Made]) -> list[Output]:
    """What the plan's artifacts ask for; what came with the source is not made again. Raises PectinError for what concerns the
    whole job."""
    if not plan.artifacts:
        return []
    job = work.running.job
    known = details.details_of(plan.name or LibraryName(place=str(PurePosixPath(job.relative))))
    sidecars = await asyncio.to_thread(lambda: tuple(_sidecars(work.scratch.parent / "sidecars")))
    came = details.came(sidecars, PurePath(job.relative.name))
    wanted, notes = suited(plan.artifacts, episode=known.kind is Kind.EPISODE, came=came)
    current = work.running.plan or plan
    work.running.plan = replace(current, artifacts=wanted, notes=(*current.notes, *notes))
    outputs = []
    if any(artifact.kind is ArtifactKind.DETAILS for artifact in wanted):
        outputs.append(await asyncio.to_thread(_write_details, work, known))
    if any(artifact.kind is not ArtifactKind.DETAILS for artifact in wanted):
        outputs += await _pictures(work, plan, film, made, wanted)
    return outputs


async def _pictures(work: Work, plan: Plan, film: Output, made: Sequence[Made], wanted: Sequence[Artifact]) -> list[Output]:
    stills = [artifact for artifact in wanted if artifact.kind in _STILLS]
    along = [artifact for artifact in wanted if artifact.kind in _SHEETS]
    previews = [artifact for artifact in wanted if artifact.kind is ArtifactKind.PREVIEW]
    found: list[Output] = []
    try:
        width = max(trickplay.WIDTH, work.profile.pictures.preview_width if previews else 0)
        small = await picturing.filmed(work, plan, film, made, width)
        large = small if small.file == film.file else await picturing.filmed(work, plan, film)
    except PectinError as error:
        for artifact in (*stills, *along, *previews):
            _omit(work, artifact, error)
        return []
    found += await _stills(work, large, small, stills)
    found += await _along(work, small, along)
    for artifact in previews:
        try:
            found.append(await picturing.preview(work, small, work.profile.pictures))
        except PectinError as error:
            _omit(work, artifact, error)
    return found


async def _stills(work: Work, large: Shown, small: Shown, wanted: Sequence[Artifact]) -> list[Output]:
    found = []
    good: list[Look] = []
    number = 0  # each gets another place of the film
    for artifact in wanted:
        try:
            free = artifact.moment is None or not chosen(artifact.moment)
            if free and not good:
                good = list(await picturing.looked(work, small))
            found.append(await picturing.still(work, large, artifact, _from(good, number)))
            number += free
        except PectinError as error:
            (work.scratch / f"{artifact.kind.value}.jpg").unlink(missing_ok=True)
            _omit(work, artifact, error)
    return found


def _from(good: Sequence[Look], number: int) -> list[Look]:
    """The best for the first, the second best for the second; no poor one for that reason."""
    fine = sum(not look.poor for look in good)
    first = min(number, max(0, fine - 1))
    return [*good[first:], *good[:first]]


async def _along(work: Work, film: Shown, wanted: Sequence[Artifact]) -> list[Output]:
    if not wanted:
        return []
    try:
        pictures = await picturing.sheets(work, film)
        return [await asyncio.to_thread(picturing.as_trickplay, work.scratch, pictures)
                if artifact.kind is ArtifactKind.TRICKPLAY
                else await asyncio.to_thread(picturing.as_sprites, work.scratch, pictures, film.seconds) for artifact in wanted]
    except PectinError as error:
        for artifact in wanted:
            _omit(work, artifact, error)
        return []
    finally:
        await asyncio.to_thread(picturing.without_sheets, work.scratch)


def _omit(work: Work, artifact: Artifact, error: PectinError) -> None:
    omit(work, artifact.kind.value, f"the {WORDS[artifact.kind]}", error)


def _write_details(work: Work, known: details.Details) -> Output:
    added = min(_added(job) for job in (work.running.job, work.running.rival) if job is not None)
    with explained(work.scratch):
        (work.scratch / _NFO).write_bytes(nfo.nfo(known, added=added))
    return Output(role="nfo", file=_NFO, extension="nfo")


def _added(job: Job) -> float:
    """When the film was added: made again or replaced, it keeps its first day. An .nfo of ours in the library knows it from
    a job that is forgotten by now."""
    earlier = [job.created_at]
    for output in json.loads(job.outputs or "[]"):
        if output["role"] == "nfo":
            with suppress(OSError), Path(output["path"]).open("rb") as file:
                earlier.append(nfo.added_in(file.read(nfo.LARGEST)) or job.created_at)
    return min(earlier)


def _sidecars(folder: Path) -> Iterator[PurePath]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield PurePath(path.relative_to(folder))
