"""A job's search for the crf that reaches a score: with the tries that are remembered, in the job's own folder, and told to
whoever watches. Trouble with it never costs the film: then the profile's crf is taken."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pectin.encoding import searching
from pectin.encoding.searching import Picture, Way
from pectin.linux.child import Child
from pectin.linux.finish import finished
from pectin.model.errors import MEANINGS, Kind, PectinError
from pectin.model.measured import Measured
from pectin.model.media import MediaInfo
from pectin.model.profile import Profile
from pectin.model.quality import Found, Try
from pectin.model.reports import Progress
from pectin.pipeline.policy import Encoding
from pectin.pipeline.running import RunningJob
from pectin.planning import quality
from pectin.planning.plan import decide
from pectin.store.scores import Scores

if TYPE_CHECKING:
    from pectin.pipeline.examine import OpenSource

log = logging.getLogger(__name__)

_FOLDER = "quality"


async def remembered(media: MediaInfo, profile: Profile, measured: Measured, *, version: str, fingerprint: str,
                     memory: Scores) -> Found | None:
    """What an earlier job has found, for somebody who only wants the plan; None: the job would have to look. `version`:
    ffmpeg's."""
    plan = decide(media, profile, measured)
    target = quality.wanted(plan, profile)
    if target is None:
        return None
    if (refused := quality.against(target, profile)) is not None:
        return refused
    search = quality.begin(plan, target, media, profile)
    tries = await _recall(memory, quality.key(fingerprint, plan, target, search, version))
    answer = quality.step(search, tries)
    return None if isinstance(answer, float) else quality.result(search, answer, tries, remembered=True)


async def look_for(source: OpenSource, media: MediaInfo, profile: Profile, measured: Measured, encoding: Encoding,
                   running: RunningJob, scratch: Path) -> Found | None:
    """None where no quality is looked for. Raises PectinError for what concerns the whole job (a full disk, a stop)."""
    plan = decide(media, profile, measured)
    target = quality.wanted(plan, profile)
    if target is None:
        return None
    if (refused := quality.against(target, profile)) is not None:
        return refused
    search = quality.begin(plan, target, media, profile)
    version, memory = encoding.tools.version_text, running.scores
    base = quality.key(running.job.fingerprint, plan, target, search, version) if running.job.fingerprint else None
    known = await _recall(memory, base) if memory is not None and base is not None else ()

    async def keep(tries: Sequence[Try]) -> None:
        if memory is not None and base is not None:
            await finished(memory.put(base, json.dumps([asdict(one) for one in tries]), now=time.time()))

    def tell(sentence: str) -> None:
        running.doing = sentence
        log.info("%s", sentence)

    folder = scratch / _FOLDER
    way = Way(tools=encoding.tools, source=source.url, pass_fds=(source.fd,), folder=folder, threads=encoding.threads,
              nice=encoding.nice, cpus=lambda: running.allowed, job=running.job.id, stall_timeout=encoding.stall_timeout,
              time_limit=encoding.time_limit, max_pixels=profile.max_pixels, monitor=_WithoutFigures(running),
              sandbox=encoding.sandbox)
    await asyncio.to_thread(folder.mkdir)
    try:
        answer, tries = await searching.search(Picture(plan=plan, target=target, samples=search.samples,
                                                       metric=profile.quality.metric),
                                               way, known, partial(quality.step, search), tried=keep, tell=tell)
    except PectinError as error:
        if MEANINGS[error.cause].kind in (Kind.RESOURCE, Kind.WISH):
            raise
        log.warning("the search for the quality is given up: %s", error.sentence)
        return quality.given_up(profile, error.sentence)
    finally:
        running.doing = ""
        await finished(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
    if known:
        await keep(tries)  # used again: not forgotten so soon
    found = quality.result(search, answer, tries, remembered=bool(known) and len(known) == len(tries))
    log.info("%s", found.sentence)
    return found


async def _recall(memory: Scores, key: str) -> tuple[Try, ...]:
    """What stands there, as far as it can be understood: an older version may have written otherwise."""
    text = await memory.get(key)
    try:
        return tuple(Try(crf=float(one["crf"]), score=float(one["score"]), rate=float(one["rate"]))
                     for one in json.loads(text or "[]"))
    except (ValueError, TypeError, LookupError):
        return ()


class _WithoutFigures:
    """The job knows its child while it lasts, as always. The progress of these many short runs would only jump."""

    def __init__(self, running: RunningJob) -> None:
        self._running = running

    @property
    def suspended(self) -> bool:
        return self._running.suspended

    def child_started(self, child: Child) -> None:
        self._running.child_started(child)

    def child_ended(self) -> None:
        self._running.child_ended()

    def progressed(self, progress: Progress) -> None:  # noqa: ARG002  (see above)
        self._running.child_speaks()
