"""The story of one job: probe, plan, encode, verify, place. Each step leaves something durable or nothing at all."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pectin.linux.crash import CrashPoint, reached
from pectin.linux.finish import finished
from pectin.linux.move import fsync_folder
from pectin.linux.trees import files_of, is_folder
from pectin.model.conflict import Mtime
from pectin.model.errors import Cause, PectinError
from pectin.model.intent import Intent
from pectin.model.job import Job, Stage
from pectin.model.media import MediaInfo
from pectin.model.output import RENDITION_ROLE, Home, Output
from pectin.model.parsed import LibraryName
from pectin.model.places import Places
from pectin.model.plan import Method, Plan
from pectin.model.profile import Damaged
from pectin.pipeline.conflicts import named, need_earlier, no_versions, terms, why_no_versions
from pectin.pipeline.examine import cut_short, look_into, measure, opened, without_lengths
from pectin.pipeline.policy import Policy
from pectin.pipeline.produce import produce
from pectin.pipeline.proving import Work
from pectin.pipeline.running import RunningJob
from pectin.pipeline.sidecars import copies, outputs_of
from pectin.planning.plan import decide
from pectin.publishing import address, place
from pectin.publishing.address import Shelves
from pectin.publishing.naming import extension_of

log = logging.getLogger(__name__)

_DONE_BY = {Method.FILE: "take over the file", Method.REMUX: "remux", Method.ENCODE: "encode"}


@dataclass(frozen=True, slots=True)
class Made:
    """What a job has made: verified, and ready to publish."""

    media: MediaInfo
    plan: Plan
    intent: Intent


async def make(running: RunningJob, policy: Policy) -> Made:
    """From the source in the work queue to verified outputs with an intent to publish. Raises PectinError."""
    job, places = running.job, policy.places
    route, profile = policy.route(job), policy.profile(job)
    path = places.source(job.id, job.relative)
    if not path.exists():
        raise PectinError(Cause.SOURCE_LOST, str(path.parent))
    await asyncio.to_thread(_fresh, places, job.id)
    running.enter(Stage.PROBING)
    with opened(path, places.work) as source:
        cut = await asyncio.to_thread(cut_short, source)
        if cut is not None and not running.as_it_is and profile.damaged_source is Damaged.REJECT:
            raise PectinError(Cause.TRUNCATED, cut)
        media = await look_into(source, policy.encoding.tools, timeout=policy.encoding.probe_timeout,
                                max_pixels=profile.max_pixels, sandbox=policy.encoding.sandbox, running=running)
        if cut is not None:
            media = without_lengths(media)
        running.learnt(media)
        await running.standing()
        measured = await measure(source, media, profile, policy.encoding, running, places.scratch(job.id))
        plan = decide(media, profile, measured)
        name = named(running, policy, extension_of(plan.container, job.relative))
        plan = replace(plan, name=name)
        running.plan = plan if cut is None else replace(plan, notes=(f"The source is {cut}.",))
        await running.planned()
        log.info("decided to %s: %s", _DONE_BY[plan.method], media.summary())
        if name.understanding is not None:
            log.info("will be called %s: %s", name.place, name.understanding.sentence)
        where = PurePosixPath(name.place)
        await asyncio.to_thread(need_earlier, job, policy)
        await asyncio.to_thread(lambda: address.refuse_taken(route.library, where, terms(running, policy)))
        work = Work(running=running, source=source, media=media, profile=profile, scratch=places.scratch(job.id),
                    encoding=policy.encoding)
        await running.standing()
        outputs = await produce(work, running.plan, measured)
    if profile.versions:
        outputs = await asyncio.to_thread(_with_versions, outputs, running, name, route.library)
    outputs += await finished(asyncio.to_thread(copies, job, places, places.scratch(job.id)))
    reached(CrashPoint.SIDECARS_COPIED)
    await finished(asyncio.to_thread(_keep, places, job.id))
    out = places.out(job.id)
    if policy.publishing.mtime is Mtime.SOURCE:
        await finished(asyncio.to_thread(_date, [out / output.file for output in outputs], path))
    shelves = Shelves(route.library, policy.renditions, route.name)
    intent = await finished(asyncio.to_thread(address.intend, outputs, out, shelves, place=where, job_id=job.id,
                                              terms=await asyncio.to_thread(terms, running, policy)))
    for output in address.unplaced(outputs, intent, out):
        running.note(f"Without {output.role}: another file has its name in the library.")
    return Made(media, replace(running.plan, name=name), intent)


async def put_in_library(running: RunningJob, policy: Policy) -> str:
    """Carry out the durable intent; the outputs as JSON text. Raises PectinError. May be called again after any crash."""
    running.enter(Stage.PLACING)
    intent = recorded_intent(running.job)
    await finished(asyncio.to_thread(place.carry_out, intent, file_mode=policy.publishing.file_mode,
                                     folder_mode=policy.publishing.folder_mode, group=policy.publishing.group,
                                     owner=policy.publishing.owner, archive=policy.places.replaced(running.job.id)))
    return json.dumps(outputs_of(intent, policy.places, running.job.id), ensure_ascii=False)


def recorded_intent(job: Job) -> Intent:
    """Raises PectinError(OUTPUT_LOST) when there is none: then it must all be made again."""
    if job.intent is None:
        raise PectinError(Cause.OUTPUT_LOST, "no intent was recorded")
    return Intent.from_json(job.intent)


def wipe(places: Places, job_id: str) -> None:
    """What a try has left that will never be used. A disk that refuses is asked again by the next try."""
    for folder in (places.scratch(job_id), places.out(job_id)):
        shutil.rmtree(folder, ignore_errors=True)


def _fresh(places: Places, job_id: str) -> None:
    """Empty scratch, no outputs: what an earlier try left was never verified or never published."""
    for folder in (places.scratch(job_id), places.out(job_id)):
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
    places.scratch(job_id).mkdir(parents=True, exist_ok=True)
    reached(CrashPoint.SCRATCH_MADE)


def _with_versions(outputs: Sequence[Output], running: RunningJob, name: LibraryName, library: Path) -> list[Output]:
    """Renditions that Jellyfin would not group with the film go where the others are. Blocks."""
    why_not = why_no_versions(name, library)
    if not why_not or not any(output.role == RENDITION_ROLE for output in outputs):
        return list(outputs)
    running.note(no_versions(why_not))
    return [replace(output, home=Home.RENDITIONS) if output.role == RENDITION_ROLE else output for output in outputs]


def _date(outputs: Sequence[Path], source: Path) -> None:
    """Here, not in the library: the intent tells an output from others by its time too."""
    for output in outputs:
        for file in files_of(output) if is_folder(output) else [output]:
            os.utime(file, ns=(time.time_ns(), source.stat().st_mtime_ns))


def _keep(places: Places, job_id: str) -> None:
    """What is verified moves from scratch to out in one step: out/ never holds half of a result."""
    places.scratch(job_id).rename(places.out(job_id))
    reached(CrashPoint.OUTPUTS_KEPT)
    fsync_folder(places.job_folder(job_id))
    reached(CrashPoint.OUTPUTS_SYNCED)
