"""The commands that prove an output: hashes of what was copied, a decode of what is there, and where each stream ends.

Every number in here was measured with FFmpeg 5.1.9."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from pectin.encoding.labels import Argv
from pectin.model.media import DEMUXERS
from pectin.model.plan import StreamAction, StreamDecision
from pectin.model.profile import Verify

SOURCE_HASHES, OUTPUT_HASHES = "source.hash", "output.hash"
OUTPUT_SHAPES = "output.shapes"
_SHAPES = {"h264": "7", "hevc": "33"}  # the unit that says how large a picture is and how it is coded (sequence parameter set)
LAST_SECONDS = 10  # of an output, decoded by a quick verification
DEMUXER: Mapping[str, str] = MappingProxyType({"mp4": "mov", "mkv": "matroska", "webm": "matroska"})
# What brings the packets of a codec into one form, whichever container they are in. Transport streams carry H.264 with start
# codes and its headers again and again, MP4 with lengths and the headers once; AAC has a header before each packet there.
# Tried with all of these: copied from MKV to MP4 and TS and hashed in each, the hashes are equal.
_ONE_FORM: Mapping[str, str] = MappingProxyType({
    "h264": "h264_mp4toannexb,filter_units=remove_types=7-9",
    "hevc": "hevc_mp4toannexb,filter_units=remove_types=32-35",
    "aac": "aac_adtstoasc",
    "av1": "", "vp9": "", "mpeg4": "", "mpeg2video": "", "ac3": "", "eac3": "", "dts": "", "mp3": "", "opus": "", "flac": "",
})


def hashed(kept: Iterable[StreamDecision]) -> tuple[StreamDecision, ...]:
    """The copied streams whose hashes can be compared."""
    return tuple(s for s in kept if s.action is StreamAction.COPY and s.kind in ("video", "audio") and s.codec in _ONE_FORM)


def hash_output(streams: Iterable[tuple[int, StreamDecision]], name: str) -> Argv:
    """One more output: a line with a hash for each of these streams, `0,v,murmur3=...`, in their order. With each decision its
    index in the input."""
    streams = tuple(streams)
    if not streams:
        return ()
    filters = ((f"-bsf:{number}", form) for number, (_, stream) in enumerate(streams) if (form := _ONE_FORM[stream.codec]))
    return (*(word for index, _ in streams for word in ("-map", f"0:{index}")), "-map_metadata", "-1", "-map_chapters", "-1",
            "-c", "copy", *(word for pair in filters for word in pair), "-f", "streamhash", "-hash", "murmur3", name)


def _shape_output(streams: Iterable[tuple[int, StreamDecision]]) -> Argv:
    return tuple(word for index, stream in streams if stream.kind == "video" and stream.codec in _SHAPES for word in (
        "-map", f"0:{index}", "-c", "copy", "-bsf", f"filter_units=pass_types={_SHAPES[stream.codec]}", "-f", "data",
        OUTPUT_SHAPES))


def shapes(units: bytes) -> int:
    """How many different shapes a copied picture has: what stands in such a file, split at its start codes."""
    return len({unit.strip(b"\0") for unit in units.split(b"\0\0\1")} - {b""})


def hashes(text: str) -> tuple[str, ...]:
    """What stands in such a file: one hash for each stream that had any packet, by its number."""
    found = {int(number): value for line in text.splitlines()
             for number, _, value in (line.split(",", 2),) if number.isdigit()} if text.strip() else {}
    return tuple(found.get(number, "") for number in range(max(found, default=-1) + 1))


def decode_argv(ffmpeg: str, source: str, threads: int, *, demuxer: str = "mov", depth: Verify = Verify.FULL,
                copied: Collection[tuple[int, StreamDecision]] = (), strict: bool = True) -> Argv:
    """Decodes a finished film and writes nothing but the hashes of its `copied` streams and what a copied picture says of its
    shape: exit status 0 and the frames of the last
    progress block are the proof that it plays. The first error ends it (-xerror), unless it is not `strict`. QUICK decodes the
    key frames, and all of the last seconds.

    The deblocking filter is left out: it only smooths finished pixels and cannot fail, and what is read from the file does not
    depend on pixels. That saves a fifth of the time; 150 damaged files got the same verdict with it and without (5.1.9)."""
    opened = ("-threads", str(threads), "-skip_loop_filter", "all", "-protocol_whitelist", "file", "-f", demuxer)
    start = (ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-nostats", "-progress", "pipe:1", "-stats_period", "0.5",
             "-y",  # the hashes of a decode that failed are still there
             *(("-xerror",) if strict else ("-max_error_rate", "1")), "-filter_threads", str(threads))
    end = ("-fps_mode", "passthrough", "-threads", str(threads), "-f", "null", "-", *hash_output(copied, OUTPUT_HASHES),
           *_shape_output(copied))
    if depth is Verify.FULL:
        return (*start, *opened, "-i", source, "-map", "0:v:0", "-map", "0:a?", *end)
    return (*start, "-skip_frame", "nokey", *opened, "-i", source, "-sseof", f"-{LAST_SECONDS}", *opened, "-i", source,
            "-map", "0:v:0", "-map", "1:v:0", "-map", "1:a?", *end)


def count_argv(ffmpeg: str, source: str, *, demuxer: str, index: int, strict: bool) -> Argv:
    """Decodes the picture of a source that is damaged; the frames of the last progress block are those that could be. `strict`:
    only those without a fault, where the decoder otherwise paints over it. In one thread: with several, the MPEG-4 decoder of
    5.1.9 dies over its own errors ("Assertion frame->buf[0] failed")."""
    return (ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-nostats", "-progress", "pipe:1", "-stats_period", "0.5",
            *(("-err_detect", "crccheck+bitstream+buffer+explode") if strict else ()), "-max_error_rate", "1",
            "-threads", "1", "-skip_loop_filter", "all", "-protocol_whitelist", "file", "-f", demuxer, "-i", source,
            "-map", f"0:{index}", "-fps_mode", "passthrough", "-f", "null", "-")


def tail_argv(ffprobe: str, source: str, *, demuxer: str, start: float) -> Argv:
    """The packets from `start` seconds on (from the key frame before it): stream, time and duration of each, as JSON. A header
    may claim any length; this is what is really there, for the price of a seek."""
    return (ffprobe, "-hide_banner", "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", ",".join(DEMUXERS),
            "-f", demuxer, "-read_intervals", f"{start:.3f}%", "-of", "json", "-show_format",
            "-show_entries", "packet=stream_index,pts_time,duration_time", source)


def head_argv(ffprobe: str, source: str, *, demuxer: str, seconds: float, options: Argv = ()) -> Argv:
    """The packets of the first `seconds`: stream, time and flags of each, as JSON. `options`: those that the source was read
    with."""
    return (ffprobe, "-hide_banner", "-v", "error", *options, "-protocol_whitelist", "file",
            "-format_whitelist", ",".join(DEMUXERS), "-f", demuxer, "-read_intervals", f"%+{seconds:g}",
            "-of", "json", "-show_format", "-show_entries", "packet=stream_index,pts_time,flags", source)
