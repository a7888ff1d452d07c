"""A few frames of a film, very small: enough to see whether an output shows what its source shows."""

from __future__ import annotations

from collections.abc import Sequence

from pectin.encoding.labels import Argv

SIDE = 16
BYTES = SIDE * SIDE * 3  # one frame in yuv444p
_SMALL = f"scale={SIDE}:{SIDE}:flags=area,format=yuv444p"
_END = "[picture]"
# Of 255, between the means of two frames. A green picture (all zeros) is about 128 off in both colours, a black one as far as the
# source is bright. Chosen wide, for another tone mapping and for a frame beside the one that is meant; encoding itself changes
# means little.
BRIGHTNESS, COLOUR = 70.0, 40.0


def positions(seconds: float | None) -> tuple[float, ...]:
    """Where to look, in seconds."""
    return (0.0,) if not seconds or seconds < 1 else tuple(round(seconds * share, 3) for share in (0.1, 0.5, 0.85))


def of_source(ffmpeg: str, given: Argv, source: str, at: float, graph: Argv, max_pixels: int) -> Argv:
    """One frame through the CPU's own filters. `given`: what names the demuxer; `graph`: the plan's, ending at [picture]."""
    small = tuple(f"{word.removesuffix(_END)},{_SMALL}{_END}" if word.endswith(_END) else word for word in graph)
    return (*_front(ffmpeg, max_pixels), *given, "-ss", f"{at:g}", "-i", source, *small, "-map", _END, *_back("source.raw"))


def of_output(ffmpeg: str, given: Argv, video: str, at: float, max_pixels: int) -> Argv:
    return (*_front(ffmpeg, max_pixels), *given, "-ss", f"{at:g}", "-i", video, "-map", "0:v:0", "-vf", _SMALL,
            *_back("output.raw"))


def differ(source: Sequence[bytes], output: Sequence[bytes]) -> str | None:
    """What is wrong, as a sentence, when most of the frames differ; None when they do not. Frames that are not there (a film
    shorter than it says) say nothing."""
    pairs = [(one, other) for one, other in zip(source, output, strict=True) if len(one) >= BYTES and len(other) >= BYTES]
    off = [pair for pair in pairs if not _alike(*pair)]
    if len(off) * 2 <= len(pairs):
        return None
    return f"{len(off)} of {len(pairs)} frames do not show what the source shows (a green or black picture?)"


def _alike(one: bytes, other: bytes) -> bool:
    plane = SIDE * SIDE
    limits = (BRIGHTNESS, COLOUR, COLOUR)
    return all(abs(_mean(one, number * plane) - _mean(other, number * plane)) <= limit for number, limit in enumerate(limits))


def _mean(frame: bytes, start: int) -> float:
    plane = frame[start : start + SIDE * SIDE]
    return sum(plane) / len(plane)


def _front(ffmpeg: str, max_pixels: int) -> Argv:
    return (ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-nostats", "-progress", "pipe:1", "-y",
            "-filter_complex_threads", "1", "-filter_threads", "1", "-threads", "1", "-protocol_whitelist", "file",
            "-max_pixels", str(max_pixels))


def _back(name: str) -> Argv:
    return ("-frames:v", "1", "-an", "-sn", "-dn", "-f", "rawvideo", name)
