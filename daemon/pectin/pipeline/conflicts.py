"""A film's name in the library: how it is found, and when it is taken, what may be replaced and by which terms the new one gets
it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pectin.linux.move import sha256_of
from pectin.model.conflict import Conflict, Terms
from pectin.model.job import Job
from pectin.model.parsed import LibraryName, Understanding, understanding_from
from pectin.model.route import Naming
from pectin.model.sidecar import ROLE
from pectin.pipeline.policy import Policy
from pectin.pipeline.running import RunningJob
from pectin.publishing.naming import extension_of, library_name
from pectin.publishing.place import explained
from pectin.publishing.replace import is_regular
from pectin.publishing.titles import understand
from pectin.store.store import Store


async def find_rival(running: RunningJob, policy: Policy, store: Store) -> None:
    """What the source's name says, where names are parsed, and which job has placed the film that has this one's name. Raises
    PectinError."""
    job, route = running.job, policy.route(running.job)
    if route.naming is Naming.PARSED:
        # Once for all tries of a job: another try may have another guessit, and a film must not get two names.
        running.understanding = running.understanding or _kept(job) or await understand(job.relative, job=job.id)
    if policy.publishing.conflict is Conflict.REPLACE:
        name = named(running, policy, extension_of(policy.profile(job).container, job.relative))
        running.rival = await store.jobs.publisher_of(route.library / name.place)


def named(running: RunningJob, policy: Policy, extension: str) -> LibraryName:
    """The name the film gets, unless it is taken: call find_rival first. Raises PectinError."""
    return library_name(running.job.relative, own_folder=policy.route(running.job).own_folder, extension=extension,
                        understanding=running.understanding)


def _kept(job: Job) -> Understanding | None:
    """What an earlier try of the job has understood."""
    name = (json.loads(job.plan or "{}") or {}).get("name")
    return understanding_from(name["understanding"]) if name and name.get("understanding") else None


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
