"""The subtitles' part of the command: one more output for each text track, written in the same run."""

from __future__ import annotations

from pectin.encoding.labels import Argv
from pectin.model.plan import StreamDecision, SubtitleTarget

_SUBTITLE_ENCODERS = {"srt": "srt", "vtt": "webvtt"}


def target(stream: StreamDecision) -> SubtitleTarget:
    return stream.target if isinstance(stream.target, SubtitleTarget) else SubtitleTarget(suffix="")


def output(stream: StreamDecision, name: str, threads: int) -> Argv:
    encoder = _SUBTITLE_ENCODERS[target(stream).extension]
    return ("-map", f"0:{stream.index}", "-map_metadata", "-1", "-map_chapters", "-1", "-c:s:0", encoder,
            "-threads", str(threads), "-f", encoder, name)
