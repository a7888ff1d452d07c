"""A few moving seconds of a film: where they are taken from, and the command that makes them. By seeking, not by decoding all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pectin.encoding.labels import Argv
from pectin.encoding.shown import Shown, opening, small
from pectin.model.artifact import Preview

RATE = 10  # frames a second: as many as a small picture needs to move; GIF counts in hundredths of a second
_SCENE = 0.5  # seconds of each moment, where nobody has chosen any
_MOST_SCENES = 6
_FIRST, _LAST = 0.1, 0.8  # of the film, where it is spread over it
_SHORT = 20.0  # seconds: a film that is taken from its beginning to its end
# 256 colours for what moves; an ordered pattern between them, for one that follows the picture would flicker and not compress.
_PALETTE = "split[a][b];[a]palettegen=stats_mode=diff[p];[b][p]paletteuse=dither=bayer:bayer_scale=3"


@dataclass(frozen=True, slots=True)
class Scene:
    """From when on, and how many frames of it."""

    at: float
    frames: int


def scenes(film: Shown, seconds: float, chosen: Sequence[float]) -> tuple[Scene, ...]:
    """Which moments the preview shows. Where nobody has chosen them they begin at key frames: nothing is decoded in vain."""
    length = min(seconds, film.seconds)
    if not chosen and length >= film.seconds:
        return (Scene(0.0, max(1, round(length * RATE))),)
    count = len(chosen) or max(1, min(_MOST_SCENES, round(length / _SCENE)))
    first, last = (0.0, 1.0) if film.seconds < _SHORT else (_FIRST, _LAST)
    frames = max(1, round(length / count * RATE))
    moments = chosen or [first * film.seconds + (last - first) * film.seconds * number / count for number in range(count)]
    if not chosen:
        moments = sorted({_key(film, moment) for moment in moments})
        frames = max(1, round(length / len(moments) * RATE))
    return tuple(Scene(min(moment, max(0.0, film.seconds - frames / RATE)), frames) for moment in moments)


def argv(film: Shown, shown: Sequence[Scene], kind: Preview, width: int, threads: int) -> tuple[Argv, str]:
    """What stands behind ffmpeg's general options, and the file it makes."""
    wide, high = film.fitted(width, width * 4)
    colours = "rgb24" if kind is Preview.GIF else "yuv420p"
    finish = ",".join((*small(film, wide, high, colours), "setpts=PTS-STARTPTS"))
    # Cut at once: fps would fill a gap in the film to its end.
    cut = [f"[{number}:v:0]fps=fps={RATE}:start_time=0:round=up,trim=end_frame={scene.frames},{finish}[s{number}]"
           for number, scene in enumerate(shown)]
    joined = "".join(f"[s{number}]" for number in range(len(shown))) + f"concat=n={len(shown)}:v=1:a=0"
    end = f"{joined},{_PALETTE}" if kind is Preview.GIF else joined
    file = f"preview.{kind.value}"
    inputs = tuple(word for scene in shown for word in opening(film, 1, at=scene.at))  # each thread would hold frames
    return (*inputs, "-filter_complex", ";".join((*cut, f"{end}[preview]")), "-map", "[preview]", "-an", "-map_metadata", "-1",
            "-fps_mode", "passthrough", *_encoder(kind, threads), file), file


def check_argv(file: str, kind: Preview) -> Argv:
    """Decodes it. Not for WebP: ffmpeg 5.1 writes such films and cannot read them."""
    demuxer = "mov" if kind is Preview.MP4 else kind.value
    return ("-xerror", "-protocol_whitelist", "file", "-f", demuxer, "-i", f"file:{file}", "-map", "0:v:0",
            "-fps_mode", "passthrough", "-f", "null", "-")


def gif_size(data: bytes) -> tuple[int, int] | None:
    """From its header; None: it is none, or has no end."""
    if data[:6] != b"GIF89a" or not data.endswith(b";"):
        return None
    return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")


def webp_frames(data: bytes) -> tuple[int, int, int] | None:
    """Width, height and number of the frames of a moving WebP; None: it is none, or not whole."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or int.from_bytes(data[4:8], "little") + 8 != len(data):
        return None
    at, size, frames = 12, None, 0
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if kind == b"VP8X":
            size = (int.from_bytes(data[at + 12 : at + 15], "little") + 1, int.from_bytes(data[at + 15 : at + 18], "little") + 1)
        frames += kind == b"ANMF"
        at += 8 + length + length % 2
    return (*size, frames) if size is not None and frames and at == len(data) else None


def _encoder(kind: Preview, threads: int) -> Argv:
    if kind is Preview.GIF:
        return ("-loop", "0", "-f", "gif")
    if kind is Preview.WEBP:
        return ("-c:v", "libwebp_anim", "-quality", "70", "-compression_level", "4", "-loop", "0", "-f", "webp")
    return ("-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-threads", str(threads), "-movflags", "+faststart",
            "-f", "mp4")


def _key(film: Shown, moment: float) -> float:
    """The key frame before this moment, unless it is far away."""
    return max((key for key in film.keys if key <= moment), default=0.0) if film.dense else moment
