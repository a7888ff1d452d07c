"""Looks at some of a source's frames where its headers do not say enough: a few short ffmpeg runs that write nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pectin.encoding import borders, captions, fields, loudness
from pectin.encoding.ffmpeg import Monitor, probe, read_patiently, watched
from pectin.encoding.labels import Argv
from pectin.encoding.tools import Tools
from pectin.linux.child import JOB_VARIABLE, Child, spawn
from pectin.linux.launch import Confinement
from pectin.linux.sandbox import Sandbox
from pectin.linux.trial import offered
from pectin.model import mastering
from pectin.model.errors import Cause, PectinError
from pectin.model.mastering import ContentLight, MasteringDisplay
from pectin.model.measured import CropBox, Measured, Questions
from pectin.model.media import DEMUXERS, MediaInfo, VideoStream

# Up to five places of 24 frames, three when they agree: 72 frames of a 1080p film take 0.4 to 0.9 s of one core. A telecine's
# pattern shows in twenty frames.
_SCAN_SPOTS, _SCAN_FRAMES, _AGREED = 5, 24, 3
# One key frame in each of many places: borders do not change within a scene.
_CROP_SPOTS, _CROP_FRAMES = 12, 1
_APART = 1.5  # seconds between two places: where they would be closer, one run looks at the beginning instead
_BEGINNING = 100  # frames
_LARGER = 4  # times as many pixels as the header says may be decoded
_MOST_WORDS = 1 << 20  # bytes on stdout of one look; 150 frames say 100 KB
_UNSEEKABLE = frozenset({"h264", "hevc", "mpegvideo", "dv"})  # without an index or times: seeking would read it all


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How every look is carried out."""

    tools: Tools
    source: str
    pass_fds: Sequence[int]
    threads: int
    nice: int
    cpus: Collection[int] | None
    job: str
    stall_timeout: float
    monitor: Monitor | None
    sandbox: Sandbox | None


async def look(questions: Questions, media: MediaInfo, *, tools: Tools, source: str, pass_fds: Sequence[int], threads: int,
               nice: int, cpus: Collection[int] | None, job: str, stall_timeout: float, monitor: Monitor | None,
               sandbox: Sandbox | None = None) -> Measured:
    """The answers to `questions`; None where it could not be told. Raises PectinError as ffmpeg.run does, but never for frames
    that cannot be decoded: then nothing was seen. `sandbox` as there."""
    picture = next((stream for stream in media.video if stream.index == questions.picture), None)
    way = _Way(tools=tools, source=source, pass_fds=pass_fds, threads=threads, nice=nice, cpus=cpus, job=job,
               stall_timeout=stall_timeout, monitor=monitor, sandbox=sandbox)
    spot = await _scan(way, media, picture) if questions.scan and picture else fields.Spot(None, None)
    crop = await _crop(way, media, picture) if questions.crop and picture else None
    seen = await captions.seen(media, questions.picture, tools=tools, source=source, pass_fds=pass_fds, nice=nice, cpus=cpus,
                               job=job, sandbox=sandbox, monitor=monitor) if questions.captions else None
    loud = await loudness.measure(questions.loudness, media, tools=tools, source=source, pass_fds=pass_fds, threads=threads,
                                  nice=nice, cpus=cpus, job=job, stall_timeout=stall_timeout,
                                  monitor=monitor, sandbox=sandbox) if questions.loudness else {}
    screen, light = await _mastering(way, media, picture) if questions.mastering and picture else (None, None)
    return Measured(scan=spot.scan, top_first=spot.top_first, crop=crop, captions=seen, mastering=screen, light=light,
                    loudness=loud, decoders=tools.decoders)


def places(media: MediaInfo, count: int) -> tuple[float | None, ...]:
    """Where to look, in seconds from the beginning: the middles of `count` equal parts, the middle one first and then from both
    ends inwards. None, alone: at the beginning."""
    length = media.duration
    if length is None or length <= count * _APART or _UNSEEKABLE & set(media.formats):
        return (None,)
    order = sorted(range(count), key=lambda number: (number != count // 2, min(number, count - 1 - number), number))
    return tuple(length * (number + 0.5) / count for number in order)


async def _scan(way: _Way, media: MediaInfo, picture: VideoStream) -> fields.Spot:
    spots: list[fields.Spot] = []
    for place in places(media, _SCAN_SPOTS):
        frames = _BEGINNING if place is None else _SCAN_FRAMES
        spots.append(fields.judge(fields.parse(await _words(way, _argv(way, media, picture, place, frames, fields.FILTER)))))
        told = [spot.scan for spot in spots if spot.scan is not None]
        if len(told) >= _AGREED and len(set(told)) == 1:
            break
    return fields.combine(spots)


async def _crop(way: _Way, media: MediaInfo, picture: VideoStream) -> CropBox | None:
    boxes: list[CropBox] = []
    for place in places(media, _CROP_SPOTS):
        frames = _BEGINNING if place is None else _CROP_FRAMES
        boxes += borders.parse(await _words(way, _argv(way, media, picture, place, frames, borders.FILTER)))
    return borders.combine(boxes, picture.width or 0, picture.height or 0)


async def _mastering(way: _Way, media: MediaInfo, picture: VideoStream,
                     ) -> tuple[MasteringDisplay | None, ContentLight | None]:
    """From the first frame: the film's word about the screen it was made on stands there."""
    argv = (str(way.tools.ffprobe), "-hide_banner", "-v", "error", "-threads", str(way.threads), *_opening(media, picture),
            "-select_streams", str(picture.index), "-show_format", "-show_frames", "-read_intervals", "%+#1", "-of", "json",
            way.source)
    try:
        told = await probe(argv, pass_fds=way.pass_fds, timeout=way.stall_timeout, nice=way.nice, cpus=way.cpus, job=way.job,
                           sandbox=way.sandbox, monitor=way.monitor)
    except PectinError as error:
        if error.cause is not Cause.NOT_A_VIDEO:
            raise
        return None, None
    frames = told.get("frames")
    first = frames[0] if isinstance(frames, list) and frames and isinstance(frames[0], dict) else {}
    return mastering.read(first.get("side_data_list"))


def _opening(media: MediaInfo, picture: VideoStream) -> Argv:
    """ffmpeg searches less of the file for streams than when it encodes: they are numbered as they are found, so that those it
    finds have the same numbers."""
    source_format = next(name for name in media.formats if name in DEMUXERS)
    pixels = (picture.width or 1) * (picture.height or 1) * _LARGER
    return ("-protocol_whitelist", "file", "-f", source_format, "-max_streams", "100", "-max_pixels", str(pixels))


def _argv(way: _Way, media: MediaInfo, picture: VideoStream, place: float | None, frames: int, graph: str) -> Argv:
    """One look: `frames` frames from the key frame before `place`. The deblocking filter smooths what is looked for in neither
    way, and costs a fifth."""
    seek = () if place is None else ("-noaccurate_seek", "-ss", f"{place:.3f}")
    threads = str(way.threads)
    return (str(way.tools.ffmpeg), "-nostdin", "-hide_banner", "-v", "error", "-filter_threads", threads, "-threads", threads,
            "-skip_loop_filter", "all", "-noautorotate", *_opening(media, picture), *seek, "-i", way.source,
            "-map", f"0:{picture.index}", "-frames:v", str(frames), "-vf", graph, "-fps_mode", "passthrough",
            "-threads", threads, "-f", "null", "-")


async def _words(way: _Way, argv: Argv) -> list[str]:
    """The lines that the filter prints. A run that fails has seen as much as it printed: what is damaged here shows later."""
    said = bytearray()
    walls = Confinement(sandbox=way.sandbox or offered(), reads=tuple(way.pass_fds))
    try:
        async with (spawn(argv, cwd=None, pass_fds=way.pass_fds, nice=way.nice, cpus=way.cpus, idle_disk=True, confinement=walls,
                          environment={JOB_VARIABLE: way.job} if way.job else {}) as child, watched(way.monitor, child)):
            while data := await _read(way, child):
                said += data
                if len(said) > _MOST_WORDS:
                    break
    except OSError as error:
        raise PectinError(Cause.FFMPEG_MISSING, f"{argv[0]}: {error.strerror}") from error
    return said.decode("utf-8", "replace").splitlines()


async def _read(way: _Way, child: Child) -> bytes:
    try:
        return await read_patiently(child, way.stall_timeout)
    except TimeoutError:
        raise PectinError(Cause.FFMPEG_STALLED, f"a look at the frames got nowhere for {way.stall_timeout:g} s") from None
