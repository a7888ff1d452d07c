"""Sources that lie or mean harm, written by hand: what no fuzzing finds in a hundred years."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pectin.model.errors import Cause
from sources.catalogue import BY_NAME
from sources.making import Workshop
from sources.phrases import AAC, X264, picture, source, tone

Maker = Callable[[Workshop, Path], bytes]


@dataclass(frozen=True, slots=True)
class Hostile:
    """`make` gets the workshop and another film's path; `causes` are the ends it may come to, None for: published. `pictures` is
    how many the output must have."""

    name: str
    make: Maker
    causes: tuple[Cause | None, ...]
    pictures: int | None = None

    def __str__(self) -> str:
        return self.name


def _bytes(name: str, change: Callable[[bytes], bytes] = bytes) -> Maker:
    """A source of the catalogue, changed."""
    return lambda workshop, _other: change(workshop.make(BY_NAME[name]).read_bytes())


def _made(name: str, arguments: str) -> Maker:
    return lambda workshop, _other: workshop.make(source(name, "", arguments, "encode: ")).read_bytes()


def _text(words: str) -> Maker:
    """`{other}` is another film's path."""
    return lambda _workshop, other: words.replace("{other}", str(other)).encode()


def _set(film: bytes, before: bytes, offset: int, value: bytes) -> bytes:
    """`value` at `offset` behind the first `before`."""
    at = film.index(before) + len(before) + offset
    return film[:at] + value + film[at + len(value):]


def _giant(film: bytes) -> bytes:
    """An AVI whose picture is 100,000 x 100,000: in its main header, and in the format of its stream."""
    size = struct.pack("<II", 100_000, 100_000)
    return _set(_set(film, b"avih", 4 + 32, size), b"strf", 4 + 4, size)


def _lasting(seconds: float) -> Callable[[bytes], bytes]:
    """Matroska's Duration, which ffmpeg writes as a double in milliseconds."""
    return lambda film: _set(film, b"\x44\x89\x88", 0, struct.pack(">d", 1000 * seconds))


def _broken_chunks(film: bytes) -> bytes:
    """Every chunk of the first track has four thousand million samples."""
    return _set(film, b"stsc", 12, b"\xff\xff\xff\xff")


def _endless_times(film: bytes) -> bytes:
    """The first sample of the first track lasts for days."""
    return _set(film, b"stts", 12, b"\x7f\xff\xff\xff")


def _too_many_samples(film: bytes) -> bytes:
    return _set(film, b"stsz", 8, b"\xff\xff\xff\xff")


def _two_sizes(workshop: Workshop, _other: Path) -> bytes:
    """A recording in which the picture changes its size: two transport streams, one behind the other."""
    one = f"{picture()} {tone()} {X264} {AAC}"
    other = f"{picture('256x144')} {tone()} {X264} {AAC} -output_ts_offset 1.2"
    return b"".join(workshop.make(source(name, "", arguments, "encode: ")).read_bytes()
                    for name, arguments in (("one.ts", one), ("other.ts", other)))


_DAYS = r"-bsf:v setts=ts=TS+gte(N\,15)*100000000"  # milliseconds: 28 hours missing in the middle
_MANY = " ".join(["-map 1"] * 150)
_REFUSED = (Cause.NOT_A_VIDEO,)

HOSTILE: tuple[Hostile, ...] = (
    Hostile("playlist.avi", _text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{other}\n#EXT-X-ENDLIST\n"), _REFUSED),
    Hostile("playlist-of-secrets.mkv", _text("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"), _REFUSED),
    Hostile("script.mkv", _text("ffconcat version 1.0\nfile {other}\n"), _REFUSED),
    Hostile("page.mp4", _text("<!doctype html><title>404</title><p>No such film"), _REFUSED),
    Hostile("one-byte.mp4", _text("x"), _REFUSED),
    Hostile("giant.avi", _bytes("raw.avi", _giant), (Cause.PICTURE_TOO_LARGE, Cause.NO_PICTURE_SIZE)),
    Hostile("many-streams.mkv", _made("many.mkv", f"{picture()} {tone()} -map 0 {_MANY} {X264} -c:a ac3"),
            (Cause.TOO_MANY_STREAMS,)),
    Hostile("days.mkv", _made("days.mkv", f"-i {{film:film.mkv}} -c copy {_DAYS}"), (None, Cause.DAMAGED_SOURCE), 30),
    Hostile("lasts-for-ever.mkv", _bytes("film.mkv", _lasting(1e12)), (None, Cause.DAMAGED_SOURCE), 30),
    Hostile("lasts-no-time.mkv", _bytes("film.mkv", _lasting(0.001)), (None,), 30),
    Hostile("lasts-nan.mkv", _bytes("film.mkv", _lasting(float("nan"))), (None,), 30),
    Hostile("broken-chunks.mp4", _bytes("whole.mp4", _broken_chunks), (None, Cause.NOT_A_VIDEO, Cause.DAMAGED_SOURCE), 30),
    Hostile("endless-times.mp4", _bytes("whole.mp4", _endless_times), (None, Cause.DAMAGED_SOURCE), 30),
    Hostile("too-many-samples.mp4", _bytes("whole.mp4", _too_many_samples), (None, Cause.NOT_A_VIDEO, Cause.DAMAGED_SOURCE), 30),
    Hostile("empty-track.mov", _made("empty.mov", f"{picture()} {tone()} -map 0 -map 1 {X264} -c:a pcm_s16le -af atrim=end=0"),
            (None,), 30),
    Hostile("only-sound.mkv", _made("sound.mkv", f"{tone()} -c:a flac"), (Cause.NO_VIDEO_STREAM,)),
    Hostile("only-cover.mkv", _made("cover.mkv", "-i {kit}/cover.png -c copy"), (Cause.NO_VIDEO_STREAM, None)),
    Hostile("two-sizes.ts", _two_sizes, (None,), 60),
    Hostile("sixteen-channels.mkv", _made("sixteen.mkv", f"{picture()} {tone()} {X264} -c:a pcm_s16le "
            "-af pan=hexadecagonal|FL=c0|FR=c0|FC=c0"), (None,), 30),
    Hostile("slide-show.mkv", _made("slides.mkv", f"{picture(rate='1/2', seconds=8)} {tone(8)} {X264} {AAC}"), (None,), 4),
    Hostile("long-words.mkv", _made("words.mkv", f"-i {{film:film.mkv}} -c copy -metadata title={'Quince' * 10_000}"),
            (None,), 30),
)
