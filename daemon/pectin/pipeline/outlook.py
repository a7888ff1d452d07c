"""What would be done with a file: the same looks and decisions as a job's, and nothing is written."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from pectin.linux.pathtext import printable
from pectin.model.errors import Cause, PectinError
from pectin.model.media import MediaInfo
from pectin.model.plan import Plan
from pectin.model.profile import Profile
from pectin.model.route import Naming, Route
from pectin.pipeline.conflicts import no_versions, why_no_versions
from pectin.pipeline.examine import look_into, opened, settle_plan
from pectin.pipeline.policy import Encoding, Policy
from pectin.planning.effort import expected_seconds
from pectin.planning.reach import reach
from pectin.publishing.naming import extension_of, library_name
from pectin.publishing.titles import understand
from pectin.store.scores import Scores


async def outlook(path: Path, profile_name: str | None, policy: Policy, scores: Scores) -> tuple[MediaInfo, Plan, str]:
    """What would be done with a file below an inbox or a library, without doing it; and what its profile reaches. Raises
    PectinError."""
    for route in policy.routes.values():
        for root in (route.inbox, route.library):
            if path.is_relative_to(root) and ".." not in path.parts:
                profile = policy.profiles.get(profile_name or route.profile)
                if profile is None:
                    raise PectinError(Cause.ROUTE_GONE, f"there is no profile {profile_name}")
                return await _of(path, root, profile, route, policy.encoding, scores)
    roots = ", ".join(str(route.inbox) for route in policy.routes.values())
    raise PectinError(Cause.UNREADABLE, f"{printable(path)} is not below an inbox or library of the configuration ({roots})")


async def _of(path: Path, root: Path, profile: Profile, route: Route, encoding: Encoding,
              scores: Scores) -> tuple[MediaInfo, Plan, str]:
    with opened(path, root) as source:
        media = await look_into(source, encoding.tools, timeout=encoding.probe_timeout, max_pixels=profile.max_pixels,
                                sandbox=encoding.sandbox)
        plan = await settle_plan(source, media, profile, encoding, scores)
    seconds = expected_seconds(plan, media, threads=encoding.threads, verify=profile.verify)
    relative = path.relative_to(root)
    parsed = await understand(relative) if route.naming is Naming.PARSED else None
    name = library_name(relative, own_folder=route.own_folder, extension=extension_of(plan.container, relative),
                        understanding=parsed)
    notes = plan.notes
    if profile.versions and plan.renditions and (why_not := await asyncio.to_thread(why_no_versions, name, route.library)):
        notes = (*notes, no_versions(why_not))
    return media, replace(plan, name=name, notes=notes, estimated_seconds=seconds), reach(profile).sentence
