"""From a plan to verified files: run ffmpeg, prove that what it wrote is what was planned, and learn from what went wrong.

One bad track must not cost the film, and a copy of something damaged must not reach a player: after such a run the plan is made
anew with what was learnt, and carried out again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from pectin.encoding import argv
from pectin.encoding.hardware import beside
from pectin.model.errors import Cause, PectinError
from pectin.model.hardware import Way
from pectin.model.job import Stage
from pectin.model.measured import Measured
from pectin.model.output import Output
from pectin.model.plan import Plan, StreamAction
from pectin.model.profile import Container
from pectin.model.rendition import Rendition
from pectin.model.reports import RunReport
from pectin.pipeline import damaged, extras, floor, mending, subtitles
from pectin.pipeline.inspect import inspect
from pectin.pipeline.proving import Work, decode, prove
from pectin.pipeline.renditions import Rungs, may_be_to_blame
from pectin.pipeline.takeover import take_over
from pectin.planning.amends import NO_AMENDS, Amends
from pectin.planning.plan import decide
from pectin.publishing import mp4_flags
from pectin.publishing.mismatch import Mismatch
from pectin.publishing.naming import extension_of

log = logging.getLogger(__name__)

MOST_RUNS = 4  # each teaches something new, or it was the last


class _AgainError(Exception):
    """It did not go well, but with these amends it may; `error` if they change nothing. `copied`: what was copied is damaged."""

    def __init__(self, amends: Amends, error: PectinError, *, copied: bool = False) -> None:
        super().__init__(error.sentence)
        self.amends = amends
        self.error = error
        self.copied = copied


async def produce(work: Work, plan: Plan, measured: Measured) -> list[Output]:
    """Make the film in `work.scratch` and verify it; sidecars first, the video last. The plan that was carried out in the end is
    `running.plan`. Raises PectinError."""
    amends, error = NO_AMENDS, PectinError(Cause.OUTPUT_WRONG)
    await damaged.contradicted_times(work)
    plan, rungs = work.running.plan or plan, Rungs()
    for _ in range(MOST_RUNS):
        work.running.enter(Stage.ENCODING)
        await work.running.standing()
        try:
            outputs = await (_take_over(work, plan, amends) if plan.whole_file else _encode(work, plan, amends, rungs))
        except _AgainError as done:
            learnt, error, copied = done.amends, done.error, done.copied
        else:
            await floor.check(work, outputs[-1])
            return [*await extras.make(work, outputs, rungs), *outputs]
        before = work.running.plan or plan
        again = replace(decide(work.media, work.profile, measured, learnt), notes=before.notes, name=before.name)
        if again.streams == plan.streams:
            if not copied or work.tolerant:
                raise error
            await damaged.accept_copy(work, plan)
            work, amends, plan = replace(work, tolerant=True), learnt, replace(plan, notes=(work.running.plan or plan).notes)
            continue
        _insist_on_sound(work, again)
        log.warning("once more, for %s: %s", _told(again, learnt), error.sentence)
        amends, plan, work.running.plan = learnt, again, again
    raise error


async def _take_over(work: Work, plan: Plan, amends: Amends) -> list[Output]:
    name = f"{argv.VIDEO}.{extension_of(plan.container, work.running.job.relative)}"
    await take_over(work.running, work.source, work.scratch / name)
    if plan.container != Container.SOURCE:
        work.running.enter(Stage.VERIFYING)
        try:
            await decode(work, plan, name, plan.seconds)
        except PectinError as error:
            (work.scratch / name).unlink()
            raise _after_decode(error, plan, amends) from error
    return [Output(role="video", file=name, suffix="", extension=PurePath(name).suffix[1:])]


async def _encode(work: Work, plan: Plan, amends: Amends, rungs: Rungs) -> list[Output]:
    running = work.running
    prepared = await subtitles.prepare(running, work.source, work.media, plan, scratch=work.scratch, encoding=work.encoding,
                                       max_pixels=work.profile.max_pixels)
    plan = running.plan = prepared.plan

    async def attempt(way: Way | None) -> argv.Command:
        return await _attempt(work, plan, amends, prepared.embedded, way, rungs)

    command = await (attempt(None) if running.hardware is None
                     else running.hardware.carry_out(running, plan, work.media, attempt))
    if plan.instead is not None and (work.scratch / command.video).stat().st_size > work.source.size:
        larger = PectinError(Cause.OUTPUT_WRONG, "it came out larger than the source")
        raise _AgainError(replace(amends, copy_picture=True), larger)
    return [*(Output(role="subtitle", file=name, suffix=target.suffix, extension=target.extension)
              for name, target in prepared.files),
            Output(role="video", file=command.video, suffix="", extension=plan.container)]


async def _attempt(work: Work, plan: Plan, amends: Amends, embedded: Mapping[int, str], way: Way | None,
                   rungs: Rungs) -> argv.Command:
    """Once on this way (None: the CPU), with all its proofs. What goes wrong on a device is no lesson about the film: only what
    goes wrong on the CPU is. Raises PectinError and _AgainError."""
    running, encoding = work.running, work.encoding
    try:
        command, encoded = await _run(work, plan, embedded, way, rungs)
    except PectinError as error:
        if way is not None:
            raise
        raise _AgainError(mending.after_failed_run(error, plan, amends), error) from error
    if plan.container == Container.MP4 and any(stream.kind == "subtitle" for stream in plan.kept):
        await asyncio.to_thread(mp4_flags.disable_texts, work.scratch / command.video)
    running.enter(Stage.VERIFYING)
    await running.standing()
    try:
        mismatches = await prove(work, plan, amends, encoded, command)
    except PectinError as error:
        if way is not None:
            raise
        raise _after_decode(error, plan, amends) from error
    if mismatches and way is not None:
        raise PectinError(Cause.OUTPUT_WRONG, _sentences(mismatches))
    if mismatches:
        await _judge(work, plan, amends, encoded, mismatches)
    if way is not None:
        await inspect(running, work.source, plan, command.video, work.scratch, encoding, work.profile.max_pixels)
    await damaged.count(work, plan, encoded)
    return command


async def _run(work: Work, plan: Plan, embedded: Mapping[int, str], way: Way | None, rungs: Rungs,
               ) -> tuple[argv.Command, RunReport]:
    """The film with those of its renditions that are not there yet. Where that does not go well, the film alone, as if it had
    none: what is wrong then is about the film. Raises PectinError."""
    wanted = () if rungs.apart else rungs.wanted(plan)
    if wanted:
        try:
            made = await _run_once(work, plan, embedded, way, wanted)
        except PectinError as error:
            rungs.forget(wanted, work.scratch)
            if not may_be_to_blame(error):
                raise
            log.warning("the film is made by itself, its renditions later: %s", error.sentence)
        else:
            rungs.written(wanted, way)
            return made
    made = await _run_once(work, plan, embedded, way, ())
    rungs.apart = rungs.apart or bool(wanted)  # it was the renditions' fault
    return made


async def _run_once(work: Work, plan: Plan, embedded: Mapping[int, str], way: Way | None, wanted: Sequence[Rendition],
                    ) -> tuple[argv.Command, RunReport]:
    encoding = work.encoding
    command = argv.build(plan, ffmpeg=str(encoding.tools.ffmpeg), source=work.source.url, threads=encoding.threads,
                         max_pixels=work.profile.max_pixels, texts=embedded, way=way, rungs=wanted)
    work.running.enter(Stage.ENCODING)
    return command, await work.run(command.argv, seconds=plan.seconds, with_source=True, devices=beside(way))


def _after_decode(error: PectinError, plan: Plan, amends: Amends) -> Exception:
    """What to raise: what cannot be mended, or another try."""
    copied = any(stream.action is StreamAction.COPY and stream.kind in ("video", "audio") for stream in plan.kept)
    if error.cause is not Cause.OUTPUT_WRONG or not copied:
        return error
    learnt = mending.after_failed_decode(plan, amends) or amends
    return _AgainError(learnt, PectinError(Cause.DAMAGED_SOURCE, error.detail), copied=True)


async def _judge(work: Work, plan: Plan, amends: Amends, encoded: RunReport, mismatches: tuple[Mismatch, ...]) -> None:
    """Returns when the output may be published all the same. Raises PectinError and _AgainError."""
    error = PectinError(Cause.OUTPUT_WRONG, _sentences(mismatches))
    learnt = mending.after_mismatches(mismatches, plan, amends, encoded.stderr)
    if learnt is not None:
        raise _AgainError(learnt, error)
    if not await damaged.source_is_to_blame(work, plan, encoded, mismatches):
        raise error
    damaged.borne(work, error.detail)


def _sentences(mismatches: tuple[Mismatch, ...]) -> str:
    return "; ".join(mismatch.sentence for mismatch in mismatches)


def _insist_on_sound(work: Work, plan: Plan) -> None:
    """A person who has asked for it gets a silent film, others an explanation."""
    if work.media.audio and not work.running.as_it_is and not any(stream.kind == "audio" for stream in plan.kept):
        raise PectinError(Cause.NO_SOUND, "; ".join(s.sentence for s in plan.dropped if s.kind == "audio"))


def _told(plan: Plan, amends: Amends) -> str:
    return "; ".join(f"stream {stream.index}: {stream.sentence}" for stream in plan.streams
                     if stream.index in amends.drop | amends.encode or (amends.copy_picture and stream.kind == "video"))
