"""The renditions of a film: taken from the run that made the film where that made them, else made in a run of their own; each
is verified by itself."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pectin.encoding import argv, ladder
from pectin.model.errors import MEANINGS, Cause, Kind, PectinError
from pectin.model.hardware import Way
from pectin.model.job import Stage
from pectin.model.output import RENDITION_ROLE, Home, Output
from pectin.model.plan import Plan, VideoTarget
from pectin.model.profile import Container
from pectin.model.rendition import Made, Rendition
from pectin.pipeline.inspect import inspect
from pectin.pipeline.omitting import omit
from pectin.pipeline.proving import Film, Work, look_at, prove_copy, prove_rendition
from pectin.planning.ladder import height_of
from pectin.publishing.mismatch import Mismatch

log = logging.getLogger(__name__)

# What is no reason to make the film without its renditions: it would hit the film as well.
_EVERYBODYS = (Kind.RESOURCE, Kind.WISH)


@dataclass(slots=True)
class Rungs:
    """What the runs of one job have made of its renditions so far; nothing of it is proven yet. `apart`: the film's run broke
    with them and went well without, so that each is made by itself."""

    apart: bool = False
    _written: dict[str, tuple[Rendition, Way | None]] = field(default_factory=dict)

    def wanted(self, plan: Plan) -> tuple[Rendition, ...]:
        """The encoded ones that no run has made yet, largest first. A copy is never among them: it is made by itself, which
        costs nothing, and a damaged packet would end the run of all others."""
        return tuple(one for one in plan.renditions if not one.copied and not self.has(one))

    def has(self, rendition: Rendition) -> bool:
        """Whether a run has made just this one."""
        known = self._written.get(rendition.name)
        return known is not None and known[0].streams == rendition.streams

    def way_of(self, rendition: Rendition) -> Way | None:
        """How it was encoded; None: by the CPU."""
        known = self._written.get(rendition.name)
        return None if known is None else known[1]

    def written(self, rungs: Sequence[Rendition], way: Way | None) -> None:
        self._written |= {rung.name: (rung, ladder.way_of(rung, way)) for rung in rungs}

    def forget(self, rungs: Sequence[Rendition], scratch: Path) -> None:
        """What is there of them is not whole."""
        for rung in rungs:
            self._written.pop(rung.name, None)
            (scratch / rung.file).unlink(missing_ok=True)


def may_be_to_blame(error: PectinError) -> bool:
    """Whether a run that made the film and its renditions may have broken because of a rendition. ffmpeg ends all outputs at the
    first error of one, and leaves none of them whole."""
    return MEANINGS[error.cause].kind not in _EVERYBODYS


async def make(work: Work, plan: Plan, film: Output, rungs: Rungs) -> tuple[list[Made], list[Output]]:
    """The renditions that were made, largest first, with the film in front of them; and those that are published as files. What
    cannot be made is left out, and told. Raises PectinError for what concerns the whole job."""
    made = [Made(rendition=_film_itself(plan), file=film.file, aligned=_is_aligned(plan))]
    if plan.container == Container.SOURCE:  # nobody knows what is in there
        made = []
    if not plan.renditions:
        return made, []
    try:
        seen = await look_at(work, plan, film.file)
    except PectinError as error:
        omit(work, RENDITION_ROLE, "its renditions", error)
        return made, []
    await _together(work, plan, rungs)
    for rendition in plan.renditions:
        try:
            await _one(work, plan, rendition, seen, rungs)
        except PectinError as error:
            rungs.forget([rendition], work.scratch)
            omit(work, RENDITION_ROLE, f"the rendition {rendition.name}", error)
        else:
            made.append(Made(rendition=rendition, file=rendition.file, aligned=not rendition.copied))
    home = Home.LIBRARY if work.profile.versions else Home.RENDITIONS
    return made, [Output(role=RENDITION_ROLE, file=one.file, suffix=f" - {one.rendition.name}", extension=one.rendition.container,
                         home=home, name=f"{one.rendition.name}.{one.rendition.container}")
                  for one in made if one.rendition.files]


def _film_itself(plan: Plan) -> Rendition:
    name = f"{height_of(plan.width, plan.height)}p" if _is_aligned(plan) else "film"
    return Rendition(name=name, streams=plan.kept, width=plan.width, height=plan.height, sentence="The film itself.",
                     container=plan.container, files=False)


def _is_aligned(plan: Plan) -> bool:
    target = plan.kept[0].target
    return isinstance(target, VideoTarget) and target.aligned


async def _together(work: Work, plan: Plan, rungs: Rungs) -> None:
    """All that are missing, in one run: the film was not made by ffmpeg, or with others. Raises what concerns the whole job."""
    missing = rungs.wanted(plan)
    if len(missing) < 2 or rungs.apart:
        return
    try:
        await _encode(work, plan, missing, rungs)
    except PectinError as error:
        if not may_be_to_blame(error):
            raise
        log.warning("the renditions are made one by one: %s", error.sentence)
        rungs.forget(missing, work.scratch)


async def _one(work: Work, plan: Plan, rendition: Rendition, film: Film, rungs: Rungs) -> None:
    """Make and prove it; what a common run has made is proven first. Raises PectinError."""
    if rungs.has(rendition):
        try:
            await _prove(work, plan, rendition, film, rungs)
        except PectinError as error:
            if not may_be_to_blame(error):
                raise
            log.warning("the rendition %s is made once more, by itself: %s", rendition.name, error.sentence)
            rungs.forget([rendition], work.scratch)
        else:
            return
    if rendition.copied:
        await _copy(work, plan, rendition)
    else:
        await _encode(work, plan, (rendition,), rungs)
        await _prove(work, plan, rendition, film, rungs)


async def _encode(work: Work, plan: Plan, missing: Sequence[Rendition], rungs: Rungs) -> None:
    """Without the film, on the CPU."""
    largest, *others = missing
    command = _command(work, plan, largest, others)
    work.running.enter(Stage.ENCODING)
    await work.run(command.argv, seconds=plan.seconds, with_source=True)
    rungs.written(missing, None)


async def _copy(work: Work, plan: Plan, rendition: Rendition) -> None:
    command = _command(work, plan, rendition, ())
    work.running.enter(Stage.ENCODING)
    copied = await work.run(command.argv, seconds=plan.seconds, with_source=True)
    work.running.enter(Stage.VERIFYING)
    _all_right(await prove_copy(work, argv.alone(plan, rendition), copied, command))


def _command(work: Work, plan: Plan, first: Rendition, others: Sequence[Rendition]) -> argv.Command:
    encoding = work.encoding
    return argv.build(argv.alone(plan, first), ffmpeg=str(encoding.tools.ffmpeg), source=work.source.url,
                      threads=encoding.threads, max_pixels=work.profile.max_pixels, file=first.file, rungs=others,
                      hashes=first.copied)


async def _prove(work: Work, plan: Plan, rendition: Rendition, film: Film, rungs: Rungs) -> None:
    work.running.enter(Stage.VERIFYING)
    _all_right(await prove_rendition(work, plan, rendition, film))
    if rungs.way_of(rendition) is not None:
        await inspect(work.running, work.source, argv.alone(plan, rendition), rendition.file, work.scratch, work.encoding,
                      work.profile.max_pixels)


def _all_right(wrong: Sequence[Mismatch]) -> None:
    if wrong:
        raise PectinError(Cause.OUTPUT_WRONG, "; ".join(mismatch.sentence for mismatch in wrong))
