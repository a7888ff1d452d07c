"""`pectin plan --measure-quality`: the search for the crf that reaches a score, here and now. It takes minutes for a film, so it
is never done unasked; each try is told on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pectin.encoding import searching, tools
from pectin.encoding.searching import Picture, Way
from pectin.encoding.tools import Tools
from pectin.linux.child import Child
from pectin.linux.sandbox import Sandbox
from pectin.model.errors import Cause, PectinError
from pectin.model.measured import Measured
from pectin.model.media import MediaInfo
from pectin.model.profile import Profile
from pectin.model.quality import Found, Try
from pectin.model.reports import Progress
from pectin.planning import quality
from pectin.planning.plan import decide


async def look_for(media: MediaInfo, profile: Profile, measured: Measured, *, found: Tools, source: str, fd: int, threads: int,
                   stall_timeout: float, sandbox: Sandbox | None) -> Found | None:
    """None where no quality is looked for. Raises PectinError, also where this ffmpeg cannot measure it."""
    plan = decide(media, profile, measured)
    target = quality.wanted(plan, profile)
    if target is None:
        return None
    if (refused := quality.against(target, profile)) is not None:
        return refused
    if missing := tools.lacking_filters(found, profile):
        raise PectinError(Cause.FFMPEG_UNUSABLE, f"{found.ffmpeg} lacks the filter {' and '.join(missing)}; {tools.FILTER_HINT}")
    search = quality.begin(plan, target, media, profile)
    with TemporaryDirectory(prefix="pectin-plan-") as folder:
        way = Way(tools=found, source=source, pass_fds=(fd,), folder=Path(folder), threads=threads, nice=0, cpus=lambda: None,
                  job="", stall_timeout=stall_timeout, time_limit=None, max_pixels=profile.max_pixels, monitor=_Nobody(),
                  sandbox=sandbox)
        answer, tries = await searching.search(
            Picture(plan=plan, target=target, samples=search.samples, metric=profile.quality.metric), way, (),
            partial(quality.step, search), tried=_forget, tell=_tell)
    return quality.result(search, answer, tries, remembered=False)


async def _forget(tries: Sequence[Try]) -> None:
    """Only a daemon remembers."""


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


class _Nobody:
    """Nobody wants to know about the runs."""

    suspended = False

    def child_started(self, child: Child) -> None: ...

    def child_ended(self) -> None: ...

    def progressed(self, progress: Progress) -> None: ...
