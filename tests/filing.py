"""Real films through a real worker with a real ffmpeg, in this process: quicker than a daemon, and its parts can be looked at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from harness import files
from pectin.encoding import tools
from pectin.model.job import Job
from pectin.model.profile import Profile
from pectin.pipeline.worker import Worker
from pectin.store.store import Store
from working import ONE, add, working

SAID = b"1\n00:00:00,100 --> 00:00:01,000\nHello\n\n"


@asynccontextmanager
async def encoding(folder: Path, profile: Profile | None = None) -> AsyncIterator[tuple[Store, Worker]]:
    """A running worker with a real ffmpeg."""
    async with working(folder) as (store, worker):
        real = await tools.find("auto")
        worker.policy = replace(worker.policy, encoding=replace(worker.policy.encoding, tools=real),
                                profiles={"universal": profile} if profile else worker.policy.profiles)
        (folder / "lib").mkdir()
        task = asyncio.create_task(worker.run())
        try:
            yield store, worker
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def add_film(store: Store, folder: Path, film: Path, came: dict[str, bytes], name: str = "Film.mkv") -> Job:
    """A film in the work queue with what came with it, before a worker hears of it."""
    work = folder / "work" / ONE
    work.mkdir(parents=True)
    for path, content in came.items():
        arrive(folder, path, content)
    job = await add(store, folder, ONE, name)
    (work / "source" / name).write_bytes(film.read_bytes())
    return job


def arrive(folder: Path, name: str, content: bytes = SAID) -> None:
    path = folder / "work" / ONE / "sidecars" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


async def tidied(folder: Path) -> None:
    for _ in range(600):
        if not (folder / "work" / ONE).exists():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(files(folder / "work"))
