"""Films as they are found at home: cut and joined recordings, old cameras, muxers that forgot something. Each is filed whole."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from clips import Clips
from harness import Daemon, daemon
from needs import need_program

PICTURE = "-f lavfi -i testsrc2=size=320x240:rate=25:duration={}"
TONE = "-f lavfi -i sine=frequency=440:sample_rate=48000:duration={}"
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
AN_HOUR_LATER = "setts=ts=TS+gte(TS\\,300000)*90000*3600"  # everything from 3.3 s on, in units of 1/90000 s


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory):
    with daemon(tmp_path_factory.mktemp("daemon")) as made:
        yield made


def filed(running: Daemon, film: Path) -> Path:
    running.drop(film)
    job = running.job(film.name, "COMPLETED", "FAILED", "REJECTED")
    assert job["state"] == "COMPLETED", job
    return Path(job["outputs"][0]["path"])


def shown(film: Path, entries: str) -> list[str]:
    command = [need_program("ffprobe", "ffmpeg"), "-v", "error", "-show_entries", entries, "-of", "csv=p=0", str(film)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()


def test_a_recording_with_a_gap_of_an_hour_is_filed_because_every_picture_is_there(running: Daemon, clips: Clips) -> None:
    whole = clips.make("whole.ts", f"{PICTURE.format(5)} {TONE.format(5)} {X264} -c:a mp2".split())
    gap = clips.make("gap.ts", ["-i", str(whole), "-map", "0", "-c", "copy", "-bsf:v", AN_HOUR_LATER, "-bsf:a", AN_HOUR_LATER])
    assert float(shown(gap, "format=duration")[0]) > 3600
    assert shown(filed(running, gap), "stream=codec_name,nb_frames")[0] == "h264,125"


@pytest.mark.parametrize("name", ["late.vob", "late.ts"])
def test_sound_that_begins_after_many_megabytes_is_not_lost(running: Daemon, clips: Clips, name: str) -> None:
    noise = f"{PICTURE.format(8).replace('320x240', '720x576')},noise=alls=100:allf=t -itsoffset 6"
    kind = "-f vob" if name.endswith("vob") else ""
    film = clips.make(name, f"{noise} {TONE.format(2)} -map 0 -map 1 -c:v mpeg2video -b:v 9M -minrate 9M -maxrate 9M "
                            f"-bufsize 1835k -c:a ac3 {kind}".split())
    assert "aac" in shown(filed(running, film), "stream=codec_name")


@pytest.mark.parametrize("name", ["cover.mkv", "cover.mp4"])
def test_a_picture_in_front_that_nobody_marked_as_a_cover_is_not_taken_for_the_film(running: Daemon, clips: Clips, name: str,
                                                                                  ) -> None:
    film, cover = clips.film(seconds=2), clips.make("cover.jpg", [*PICTURE.format(1).split(), "-frames:v", "1", "-update", "1"])
    film = clips.make(name, ["-i", str(cover), "-i", str(film), "-map", "0", "-map", "1", "-c", "copy"])
    assert shown(filed(running, film), "stream=codec_name,nb_frames")[0] == "h264,50"


def test_matroska_cut_out_with_its_times_is_as_long_as_it_is(running: Daemon, clips: Clips) -> None:
    film = clips.make("cut.mkv", ["-i", str(clips.film(seconds=2)), "-c", "copy", "-output_ts_offset", "10"])
    assert shown(filed(running, film), "stream=nb_frames")[0] == "50"


def test_subtitles_in_an_old_encoding_keep_every_line(running: Daemon, clips: Clips, tmp_path: Path) -> None:
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:00,100 --> 00:00:01,000\nGrQQe\n\n2\n00:00:01,100 --> 00:00:02,000\nQuince\n", encoding="ascii")
    made = clips.make("words.mkv", ["-i", str(clips.film()), "-i", str(words), "-map", "0", "-map", "1", "-c", "copy"])
    old = tmp_path / "old.mkv"
    old.write_bytes(made.read_bytes().replace(b"GrQQe", b"Gr\xfc\xdfe"))  # Latin-1, in a container that demands UTF-8
    text = filed(running, old).with_suffix(".srt").read_text(encoding="utf-8")
    assert "Grüße" in text
    assert "Quince" in text


@pytest.mark.parametrize(("name", "arguments"), [
    ("tape.dv", "-s 720x576 -c:v dvvideo -pix_fmt yuv420p -ac 2 -c:a pcm_s16le"),
    ("camera.mxf", "-c:v mpeg2video -c:a pcm_s16le"),
    ("real.rm", "-c:v rv20 -c:a ac3"),
    ("windows.wtv", "-c:v mpeg2video -c:a mp2"),
    ("silent.m2v", "-an -c:v mpeg2video"),
])
def test_a_container_that_the_inbox_takes_is_opened(running: Daemon, clips: Clips, name: str, arguments: str) -> None:
    film = clips.make(name, f"{PICTURE.format(2)} {TONE.format(2)} {arguments}".split())
    assert shown(filed(running, film), "stream=nb_frames")[0] == "50"


def mpegh(clips: Clips, target: Path, *others: str) -> Path:
    """A film with a track of MPEG-H 3D audio, and these others."""
    made = clips.make(f"{target.stem}.mov", f"{PICTURE.format(2)} {TONE.format(2)} {TONE.format(2)} -map 0 -map 1 {X264} "
                                            f"-c:a:0 pcm_s16le {' '.join(others)}".split())
    target.write_bytes(made.read_bytes().replace(b"sowt", b"mhm1"))
    return target


def test_sound_that_no_ffmpeg_decodes_is_left_out(running: Daemon, clips: Clips, tmp_path: Path) -> None:
    film = mpegh(clips, tmp_path / "both.mov", "-map 2 -c:a:1 aac -ac:a:1 2")
    assert shown(filed(running, film), "stream=codec_name") == ["h264", "aac"]


def test_a_film_that_would_come_out_silent_is_refused_until_a_person_wants_it_so(running: Daemon, clips: Clips,
                                                                                 tmp_path: Path) -> None:
    film = mpegh(clips, tmp_path / "silent.mov")
    running.drop(film)
    job = running.job(film.name, "COMPLETED", "FAILED", "REJECTED")
    assert (job["state"], job["cause"]) == ("REJECTED", "no_sound")
    running.json("retry", job["id"])
    job = running.job(film.name, "COMPLETED", "FAILED")
    assert shown(Path(job["outputs"][0]["path"]), "stream=codec_name") == ["h264"]


def test_a_film_cut_short_is_published_with_a_note_where_the_profile_says_so(clips: Clips, tmp_path: Path) -> None:
    whole = clips.film("cut.mkv", seconds=4).read_bytes()
    film = tmp_path / "cut.mkv"
    film.write_bytes(whole[:len(whole) * 3 // 4])
    profile = {"preset": "ultrafast", "damaged_source": "publish"}
    with daemon(tmp_path / "daemon", {"profiles": {"universal": profile}, "intake": {"give_up_after": "1s"}}) as made:
        made.drop(film)
        job = made.job(film.name, "COMPLETED", "FAILED", "REJECTED")
        assert job["state"] == "COMPLETED", job
        assert any("cut short" in note for note in made.client().get(f"/v1/jobs/{job['id']}")["plan"]["notes"])
