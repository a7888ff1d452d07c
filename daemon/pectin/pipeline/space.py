"""Whether there is room for another job or copy: what it needs, and what the running ones still need, against what is free."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pectin.linux.footing import astray
from pectin.linux.glance import Glances
from pectin.linux.space import Disk, disk_of
from pectin.model.intent import Intent
from pectin.model.job import Job, Stage, State
from pectin.model.need import output_size
from pectin.model.plan import Method, Plan
from pectin.pipeline.policy import Policy
from pectin.pipeline.running import RunningJob

LOOK = 3.0                # seconds between two looks at a disk that is too full: a few system calls
STATE_MARGIN = 16 * 2**20  # bytes: the database and its log, so that a disk that fills up stops the queue and not the daemon


@dataclass(frozen=True, slots=True)
class Shortage:
    """Too little room, with the facts for a person. `alone`: even on an empty disk it would not fit: that is about this film, not
    about the disk, and nobody else has to wait for it. `library`: this one alone is short of room, films for others may go on."""

    facts: str
    alone: bool
    library: Path | None = None


@dataclass(frozen=True, slots=True)
class _Need:
    """Bytes that will still be written for one job."""

    work: int
    library: int


class Space:
    """Looks at the disks of the work queue, the libraries and the database. One that does not answer, or tells
    nothing, is no reason to wait: whoever writes there sees."""

    def __init__(self, look: Callable[[Path], Disk | None] | None = None) -> None:
        self._glances = Glances(look or _room)

    async def for_job(self, job: Job, others: Collection[RunningJob], policy: Policy,
                      plan: Plan | None = None) -> Shortage | None:
        """Whether `job` may begin next to the `others` that run; with its plan, if it has one already, it is known better."""
        size = _outputs(job, plan, policy)
        return await self._judge(job.name, _Need(size, size), _library(job, policy), others, policy)

    async def for_copy(self, name: str, size: int, queued: Iterable[Job], running: Collection[RunningJob],
                       policy: Policy) -> Shortage | None:
        """Whether a film of so many bytes may be copied into the work queue. Room for what will be made of it, and of all that
        wait already (`queued`), is set aside as well: a queue full of sources with no room to make anything would wait for
        ever."""
        waiting = sum(_outputs(job, None, policy) for job in queued if job.id not in {one.job.id for one in running})
        return await self._judge(name, _Need(size + output_size(size), 0), None, running, policy, waiting)

    async def free(self, policy: Policy) -> dict[str, int]:
        """Bytes that are free, by what lies there; what does not answer is left out."""
        folders = {"work": policy.places.work, **({"state": policy.state} if policy.state else {}),
                   **{f"library of {name}": route.library for name, route in policy.routes.items()}}
        answers = await self._glances.at(folders.values())
        return {what: disk.free for what, folder in folders.items() if isinstance(disk := answers[folder], Disk)}

    async def _judge(self, name: str, need: _Need, library: Path | None, others: Collection[RunningJob], policy: Policy,
                     set_aside: int = 0) -> Shortage | None:
        work = policy.places.work
        running = [(_library(one.job, policy), _still(one, policy)) for one in others]
        folders = {work, policy.state, library, *(folder for folder, _ in running)} - {None}
        answers = await self._glances.at(folder for folder in folders if folder is not None)
        disks = {folder: disk for folder, disk in answers.items() if isinstance(disk, Disk)}
        needed, reserved = Counter[str](), Counter[str]()
        _charge(needed, need, disks.get(work), disks.get(library) if library else None)
        for folder, rest in running:
            _charge(reserved, rest, disks.get(work), disks.get(folder) if folder else None)
        if work in disks:
            reserved[disks[work].pool] += set_aside
        for place in (work, library):
            if place is not None and (disk := disks.get(place)) is not None and needed[disk.pool]:
                short = _short(name, place, disk, needed[disk.pool], reserved[disk.pool], policy.min_free)
                if short is not None:
                    own = place == library and (work not in disks or disks[work].pool != disk.pool)
                    return replace(short, library=place) if own and not short.alone else short
        state = disks.get(policy.state) if policy.state else None
        if state is not None and state.free < min(STATE_MARGIN, state.size // 2):
            return Shortage(f"{amount(state.free)} are free at {policy.state}, where the database lies", alone=False)
        return None


def amount(size: float) -> str:
    """Decimal units, as drives and file managers count."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _room(folder: Path) -> Disk | None:
    """Of a library that is not mounted, the bare folder's disk would be the wrong one."""
    return None if astray(folder) else disk_of(folder)


def _short(name: str, place: Path, disk: Disk, needed: int, reserved: int, min_free: int) -> Shortage | None:
    if disk.free - reserved - needed >= min_free:
        return None
    kept = f", and {amount(min_free)} are kept free (paths.min_free)" if min_free else ""
    if needed + min_free > disk.size:
        return Shortage(f"{name} may need {amount(needed)} at {place}, where even an empty disk has {amount(disk.size)}{kept}",
                        alone=True)
    running = f", {amount(reserved)} are set aside for other films" if reserved else ""
    return Shortage(f"{name} may need {amount(needed)} at {place}, where {amount(disk.free)} are free{running}{kept}",
                    alone=False)


def _charge(account: Counter[str], need: _Need, work: Disk | None, library: Disk | None) -> None:
    """To the library a rename brings the output at no cost; from another file system it is there twice for a while."""
    if work is not None:
        account[work.pool] += need.work
    if library is not None and (work is None or work.volume != library.volume):
        account[library.pool] += need.library


def _still(running: RunningJob, policy: Policy) -> _Need:
    """What a running job will still write."""
    job = running.job
    if job.state is State.PUBLISHING:
        return _Need(0, sum(p.size for p in Intent.from_json(job.intent).placements) if job.intent else 0)
    whole = _outputs(job, running.plan, policy)
    if running.stage is Stage.PROBING:
        return _Need(whole, whole)
    written = running.progress.total_size or 0 if running.stage is Stage.ENCODING else whole
    return _Need(max(0, whole - written), whole)


def _outputs(job: Job, plan: Plan | None, policy: Policy) -> int:
    """By its plan: this one, or that of an earlier try."""
    profile = policy.profiles.get(job.profile)
    rate = profile.max_bitrate if profile else 0
    if plan is not None:
        return output_size(job.size, method=plan.method, seconds=plan.seconds, max_bitrate=rate)
    if job.plan is not None:
        known = json.loads(job.plan)
        return output_size(job.size, method=Method(known["method"]), seconds=known["seconds"], max_bitrate=rate)
    return output_size(job.size)


def _library(job: Job, policy: Policy) -> Path | None:
    route = policy.routes.get(job.route)
    return route.library if route else None
