"""A finished film as pictures are taken from it: how it is opened, where its key frames are, and its colours in a picture."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from pectin.encoding.labels import Argv
from pectin.model.media import MediaInfo

KEYS = "keys.txt"
_FLAGS = re.compile(r", F=0x([0-9A-Fa-f]+)")  # stands there unless it is a key frame and nothing else
_HDR = frozenset({"smpte2084", "arib-std-b67"})
DENSE = 10.0  # seconds between two key frames: with more, pictures every ten seconds would show some twice
_SMALLEST = 2  # pixels: with chroma at half size, less is no picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """`file` lies in the job's folder; `demuxer` is its name for -f. `seconds` is the picture's length, `width` and `height` what
    it shows (square pixels, upright). `transfer` of an HDR film, else None. `keys`: when its key frames are shown, in order."""

    file: str
    demuxer: str
    seconds: float
    width: int
    height: int
    transfer: str | None = None
    keys: tuple[float, ...] = ()

    @property
    def dense(self) -> bool:
        """Whether its key frames alone are enough for pictures all along the film."""
        return bool(self.keys) and all(after - before <= DENSE for before, after in pairwise((0.0, *self.keys, self.seconds)))

    def fitted(self, width: int, height: int) -> tuple[int, int]:
        """Its size within a box, even numbers, never enlarged."""
        share = min(1.0, width / self.width, height / self.height)
        return even(self.width * share), even(self.height * share)


def even(pixels: float) -> int:
    return max(_SMALLEST, round(pixels / 2) * 2)


def seen(file: str, demuxer: str, found: MediaInfo) -> Shown | None:
    """From what was probed; None: there is no picture whose size and length are known."""
    stream = found.video[0] if found.video else None
    seconds = (stream.duration or found.duration) if stream is not None else None
    if stream is None or not stream.width or not stream.height or not seconds:
        return None
    width = round(stream.width * (stream.sample_aspect_ratio or 1))
    turned = stream.rotation % 180 != 0
    return Shown(file=file, demuxer=demuxer, seconds=seconds, width=max(1, stream.height if turned else width),
                 height=max(1, width if turned else stream.height),
                 transfer=stream.color_transfer if stream.color_transfer in _HDR else None)


def opening(film: Shown, threads: int, *, at: float | None = None, keys_only: bool = False) -> Argv:
    """The options of the film and its -i. `at`: from this moment on, exactly. The deblocking filter is left out with `keys_only`:
    small pictures do not show the difference."""
    return ("-threads", str(threads), *(("-skip_frame", "nokey", "-skip_loop_filter", "all") if keys_only else ()),
            "-protocol_whitelist", "file", "-f", film.demuxer, *(() if at is None else ("-ss", f"{at:.3f}")),
            "-i", f"file:{film.file}")


def small(film: Shown, width: int, height: int, colours: str) -> tuple[str, ...]:
    """Filters that make a picture of this size: `yuvj420p` for JPEG, `yuv420p` for a video, `gray` to look at, `rgb24` for what
    has a palette. An HDR film is tone-mapped: what shows pictures knows no HDR."""
    mapped: tuple[str, ...] = ()
    if film.transfer is not None:
        mapped = (f"setparams=color_primaries=bt2020:color_trc={film.transfer}:colorspace=bt2020nc",
                  f"zscale=w={width}:h={height}:t=linear:npl=100", "format=gbrpf32le", "zscale=p=bt709",
                  "tonemap=tonemap=hable:desat=0", "zscale=t=bt709:m=bt709:r=tv", "format=yuv420p", "sidedata=mode=delete")
    # JPEG knows one matrix and the full range only; without a word a viewer would show other colours than a player.
    out = {"yuvj420p": ":out_color_matrix=bt601:out_range=pc", "gray": ":out_range=pc"}.get(colours, "")
    return (*mapped, f"scale={width}:{height}:flags=area{out}", f"format={colours}", "setsar=1")


def keys_argv(film: Shown) -> Argv:
    """What stands behind ffmpeg's general options: lists the key frames without decoding any. Matroska's demuxer gives the
    others too, which are marked."""
    return ("-discard:v", "nokey", *opening(film, 1), "-map", "0:v:0", "-c", "copy", "-f", "framecrc", KEYS)


def keys_in(lines: Iterable[str]) -> tuple[float, ...]:
    """The moments in that list, in seconds; those before the beginning are not shown."""
    base, found = Fraction(0), []
    for line in lines:
        if line.startswith("#tb 0:"):
            base = Fraction(line.partition(":")[2].strip())
        elif line.startswith("0,") and ((flags := _FLAGS.search(line)) is None or int(flags[1], 16) & 1):
            found.append(float(base * int(line.split(",")[2])))
    return tuple(sorted(moment for moment in found if moment >= 0))
