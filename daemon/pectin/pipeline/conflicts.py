"""When a film's name is taken in the library: what may be replaced, and by which terms the new one finds its names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pectin.linux.move import sha256_of
from pectin.model.conflict import Conflict, Terms
from pectin.model.job import Job
from pectin.model.sidecar import ROLE
from pectin.pipeline.policy import Policy
from pectin.pipeline.running import RunningJob
from pectin.publishing.naming import library_place
from pectin.publishing.place import explained
from pectin.publishing.replace import is_regular
from pectin.store.store import Store


async def find_rival(running: RunningJob, policy: Policy, store: Store) -> None:
    """Which job has placed the film that has this one's name. Raises PectinError."""
    if policy.publishing.conflict is Conflict.REPLACE:
        route = policy.route(running.job)
        running.rival = await store.jobs.publisher_of(
            route.library / library_place(running.job.relative, own_folder=route.own_folder))


def terms(running: RunningJob, policy: Policy) -> Terms:
    """The terms as they are now. Blocks. Raises PectinError."""
    rival = running.rival
    return Terms(conflict=policy.publishing.conflict, earlier=tuple(_unchanged(running.job)),
                 ours=frozenset(_unchanged(rival)) if rival is not None else frozenset())


def _unchanged(job: Job) -> Iterator[Path]:
    """What a job has placed, the film first, as far as it is there. What came with the film only as long as it is the same:
    a person or Jellyfin may have put work into it since."""
    for output in json.loads(job.outputs or "[]"):
        path = Path(output["path"])
        with explained(path):
            if is_regular(path) and (output["role"] != ROLE or
                                     (path.stat().st_size == output["size"] and sha256_of(path) == output["sha256"])):
                yield path
