"""Single pictures of a film: where to look for a good one, what makes a frame good, and the command that takes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pectin.encoding.labels import Argv
from pectin.encoding.shown import Shown, opening, small

_PLACES = 6  # each costs the opening of the film, and a seek: 0.05 s of CPU at 720p
# Of the film: before it there are logos and titles, behind it credits.
_FIRST, _LAST = 0.1, 0.7
_SHORT = 20.0  # seconds: a film that has neither
_MINUTE = 60.0  # seconds of a film with hardly any key frame that are looked at: each look decodes from the one before it
_FRAMES, _APART = 3, 0.2  # at each place, seconds between them: what changes over them all is a fade
WIDTH, HEIGHT = 64, 36  # of a frame that is only looked at
_PIXELS = WIDTH * HEIGHT
# Of 255. A fade to black or white over three seconds changes the mean by about 7 in 0.2 s; a walk or a pan by 1 to 3. Flat is
# what nobody would hang on a wall: fog, a wall, a title card without a picture behind it has more.
_BLACK, _WHITE, _FLAT, _FADING = 30.0, 225.0, 14.0, 6.0
_DARK_PICTURE = 10.0  # a mean below which a finished picture shows nothing
_JPEG_QUALITY = "3"  # of 2 to 31: about 90 of 100


@dataclass(frozen=True, slots=True)
class Look:
    """One frame that was looked at: `at` seconds; means and differences of 0 to 255."""

    at: float
    mean: float
    deviation: float
    detail: float
    change: float

    @property
    def poor(self) -> bool:
        """Black, white, empty, or in the middle of a fade or a flash."""
        return not _BLACK <= self.mean <= _WHITE or self.deviation < _FLAT or self.change > _FADING

    @property
    def worth(self) -> float:
        """Contrast and detail, in a middle brightness: of two good frames people take the one that shows more."""
        return self.deviation + 2 * self.detail - 0.3 * abs(self.mean - 115)


def places(film: Shown) -> tuple[float, ...]:
    """Where to look, in seconds. At key frames where the film has enough of them: nothing is decoded in vain."""
    first, last = (0.0, 1.0) if film.seconds < _SHORT else (_FIRST, _LAST)
    length = film.seconds if film.dense else min(film.seconds, _MINUTE)
    evenly = [length * (first + (last - first) * (number + 0.5) / _PLACES) for number in range(_PLACES)]
    if not film.dense:
        spread = film.keys[::max(1, len(film.keys) // _PLACES)][:_PLACES]
        return tuple(sorted({*spread, *evenly[:max(0, _PLACES - len(spread))]}))
    if film.seconds < _SHORT:
        return tuple(evenly)
    return tuple(sorted({max((key for key in film.keys if key <= moment), default=0.0) for moment in evenly}))


def look_argv(film: Shown, moments: Sequence[float]) -> tuple[Argv, tuple[str, ...]]:
    """What stands behind ffmpeg's general options: a few tiny frames from each of these moments on. And the files they are in."""
    # round=up: a frame is what is seen at that moment, not what comes after it. The next frame of a slide show may be an hour
    # away: cut at once, or fps fills all of that hour first.
    chain = ",".join((f"fps=fps={1 / _APART:g}:start_time=0:round=up", f"trim=end_frame={_FRAMES}",
                      *small(film, WIDTH, HEIGHT, "gray")))
    names = tuple(f"look-{number}.raw" for number in range(len(moments)))
    inputs = tuple(word for moment in moments for word in opening(film, 1, at=moment))  # each thread would hold frames
    outputs = tuple(word for number, name in enumerate(names) for word in (
        "-map", f"{number}:v:0", "-vf", chain, "-fps_mode", "passthrough", "-f", "rawvideo", name))
    return (*inputs, *outputs), names


def looks(at: float, frames: bytes) -> Iterator[Look]:
    """What those frames show."""
    before: float | None = None
    cut = [frames[start : start + _PIXELS] for start in range(0, len(frames) - _PIXELS + 1, _PIXELS)]
    means = [sum(frame) / _PIXELS for frame in cut]
    for number, (frame, mean) in enumerate(zip(cut, means, strict=True)):
        after = means[number + 1] if number + 1 < len(means) else mean
        change = max(abs(mean - (mean if before is None else before)), abs(after - mean))
        before = mean
        deviation = (sum(value * value for value in frame) / _PIXELS - mean * mean) ** 0.5 if mean else 0.0
        yield Look(at + number * _APART, mean, deviation, _detail(frame), change)


def best(seen: Sequence[Sequence[Look]]) -> tuple[Look, ...]:
    """Of each place its best frame, the best of all first. Poor ones come last: a black film has black pictures."""
    each = [max(place, key=lambda look: (not look.poor, look.worth)) for place in seen if place]
    return tuple(sorted(each, key=lambda look: (look.poor, -look.worth, look.at)))


def still_argv(film: Shown, at: float, width: int, height: int, file: str, threads: int) -> Argv:
    """The frame that is shown at this moment, or the first behind it."""
    return (*opening(film, threads, at=at), "-map", "0:v:0", "-vf", ",".join(small(film, width, height, "yuvj420p")),
            "-frames:v", "1", *_jpeg(file))


def last_argv(film: Shown, at: float, width: int, height: int, file: str, threads: int) -> Argv:
    """The last frame of all, for a moment behind which no other begins."""
    return ("-noaccurate_seek", *opening(film, threads, at=at), "-map", "0:v:0",
            "-vf", ",".join(small(film, width, height, "yuvj420p")), "-fps_mode", "passthrough", *_jpeg(file))


def check_argv(file: str, name: str) -> Argv:
    """Decodes a finished picture and looks at it; the first error ends it."""
    return ("-xerror", "-protocol_whitelist", "file", "-f", "jpeg_pipe", "-i", f"file:{file}",
            "-vf", f"scale={WIDTH}:{HEIGHT}:flags=area:out_range=pc,format=gray", "-f", "rawvideo", name)


def shows_nothing(frame: bytes) -> bool:
    """Black; of a picture that could not be decoded there is not even that."""
    return len(frame) < _PIXELS or sum(frame[:_PIXELS]) / _PIXELS < _DARK_PICTURE


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from a JPEG's frame header; None: it is none, or has no end."""
    if not data.startswith(b"\xff\xd8") or not data.rstrip(b"\0").endswith(b"\xff\xd9"):
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        at += 2 + length
    return None


def _jpeg(file: str) -> Argv:
    return ("-c:v", "mjpeg", "-q:v", _JPEG_QUALITY, "-map_metadata", "-1", "-f", "image2", "-update", "1", file)


def _detail(frame: bytes) -> float:
    """The mean difference of neighbours, in both directions."""
    beside = sum(abs(one - other) for row in range(0, _PIXELS, WIDTH)
                 for one, other in zip(frame[row : row + WIDTH - 1], frame[row + 1 : row + WIDTH], strict=True))
    below = sum(abs(one - other) for one, other in zip(frame[:-WIDTH], frame[WIDTH:], strict=True))
    return (beside + below) / _PIXELS
