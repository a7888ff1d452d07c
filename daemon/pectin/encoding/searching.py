"""Carries out a search for quality: takes samples of a film, encodes them at one crf after the other, and measures each. What to
try next is decided elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pectin.encoding import scores
from pectin.encoding.ffmpeg import Monitor, run
from pectin.encoding.labels import Argv
from pectin.encoding.tools import Tools
from pectin.linux.sandbox import Sandbox
from pectin.model.errors import Cause, PectinError
from pectin.model.plan import Plan, VideoTarget
from pectin.model.quality import Metric, Samples, Try
from pectin.model.reports import RunReport

_FLAT = 0.01  # bytes per pixel, without loss: less is black, or a card with a few words
_BESIDE = 1 / 3  # of the way to the next place: there another sample is taken instead

E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How every step is carried out: as in ffmpeg.run. `folder` gets the samples and tries; whoever made it empties it. `cpus` is
    asked before each step: they may become others meanwhile."""

    tools: Tools
    source: str
    pass_fds: Sequence[int]
    folder: Path
    threads: int
    nice: int
    cpus: Callable[[], Collection[int] | None]
    job: str
    stall_timeout: float
    time_limit: float | None
    max_pixels: int
    monitor: Monitor
    sandbox: Sandbox | None = None

    async def run(self, argv: Argv, *, seconds: float | None, frames: int | None, with_source: bool = False) -> RunReport:
        return await run(argv, cwd=self.folder, pass_fds=self.pass_fds if with_source else (), nice=self.nice, cpus=self.cpus(),
                         job=self.job, total_seconds=seconds, total_frames=frames, stall_timeout=self.stall_timeout,
                         monitor=self.monitor, sandbox=self.sandbox, time_limit=self.time_limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is encoded, and on which parts of it, and how it is measured."""

    plan: Plan
    target: VideoTarget
    samples: Samples
    metric: Metric


async def search(picture: Picture, way: Way, known: Sequence[Try], step: Callable[[Sequence[Try]], float | E], *,
                 tried: Callable[[Sequence[Try]], Awaitable[None]], tell: Callable[[str], None]) -> tuple[E, tuple[Try, ...]]:
    """Try after try until `step` gives something else than a crf: that, and all tries. `known` are those that need not be made
    again; `tried` hears of all of them after each new one, `tell` gets a sentence for a person. Raises PectinError."""
    tries, frames = tuple(known), 0
    while True:
        answer = step(tries)
        if not isinstance(answer, float):
            return answer, tries
        if not frames:
            tell("looking for the quality: taking samples")
            frames = await _take(picture, way)
        said = f"; crf {tries[-1].crf:g} gives {tries[-1].score:.1f}" if tries else ""
        tell(f"looking for the quality: try {len(tries) + 1}, crf {answer:g}{said}")
        tries = (*tries, await _try(picture, way, answer, frames))
        await tried(tries)


async def _take(picture: Picture, way: Way) -> int:
    """All samples; how many frames they have. Where the film shows nothing (black, credits) another place is looked at."""
    places = picture.samples.places
    good: dict[int, int] = {}
    flat: dict[int, int] = {}
    for number, place in enumerate(places):
        frames, shows = await _sample(picture, way, place, number)
        if not shows and place is not None:
            gap = places[1] - place if len(places) > 1 and number == 0 and places[1] is not None else \
                place - (places[number - 1] or 0.0)
            frames, shows = await _sample(picture, way, place + gap * _BESIDE, number)
        if frames:
            (good if shows else flat)[number] = frames
    taken = good or flat
    if not taken:
        raise PectinError(Cause.OUTPUT_WRONG, "no sample of the film could be decoded")
    await asyncio.to_thread((way.folder / scores.SAMPLES).write_text, scores.listing(sorted(taken)), encoding="ascii")
    return sum(taken.values())


async def _sample(picture: Picture, way: Way, place: float | None, number: int) -> tuple[int, bool]:
    """How many frames it has, and whether they show something."""
    plan, target, samples = picture.plan, picture.target, picture.samples
    argv = scores.sample_argv(plan, target, samples, place, number, ffmpeg=str(way.tools.ffmpeg), source=way.source,
                              threads=way.threads, max_pixels=way.max_pixels)
    try:
        report = await way.run(argv, seconds=samples.seconds, frames=samples.frames, with_source=True)
    except PectinError as error:
        if error.cause is not Cause.FFMPEG_FAILED:
            raise
        return 0, False  # one damaged spot: the others tell enough
    frames = report.frames or 0
    size = await asyncio.to_thread((way.folder / scores.sample(number)).stat)
    return frames, size.st_size >= _FLAT * target.width * target.height * max(frames, 1)


async def _try(picture: Picture, way: Way, crf: float, frames: int) -> Try:
    """Encoded and measured; the file is gone afterwards."""
    plan, target, program = picture.plan, picture.target, str(way.tools.ffmpeg)
    file = way.folder / scores.attempt(plan)
    seconds = frames / float(target.nominal_frame_rate)
    try:
        await way.run(scores.try_argv(plan, target, crf, ffmpeg=program, threads=way.threads), seconds=seconds, frames=frames)
        size = (await asyncio.to_thread(file.stat)).st_size
        report = await way.run(scores.score_argv(plan, target, picture.metric, ffmpeg=program, threads=way.threads),
                               seconds=None, frames=frames)
    finally:
        file.unlink(missing_ok=True)
    score = scores.score(picture.metric, report.stderr)
    if score is None:
        raise PectinError(Cause.OUTPUT_WRONG, f"ffmpeg told no {picture.metric.sign} score")
    return Try(crf=crf, score=score, rate=size * 8 / seconds)
