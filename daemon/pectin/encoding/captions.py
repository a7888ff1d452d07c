"""Closed captions (EIA-608) in the picture's own data: whether there are any, and their text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from pectin.encoding.argv import always
from pectin.encoding.ffmpeg import Monitor, read_patiently, watched
from pectin.encoding.labels import Argv
from pectin.encoding.tools import Tools
from pectin.linux.child import JOB_VARIABLE, spawn
from pectin.linux.launch import Confinement
from pectin.linux.sandbox import Sandbox
from pectin.linux.trial import offered
from pectin.model.errors import Cause, PectinError
from pectin.model.media import DEMUXERS, MediaInfo, VideoStream

FILE = "captions.srt"
_LATER = 120.0       # seconds: where a film has begun, if it is so long; before, there may be only a logo
_LONG = 0.5          # seconds looked at in each place: nearly every frame carries them, if any does
_PATIENCE = 30.0     # seconds without a word, in a look that takes a tenth of one
_MOST = 1 << 20      # bytes of user data in a look; half a second has a few KB
# The units of a picture in which it carries what is no picture: SEI, and the user data of MPEG-2.
_UNITS = {"h264": "6", "hevc": "39", "mpeg2video": "178"}
# How captions begin there: ATSC A/53 (part 4, table 6.7), the DVD's own way, SCTE 20. (Bars and other news begin otherwise.)
_MARKS = (b"GA94\x03", b"CC\x01\xf8", b"\xb2\x03\x01", b"\xb2\x03\x81")
_UNSEEKABLE = frozenset({"h264", "hevc", "mpegvideo"})  # without an index or times: seeking would read it all


def look_argv(ffmpeg: str, source: str, media: MediaInfo, picture: VideoStream) -> Argv:
    """Prints what the pictures of some moments carry besides themselves. Nothing is decoded: that costs a fifth. They are counted
    anew, since 5.1 leaves those out whose times it does not like."""
    seconds = media.duration
    units = f"filter_units=pass_types={_UNITS[picture.codec or '']},setts=pts=N:dts=N"
    source_format = next(name for name in media.formats if name in DEMUXERS)
    twice = seconds is not None and seconds > 2 * _LATER and source_format not in _UNSEEKABLE
    places: tuple[Argv, ...] = ((), ("-ss", f"{_LATER:g}")) if twice else ((),)
    return (ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-threads", "1",
            *(word for seek in places for word in ("-protocol_whitelist", "file", "-f", source_format, "-max_streams", "100",
                                                   *seek, "-t", f"{_LONG:g}", "-i", source)),
            *(word for number in range(len(places)) for word in (
                "-map", f"{number}:{picture.index}", "-c", "copy", "-bsf", units, "-f", "data", "pipe:1")))


async def seen(media: MediaInfo, index: int, *, tools: Tools, source: str, pass_fds: Sequence[int], nice: int,
               cpus: Collection[int] | None, job: str, sandbox: Sandbox | None = None,
               monitor: Monitor | None = None) -> bool | None:
    """Whether frames of the picture `index`, at its beginning and two minutes on, carry captions; they may yet be empty. None: it
    could not be told. Raises PectinError only for what is no fault of the file."""
    picture = next((stream for stream in media.video if stream.index == index), None)
    if picture is None or picture.codec not in _UNITS:
        return None
    argv, found = look_argv(str(tools.ffmpeg), source, media, picture), bytearray()
    walls = Confinement(sandbox=sandbox or offered(), reads=tuple(pass_fds))
    try:
        async with (spawn(argv, cwd=None, pass_fds=pass_fds, nice=nice, cpus=cpus, idle_disk=True, confinement=walls,
                          environment={JOB_VARIABLE: job} if job else {}) as child, watched(monitor, child)):
            while len(found) < _MOST and (data := await read_patiently(child, _PATIENCE)):
                found += data
    except TimeoutError:
        return None
    except OSError as error:
        raise PectinError(Cause.FFMPEG_MISSING, f"{argv[0]}: {error.strerror}") from error
    return any(mark in found for mark in _MARKS)


def build(*, ffmpeg: str, source: Path, source_format: str, threads: int) -> Argv:
    """Decodes the whole picture: captions are known only then. `source` is a path of our own making (/proc/self/fd/N): nothing
    in it means anything to a filter graph. The demuxer is forced, so that a playlist in disguise opens nothing. The times are
    the source's own (-copyts): the film's start has still to be taken off."""
    graph = f"movie=filename={source}:format_name={source_format}:dec_threads={threads}[out+subcc]"
    return (*always(ffmpeg), "-y", "-filter_threads", str(threads), "-copyts", "-f", "lavfi", "-i", graph,
            "-map", "0:s:0", "-c", "srt", "-threads", str(threads), "-f", "srt", FILE)
