"""Closed captions (EIA-608) in the picture's own data: whether there are any, and their text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from pectin.encoding.argv import always
from pectin.encoding.ffmpeg import probe
from pectin.encoding.labels import Argv
from pectin.encoding.tools import Tools
from pectin.model.errors import Cause, PectinError
from pectin.model.media import DEMUXERS, MediaInfo

FILE = "captions.srt"
_LATER = 120.0       # seconds: where a film has begun, if it is so long; before, there may be only a logo
_FRAMES = 12         # looked at in each place: nearly every frame carries them, if any does
_PATIENCE = 30.0     # seconds for a look that takes a tenth of one
# Not the file's fault that it could not be looked at: those pass.
_UNANSWERED = frozenset({Cause.NOT_A_VIDEO, Cause.PROBE_FAILED, Cause.PROBE_TIMEOUT, Cause.PICTURE_TOO_LARGE})


def look_argv(ffprobe: str, source: str, seconds: float | None) -> Argv:
    """ffprobe notes what the frames carry only when it decodes some."""
    places = [f"%+#{_FRAMES}", *([f"{_LATER:g}%+#{_FRAMES}"] if seconds and seconds > 2 * _LATER else ())]
    return (ffprobe, "-hide_banner", "-v", "error", "-threads", "1", "-protocol_whitelist", "file",
            "-format_whitelist", ",".join(DEMUXERS), "-select_streams", "V", "-read_intervals", ",".join(places),
            "-show_entries", "format=format_name:stream=closed_captions:frame=pts", "-of", "json", source)


async def seen(media: MediaInfo, *, tools: Tools, source: str, pass_fds: Sequence[int], nice: int,
               cpus: Collection[int] | None, job: str) -> bool | None:
    """Whether frames at the beginning, and two minutes on, carry captions; they may yet be empty. None: it could not be told.
    Raises PectinError only for what is no fault of the file."""
    try:
        found = await probe(look_argv(str(tools.ffprobe), source, media.duration), pass_fds=pass_fds, timeout=_PATIENCE,
                            nice=nice, cpus=cpus, job=job)
    except PectinError as error:
        if error.cause in _UNANSWERED:
            return None
        raise
    streams = found.get("streams")
    return any(isinstance(stream, dict) and stream.get("closed_captions") == 1
               for stream in (streams if isinstance(streams, list) else ()))


def build(*, ffmpeg: str, source: Path, source_format: str, threads: int) -> Argv:
    """Decodes the whole picture: captions are known only then. `source` is a path of our own making (/proc/self/fd/N): nothing
    in it means anything to a filter graph. The demuxer is forced, so that a playlist in disguise opens nothing. The times are
    the source's own (-copyts): the film's start has still to be taken off."""
    graph = f"movie=filename={source}:format_name={source_format}:dec_threads={threads}[out+subcc]"
    return (*always(ffmpeg), "-y", "-filter_threads", str(threads), "-copyts", "-f", "lavfi", "-i", graph,
            "-map", "0:s:0", "-c", "srt", "-threads", str(threads), "-f", "srt", FILE)
