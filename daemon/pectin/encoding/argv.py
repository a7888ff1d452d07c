"""Turns a plan into ffmpeg's arguments: sums of small tuples, built here and run elsewhere.

Every option that a hostile or odd file could exploit is always given: see the comments. Nothing here decides what to produce."""

from __future__ import annotations

from dataclasses import dataclass

from pectin.encoding import pictures, sounds, texts
from pectin.encoding.labels import Argv
from pectin.model.media import DEMUXERS
from pectin.model.plan import Plan, StreamDecision, VideoTarget

VIDEO = "video.mp4"  # fixed ASCII names in the child's own folder: no name from outside ever reaches ffmpeg
_MOST_STREAMS = "100"
# How far ffprobe and ffmpeg look for streams: 64 MiB or 60 s. In recordings and on discs (TS, VOB) a stream exists from its
# first packet on, and by default ffmpeg looks at 5 MB only: a film whose sound begins later would come out silent. The same for
# both programs: streams are numbered in the order in which they are found.
_LOOK = ("-probesize", str(64 << 20), "-analyzeduration", "60000000")
# Would become Jellyfin's overview or show where the file came from.
_UNWANTED_TAGS = ("comment", "description", "synopsis")
@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`argv` to run in an empty folder; `video` and the names in `subtitles` are the files it leaves there."""

    argv: Argv
    video: str
    subtitles: tuple[tuple[StreamDecision, str], ...]


def build(plan: Plan, *, ffmpeg: str, source: str, threads: int, max_pixels: int) -> Command:
    """The command that carries out `plan`. `source` is what stands behind -i, e.g. `file:/proc/self/fd/7`; it must carry its
    protocol. Progress comes on stdout; `threads` bounds every pool ffmpeg has."""
    subtitles = tuple((text, f"sub{number}.{texts.target(text).extension}") for number, text in enumerate(plan.extracted))
    argv = (
        *_always(ffmpeg), "-y",
        "-filter_threads", str(threads), "-filter_complex_threads", str(threads),
        *_input(plan, source, threads, max_pixels),
        *pictures.graph(plan),
        *_main_output(plan, threads),
        *(argument for decision, name in subtitles for argument in texts.output(decision, name, threads)),
    )
    return Command(argv=argv, video=VIDEO, subtitles=subtitles)


def probe_argv(ffprobe: str, source: str, *, max_pixels: int | None = None, count: bool = False) -> Argv:
    """ffprobe's arguments for what planning/probe.py reads: JSON on stdout. With `max_pixels` a larger picture is not even
    decoded for probing: ffprobe then fails with "exceeds specified max pixel count" on stderr. `count`: read the file to its
    end and count the packets of each stream."""
    pixels = () if max_pixels is None else ("-max_pixels", str(max_pixels))
    return (ffprobe, "-hide_banner", "-v", "error", "-threads", "1", "-protocol_whitelist", "file",
            "-format_whitelist", ",".join(DEMUXERS), "-max_streams", _MOST_STREAMS, *_LOOK, *pixels,
            *(("-count_packets",) if count else ()), "-of", "json", "-show_format", "-show_streams", "-show_chapters", source)


def decode_argv(ffmpeg: str, source: str, threads: int) -> Argv:
    """Decodes all of a finished MP4 and writes nothing: exit status 0 and the frames of the last progress block are the
    proof that it plays. The first error ends it (-xerror).

    The deblocking filter is left out: it only smooths finished pixels and cannot fail, and what is read from the file does not
    depend on pixels. That saves a fifth of the time; 150 damaged files got the same verdict with it and without (5.1.9)."""
    return (*_always(ffmpeg), "-xerror", "-filter_threads", str(threads), "-threads", str(threads), "-skip_loop_filter", "all",
            "-protocol_whitelist", "file", "-f", "mov", "-i", source, "-map", "0:v:0", "-map", "0:a?", "-fps_mode", "passthrough",
            "-threads", str(threads), "-f", "null", "-")


def _always(ffmpeg: str) -> Argv:
    return (ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-nostats", "-progress", "pipe:1", "-stats_period", "0.5")


def _input(plan: Plan, source: str, threads: int, max_pixels: int) -> Argv:
    return ("-threads", str(threads),  # the decoder's
            "-protocol_whitelist", "file", "-f", plan.source_format,  # a playlist in disguise opens nothing
            "-max_streams", _MOST_STREAMS, *_LOOK, "-max_pixels", str(max_pixels),
            # Text that is not UTF-8 goes over as it is (Jellyfin finds out its encoding); else ffmpeg leaves such lines out.
            *(("-sub_charenc_mode", "ignore") if plan.extracted else ()),
            "-i", source)


def _main_output(plan: Plan, threads: int) -> Argv:
    kept = plan.kept
    video = tuple(stream for stream in kept if stream.kind == "video")
    sound = tuple(stream for stream in kept if stream.kind == "audio")
    maps = tuple(argument for stream in kept for argument in ("-map", _map(stream)))
    return (
        *maps,
        "-map_metadata", "0", "-map_chapters", "0" if plan.chapters else "-1",
        *(argument for tag in _UNWANTED_TAGS for argument in ("-metadata", f"{tag}=")),
        *(argument for number, stream in enumerate(video) for argument in pictures.options(number, stream)),
        *(argument for number, stream in enumerate(sound) for argument in sounds.options(number, stream)),
        "-threads", str(threads),
        "-max_muxing_queue_size", "4096",  # sound that begins late must not end the run
        "-movflags", "+faststart", "-f", plan.container, VIDEO,
    )


def _map(stream: StreamDecision) -> str:
    return "[picture]" if isinstance(stream.target, VideoTarget) else f"0:{stream.index}"
