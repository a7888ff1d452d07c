"""Whether there is room for another job or copy: what it needs, and what the running ones still need, against what is free."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pectin.linux.footing import astray
from pectin.linux.glance import Glances
from pectin.linux.space import Disk, disk_of
from pectin.model.intent import Intent
from pectin.model.job import Job, Stage, State
from pectin.model.need import Rung, extras_size, output_size
from pectin.model.plan import Method, Plan
from pectin.model.profile import Profile
from pectin.model.rendition import Hls
from pectin.pipeline.policy import Policy
from pectin.pipeline.running import RunningJob

LOOK = 3.0                # seconds between two looks at a disk that is too full: a few system calls
STATE_MARGIN = 16 * 2**20  # bytes: the database and its log, so that a disk that fills up stops the queue and not the daemon


@dataclass(frozen=True, slots=True)
class Shortage:
    """Too little room, with the facts for a person. `alone`: even on an empty disk it would not fit: that is about this film, not
    about the disk, and nobody else has to wait for it. `library`: the library, or the folder of renditions, that
    alone is short of room: films that do not go there may go on."""

    facts: str
    alone: bool
    library: Path | None = None


@dataclass(frozen=True, slots=True)
class _Need:
    """Bytes that will still be written for one job: in the work queue, and from there into these folders."""

    work: int
    places: Mapping[Path, int] = field(default_factory=dict)


class Space:
    """Looks at the disks of the work queue, the libraries, the renditions and the database. One that does not answer, or tells
    nothing, is no reason to wait: whoever writes there sees."""

    def __init__(self, look: Callable[[Path], Disk | None] | None = None) -> None:
        self._glances = Glances(look or _room)

    async def for_job(self, job: Job, others: Collection[RunningJob], policy: Policy,
                      plan: Plan | None = None) -> Shortage | None:
        """Whether `job` may begin next to the `others` that run; with its plan, if it has one already, it is known better."""
        return await self._judge(job.name, _outputs(job, plan, policy), others, policy)

    async def for_copy(self, name: str, size: int, queued: Iterable[Job], running: Collection[RunningJob],
                       policy: Policy) -> Shortage | None:
        """Whether a film of so many bytes may be copied into the work queue. Room for what will be made of it, and of all that
        wait already (`queued`), is set aside as well: a queue full of sources with no room to make anything would wait for
        ever."""
        waiting = sum(_outputs(job, None, policy).work for job in queued if job.id not in {one.job.id for one in running})
        return await self._judge(name, _Need(size + output_size(size)), running, policy, waiting)

    async def free(self, policy: Policy) -> dict[str, int]:
        """Bytes that are free, by what lies there; what does not answer is left out."""
        folders = {"work": policy.places.work, **({"state": policy.state} if policy.state else {}),
                   **({"renditions": policy.renditions} if policy.renditions else {}),
                   **{f"library of {name}": route.library for name, route in policy.routes.items()}}
        answers = await self._glances.at(folders.values())
        return {what: disk.free for what, folder in folders.items() if isinstance(disk := answers[folder], Disk)}

    async def _judge(self, name: str, need: _Need, others: Collection[RunningJob], policy: Policy,
                     set_aside: int = 0) -> Shortage | None:
        work = policy.places.work
        running = [_still(one, policy) for one in others]
        folders = {work, *need.places, *(folder for rest in running for folder in rest.places)}
        answers = await self._glances.at(folders | ({policy.state} if policy.state else set()))
        disks = {folder: disk for folder, disk in answers.items() if isinstance(disk, Disk)}
        needed, reserved = Counter[str](), Counter[str]()
        _charge(needed, need, work, disks)
        for rest in running:
            _charge(reserved, rest, work, disks)
        if work in disks:
            reserved[disks[work].pool] += set_aside
        for place in (work, *need.places):
            if (disk := disks.get(place)) is not None and needed[disk.pool]:
                short = _short(name, place, disk, needed[disk.pool], reserved[disk.pool], policy.min_free)
                if short is not None:
                    own = place != work and (work not in disks or disks[work].pool != disk.pool)
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


def _charge(account: Counter[str], need: _Need, work: Path, disks: Mapping[Path, Disk]) -> None:
    """To a library a rename brings the output at no cost; from another file system it is there twice for a while."""
    if work in disks:
        account[disks[work].pool] += need.work
    for folder, size in need.places.items():
        if folder in disks and (work not in disks or disks[work].volume != disks[folder].volume):
            account[disks[folder].pool] += size


def _still(running: RunningJob, policy: Policy) -> _Need:
    """What a running job will still write."""
    job = running.job
    if job.state is State.PUBLISHING:
        return _Need(0, _intended(Intent.from_json(job.intent)) if job.intent else {})
    whole = _outputs(job, running.plan, policy)
    if running.stage is Stage.PROBING:
        return whole
    written = running.progress.total_size or 0 if running.stage is Stage.ENCODING else whole.work
    return _Need(max(0, whole.work - written), whole.places)


def _intended(intent: Intent) -> Mapping[Path, int]:
    places = Counter[Path]()
    for placement in intent.placements:
        places[intent.root_of(placement.final)] += placement.size
    return places


def _outputs(job: Job, plan: Plan | None, policy: Policy) -> _Need:
    """By its plan: this one, or that of an earlier try."""
    profile = policy.profiles.get(job.profile)
    known = plan.as_dict() if plan is not None else json.loads(job.plan or "null")
    if known is None:
        film, seconds, hls = output_size(job.size), None, profile is not None and profile.hls is not Hls.NONE
        rungs = _guessed(profile) if profile is not None else []
    else:
        seconds, hls = known["seconds"], known.get("hls", Hls.NONE) != Hls.NONE
        film = output_size(job.size, method=Method(known["method"]), seconds=seconds,
                           max_bitrate=profile.max_bitrate if profile else 0)
        rungs = [Rung(rung["max_bitrate"], rung["files"]) for rung in known.get("renditions", ())]
    extras = extras_size(rungs, film=film, source=job.size, seconds=seconds, hls=hls)
    places = Counter[Path]()
    route, versions = policy.routes.get(job.route), profile is not None and profile.versions
    if route is not None:
        places[route.library] += film + (extras.kept if versions else 0)
    if policy.renditions is not None and (extras.cut or (extras.kept and not versions)):
        places[policy.renditions] += extras.cut + (0 if versions else extras.kept)
    return _Need(film + extras.made + extras.cut, places)


def _guessed(profile: Profile) -> list[Rung]:
    """Before anybody has looked into the film: a smaller picture takes its part of the larger one's, the original all of it."""
    rungs = [Rung(files=profile.rendition_files, share=min(1.0, height / profile.max_height)) for height in profile.renditions]
    return [*rungs, *([Rung()] if profile.original else [])]
