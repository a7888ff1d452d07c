"""Takes subtitle tracks out of a source, each into a file of its own, in a run before the film is made: none of them can break
that one. Text goes over as the bytes that are there, and is converted afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from pectin.encoding.argv import always, opening
from pectin.encoding.labels import Argv
from pectin.model.plan import Plan, StreamDecision, SubtitleTarget

# Which muxer writes the packets as they are; what is not in here has to be decoded first.
_RAW: dict[str, Argv] = {
    "subrip": ("-c", "copy", "-f", "srt"), "srt": ("-c", "copy", "-f", "srt"), "text": ("-c", "copy", "-f", "srt"),
    # Else the muxer would wait for numbers that a cut file does not have.
    "ass": ("-c", "copy", "-ignore_readorder", "1", "-f", "ass"), "ssa": ("-c", "copy", "-ignore_readorder", "1", "-f", "ass"),
    "webvtt": ("-c", "copy", "-f", "webvtt"),
    "hdmv_pgs_subtitle": ("-c", "copy", "-f", "sup"),
    "xsub": ("-c", "dvdsub", "-fflags", "+bitexact", "-f", "matroska"),  # Matroska has no name for it
}
_DECODED: Argv = ("-c", "srt", "-f", "srt")
# bitexact: the same source gives the same bytes again, by which a second try knows what is there already.
_PICTURES: Argv = ("-c", "copy", "-fflags", "+bitexact", "-f", "matroska")
# Only the pages that are subtitles, as text, each until the next one clears it. (The last would take captions of EIA-608 away:
# no source has both.)
_TELETEXT: Argv = ("-txt_page", "subtitle", "-txt_format", "text", "-fix_sub_duration")
# Timestamps in these go on from the first stream to the last, and nobody corrects them on the way. In all others ffmpeg counts
# from the first packet that it reads of any wanted stream: then sound and picture must be wanted too.
_CONTINUOUS = frozenset({"matroska", "mov"})


def file_name(track: StreamDecision) -> str:
    target = track.target
    extension = target.extension if isinstance(target, SubtitleTarget) else "srt"
    return f"track{track.index}.{extension}"


def is_raw(track: StreamDecision) -> bool:
    """Whether the text comes as it stood in the source; else ffmpeg has written it, in UTF-8."""
    return track.codec in _RAW


def build(tracks: Sequence[StreamDecision], plan: Plan, *, ffmpeg: str, source: str, threads: int, max_pixels: int) -> Argv:
    """One run for all `tracks`; each leaves a file of `file_name` in the child's folder."""
    teletext = _TELETEXT if any(track.codec == "dvb_teletext" for track in tracks) else ()
    return (*always(ffmpeg), "-y", *teletext, *opening(plan.source_format, source, threads, max_pixels),
            *_clock(plan), *(argument for track in tracks for argument in _output(track, threads)))


def _output(track: StreamDecision, threads: int) -> Argv:
    pictures = isinstance(track.target, SubtitleTarget) and track.target.with_original
    how = _RAW.get(track.codec, _PICTURES if pictures else _DECODED)
    return ("-map", f"0:{track.index}", "-map_metadata", "-1", "-map_chapters", "-1", *how[:2], "-threads", str(threads),
            *how[2:], file_name(track))


def _clock(plan: Plan) -> Argv:
    """An output that goes nowhere, of the streams that the film is made of."""
    if plan.source_format in _CONTINUOUS:
        return ()
    indexes = dict.fromkeys(stream.index for stream in plan.kept if stream.kind in ("video", "audio"))
    maps = tuple(argument for index in indexes for argument in ("-map", f"0:{index}"))
    return (*maps, "-c", "copy", "-f", "null", "-") if maps else ()
