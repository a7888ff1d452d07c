"""A worker over a real store, with jobs whose sources are a few bytes, for tests that need no ffmpeg and no daemon."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from intending import intend
from pectin.encoding.tools import Tools
from pectin.intake.arrivals import IntakeRules
from pectin.intake.settle import Patience
from pectin.model.conflict import Duplicates
from pectin.model.job import Job, Stage, State, Trigger
from pectin.model.places import Places
from pectin.model.profile import Profile
from pectin.model.route import Route
from pectin.observing.metrics import Metrics
from pectin.pipeline.gate import Gate
from pectin.pipeline.intake_loop import IntakeLoop, IntakePolicy
from pectin.pipeline.policy import Encoding, Policy, Publishing
from pectin.pipeline.retry import RetryPolicy
from pectin.pipeline.worker import Worker
from pectin.store.store import Store

# Of this process alone: several run tests at the same time, and a start sweeps away whatever runs for a job of its ids.
ONE, TWO = (f"{os.getpid():09d}"[-9:] + number for number in "12")


def a_policy(folder: Path) -> Policy:
    route = Route(name="films", inbox=folder / "in", library=folder / "lib", profile="universal")
    tools = Tools(ffmpeg=Path("/bin/false"), ffprobe=Path("/bin/false"), version=None, version_text="none")
    return Policy(places=Places(folder / "work", folder / "originals", folder / "rejected"), routes={"films": route},
                  profiles={"universal": Profile()}, retry=RetryPolicy(attempts=1), duplicates=Duplicates.KEEP,
                  encoding=Encoding(tools=tools, threads=1, cpus=(None,), nice=0, stall_timeout=60, probe_timeout=60),
                  publishing=Publishing(file_mode=0o644, folder_mode=0o755, group=None))


@asynccontextmanager
async def working(folder: Path) -> AsyncIterator[tuple[Store, Worker]]:
    """A store and a worker over it, not yet running."""
    async with Store.open(folder / "pectin.db") as store:
        yield store, Worker(store, a_policy(folder), Gate(store.flags), Metrics("test"), slots=1, changed=lambda: None)


def an_intake(store: Store, worker: Worker, **policy: Any) -> IntakeLoop:
    """The way in, without waiting times and rescans."""
    rules = IntakeRules(patience=Patience(linger=0, quiet=0))
    chosen = IntakePolicy(**({"routes": worker.policy.routes, "rules": rules, "rescan": 0, "poll": 0} | policy))
    return IntakeLoop(store, chosen, worker.policy.places, Metrics("test"), worker.turns, attended=worker.attended,
                      changed=lambda: None)


async def add(store: Store, folder: Path, job_id: str, name: str) -> Job:
    job = Job(id=job_id, state=State.PENDING, route="films", profile="universal", inbox_path=folder / "in" / name,
              relative=PurePath(name), size=4, created_at=1.0, updated_at=1.0)
    source = folder / "work" / job_id / "source" / name
    source.parent.mkdir(parents=True)
    source.write_bytes(b"film")
    await store.jobs.add(job)
    return job


async def ended(store: Store, job_id: str, state: State) -> Job:
    for _ in range(600):
        job = await store.jobs.get(job_id)
        assert job is not None
        if job.state is state:
            return job
        await asyncio.sleep(0.05)
    raise AssertionError(f"{job_id} never became {state}")


async def publishing(store: Store, folder: Path, **changes: object) -> Job:
    """A job whose outputs are made, with the intent to publish them, just as a worker leaves it before it begins to place."""
    job = await add(store, folder, ONE, "Film.mkv")
    out = a_policy(folder).places.out(ONE)
    out.mkdir()
    (out / "video.mp4").write_bytes(b"output")
    (folder / "lib").mkdir(exist_ok=True)
    intent = intend([("video", out / "video.mp4", "", "mp4")], library=folder / "lib",
                            place=PurePosixPath("Film/Film.mp4"), job_id=ONE)
    await store.jobs.apply(ONE, Trigger.CLAIM, now=2.0)
    await store.jobs.apply(ONE, Trigger.ENCODED, now=3.0,
                           changes={"intent": intent.as_json(), "stage": Stage.PLACING, **changes})
    return job
