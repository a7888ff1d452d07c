"""What jobs are done by, as values. A reload makes new ones; a running job keeps those it began with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pectin.encoding.tools import Tools
from pectin.linux.sandbox import Sandbox
from pectin.model.conflict import Conflict, Duplicates, Mtime
from pectin.model.errors import Cause, PectinError
from pectin.model.job import Job
from pectin.model.order import Order
from pectin.model.places import Places
from pectin.model.profile import Profile
from pectin.model.route import Route
from pectin.pipeline.retry import RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How ffmpeg is run: `cpus` has one entry per worker slot (None: all); times are seconds. `sandbox`: the walls around it,
    None for all that this machine offers. `time_limit`: None for none."""

    tools: Tools
    threads: int
    cpus: tuple[frozenset[int] | None, ...]
    nice: int
    stall_timeout: float
    probe_timeout: float
    sandbox: Sandbox | None = None
    time_limit: float | None = None

    def cpus_of(self, slot: int) -> frozenset[int] | None:
        """The CPUs of a worker slot, None: all, as for one that has no entry."""
        return self.cpus[slot] if slot < len(self.cpus) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """Permissions of what is placed in a library; `group` and `owner` are ids, None leaves them. `mtime`: which time it has.
    `conflict`: when a name is taken there."""

    file_mode: int
    folder_mode: int
    group: int | None
    owner: int | None = None
    mtime: Mtime = Mtime.NOW
    conflict: Conflict = Conflict.KEEP_BOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything a worker needs besides the job. `min_free`: bytes that stay free on the disks of the work queue and the
    libraries; `state`: where the database lies; `renditions`: for what is made of films and does not go into a library."""

    places: Places
    routes: Mapping[str, Route]
    profiles: Mapping[str, Profile]
    encoding: Encoding
    publishing: Publishing
    retry: RetryPolicy
    order: Order = Order.OLDEST
    duplicates: Duplicates = Duplicates.REJECT
    min_free: int = 0
    state: Path | None = None
    renditions: Path | None = None

    @property
    def folders_needed(self) -> tuple[Path, ...]:
        """Those besides the libraries where jobs put their outputs."""
        wanted = any(profile.shelves for route in self.routes.values() if (profile := self.profiles.get(route.profile)))
        return (self.renditions,) if wanted and self.renditions is not None else ()

    def route(self, job: Job) -> Route:
        """Raises PectinError when the configuration has lost it."""
        if (route := self.routes.get(job.route)) is None:
            raise PectinError(Cause.ROUTE_GONE, f"route {job.route}")
        return route

    def profile(self, job: Job) -> Profile:
        """Raises PectinError when the configuration has lost it."""
        if (profile := self.profiles.get(job.profile)) is None:
            raise PectinError(Cause.ROUTE_GONE, f"profile {job.profile}")
        return profile
