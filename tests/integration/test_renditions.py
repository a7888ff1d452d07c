"""Renditions for real: several versions of a film in one run, each as planned, cut at the same moments, and none of them able to
cost the film."""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from clips import Clips
from needs import need_program
from pectin.linux.child import Child
from pectin.model.errors import Cause
from pectin.model.output import Home, Output
from pectin.model.plan import Method, Plan
from pectin.model.profile import Profile, VideoCodec
from pectin.model.rendition import Hls, Made
from pectin.pipeline import hls
from pectin.pipeline.proving import Work
from pectin.pipeline.running import RunningJob
from producing import QUICKLY, Produced, produced

LADDER = replace(QUICKLY, renditions=(180, 144))
# Cuts to other scenes at odd moments: an encoder left to itself sets key frames there.
CUTS = ("-vf", "negate=enable='between(mod(t,1.7),0.6,1.1)'")
OLD = ("-c:v", "mpeg4", "-q:v", "3")


def looked_into(film: Path) -> Mapping[str, Any]:
    """Without a warning of ffprobe's; `keys`: the moments of the picture's key frames."""
    command = [need_program("ffprobe", "ffmpeg"), "-v", "warning", "-show_streams", "-show_format", "-select_streams", "v:0",
               "-show_entries", "packet=pts_time,flags", "-of", "json", str(film)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert not done.stderr, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found["streams"][0], "format": found["format"], "packets": len(found["packets"]),
            "keys": sorted(float(packet["pts_time"]) for packet in found["packets"] if "K" in packet["flags"])}


def rungs(done: Produced) -> dict[str, Path]:
    return {output.name: done.folder / output.file for output in done.outputs if output.role == "rendition"}


def on_the_grid(keys: list[float], rate: Fraction, seconds: float) -> bool:
    """One at the first frame of every two seconds, and no other."""
    wanted = [2.0 * number for number in range(int(seconds / 2) + 1) if 2.0 * number < seconds - float(1 / rate)]
    return len(keys) == len(wanted) and all(0 <= key - moment < float(1 / rate) + 0.001
                                            for key, moment in zip(keys, wanted, strict=True))


class Program:
    """ffmpeg with a flaw for some runs: `script` is shell, with the arguments as "$@" and as $all. What it was asked for is in
    `runs`."""

    def __init__(self, folder: Path, script: str = "") -> None:
        folder.mkdir()  # the sandbox shows the program's own folder
        self.path = folder / "ffmpeg"
        self.path.write_text(f'#!/bin/sh\nall=" $* "\nffmpeg={shlex.quote(need_program("ffmpeg", "ffmpeg"))}\n'
                             f'echo "$all" >> encodes.log\n{script}\nexec "$ffmpeg" "$@"\n')
        self.path.chmod(0o755)

    @staticmethod
    def encodes(done: Produced) -> list[list[str]]:
        """Which films each run wrote that decoded the source and encoded a picture, or copied it."""
        lines = (done.folder / "encodes.log").read_text().splitlines()
        return [[word for word in line.split() if word.endswith(".mp4") and not word.startswith("file:")] for line in lines
                if "-movflags" in line]


async def test_all_versions_come_from_one_run_and_begin_anew_at_the_same_moments(clips: Clips, tmp_path: Path) -> None:
    rate = Fraction(30000, 1001)
    source = clips.film("old.avi", seconds=4.5, video=(*OLD, *CUTS), rate=str(rate), size="256x192")
    program = Program(tmp_path / "bin")
    done = await produced(source, tmp_path, LADDER, program=program.path)
    film, found = looked_into(done.film), {name: looked_into(file) for name, file in rungs(done).items()}
    assert program.encodes(done) == [["video.mp4", "rendition-180p.mp4", "rendition-144p.mp4"]]
    sizes = [(name, one["width"], one["height"]) for name, one in found.items()]
    assert sizes == [("180p.mp4", 240, 180), ("144p.mp4", 192, 144)]
    assert on_the_grid(film["keys"], rate, 4.5)
    for planned, one in zip(done.plan.renditions, found.values(), strict=True):
        assert (one["keys"], one["packets"]) == (film["keys"], film["packets"])
        assert int(one["format"]["bit_rate"]) <= planned.max_bitrate * 1.05
        assert one["level"] == 21
        assert one["format"]["nb_streams"] == 2
    assert [(output.home, output.suffix) for output in done.outputs[:-1]] == [(Home.RENDITIONS, " - 180p"),
                                                                            (Home.RENDITIONS, " - 144p")]


@pytest.mark.parametrize(("codec", "preset"), [(VideoCodec.HEVC, "ultrafast"), (VideoCodec.AV1, "12"), (VideoCodec.VP9, "5")])
async def test_versions_in_every_codec_begin_anew_at_the_same_moments(clips: Clips, tmp_path: Path, codec: VideoCodec,
                                                                      preset: str) -> None:
    source = clips.film("old.avi", seconds=2.3, video=(*OLD, *CUTS), size="128x192", audio=())
    done = await produced(source, tmp_path, Profile(video=codec, preset=preset, renditions=(144,)))
    film, rung = looked_into(done.film), looked_into(rungs(done)["144p.mp4"])
    assert (film["codec_name"], rung["codec_name"], film["keys"]) == (codec.value, codec.value, rung["keys"])
    assert on_the_grid(film["keys"], Fraction(25), 2.3)


async def test_a_film_that_is_copied_gets_its_versions_in_the_same_run(clips: Clips, tmp_path: Path) -> None:
    program = Program(tmp_path / "bin")
    source = clips.film("film.mkv", seconds=2.5)
    done = await produced(source, tmp_path, replace(LADDER, versions=True), program=program.path)
    assert done.plan.method is Method.REMUX
    assert program.encodes(done) == [["video.mp4", "rendition-180p.mp4", "rendition-144p.mp4"]]
    assert [(output.home, output.suffix) for output in done.outputs[:-1]] == [(Home.LIBRARY, " - 180p"),
                                                                            (Home.LIBRARY, " - 144p")]


async def test_a_film_that_is_taken_over_gets_its_versions_in_one_run_of_their_own(clips: Clips, tmp_path: Path) -> None:
    program = Program(tmp_path / "bin")
    source = clips.film("film.mp4", seconds=2.5, extra=("-movflags", "+faststart"))
    done = await produced(source, tmp_path, LADDER, program=program.path)
    assert (done.plan.method, done.film.read_bytes()) == (Method.FILE, source.read_bytes())
    assert program.encodes(done) == [["rendition-180p.mp4", "rendition-144p.mp4"]]
    assert len(rungs(done)) == 2


async def test_when_the_run_of_all_breaks_the_film_is_made_alone_and_then_each_version(clips: Clips, tmp_path: Path) -> None:
    # In the middle: its files may not grow beyond 30 kB.
    program = Program(tmp_path / "bin", "case $all in *video.mp4*rendition-144p*) ulimit -f 60;; esac")
    source = clips.film("old.avi", seconds=1, video=OLD, size="256x192")
    done = await produced(source, tmp_path, LADDER, program=program.path)
    assert len(rungs(done)) == 2
    assert done.omissions == []
    assert program.encodes(done)[1:] == [["video.mp4"], ["rendition-180p.mp4"], ["rendition-144p.mp4"]]


async def test_a_version_that_cannot_be_made_is_left_out_and_the_rest_is_published(clips: Clips, tmp_path: Path) -> None:
    program = Program(tmp_path / "bin", 'case $all in *rendition-180p*) echo "[libx264 @ 0x1] too hard" >&2; exit 1;; esac')
    done = await produced(clips.film("old.avi", seconds=1, video=OLD, size="256x192"), tmp_path, LADDER, program=program.path)
    assert list(rungs(done)) == ["144p.mp4"]
    assert [(one.kind, one.what, one.error.cause) for one in done.omissions] == [
        ("rendition", "the rendition 180p", Cause.FFMPEG_FAILED)]
    assert "Without the rendition 180p" in done.plan.notes[-1]
    assert sorted(file.name for file in done.folder.iterdir()) == ["encodes.log", "rendition-144p.mp4", "video.mp4"]


async def test_a_version_that_came_out_wrong_is_made_once_more_and_the_others_are_kept(clips: Clips, tmp_path: Path) -> None:
    # In the run of all it ends too early; the sandbox lets a script start nothing, but it may add to the arguments.
    flaw = ('case $all in *video.mp4*) for word in "$@"; do shift; '
            'if [ "$word" = rendition-144p.mp4 ]; then set -- "$@" -t 0.3; fi; set -- "$@" "$word"; done;; esac')
    program = Program(tmp_path / "bin", flaw)
    done = await produced(clips.film("old.avi", seconds=1, video=OLD, size="256x192"), tmp_path, LADDER, program=program.path)
    assert program.encodes(done)[1:] == [["rendition-144p.mp4"]]
    assert (len(rungs(done)), done.omissions) == (2, [])


async def test_what_a_failed_try_has_made_of_the_versions_is_not_made_again(clips: Clips, tmp_path: Path) -> None:
    """The film came out larger than its source, which is kept then; its versions are the same either way."""
    source = clips.film("small.mkv", seconds=1, size="256x192", video=("-c:v", "libx264", "-crf", "45", "-pix_fmt", "yuv420p"),
                        audio=())
    program = Program(tmp_path / "bin")
    profile = Profile(video=VideoCodec.HEVC, preset="ultrafast", crf=1, renditions=(144,))
    done = await produced(source, tmp_path, profile, program=program.path)
    assert done.plan.method is Method.REMUX
    assert program.encodes(done) == [["video.mp4", "rendition-144p.mp4"], ["video.mp4"]]
    assert list(rungs(done)) == ["144p.mp4"]


async def test_the_source_s_own_picture_is_one_of_the_versions(clips: Clips, tmp_path: Path) -> None:
    source = clips.film("old.mkv", seconds=1.5, video=("-c:v", "mpeg2video", "-q:v", "3"), size="256x192")
    done = await produced(source, tmp_path, replace(QUICKLY, original=True, renditions=(144,)))
    found = {name: looked_into(file) for name, file in rungs(done).items()}
    assert [(name, one["codec_name"]) for name, one in found.items()] == [("original.mp4", "mpeg2video"), ("144p.mp4", "h264")]
    assert not list(done.folder.glob("*.hash"))


@pytest.mark.parametrize(("name", "made", "size"), [
    ("variable", ("-f", "lavfi", "-i", "testsrc2=size=256x192:rate=30:duration=5", "-vf",
                  "select='not(between(mod(n,45),10,31))+eq(n,0)',setpts=PTS+0.3/TB", "-fps_mode", "vfr", *OLD), (192, 144)),
    ("interlaced", ("-f", "lavfi", "-i", "testsrc2=size=180x192:rate=50:duration=1.2,setsar=64/45", "-vf",
                    "interlace,setfield=tff", "-c:v", "mpeg2video", "-flags", "+ildct+ilme"), (192, 144)),
    ("upright", ("-f", "lavfi", "-i", "testsrc2=size=144x256:rate=25:duration=1,setsar=1", *OLD), (80, 144)),
    ("hdr", ("-f", "lavfi", "-i", "testsrc2=size=256x192:rate=10:duration=1,format=yuv420p10le", "-c:v", "libx265", "-preset",
             "ultrafast", "-x265-params", "log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"),
     (192, 144)),
])
async def test_whatever_is_mended_in_the_film_is_mended_in_its_versions(clips: Clips, tmp_path: Path, name: str,
                                                                        made: tuple[str, ...], size: tuple[int, int]) -> None:
    done = await produced(clips.make(f"{name}.mkv", made), tmp_path, replace(QUICKLY, renditions=(144,)))
    film, rung = looked_into(done.film), looked_into(rungs(done)["144p.mp4"])
    assert (rung["width"], rung["height"]) == size
    for fact in ("keys", "packets", "color_transfer", "field_order", "sample_aspect_ratio", "start_time"):
        assert rung[fact] == film[fact], fact


async def test_a_copied_film_has_a_version_of_its_own_size_for_hls(clips: Clips, tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def package(work: Work, plan: Plan, made: Sequence[Made], texts: Sequence[Output]) -> list[Output]:
        assert all((work.scratch / one.file).exists() for one in made)
        seen.extend(f"{one.rendition.name}{' aligned' * one.aligned}" for one in made)
        return []

    monkeypatch.setattr(hls, "package", package)
    source = clips.film("film.mkv", seconds=1, size="256x192")
    done = await produced(source, tmp_path, replace(QUICKLY, renditions=(144,), rendition_files=False, hls=Hls.FMP4))
    assert [(one.name, one.files) for one in done.plan.renditions] == [("192p", False), ("144p", False)]
    assert seen == ["film", "192p aligned", "144p aligned"]
    assert not rungs(done)
    assert not list(done.folder.glob("rendition-*")), "they were there for HLS only"


async def test_the_run_of_all_stands_still_when_paused_and_ends_when_stopped(clips: Clips, tmp_path: Path) -> None:
    jobs: list[RunningJob] = []
    source = clips.film("old.avi", seconds=20, video=OLD)
    slowly = replace(LADDER, preset="slow")
    task = asyncio.create_task(produced(source, tmp_path, slowly, during=jobs.append))
    while not jobs or not jobs[0].progress.frame:
        await asyncio.sleep(0.01)
        assert not task.done()
    job = jobs[0]
    job.suspend()
    child = job._child
    assert isinstance(child, Child)
    state = Path(f"/proc/{child.pid}/stat")
    while state.read_text().rpartition(")")[2].split()[0] != "T":
        await asyncio.sleep(0.01)
    job.resume()
    before = job.progress.frame
    while job.progress.frame == before:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not state.exists()
