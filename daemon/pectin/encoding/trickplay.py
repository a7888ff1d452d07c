"""Pictures all along a film, ten by ten on a sheet, as Jellyfin keeps them (and web players take them too).

Source of the layout: Jellyfin's TrickplayManager and PathManager (10.9 to 12): one picture every ten seconds, 320 pixels wide,
or as wide as a narrower film, the last sheet padded to the full grid; no list, the number of sheets and the film's length say
how many pictures there are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pectin.encoding.labels import Argv
from pectin.encoding.shown import Shown, even, opening, small

INTERVAL = 10  # seconds
COLUMNS, ROWS = 10, 10
WIDTH = 320
MOST = 10_000  # pictures, 27 hours: a film that claims to be longer is not believed
_PER_SHEET = COLUMNS * ROWS
_QUALITY = "4"  # Jellyfin's own
_CELL = 8  # pixels to which a picture is shrunk to be looked at
_PADDING = 32.0  # of 255: the mean of a picture that shows nothing, rather high
_BLACK = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """How many pictures of which size a film gets."""

    pictures: int
    width: int
    height: int

    @property
    def sheets(self) -> int:
        return math.ceil(self.pictures / _PER_SHEET)

    @property
    def folder(self) -> str:
        """The name of the folder they lie in for Jellyfin."""
        return f"{self.width} - {COLUMNS}x{ROWS}"

    @property
    def sheet_size(self) -> tuple[int, int]:
        return self.width * COLUMNS, self.height * ROWS


def grid(seconds: float, width: int, height: int) -> Grid:
    """For a film that shows `width` x `height`: a picture for every ten seconds that have begun."""
    # A film of 20.0004 s, as rounding makes them, has no third picture.
    pictures = max(1, math.ceil(round(seconds, 2) / INTERVAL))
    narrow = min(WIDTH, max(2, width // 2 * 2))
    return Grid(pictures=pictures, width=narrow, height=even(narrow * height / width))


def sheet(number: int) -> str:
    """The file of a sheet, in the job's folder."""
    return f"sheet-{number}.jpg"


def sheets_argv(film: Shown, pictures: Grid, threads: int) -> Argv:
    """What stands behind ffmpeg's general options: all sheets in one run, from the key frames alone where they are dense.

    Picture k is what is seen at 10 k seconds: round=up; ffmpeg's own rounding makes no picture at all of a film shorter than five
    seconds. The last one is repeated without end and cut at their number: it is exact for every film, and a gap of 100 000
    seconds makes no more."""
    chain = ",".join((f"fps=fps=1/{INTERVAL}:start_time=0:round=up:eof_action=pass",
                      *small(film, pictures.width, pictures.height, "yuvj420p"),
                      "tpad=stop_mode=clone:stop=-1", f"trim=end_frame={pictures.pictures}", f"tile={COLUMNS}x{ROWS}"))
    return (*opening(film, threads, keys_only=film.dense), "-map", "0:v:0", "-vf", chain, "-fps_mode", "passthrough",
            "-c:v", "mjpeg", "-q:v", _QUALITY, "-map_metadata", "-1", "-f", "image2", "-start_number", "0", "sheet-%d.jpg")


def check_argv(name: str) -> Argv:
    """Decodes all sheets and looks at each picture on them; the first error ends it."""
    return ("-xerror", "-protocol_whitelist", "file", "-f", "image2", "-start_number", "0", "-i", "file:sheet-%d.jpg",
            "-vf", f"scale={COLUMNS * _CELL}:{ROWS * _CELL}:flags=area:out_range=pc,format=gray", "-f", "rawvideo", name)


def means(frames: bytes) -> tuple[float, ...]:
    """The brightness of each picture, sheet after sheet."""
    line, page = COLUMNS * _CELL, COLUMNS * _CELL * ROWS * _CELL
    return tuple(
        sum(sum(frames[start : start + _CELL]) for start in range(first, first + _CELL * line, line)) / _CELL**2
        for top in range(0, len(frames) - page + 1, page) for row in range(ROWS)
        for first in range(top + row * _CELL * line, top + row * _CELL * line + line, _CELL))


def wrong(seen: tuple[float, ...], pictures: Grid) -> str:
    """What is wrong with the sheets, as a sentence; empty: nothing."""
    if len(seen) != pictures.sheets * _PER_SHEET:
        return f"there are {len(seen) // _PER_SHEET} sheets instead of {pictures.sheets}"
    if any(mean > _PADDING for mean in seen[pictures.pictures:]):
        return f"there are more than {pictures.pictures} pictures"
    return ""


def all_black(seen: tuple[float, ...], pictures: Grid) -> bool:
    return all(mean < _BLACK for mean in seen[:pictures.pictures])
