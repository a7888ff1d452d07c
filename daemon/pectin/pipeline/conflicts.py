"""A film's name in the library: how it is found, and when it is taken, what may be replaced and by which terms the new one gets
it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pectin.linux.move import sha256_of
from pectin.linux.pathtext import printable
from pectin.linux.trees import contents_of
from pectin.model.conflict import Conflict, Terms
from pectin.model.job import Job
from pectin.model.output import CHANGEABLE, VIDEO_ROLE
from pectin.model.parsed import Kind, LibraryName, Understanding, understanding_from
from pectin.model.route import Naming
from pectin.model.sidecar import ROLE
from pectin.pipeline.policy import Policy
from pectin.pipeline.running import RunningJob
from pectin.publishing.naming import VIDEO_EXTENSIONS, extension_of, groups, is_version, library_name
from pectin.publishing.place import explained, need_library
from pectin.publishing.things import is_as_placed, is_replaceable
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
    earlier = tuple(_unchanged(running.job))
    theirs = tuple(_unchanged(rival)) if rival is not None else ()
    return Terms(conflict=policy.publishing.conflict, earlier=tuple(path for _, path in earlier),
                 film_first=bool(earlier) and earlier[0][0] == VIDEO_ROLE, ours=frozenset(path for _, path in theirs),
                 goes=frozenset(path for role, path in theirs if role not in (VIDEO_ROLE, "subtitle", ROLE)))


def need_earlier(job: Job, policy: Policy) -> None:
    """Before a film is made once more: what lies among the renditions can only be replaced when it can be seen. Blocks. Raises
    PectinError LIBRARY_MISSING, ..."""
    if (root := policy.renditions) is not None and any(
            Path(output["path"]).is_relative_to(root) for output in json.loads(job.outputs or "[]")):
        need_library(root)


def no_versions(why: str) -> str:
    """For a person."""
    return f"The renditions are no versions in the library, and go to the folder of the renditions: {why}."


def why_no_versions(name: LibraryName, library: Path) -> str:
    """Why renditions cannot stand beside this film as versions of it, as a sentence; empty when they can. Blocks."""
    place = PurePosixPath(name.place)
    parsed = name.understanding.parsed if name.understanding else None
    if parsed is not None and parsed.kind is Kind.EPISODE:
        return "Jellyfin 10.11 knows no versions of an episode"
    if not groups(place):
        return "Jellyfin knows versions only of a film in a folder of its own name"
    folder = library / place.parent
    with suppress(OSError):  # there is none yet, or it is away
        for path in sorted(folder.iterdir()):
            if path.suffix[1:].lower() in VIDEO_EXTENSIONS and path.name[0] != "." and not is_version(path.stem, folder.name):
                return f"with {printable(path.name)} in that folder Jellyfin takes none for a version of another"
    return ""


def _unchanged(job: Job) -> Iterator[tuple[str, Path]]:
    """What a job has placed, with the roles, the film first, as far as it is there. What a person or Jellyfin may have put work
    into since only as long as it is the same."""
    for output in json.loads(job.outputs or "[]"):
        path, folder = Path(output["path"]), "files" in output
        with explained(path):
            if is_replaceable(path, folder=folder) and (output["role"] not in CHANGEABLE or (
                    is_as_placed(output) and (contents_of(path).sha256 if folder else sha256_of(path)) == output["sha256"])):
                yield str(output["role"]), path
