"""The subtitles' part of the main command: text that goes into the film comes from files that were made ready before."""

from __future__ import annotations

from collections.abc import Mapping

from pectin.encoding.labels import Argv, labels
from pectin.model.plan import Plan, StreamAction, StreamDecision, SubtitleTarget


def embedded(plan: Plan) -> tuple[StreamDecision, ...]:
    """The tracks of the main output that are made of files, in their order there."""
    return tuple(stream for stream in plan.kept if stream.kind == "subtitle" and stream.action is StreamAction.ENCODE)


def inputs(plan: Plan, files: Mapping[int, str]) -> Argv:
    """What stands behind the main input. `files`: the names of UTF-8 SubRip files by the source's stream index."""
    return tuple(argument for stream in embedded(plan)
                 for argument in ("-protocol_whitelist", "file", "-f", "srt", "-i", f"file:{files[stream.index]}"))


def source(plan: Plan, stream: StreamDecision) -> str:
    """What -map takes for a kept track."""
    made = embedded(plan)
    return f"{made.index(stream) + 1}:0" if stream in made else f"0:{stream.index}"


def options(number: int, stream: StreamDecision, container: str = "mp4") -> Argv:
    """`number` counts the subtitles of the output."""
    of = f"s:{number}"
    codec = stream.target.codec if isinstance(stream.target, SubtitleTarget) else None
    return ("-c:" + of, codec or "copy", *labels(of, stream, "SubtitleHandler", container))
