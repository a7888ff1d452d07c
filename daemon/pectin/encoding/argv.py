"""Turns a plan into ffmpeg's arguments: sums of small tuples, built here and run elsewhere.

Every option that a hostile or odd file could exploit is always given: see the comments. Nothing here decides what to produce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pectin.encoding import accelerators, checks, ladder, pictures, sounds
from pectin.encoding import texts as words
from pectin.encoding.labels import Argv
from pectin.model.hardware import Rung, Way
from pectin.model.media import DEMUXERS
from pectin.model.plan import Plan, StreamAction, StreamDecision, VideoTarget
from pectin.model.rendition import Rendition

VIDEO = "video"  # with the container's extension: a fixed ASCII name in the child's own folder, none from outside
_MOST_STREAMS = "100"
# How far ffprobe and ffmpeg look for streams: 64 MiB or 60 s. In recordings and on discs (TS, VOB) a stream exists from its
# first packet on, and by default ffmpeg looks at 5 MB only: a film whose sound begins later would come out silent. The same for
# both programs: streams are numbered in the order in which they are found.
_LOOK = ("-probesize", str(64 << 20), "-analyzeduration", "60000000")
# The first three would become Jellyfin's overview or show where the file came from; the others are about the source's container.
_UNWANTED_TAGS = ("comment", "description", "synopsis", "major_brand", "minor_version", "compatible_brands")
_WITHOUT_TIMES = frozenset({"avi", "mpeg"})
NO_TEXTS: Mapping[int, str] = MappingProxyType({})
# The muxer, and what it is told. The index goes to the front: players over a network begin at once. Timecodes mean nothing to
# players, and the muxer would make a track of them. (With cues_to_front Matroska is shifted just as MP4 is.)
_MUXERS: Mapping[str, Argv] = MappingProxyType({
    "mp4": ("-movflags", "+faststart", "-write_tmcd", "0", "-f", "mp4"),
    "mkv": ("-cues_to_front", "1", "-f", "matroska"),
    "webm": ("-cues_to_front", "1", "-f", "webm"),
})


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`argv` to run in the job's own folder; `video` is the file it leaves there, and one for each of the `rungs`. Of the
    `copied` streams it leaves the hashes of their packets, as they were read, in checks.SOURCE_HASHES."""

    argv: Argv
    video: str
    copied: tuple[StreamDecision, ...]
    rungs: tuple[Rendition, ...] = ()


def build(plan: Plan, *, ffmpeg: str, source: str, threads: int, max_pixels: int, texts: Mapping[int, str] = NO_TEXTS,
          way: Way | None = None, file: str | None = None, rungs: Sequence[Rendition] = (), hashes: bool = True) -> Command:
    """The command that carries out `plan`. `source` is what stands behind -i, e.g. `file:/proc/self/fd/7`; it must carry its
    protocol. `texts`: files in that folder with the text of subtitle streams, which are put into the film. Progress comes on
    stdout; `threads` bounds every pool ffmpeg has. `way`: that through a device; None: the CPU. `file`: another name for the
    film. `rungs`: encoded renditions that are made in the same run, largest first and smaller than the film. `hashes`: whether
    those of copied streams are left."""
    # A device decodes by itself; each of ffmpeg's threads would only take more of its memory.
    decoders = 1 if way is not None and way.rung is Rung.FULL else threads
    video = file or f"{VIDEO}.{plan.container}"
    copied = checks.hashed(plan.kept) if hashes else ()
    argv = (
        *always(ffmpeg), "-y",
        "-filter_threads", str(threads), "-filter_complex_threads", str(threads),
        *accelerators.device(way),
        *missing_times(plan),
        *opening(plan.source_format, source, decoders, max_pixels, accelerators.decoding(way)),
        *words.inputs(plan, texts),
        *(ladder.graph(plan, rungs, way) if rungs else accelerators.graph(way, plan, pictures.graph(plan))),
        *_output(plan, video, threads, way),
        *(argument for rung in rungs for argument in _output(alone(plan, rung), rung.file, threads, way, ladder.label(rung))),
        *checks.hash_output(((stream.index, stream) for stream in copied), checks.SOURCE_HASHES),
    )
    return Command(argv=argv, video=video, copied=copied, rungs=tuple(rungs))


def alone(plan: Plan, rendition: Rendition) -> Plan:
    """The plan of one rendition, as of a film."""
    return Plan(profile=plan.profile, source_format=plan.source_format, seconds=plan.seconds, streams=rendition.streams,
                width=rendition.width, height=rendition.height, container=rendition.container,
                extra=() if rendition.copied else plan.extra)


def probe_argv(ffprobe: str, source: str, *, max_pixels: int | None = None, count: bool = False) -> Argv:
    """ffprobe's arguments for what planning/probe.py reads: JSON on stdout. With `max_pixels` a larger picture is not even
    decoded for probing: ffprobe then fails with "exceeds specified max pixel count" on stderr. `count`: read the file to its
    end and count the packets of each stream."""
    pixels = () if max_pixels is None else ("-max_pixels", str(max_pixels))
    return (ffprobe, "-hide_banner", "-v", "error", "-threads", "1", "-protocol_whitelist", "file",
            "-format_whitelist", ",".join(DEMUXERS), "-max_streams", _MOST_STREAMS, *_LOOK, *pixels,
            *(("-count_packets",) if count else ()), "-of", "json", "-show_format", "-show_streams", "-show_chapters", source)


def always(ffmpeg: str) -> Argv:
    """How every run begins: nothing is asked, errors go to stderr and progress to stdout."""
    return (ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-nostats", "-progress", "pipe:1", "-stats_period", "0.5")


def opening(source_format: str, source: str, threads: int, max_pixels: int, device: Argv = ()) -> Argv:
    """The options of a source, and its -i. `device`: those of one that decodes it."""
    return ("-threads", str(threads),  # the decoder's
            "-protocol_whitelist", "file", "-f", source_format,  # a playlist in disguise opens nothing
            "-max_streams", _MOST_STREAMS, *_LOOK, "-max_pixels", str(max_pixels), *device, "-i", source)


def missing_times(plan: Plan) -> Argv:
    """These do not say of each picture when it is shown. A decoder finds out; where nobody decodes, Matroska would refuse the
    packets and MP4 show them in the wrong order."""
    copied = any(stream.kind == "video" and stream.action is StreamAction.COPY for stream in plan.kept)
    return ("-fflags", "+genpts") if copied and plan.source_format in _WITHOUT_TIMES else ()


def _output(plan: Plan, name: str, threads: int, way: Way | None, picture: str = ladder.FILM) -> Argv:
    kept = plan.kept
    video = tuple(stream for stream in kept if stream.kind == "video")
    sound = tuple(stream for stream in kept if stream.kind == "audio")
    subtitles = tuple(stream for stream in kept if stream.kind == "subtitle")
    maps = tuple(argument for stream in kept for argument in ("-map", _map(plan, stream, picture)))
    return (
        *maps,
        # Of the streams' tags none: Matroska's statistics (NUMBER_OF_FRAMES, BPS) would be lies about what was encoded anew.
        "-map_metadata", "0", "-map_metadata:s", "-1", "-map_chapters", "0" if plan.chapters else "-1",
        *(argument for tag in _UNWANTED_TAGS for argument in ("-metadata", f"{tag}=")),
        *(argument for number, stream in enumerate(video)
          for argument in _picture(number, stream, plan.container, threads, _way(stream, way))),
        *(argument for number, stream in enumerate(sound) for argument in sounds.options(number, stream, plan.container)),
        *(argument for number, stream in enumerate(subtitles) for argument in words.options(number, stream, plan.container)),
        "-threads", str(threads),
        "-max_muxing_queue_size", "4096",  # sound that begins late must not end the run
        *_MUXERS[plan.container], *plan.extra, name,
    )


def _picture(number: int, stream: StreamDecision, container: str, threads: int, way: Way | None) -> Argv:
    if way is None:
        return pictures.options(number, stream, container=container, threads=threads)
    return accelerators.options(number, stream, way, container)


def _way(stream: StreamDecision, way: Way | None) -> Way | None:
    return ladder.on_device(stream.target, way) if isinstance(stream.target, VideoTarget) else way


def _map(plan: Plan, stream: StreamDecision, picture: str) -> str:
    if stream.kind == "subtitle":
        return words.source(plan, stream)
    return picture if isinstance(stream.target, VideoTarget) else f"0:{stream.index}"
