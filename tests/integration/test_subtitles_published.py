"""Subtitles from inside a film, the whole way: into the library, beside the original, into the film, into the picture."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from filing import add_film, encoding, tidied
from harness import files
from needs import need_program, shared
from pectin.model.job import Job, State
from pectin.model.profile import Container, ImageSubtitles, Profile, TextSubtitles, VideoCodec
from subtitlemaker import captioned, pgs
from working import ONE, ended

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
BLACK = ("-f", "lavfi", "-i", "color=black:size=160x120:rate=25:duration=2")
CUE = "1\n00:00:00,200 --> 00:00:01,000\n{}\n\n"


def made(path: Path, *arguments: str | Path) -> Path:
    subprocess.run([need_program("ffmpeg", "ffmpeg"), "-v", "error", "-y", *map(str, arguments), str(path)], check=True)
    return path


def streams(path: Path) -> list[dict[str, Any]]:
    shown = subprocess.run([need_program("ffprobe", "ffmpeg"), "-v", "error", "-show_streams", "-of", "json", str(path)],
                           capture_output=True, check=True)
    found: list[dict[str, Any]] = json.loads(shown.stdout)["streams"]
    return found


async def filed(folder: Path, film: Path, profile: Profile, came: dict[str, bytes] | None = None) -> Job:
    """The job of a film that was published."""
    async with encoding(folder, profile) as (store, worker):
        await add_film(store, folder, film, came or {})
        worker.wake.call()
        job = await ended(store, ONE, State.COMPLETED)
        await tidied(folder)
        return job


def plan_of(job: Job) -> list[tuple[str, str]]:
    """What was decided for each subtitle, as `pectin show` tells it."""
    return [(s["action"], s["reason"]) for s in json.loads(job.plan or "{}")["streams"] if s["kind"] in ("subtitle", "captions")]


def oracle(film: Path) -> str:
    """What the direct-play oracle says for both servers; nothing when it is content."""
    said = ""
    for server in ("10.11", "12"):
        asked = subprocess.run([sys.executable, str(shared("oracle/directplay_oracle.py")), "--probe", str(film),
                                "--server", server], capture_output=True, text=True, check=False)
        said += "" if asked.returncode == 0 else asked.stdout + asked.stderr
    return said


def pictured(folder: Path) -> Path:
    """Black, with a forced picture of text from 0.5 s to 1.5 s, and a text track."""
    (folder / "p.sup").write_bytes(pgs([(0.0, 0.1), (0.5, 1.5)], canvas=(160, 120), box=(80, 16)))
    (folder / "t.srt").write_text(CUE.format("Hello"))
    return made(folder / "Film.mkv", *BLACK, "-i", folder / "p.sup", "-i", folder / "t.srt", "-map", "0", "-map", "1",
                "-map", "2", *X264, "-c:s", "copy", "-metadata:s:s:0", "language=ger", "-metadata:s:s:1", "language=eng",
                "-disposition:s:0", "forced")


async def test_text_goes_to_the_library_and_pictures_of_text_to_the_original(tmp_path: Path) -> None:
    job = await filed(tmp_path, pictured(tmp_path), Profile(preset="ultrafast"), {"Film.ger.sup": b"theirs"})
    assert files(tmp_path / "lib") == ["Film/Film.eng.srt", "Film/Film.mp4"]
    assert (tmp_path / "lib/Film/Film.eng.srt").read_text() == CUE.format("Hello")
    assert files(tmp_path / "originals" / ONE) == ["Film.ger.forced.sup", "Film.ger.sup", "Film.mkv"]
    assert (tmp_path / "originals" / ONE / "Film.ger.sup").read_bytes() == b"theirs"
    assert plan_of(job) == [("extract", "image_subtitle"), ("extract", "text_subtitle")]
    assert [s["codec_type"] for s in streams(tmp_path / "lib/Film/Film.mp4")] == ["video"]


def brightness(film: Path) -> list[float]:
    """The mean luma of each frame."""
    shown = subprocess.run([need_program("ffprobe", "ffmpeg"), "-v", "error", "-f", "lavfi", f"movie={film.name},signalstats",
                            "-show_entries", "frame_tags=lavfi.signalstats.YAVG", "-of", "csv=p=0"],
                           capture_output=True, text=True, check=True, cwd=film.parent)
    return [float(line.strip(",")) for line in shown.stdout.split()]


async def test_a_forced_picture_of_text_becomes_part_of_the_picture(tmp_path: Path) -> None:
    profile = Profile(preset="ultrafast", image_subtitles=ImageSubtitles.BURN_FORCED)
    job = await filed(tmp_path, pictured(tmp_path), profile)
    assert plan_of(job) == [("extract", "text_subtitle"), ("drop", "burnt_in")]
    assert json.loads(job.plan or "{}")["streams"][0]["reason"] == "burnt_in"
    frames = brightness(tmp_path / "lib/Film/Film.mp4")
    shown = [number / 25 for number, luma in enumerate(frames) if luma > 20]
    assert len(frames) == 50
    assert shown[0] == pytest.approx(0, abs=0.05)  # its first cue, from 0 to 0.1 s
    assert next(t for t in shown if t > 0.3) == pytest.approx(0.5, abs=0.05)
    assert shown[-1] == pytest.approx(1.5, abs=0.05)
    assert not oracle(tmp_path / "lib/Film/Film.mp4")


async def test_text_inside_an_mp4_is_not_switched_on_by_itself(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_bytes(CUE.format("Привет, как дела?").encode("cp1251"))
    (tmp_path / "b.srt").write_text(CUE.format("Signs"))
    film = made(tmp_path / "Film.mkv", *BLACK, "-i", tmp_path / "a.srt", "-i", tmp_path / "b.srt", "-map", "0", "-map", "1",
                "-map", "2", *X264, "-c:s", "copy", "-metadata:s:s:0", "language=rus", "-metadata:s:s:1", "language=eng",
                "-disposition:s:0", "default", "-disposition:s:1", "forced", "-metadata:s:s:1", "title=Signs only")
    job = await filed(tmp_path, film, Profile(preset="ultrafast", subtitles=TextSubtitles.EMBED))
    [library] = [tmp_path / "lib" / name for name in files(tmp_path / "lib")]
    _, first, second = streams(library)
    assert [(s["codec_name"], s["tags"]["language"], s["disposition"]["default"], s["disposition"]["forced"])
            for s in (first, second)] == [("mov_text", "rus", 0, 0), ("mov_text", "eng", 0, 1)]
    assert second["tags"]["handler_name"] == "Signs only"
    assert plan_of(job) == [("encode", "text_subtitle")] * 2
    assert json.loads(job.plan or "{}")["method"] == "remux"
    read = made(tmp_path / "read.srt", "-i", library, "-map", "0:s:0").read_text(encoding="utf-8")
    assert "Привет, как дела?" in read
    assert not oracle(library)


@pytest.mark.parametrize(("container", "codec"), [(Container.MKV, "subrip"), (Container.MP4, "mov_text")])
async def test_an_output_with_text_inside_needs_nothing_more(tmp_path: Path, container: Container, codec: str) -> None:
    """Filed once more it comes out the same, of an MP4 by copying its text."""
    profile = Profile(preset="ultrafast", subtitles=TextSubtitles.EMBED, container=container)
    (tmp_path / "t.srt").write_text(CUE.format("Hello"))
    film = made(tmp_path / "Film.mkv", *BLACK, "-i", tmp_path / "t.srt", "-map", "0", "-map", "1", *X264, "-c:s", "copy")
    for turn in ("first", "second"):
        folder = tmp_path / turn
        folder.mkdir()
        await filed(folder, film, profile)
        [film] = [folder / "lib" / name for name in files(folder / "lib")]
        assert [s["codec_name"] for s in streams(film)] == ["h264", codec]


async def test_captions_inside_the_picture_are_found_and_filed(tmp_path: Path) -> None:
    raw = made(tmp_path / "v.h264", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=30:duration=3", *X264, "-bf", "0",
               "-x264-params", "aud=1", "-f", "h264")
    (tmp_path / "cc.h264").write_bytes(captioned(raw.read_bytes(), [(0.2, "HELLO WORLD"), (1.6, "")], 30))
    film = made(tmp_path / "cc.mkv", "-r", "30", "-f", "h264", "-i", tmp_path / "cc.h264", "-c", "copy")
    job = await filed(tmp_path, film, Profile(preset="ultrafast"))
    assert files(tmp_path / "lib") == ["Film/Film.cc.srt", "Film/Film.mp4"]
    assert "HELLO WORLD" in (tmp_path / "lib/Film/Film.cc.srt").read_text()
    assert plan_of(job) == [("extract", "captions")]


async def test_subtitles_never_decide_about_the_job(tmp_path: Path) -> None:
    """Copy-only profile, a track of each kind that comes to nothing."""
    (tmp_path / "e.srt").write_text(CUE.format("{\\an8}"))
    film = made(tmp_path / "Film.mkv", *BLACK, "-i", tmp_path / "e.srt", "-map", "0", "-map", "1", *X264, "-c:s", "copy")
    job = await filed(tmp_path, film, Profile(name="copy", video=VideoCodec.COPY))
    assert files(tmp_path / "lib") == ["Film/Film.mp4"]
    assert plan_of(job) == [("drop", "empty_track")]


async def test_what_is_said_after_the_end_does_not_make_the_film_longer(tmp_path: Path) -> None:
    (tmp_path / "late.srt").write_text(CUE.format("In time") + "2\n01:00:00,000 --> 01:00:01,000\nAds\n\n", encoding="utf-8")
    film = made(tmp_path / "late.mkv", *BLACK, "-i", tmp_path / "late.srt", *X264, "-c:s", "srt")
    job = await filed(tmp_path / "job", film, Profile(subtitles=TextSubtitles.EMBED))
    [place] = [Path(output["path"]) for output in json.loads(job.outputs or "[]")]
    text = next(stream for stream in streams(place) if stream["codec_type"] == "subtitle")
    assert float(text["duration"]) < 3
