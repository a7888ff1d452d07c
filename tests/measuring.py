"""An ffmpeg that can measure VMAF and XPSNR: that of the wheel imageio-ffmpeg, which has no ffprobe beside it."""

from __future__ import annotations

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from needs import missing, need_program


def measuring_ffmpeg() -> Path:
    need_program("ffprobe", "ffmpeg")
    if find_spec("imageio_ffmpeg") is None:
        missing("an ffmpeg with libvmaf", "pip install imageio-ffmpeg")
    import imageio_ffmpeg  # noqa: PLC0415  (not there for everybody)

    return Path(imageio_ffmpeg.get_ffmpeg_exe())


def whole_film(source: Path, made: Path, *, after: float = 0.0, subsample: int = 1) -> float:
    """The VMAF of all of a film that begins `after` so many seconds, frame by frame, against its source."""
    even = f"trim=start={after:g},format=yuv420p,settb=1/25,setpts=N"
    done = subprocess.run(
        [str(measuring_ffmpeg()), "-nostdin", "-hide_banner", "-i", f"file:{made}", "-i", f"file:{source}", "-filter_complex",
         f"[0:v:0]{even}[a];[1:v:0]{even}[b];[a][b]libvmaf=n_threads=2:n_subsample={subsample}", "-f", "null", "-"],
        capture_output=True, text=True, check=True)
    found = re.search(r"VMAF score: (\S+)", done.stderr)
    assert found is not None, done.stderr
    return float(found[1])
