"""What a search for a quality costs beside the encode it is for, and whether the film then has the score that was asked for."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from bench.table import Row
from clips import Clips
from harness import daemon, until
from measuring import measuring_ffmpeg, whole_film

TIME_BOUND = 0.15  # of the encode
OFF_BOUND = 1.0    # VMAF points
TARGET = 93.0
_PATIENCE = 7200.0
_SCENE = 8.0       # seconds
# Scenes as different as films have them: soft and sharp, still and fast, clean and with grain, bright and dark.
_SCENES = (
    "mandelbrot=size={size}:rate=24:start_scale=0.3:end_pts=400:maxiter=60,gblur=sigma=1,noise=alls=4:all_seed=1:allf=t",
    "testsrc2=size={size}:rate=24,gblur=sigma=3,rotate=0.1*sin(t):bilinear=1,noise=alls=2:all_seed=2:allf=t",
    "gradients=size={size}:rate=24:speed=0.02:seed=3,noise=alls=6:all_seed=3:allf=t",
    "testsrc2=size={size}:rate=24,scroll=h=0.004:v=0.002,gblur=sigma=1.2",
    "mandelbrot=size={size}:rate=24:start_scale=0.02:end_pts=900:maxiter=60,eq=brightness=-0.25",
    "life=size={size}:rate=24:mold=20:ratio=0.15:seed=5:death_color=#203040:life_color=#f0e0c0,gblur=sigma=2.5",
    "testsrc2=size={size}:rate=24,gblur=sigma=2,zoompan=z=1.2+0.1*sin(on/24):d=1:s={size}:fps=24,noise=alls=3:all_seed=7:allf=t",
)


def varied_film(clips: Clips, seconds: float, size: str) -> Path:
    """`seconds` of these scenes, over and over, as MPEG-4: its picture must be encoded."""
    sources = [argument for scene in _SCENES for argument in ("-f", "lavfi", "-t", f"{_SCENE:g}", "-i", scene.format(size=size))]
    joined = "".join(f"[{number}:v]format=yuv420p,setsar=1[s{number}];" for number in range(len(_SCENES)))
    joined += "".join(f"[s{number}]" for number in range(len(_SCENES))) + f"concat=n={len(_SCENES)}[v]"
    once = clips.make("once.mkv", [*sources, "-filter_complex", joined, "-map", "[v]", "-c:v", "mpeg4", "-q:v", "2", "-g", "48"])
    return clips.make("varied.mkv", ["-stream_loop", "-1", "-i", str(once), "-t", f"{seconds:g}", "-c", "copy"])


def measure(clips: Clips, folder: Path, *, seconds: float, size: str, judged: bool) -> list[Row]:
    """One job with a target, of a film of `seconds`: the time of its search beside that of its encode, and the whole film's
    score, with every fifth frame of it."""
    cost = Row(name="quality_time", figure="Search for a quality / the film's encode", measured=None, bound=TIME_BOUND, unit="",
               digits=3, judged=judged, notes="" if find_spec("imageio_ffmpeg") else "no ffmpeg with libvmaf is here")
    off = Row(name="quality_off", figure="The film's VMAF beside the target", measured=None, bound=OFF_BOUND, unit="points",
              digits=2, judged=judged)
    if find_spec("imageio_ffmpeg") is None:
        return [cost, off]
    film = varied_film(clips, seconds, size)
    sections: dict[str, Any] = {
        "encoder": {"threads": 1, "hardware": "cpu", "ffmpeg": str(measuring_ffmpeg())},
        "profiles": {"universal": {"preset": "medium", "quality": {"mode": "target", "target": TARGET, "max_size": 2.0}}}}
    with daemon(folder, sections) as running:
        running.drop(film, "Film.mkv")
        until(lambda: " -> COMPLETED" in running.text() or " -> FAILED" in running.text(), "the job ends", _PATIENCE)
        job = running.job("Film.mkv", "COMPLETED")
        searching, encoding = (_stage(running.metrics_port, stage) for stage in ("probing", "encoding"))
    made = next(output["path"] for output in job["outputs"] if output["role"] == "video")
    score = whole_film(film, Path(made), subsample=5)
    found = job["plan"]["notes"][0]
    return [
        _with(cost, searching / encoding, f"{searching:.0f} s beside {encoding:.0f} s, for {seconds:g} s of {size}, preset "
                                          "medium, one thread; all of the stage before the encode is counted"),
        _with(off, abs(score - TARGET), f"{score:.2f} for {TARGET:g}, measured over the whole film; the job said: {found[:-1]}")]


def _with(row: Row, measured: float, notes: str) -> Row:
    return Row(name=row.name, figure=row.figure, measured=measured, bound=row.bound, unit=row.unit, digits=row.digits,
               judged=row.judged, notes=notes)


def _stage(port: int, stage: str) -> float:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    found = re.search(rf'^pectin_stage_duration_seconds_sum{{stage="{stage}"}} (\S+)$', text, re.MULTILINE)
    assert found is not None, text
    return float(found[1])
