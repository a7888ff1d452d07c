"""Looks at what a device has made, beyond what every output is verified for: whether it plays everywhere, and shows the film."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from pectin.encoding import argv, ffmpeg, glimpses, pictures
from pectin.encoding.labels import Argv
from pectin.model.errors import Cause, PectinError
from pectin.model.plan import Plan
from pectin.pipeline.examine import OpenSource
from pectin.pipeline.policy import Encoding
from pectin.pipeline.running import RunningJob
from pectin.planning.hardware import unfit
from pectin.planning.probe import parse


async def inspect(running: RunningJob, source: OpenSource, plan: Plan, video: str, scratch: Path, encoding: Encoding,
                  max_pixels: int) -> None:
    """Raises PectinError(OUTPUT_WRONG): a driver may give a green picture and exit status 0, and choose levels and rates for
    itself. Takes half a second."""
    url = f"file:{video}"
    found = parse(await ffmpeg.probe(argv.probe_argv(str(encoding.tools.ffprobe), url, max_pixels=max_pixels), cwd=scratch,
                                     timeout=encoding.probe_timeout, sandbox=encoding.sandbox, monitor=running))
    wrong = unfit(plan, found.video[0]) if found.video else None
    if wrong is None:
        program, graph = str(encoding.tools.ffmpeg), pictures.graph(plan)
        theirs, ours = [], []
        for at in glimpses.positions(plan.seconds):
            theirs.append(await _frame(running, glimpses.of_source(program, ("-f", plan.source_format), source.url, at, graph,
                                                                   max_pixels), "source.raw", scratch, encoding, (source.fd,)))
            ours.append(await _frame(running, glimpses.of_output(program, (), url, at, max_pixels), "output.raw", scratch,
                                     encoding))
        wrong = await asyncio.to_thread(glimpses.differ, theirs, ours)
    if wrong is not None:
        raise PectinError(Cause.OUTPUT_WRONG, wrong)


async def _frame(running: RunningJob, command: Argv, name: str, scratch: Path, encoding: Encoding,
                 pass_fds: tuple[int, ...] = ()) -> bytes:
    """Empty when there is none at that place, or it cannot be decoded: the verification has seen all of the output already."""
    file = scratch / name
    try:
        with suppress(PectinError):
            await ffmpeg.run(command, cwd=scratch, pass_fds=pass_fds, nice=encoding.nice, cpus=running.allowed,
                             job=running.job.id, total_seconds=None, total_frames=1, stall_timeout=encoding.stall_timeout,
                             monitor=running, sandbox=encoding.sandbox, time_limit=encoding.time_limit)
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    finally:
        file.unlink(missing_ok=True)
