"""The films that are measured with, made by ffmpeg here and now: the same pictures on every machine."""

from __future__ import annotations

import os
import time
from pathlib import Path

from clips import Clips

# A soft, slowly turning and zooming picture with hard edges moving over it and fresh grain in every frame. The amount of grain is
# chosen so that x264 (medium, crf 22) needs about 2.3 Mb/s at 720p, as for a film: with more grain, decoding (so: verifying)
# would weigh more beside encoding than it does for films, with less it would weigh nothing.
_PICTURE = ("[0:v]scale=1280:720:flags=bicubic,gblur=sigma=2,rotate=0.05*sin(t):bilinear=1[soft];"
            "[soft][1:v]overlay=x=480+200*sin(t):y=270+90*cos(t*0.7)[all];[all]noise=alls=3:all_seed=1:allf=t,format=yuv420p[v]")
_LARGE = _PICTURE.replace("1280:720", "1920:1080").replace("x=480", "x=720").replace("y=270", "y=405")
_SURROUND = "[2:a]pan=5.1|FL=c0|FR=0.7*c0|FC=0.5*c0|LFE=0.2*c0|BL=0.3*c0|BR=0.3*c0[a]"


def camera_film(clips: Clips, seconds: float) -> Path:
    """720p24, H.264 at 16 Mb/s (above what the default profile copies) and AC-3 5.1: its picture must be encoded, its surround
    track is copied, and a stereo track is made."""
    return _camera_film(clips, "film.mkv", _PICTURE, seconds, ("-preset", "ultrafast", "-b:v", "16M"))


def large_film(clips: Clips, seconds: float) -> Path:
    """The same in 1080p24 at 10 Mb/s, with all that makes decoding dear in real films (CABAC, deblocking, B frames)."""
    return _camera_film(clips, "large.mkv", _LARGE, seconds, ("-preset", "veryfast", "-b:v", "10M"))


def _camera_film(clips: Clips, name: str, picture: str, seconds: float, encoder: tuple[str, ...]) -> Path:
    return clips.make(name, [
        "-f", "lavfi", "-i", "mandelbrot=size=320x180:rate=24:start_scale=0.3:end_scale=0.01:end_pts=2000:maxiter=100",
        "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24",
        "-f", "lavfi", "-i", "anoisesrc=color=pink:sample_rate=48000:amplitude=0.2:seed=1",
        "-filter_complex", f"{picture};{_SURROUND}", "-map", "[v]", "-map", "[a]", "-t", f"{seconds:g}",
        "-c:v", "libx264", *encoder, "-c:a", "ac3", "-b:a", "448k"])


def tiny_film(clips: Clips) -> Path:
    """One small frame in less than a KB, whole by its structure: thousands of copies are written in a moment."""
    return clips.film("tiny.mkv", seconds=0.04, size="16x16", video=("-c:v", "mpeg4"), audio=(), extra=("-frames:v", "1"))


def short_films(clips: Clips) -> list[Path]:
    """Two of one second that must be encoded: what is measured with them is over before the encoder works."""
    return [clips.film(f"short.{extension}", seconds=1, video=("-c:v", "mpeg4", "-q:v", "5")) for extension in ("mkv", "mp4")]


def write(path: Path, content: bytes) -> float:
    """A new file, written in pieces as a copying program does; the moment just before its close, of time.monotonic()."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    for begin in range(0, len(content), 65536):
        os.write(file, content[begin:begin + 65536])
    closed = time.monotonic()
    os.close(file)
    return closed
