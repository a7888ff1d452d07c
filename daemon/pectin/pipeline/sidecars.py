"""What a job does with the files that came with its film: copies for the library, latecomers, and an account of them all."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Any

from pectin.linux.pathtext import printable
from pectin.model.errors import PectinError
from pectin.model.intent import Intent, Placement
from pectin.model.job import FINAL, Job, State
from pectin.model.output import Output
from pectin.model.places import Places
from pectin.model.sidecar import ROLE
from pectin.pipeline.policy import Publishing
from pectin.publishing import originals, place, sidecars
from pectin.publishing.originals import Where
from pectin.publishing.sidecars import Fate

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SidecarAccount:
    """One sidecar for `pectin show`: how it was called, where it lies now, what became of it."""

    name: str
    now: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Late:
    """What was put beside a film that had been published already. `done`: sidecars that need not wait any longer; `trouble`: why
    others must."""

    outputs: tuple[dict[str, Any], ...]
    done: tuple[PurePath, ...]
    trouble: PectinError | None


def copies(job: Job, places: Places, scratch: Path) -> list[Output]:
    """Copy what goes into the library to `scratch`, beside the outputs; subtitles from inside the film that stay with the
    original become sidecars like the others. Blocks. Raises PectinError."""
    sidecars.keep_with_original(scratch, _film(job).stem, places.sidecars(job.id))
    found = []
    for sidecar in _at_work(job, places):
        fate = _fate(job, sidecar, places.sidecars(job.id) / sidecar)
        if not fate.why_not:
            file = sidecars.copy_for_placing(sidecar, fate, places.sidecars(job.id), scratch)
            found.append(Output(role=ROLE, file=file, suffix=fate.suffix, extension=fate.extension))
    return found


def outputs_of(intent: Intent, places: Places, job_id: str) -> list[dict[str, Any]]:
    """What was published, the video first, as it is kept with the job and sent in events. Of a sidecar `from` is the name it came
    under, of a folder `files` how many are in it."""
    return [_output(p.role, p.final, p.size, p.sha256, _origin(p, places, job_id)) | ({"files": p.files} if p.files else {})
            for p in reversed(intent.placements)]


def place_late(job: Job, places: Places, publishing: Publishing) -> Late:
    """Put the sidecars of a completed job that are not in the library yet beside its film. Trouble with one keeps none of the
    others waiting. Blocks; may be called again after a crash at any point."""
    intent = Intent.from_json(job.intent) if job.intent else None
    placed = json.loads(job.outputs) if job.outputs else []
    known = {(o["from"], o["sha256"]) for o in placed if "from" in o}
    late: list[dict[str, Any]] = []
    done: list[PurePath] = []
    trouble = None
    for sidecar in _at_work(job, places):
        path = places.sidecars(job.id) / sidecar
        try:
            fate = _fate(job, sidecar, path)
            size, digest = sidecars.content(path, fate)
            if (printable(sidecar), digest) not in known:
                final = _beside(job, sidecar, path, fate, intent, publishing)
                if final is not None and str(final) not in {o["path"] for o in (*placed, *late)}:
                    late.append(_output(ROLE, final, size, digest, sidecar))
        except PectinError as error:
            trouble = trouble or error
        else:
            done.append(sidecar)
    return Late(tuple(late), tuple(done), trouble)


def _beside(job: Job, sidecar: PurePath, path: Path, fate: Fate, intent: Intent | None, publishing: Publishing) -> Path | None:
    """Where the latecomer stands now; None, and a line in the log, when it does not go into the library."""
    final = None
    why_not = fate.why_not
    if not why_not and (intent is None or not _stands(intent)):
        why_not = "its film is no longer where it was published"
    if not why_not and intent is not None:
        final = sidecars.add_beside(path, fate, intent, job.id, file_mode=publishing.file_mode, group=publishing.group,
                                    owner=publishing.owner)
        why_not = "" if final is not None else "another file has its name in the library"
    if final is None:
        log.info("%s stays with the original: %s", printable(sidecar), why_not)
    else:
        log.info("%s was put beside its film: %s", printable(sidecar), final)
    return final


def _stands(intent: Intent) -> bool:
    """Raises PectinError when the library is away: then nobody knows, and it is tried again."""
    place.need_library(intent.library)
    return place.stands(intent)


def account(job: Job, places: Places) -> tuple[SidecarAccount, ...]:
    """All sidecars of a job, wherever they lie. Blocks. Raises PectinError."""
    published = [o for o in json.loads(job.outputs or "[]") if "from" in o]
    found = originals.sidecars(places, job.id, job.relative)
    fates = [_fate(job, sidecar, path) for _, sidecar, path in found]
    return tuple(SidecarAccount(printable(sidecar), printable(path),
                                _outcome(job, fate, where, _published(sidecar, path, fate, published)))
                 for (where, sidecar, path), fate in zip(found, fates, strict=True))


def _published(sidecar: PurePath, path: Path, fate: Fate, outputs: Sequence[dict[str, Any]]) -> str | None:
    """Where a sidecar went, known by its content: of two that came under one name, one has got a number since. Of several with
    the same content (`poster.jpg` and `folder.jpg`, as some programs write them) its own name tells."""
    size, digest = sidecars.content(path, fate)
    same = [o for o in outputs if (o["size"], o["sha256"]) == (size, digest)]
    return next((o["path"] for o in same if o["from"] == printable(sidecar)), same[0]["path"] if same else None)


def _outcome(job: Job, fate: Fate, where: Where, published: str | None) -> str:
    if published is not None:
        return f"in the library as {published}"
    if fate.why_not:
        return f"stays with the original: {fate.why_not}"
    if job.state not in FINAL:
        return "goes into the library with its film"
    if job.state is not State.COMPLETED:
        return "set aside with its film"
    if where is Where.WORK:
        return "waits for its place beside the film: the log says why"
    return "stays with the original: there was no free name for it beside the film, or the film had gone"


def _at_work(job: Job, places: Places) -> list[PurePath]:
    return [sidecar for where, sidecar, _ in originals.sidecars(places, job.id, job.relative) if where is Where.WORK]


def _fate(job: Job, sidecar: PurePath, path: Path) -> Fate:
    """Raises PectinError."""
    return sidecars.fate_of(sidecar, _film(job), path, frame_rate=_frame_rate(job))


def _frame_rate(job: Job) -> float | None:
    """Of the film's picture, as it was probed: some subtitles count frames."""
    with suppress(ValueError, TypeError, LookupError, ZeroDivisionError):
        return float(Fraction(json.loads(job.media or "{}")["video"][0]["average_frame_rate"]))
    return None


def _film(job: Job) -> PurePath:
    return PurePath(job.relative.name)


def _origin(placement: Placement, places: Places, job_id: str) -> PurePath | None:
    return sidecars.origin_of(placement.work, places.out(job_id)) if placement.role == ROLE else None


def _output(role: str, final: Path, size: int, digest: str, origin: PurePath | None) -> dict[str, Any]:
    return {"role": role, "path": str(final), "size": size, "sha256": digest} | ({"from": printable(origin)} if origin else {})
