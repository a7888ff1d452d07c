"""`pectin undo`: the original goes back where it came from, the outputs leave the library, the job is cancelled.

The order, and what a crash finds. (1) The row learns what is about to happen (`left_behind`, UNDOING): from here on the next
start goes on by itself, and the intake leaves the film alone before it lies there. (2) Original and sidecars go back, durable;
a move that was cut in two is finished by moving again. Only then (3) outputs are removed: the film exists somewhere always.
(4) The transition, with the event that tells the world. Each step may be done twice."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePath

from pectin.linux.crash import CrashPoint, reached
from pectin.linux.finish import finished
from pectin.linux.footing import astray
from pectin.linux.pathtext import printable
from pectin.model.errors import Cause, PectinError
from pectin.model.event import EventType
from pectin.model.intent import Intent
from pectin.model.job import IllegalTransitionError, Job, Stage, State, Trigger
from pectin.model.left_behind import LeftBehind, Why
from pectin.model.places import Places
from pectin.observing.logs import facts, job_context
from pectin.pipeline.events import make_event
from pectin.pipeline.policy import Policy
from pectin.publishing import originals, place, restore
from pectin.store.store import Store

log = logging.getLogger(__name__)

LeaveAlone = Callable[[Job, LeftBehind | None], None]
Announce = Callable[[Trigger, State, Cause | None], None]


class WishError(Exception):
    """What was asked for cannot be; the text says why, for a person. Nothing has changed."""


def left_of(job: Job) -> LeftBehind | None:
    """The file outside our folders that belongs to this job, if there is one."""
    return LeftBehind.from_json(job.left_behind) if job.left_behind else None


def being_undone(job: Job) -> bool:
    """Whether `pectin undo` has begun and not come to its end."""
    left = left_of(job)
    return job.state is State.COMPLETED and left is not None and left.why is Why.UNDOING


class Undo:
    """`leave_alone` is told of a film before it comes to lie in an inbox, `announce` of the transition. The caller has the job's
    turn."""

    def __init__(self, store: Store, leave_alone: LeaveAlone = lambda _job, _left: None,
                 announce: Announce = lambda _trigger, _state, _cause: None) -> None:
        self._store = store
        self._leave_alone = leave_alone
        self._announce = announce

    async def undo(self, job: Job, to: Path | None, policy: Policy) -> Job:
        """All of it. Raises IllegalTransitionError, WishError, PectinError; whatever was begun goes on by itself later."""
        if job.state is not State.COMPLETED:
            raise IllegalTransitionError(job.state, Trigger.UNDO)
        if being_undone(job):
            return await self.go_on(job, policy.places)
        before = left_of(job)
        job = await self._note(job, await asyncio.to_thread(_intend, job, to, policy))
        try:
            return await self.go_on(job, policy.places)
        except PectinError:
            if await asyncio.to_thread(originals.locate, policy.places, job.id, job.relative) is not None:
                await self._note(job, before)  # the original, which goes first, lies where it lay: as if nobody had asked
            raise

    async def go_on(self, job: Job, places: Places) -> Job:
        """From wherever it stands, once the row knows of it. Raises PectinError."""
        left = left_of(job)
        if left is None or left.why is not Why.UNDOING:
            raise IllegalTransitionError(job.state, Trigger.UNDO)
        self._leave_alone(job, left)  # again: this may be another run of the daemon
        for target in restore.next_names(left.path):
            if target != left.path:  # somebody has the name before: row and intake hear of the next one first
                left = replace(left, path=target)
                job = await self._note(job, left)
            try:
                left = await finished(asyncio.to_thread(_give_back, job, left, places))
                break
            except restore.TakenError:
                continue
        reached(CrashPoint.UNDO_ORIGINAL_BACK)
        outputs = json.loads(job.outputs) if job.outputs else []
        if job.intent is not None:
            await finished(asyncio.to_thread(_withdraw, outputs, Intent.from_json(job.intent), job.id))
        await finished(asyncio.to_thread(_tidy, places, job.id))
        return await self._conclude(job, left, places)

    async def _note(self, job: Job, left: LeftBehind | None) -> Job:
        job = await self._store.jobs.note(job.id, now=time.time(), left_behind=left.as_json() if left else None)
        self._leave_alone(job, left)
        return job

    async def _conclude(self, job: Job, left: LeftBehind, places: Places) -> Job:
        """What was withdrawn is what is gone: also what an earlier try removed, or somebody else."""
        outputs = [str(output["path"]) for output in (json.loads(job.outputs) if job.outputs else [])]
        stay = [path for path in outputs if await asyncio.to_thread(os.path.lexists, path)]
        left = replace(left, why=Why.UNDONE)
        error = PectinError(Cause.UNDONE_BY_USER, _facts(left, stay, places, job.id))
        now = time.time()
        event = make_event(EventType.CANCELLED, replace(job, outputs=None), now=now, state=State.CANCELLED, cause=error.cause,
                           message=error.sentence, withdrawn=[path for path in outputs if path not in stay])

        async def write() -> Job:
            after = await self._store.jobs.apply(
                job.id, Trigger.UNDO, now=now, expected=State.COMPLETED, cause=error.cause, message=error.sentence,
                events=[event], changes={"outputs": None, "intent": None, "left_behind": left.as_json(), "stage": Stage.DONE,
                                         "finished_at": now})
            self._leave_alone(after, left)
            self._announce(Trigger.UNDO, State.CANCELLED, error.cause)
            return after

        after = await finished(write())
        log.info("%s", error.sentence, extra=facts(state=after.state, reason=error.cause, path=after.inbox_path))
        return after


async def go_on_undoing(store: Store, places: Places, undo: Undo, alone: Callable[[str], asyncio.Lock]) -> None:
    """What a crash or a refusing disk has cut short: try to bring each to its end. `alone` gives a job's turn."""
    for found in await store.jobs.that_left():
        if not being_undone(found):
            continue
        async with alone(found.id):
            job = await store.jobs.get(found.id)
            if job is None or not being_undone(job):
                continue
            with job_context(job.id):
                try:
                    await undo.go_on(job, places)
                except PectinError as error:
                    log.warning("the undoing of this job cannot go on yet: %s; %s", error.sentence, error.meaning.next_step)


def _intend(job: Job, to: Path | None, policy: Policy) -> LeftBehind:
    """Where everything will go. Raises WishError, PectinError: then nothing has begun."""
    located = originals.locate(policy.places, job.id, job.relative)
    if located is None:
        raise PectinError(Cause.SOURCE_LOST, original_gone(job))
    if job.intent is not None:
        place.need_roots(Intent.from_json(job.intent))
    if to is not None:
        _check_folder(to, policy)
    root = to or inbox_root(job)
    if not root.is_dir() or astray(root):
        raise WishError(f"{printable(root)} is not there, or not mounted; name another folder with --to")
    with place.explained(located[1]):
        info = located[1].lstat()
    target = to / job.relative.name if to is not None else Path(job.inbox_path)
    sidecars = tuple((within, restore.beside(within, PurePath(job.relative.name), target))
                     for _, within, _ in originals.sidecars(policy.places, job.id, job.relative))
    return LeftBehind(why=Why.UNDOING, path=target, inode=info.st_ino, size=info.st_size, mtime_ns=info.st_mtime_ns,
                      elsewhere=to is not None, sidecars=sidecars)


def _check_folder(to: Path, policy: Policy) -> None:
    """A folder that a person has named. In an inbox it would be claimed, in a library shown, elsewhere of ours removed."""
    if not to.is_absolute() or ".." in to.parts or "\0" in str(to):
        raise WishError(f"{printable(to)} is not an absolute path")
    ours = [*(route.inbox for route in policy.routes.values()), *(route.library for route in policy.routes.values()),
            policy.places.work, policy.places.originals, policy.places.rejected, policy.renditions]
    real = Path(os.path.realpath(to))
    for folder in filter(None, ours):
        if real.is_relative_to(os.path.realpath(folder)):
            raise WishError(f"{printable(to)} lies in {printable(folder)}, which Pectin itself looks after; name another folder")


def _give_back(job: Job, left: LeftBehind, places: Places) -> LeftBehind:
    """Original first, then what came with it. Raises TakenError for the original's name, PectinError."""
    root = left.path.parent if left.elsewhere else inbox_root(job)
    located = originals.locate(places, job.id, job.relative)
    if located is not None:
        restore.put_back(located[1], left.path, root)
    with place.explained(left.path):
        try:
            info = left.path.lstat()
        except FileNotFoundError:
            info = None
    if info is None or (located is None and not left.is_at(left.path, inode=info.st_ino, size=info.st_size,
                                                           mtime_ns=info.st_mtime_ns)):
        raise PectinError(Cause.SOURCE_LOST, f"it had been put back at {printable(left.path)}, and is not there any more")
    moved = []
    for _, within, path in originals.sidecars(places, job.id, job.relative):
        wished = restore.beside(within, PurePath(job.relative.name), left.path)
        for target in restore.next_names(wished):
            try:
                restore.put_back(path, target, root)
            except restore.TakenError:
                continue
            moved.append((within, target))
            break
    known = dict([*left.sidecars, *moved])
    return replace(left, inode=info.st_ino, size=info.st_size, mtime_ns=info.st_mtime_ns, sidecars=tuple(known.items()))


def _withdraw(outputs: list[dict[str, object]], intent: Intent, job_id: str) -> None:
    place.need_roots(intent)
    restore.withdraw_outputs(outputs, intent, job_id)


def _tidy(places: Places, job_id: str) -> None:
    originals.tidy_work(places, job_id)
    originals.tidy_rest(places, job_id)


def inbox_root(job: Job) -> Path:
    """The inbox as it was when the film was claimed: the route may be another by now, or gone."""
    return Path(job.inbox_path).parents[len(job.relative.parts) - 1]


def original_gone(job: Job) -> str:
    """When and why there is no original any more, as far as is known."""
    if job.purged_at is None:
        return "it was removed from the originals"
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(job.purged_at))
    return f"it was removed on {when}, after its time (originals.keep, originals.max_size)"


def _facts(left: LeftBehind, stay: list[str], places: Places, job_id: str) -> str:
    facts = [printable(left.path)]
    if stay:
        facts.append(f"these have changed since they were placed, and stay in the library: {', '.join(map(printable, stay))}")
    if os.path.lexists(places.replaced(job_id)):
        facts.append(f"what it had replaced lies in {printable(places.replaced(job_id))}")
    return "; ".join(facts)
