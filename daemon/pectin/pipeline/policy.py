"""What jobs are done by, as values. A reload makes new ones; a running job keeps those it began with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pectin.encoding.tools import Tools
from pectin.model.errors import Cause, PectinError
from pectin.model.job import Job
from pectin.model.order import Order
from pectin.model.places import Places
from pectin.model.profile import Profile
from pectin.model.route import Route
from pectin.pipeline.retry import RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How ffmpeg is run: `cpus` has one entry per worker slot (None: all); times are seconds."""

    tools: Tools
    threads: int
    cpus: tuple[frozenset[int] | None, ...]
    nice: int
    stall_timeout: float
    probe_timeout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """Permissions of what is placed in a library; `group` is a group id or None."""

    file_mode: int
    folder_mode: int
    group: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything a worker needs besides the job."""

    places: Places
    routes: Mapping[str, Route]
    profiles: Mapping[str, Profile]
    encoding: Encoding
    publishing: Publishing
    retry: RetryPolicy
    order: Order = Order.OLDEST

    def route(self, job: Job) -> Route:
        """Raises PectinError when the configuration has lost it."""
        if (route := self.routes.get(job.route)) is None:
            raise PectinError(Cause.ROUTE_GONE, job.route)
        return route

    def profile(self, job: Job) -> Profile:
        """Raises PectinError when the configuration has lost it."""
        if (profile := self.profiles.get(job.profile)) is None:
            raise PectinError(Cause.ROUTE_GONE, f"profile {job.profile}")
        return profile
