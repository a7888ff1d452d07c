"""From a plan to verified files: run ffmpeg, prove that what it wrote is what was planned, and learn from what went wrong.

One bad track must not cost the film, and a copy of something damaged must not reach a player: after such a run the plan is made
anew with what was learnt, and carried out again."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from pathlib import PurePath

from pectin.encoding import argv
from pectin.model.errors import Cause, PectinError
from pectin.model.job import Stage
from pectin.model.measured import Measured
from pectin.model.plan import Plan, StreamAction
from pectin.model.profile import Container
from pectin.model.reports import RunReport
from pectin.pipeline import damaged, mending, subtitles
from pectin.pipeline.proving import Work, decode, prove
from pectin.pipeline.takeover import take_over
from pectin.planning.amends import NO_AMENDS, Amends
from pectin.planning.plan import decide
from pectin.publishing import mp4_flags
from pectin.publishing.mismatch import Mismatch
from pectin.publishing.naming import extension_of

log = logging.getLogger(__name__)

MOST_RUNS = 4  # each teaches something new, or it was the last


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One finished file in the job's folder: `suffix` stands between the film's stem and the extension."""

    role: str
    file: str
    suffix: str
    extension: str


@dataclass(frozen=True, slots=True)
class _Again:
    """It did not go well, but with these amends it may; `error` if they change nothing. `copied`: what was copied is damaged."""

    amends: Amends
    error: PectinError
    copied: bool = False


async def produce(work: Work, plan: Plan, measured: Measured) -> list[Output]:
    """Make the film in `work.scratch` and verify it; sidecars first, the video last. The plan that was carried out in the end is
    `running.plan`. Raises PectinError."""
    amends, error = NO_AMENDS, PectinError(Cause.OUTPUT_WRONG)
    await damaged.contradicted_times(work)
    plan = work.running.plan or plan
    for _ in range(MOST_RUNS):
        work.running.enter(Stage.ENCODING)
        done = await (_take_over(work, plan, amends) if plan.whole_file else _encode(work, plan, amends))
        if not isinstance(done, _Again):
            return done
        error = done.error
        before = work.running.plan or plan
        again = replace(decide(work.media, work.profile, measured, done.amends), notes=before.notes, name=before.name)
        if again.streams == plan.streams:
            if not done.copied or work.tolerant:
                raise error
            await damaged.accept_copy(work, plan)
            work, amends, plan = replace(work, tolerant=True), done.amends, replace(plan, notes=(work.running.plan or plan).notes)
            continue
        _insist_on_sound(work, again)
        log.warning("once more, for %s: %s", _told(again, done.amends), error.sentence)
        amends, plan, work.running.plan = done.amends, again, again
    raise error


async def _take_over(work: Work, plan: Plan, amends: Amends) -> list[Output] | _Again:
    name = f"{argv.VIDEO}.{extension_of(plan.container, work.running.job.relative)}"
    await take_over(work.running, work.source, work.scratch / name)
    if plan.container != Container.SOURCE:
        work.running.enter(Stage.VERIFYING)
        try:
            await decode(work, plan, name, plan.seconds)
        except PectinError as error:
            learnt = _after_decode(error, plan, amends)
            (work.scratch / name).unlink()
            return learnt
    return [Output(role="video", file=name, suffix="", extension=PurePath(name).suffix[1:])]


async def _encode(work: Work, plan: Plan, amends: Amends) -> list[Output] | _Again:
    encoding, running = work.encoding, work.running
    prepared = await subtitles.prepare(running, work.source, work.media, plan, scratch=work.scratch, encoding=encoding,
                                       max_pixels=work.profile.max_pixels)
    plan = running.plan = prepared.plan
    command = argv.build(plan, ffmpeg=str(encoding.tools.ffmpeg), source=work.source.url, threads=encoding.threads,
                         max_pixels=work.profile.max_pixels, texts=prepared.embedded)
    try:
        encoded = await work.run(command.argv, seconds=plan.seconds, with_source=True)
    except PectinError as error:
        return _Again(mending.after_failed_run(error, plan, amends), error)
    video = work.scratch / command.video
    if plan.container == Container.MP4 and any(stream.kind == "subtitle" for stream in plan.kept):
        await asyncio.to_thread(mp4_flags.disable_texts, video)
    running.enter(Stage.VERIFYING)
    try:
        mismatches = await prove(work, plan, amends, encoded, command)
    except PectinError as error:
        return _after_decode(error, plan, amends)
    if mismatches and (found := await _judged(work, plan, amends, encoded, mismatches)) is not None:
        return found
    await damaged.count(work, plan, encoded)
    if plan.instead is not None and video.stat().st_size > work.source.size:
        return _Again(replace(amends, copy_picture=True), PectinError(Cause.OUTPUT_WRONG, "it came out larger than the source"))
    return [*(Output(role="subtitle", file=name, suffix=target.suffix, extension=target.extension)
              for name, target in prepared.files),
            Output(role="video", file=command.video, suffix="", extension=plan.container)]


def _after_decode(error: PectinError, plan: Plan, amends: Amends) -> _Again:
    """Raises what cannot be mended."""
    copied = any(stream.action is StreamAction.COPY and stream.kind in ("video", "audio") for stream in plan.kept)
    if error.cause is not Cause.OUTPUT_WRONG or not copied:
        raise error
    learnt = mending.after_failed_decode(plan, amends) or amends
    return _Again(learnt, PectinError(Cause.DAMAGED_SOURCE, error.detail), copied=True)


async def _judged(work: Work, plan: Plan, amends: Amends, encoded: RunReport, mismatches: tuple[Mismatch, ...]) -> _Again | None:
    """None: the output may be published all the same. Raises PectinError."""
    error = PectinError(Cause.OUTPUT_WRONG, "; ".join(m.sentence for m in mismatches))
    learnt = mending.after_mismatches(mismatches, plan, amends, encoded.stderr)
    if learnt is not None:
        return _Again(learnt, error)
    if not await damaged.source_is_to_blame(work, plan, encoded, mismatches):
        raise error
    damaged.borne(work, error.detail)
    return None


def _insist_on_sound(work: Work, plan: Plan) -> None:
    """A person who has asked for it gets a silent film, others an explanation."""
    if work.media.audio and not work.running.as_it_is and not any(stream.kind == "audio" for stream in plan.kept):
        raise PectinError(Cause.NO_SOUND, "; ".join(s.sentence for s in plan.dropped if s.kind == "audio"))


def _told(plan: Plan, amends: Amends) -> str:
    return "; ".join(f"stream {stream.index}: {stream.sentence}" for stream in plan.streams
                     if stream.index in amends.drop | amends.encode or (amends.copy_picture and stream.kind == "video"))
