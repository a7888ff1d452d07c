"""Look into a source and decide: ffprobe, then the rules, then the plan. Used by every job and by `pectin plan`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pectin.encoding import argv
from pectin.encoding.ffmpeg import probe
from pectin.encoding.looking import look
from pectin.encoding.tools import Tools
from pectin.intake.structure import Wholeness, examine
from pectin.linux.beneath import open_regular
from pectin.linux.sandbox import Sandbox
from pectin.model.errors import Cause, PectinError
from pectin.model.fingerprint import fingerprint
from pectin.model.measured import Measured
from pectin.model.media import MediaInfo
from pectin.model.plan import Plan
from pectin.model.profile import Profile
from pectin.model.quality import QualityMode
from pectin.pipeline import quality
from pectin.pipeline.policy import Encoding
from pectin.pipeline.running import RunningJob
from pectin.planning.layout import read_layout
from pectin.planning.plan import NOTHING, decide
from pectin.planning.probe import parse
from pectin.planning.questions import ask
from pectin.planning.rules import refusals
from pectin.store.scores import Scores


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source held open, so that the file that was judged is the file that is read, whatever happens to its name.
    ffmpeg gets it as /proc/self/fd/N: no name can be taken for an option, a pattern or a protocol."""

    fd: int
    size: int

    @property
    def url(self) -> str:
        return f"file:/proc/self/fd/{self.fd}"

    def read(self, offset: int, length: int) -> bytes:
        """Blocks for a moment."""
        return os.pread(self.fd, length, offset)


@contextmanager
def opened(path: Path, root: Path) -> Iterator[OpenSource]:
    """A regular file below `root`, no link followed. Raises PectinError."""
    fd = open_regular(path, root)
    try:
        yield OpenSource(fd, os.fstat(fd).st_size)
    finally:
        os.close(fd)


def cut_short(source: OpenSource) -> str | None:
    """How much of a film is there that by its own structure should be longer, as a sentence; None: nothing says that it is cut
    short. Blocks for a few small reads."""
    structure = examine(source.read, source.size)
    return structure.sentence if source.size and structure.verdict is Wholeness.TRUNCATED else None


def without_lengths(media: MediaInfo) -> MediaInfo:
    """What a film is made of, without how long it lasts: the headers of one that is cut short tell what it should have been."""
    return replace(media, duration=None, video=tuple(replace(stream, duration=None) for stream in media.video),
                   audio=tuple(replace(stream, duration=None) for stream in media.audio),
                   subtitles=tuple(replace(stream, duration=None) for stream in media.subtitles))


async def look_into(source: OpenSource, tools: Tools, *, timeout: float, max_pixels: int,
                    sandbox: Sandbox | None = None, running: RunningJob | None = None) -> MediaInfo:
    """What the file is made of. Raises PectinError (EMPTY_FILE, NOT_A_VIDEO, PROBE_TIMEOUT, ...)."""
    if source.size == 0:
        raise PectinError(Cause.EMPTY_FILE)
    command = argv.probe_argv(str(tools.ffprobe), source.url, max_pixels=max_pixels)
    try:
        media = parse(await probe(command, pass_fds=(source.fd,), timeout=timeout, sandbox=sandbox, monitor=running))
        return replace(media, layout=await asyncio.to_thread(read_layout, source.read, source.size))
    except PectinError as error:
        raise PectinError(error.cause, error.detail.replace(f"{source.url}: ", "")) from error  # people do not know fd 17


def refuse(media: MediaInfo, profile: Profile, measured: Measured = NOTHING, *, as_it_is: bool = False) -> None:
    """Raises PectinError with ALL refusals when the rules say no. `as_it_is`: a person wants the film even if it is silent."""
    refused = [r for r in refusals(media, profile, measured) if not (as_it_is and r.cause is Cause.NO_SOUND)]
    if refused:
        raise PectinError(refused[0].cause, "; ".join(r.detail for r in refused if r.detail))


async def settle_plan(source: OpenSource, media: MediaInfo, profile: Profile, encoding: Encoding,
                      scores: Scores) -> Plan:
    """The plan, after a look at the frames where the headers do not say enough. For a quality nobody looks: it is told when it is
    remembered. Raises PectinError."""
    measured = await measure(source, media, profile, encoding)
    if profile.quality.mode is QualityMode.FIXED:
        return decide(media, profile, measured)
    content = await asyncio.to_thread(fingerprint, source.size, source.read)
    found = await quality.remembered(media, profile, measured, version=encoding.tools.version_text, fingerprint=content,
                                     memory=scores)
    return decide(media, profile, replace(measured, quality=found))


async def measure(source: OpenSource, media: MediaInfo, profile: Profile, encoding: Encoding,
                  running: RunningJob | None = None, scratch: Path | None = None) -> Measured:
    """What is seen in the frames where the headers do not say enough; with a folder for it in `scratch`, also what crf the
    profile's quality needs. Raises PectinError, also when the rules say no."""
    as_it_is = running is not None and running.as_it_is
    refuse(media, profile, as_it_is=as_it_is)
    measured = await look(ask(media, profile), media, tools=encoding.tools, source=source.url, pass_fds=(source.fd,),
                          threads=encoding.threads, nice=encoding.nice, cpus=running.allowed if running else encoding.cpus_of(0),
                          job=running.job.id if running else "", stall_timeout=encoding.stall_timeout, monitor=running,
                          sandbox=encoding.sandbox)
    refuse(media, profile, measured, as_it_is=as_it_is)
    if running is None or scratch is None:
        return measured
    running.quality = await quality.look_for(source, media, profile, measured, encoding, running, scratch)
    return replace(measured, quality=running.quality)
