"""Measures how loud sound tracks are (EBU R128): one ffmpeg run for all of them that decodes the sound and writes nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

from pectin.encoding import argv, sounds
from pectin.encoding.ffmpeg import Monitor, run
from pectin.encoding.labels import Argv
from pectin.encoding.tools import Tools
from pectin.linux.child import Child
from pectin.linux.sandbox import Sandbox
from pectin.model.errors import Cause, PectinError
from pectin.model.measured import Loudness
from pectin.model.media import DEMUXERS, AudioStream, MediaInfo
from pectin.model.plan import AudioTarget
from pectin.model.reports import Progress

_SAMPLE_RATE = 48_000
_LARGER = 4  # times as many pixels as the header says may be decoded, to find out what the picture is
# What the filter says at the end, under the name that measure_argv gave it.
_SUMMARY = re.compile(r"\[(?:ebur128@)?track(\d+) @ [^]]*\] Summary:.*?\bI: +(\S+) LUFS.*?\bLRA: +(\S+) LU\b"
                      r".*?\bPeak: +(\S+) dBFS", re.DOTALL)
_SILENT = -70.0  # LUFS; what the filter says of silence
# With these the run has told us that nothing can be measured; it is the main run that finds out what can be encoded.
_UNMEASURABLE = (Cause.FFMPEG_FAILED, Cause.NO_DECODER)


async def measure(indexes: Collection[int], media: MediaInfo, *, tools: Tools, source: str, pass_fds: Sequence[int],
                  threads: int, nice: int, cpus: Collection[int] | None, job: str, stall_timeout: float,
                  monitor: Monitor | None, sandbox: Sandbox | None = None) -> dict[int, Loudness]:
    """How loud each track will be when it is mono or stereo, by stream index; a track that cannot be decoded is left out.
    Takes a fortieth of the time of an encode. Raises PectinError as ffmpeg.run does, but never for what it cannot decode."""
    tracks = [track for track in media.audio if track.index in indexes]
    if not tracks:
        return {}
    source_format = next((name for name in media.formats if name in DEMUXERS), "")
    pixels = max(((picture.width or 0) * (picture.height or 0) for picture in (*media.video, *media.covers)), default=0)
    command = measure_argv(tracks, ffmpeg=str(tools.ffmpeg), opening=argv.opening(
        source_format, source, threads, max(pixels, 1) * _LARGER), threads=threads)
    try:
        report = await run(command, cwd=None, pass_fds=pass_fds, nice=nice, cpus=cpus, job=job,
                           total_seconds=media.duration, total_frames=None, stall_timeout=stall_timeout,
                           monitor=monitor or _Nobody(), sandbox=sandbox)
    except PectinError as error:
        if error.cause not in _UNMEASURABLE:
            raise
        return {}
    return parse(report.stderr)


def measure_argv(tracks: Sequence[AudioStream], *, ffmpeg: str, opening: Argv, threads: int) -> Argv:
    """The command; what it finds stands at the end of its stderr. `opening`: the source with its options, as of argv.opening."""
    each = (argument for number, track in enumerate(tracks) for argument in
            ("-map", f"0:{track.index}", f"-filter:a:{number}", ",".join((*_mixed(track), _meter(track)))))
    return (ffmpeg, "-nostdin", "-hide_banner", "-v", "info", "-nostats", "-progress", "pipe:1", "-stats_period", "0.5",
            "-filter_threads", str(threads), *opening, *each,
            "-threads", str(threads), "-f", "null", "-")


def parse(words: str) -> dict[int, Loudness]:
    """Out of ffmpeg's stderr; numbers that say nothing (`nan`) are left out, minus infinity is silence."""
    found = {}
    for index, *texts in _SUMMARY.findall(words):
        integrated, span, peak = (_number(text) for text in texts)
        if integrated is not None and span is not None and peak is not None:
            found[int(index)] = Loudness(integrated=integrated, peak=peak, range=span)
    return found


def _mixed(track: AudioStream) -> Argv:
    """As it will be encoded: what several loudspeakers play is not as loud in two."""
    channels = track.channels or 2
    return sounds.mix(AudioTarget(codec="aac", channels=min(channels, 2), sample_rate=_SAMPLE_RATE, bitrate=0,
                                  source_channels=channels, source_layout=track.channel_layout))


def _meter(track: AudioStream) -> str:
    return f"ebur128@track{track.index}=peak=true:framelog=verbose"


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return _SILENT if value == -math.inf else value if math.isfinite(value) else None


class _Nobody:
    """Nobody wants to know about the run."""

    suspended = False

    def child_started(self, child: Child) -> None: ...

    def child_ended(self) -> None: ...

    def progressed(self, progress: Progress) -> None: ...
