"""The main job end to end with a real daemon: a film goes in, a film comes out, nothing is lost on the way."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from clips import Clips
from harness import Daemon, daemon, files, sha256


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory):
    with daemon(tmp_path_factory.mktemp("daemon")) as made:
        yield made


def test_a_film_that_is_dropped_is_found_in_the_library_and_its_original_is_kept(running: Daemon, clips: Clips) -> None:
    film = clips.film("film.mkv", video=("-c:v", "mpeg4"))
    running.drop(film, "A Film (2010).mkv")
    job = running.job("A Film (2010).mkv", "COMPLETED")
    published = running.library / "A Film (2010)" / "A Film (2010).mp4"
    assert [o["path"] for o in job["outputs"]] == [str(published)]
    assert sha256(published) == job["outputs"][0]["sha256"]
    assert job["source_now"] == str(running.folder / "originals" / job["id"] / "A Film (2010).mkv")
    assert sha256(Path(job["source_now"])) == sha256(film)
    assert stat.S_IMODE(published.stat().st_mode) == 0o664
    assert files(running.folder / "work") == []
    assert [h["to_state"] for h in job["history"]] == ["PENDING", "PROCESSING", "PUBLISHING", "COMPLETED"]
    assert {s["action"] for s in job["plan"]["streams"]} == {"encode", "copy"}
    assert all(s["reason"] and s["sentence"] for s in job["plan"]["streams"])


def test_folders_below_the_inbox_are_kept_in_the_library(running: Daemon, clips: Clips) -> None:
    running.drop(clips.film("film.mkv"), "Some Show/Season 01/Some Show S01E01.mkv")
    job = running.job("Some Show S01E01.mkv", "COMPLETED")
    assert job["outputs"][0]["path"] == str(running.library / "Some Show/Season 01/Some Show S01E01.mp4")


def test_a_name_that_is_taken_is_never_overwritten(running: Daemon, clips: Clips) -> None:
    (running.library / "Taken").mkdir()
    (running.library / "Taken" / "Taken.mp4").write_bytes(b"somebody's film")
    running.drop(clips.film("film.mkv"), "Taken.mkv")
    job = running.job("Taken.mkv", "COMPLETED")
    assert job["outputs"][0]["path"] == str(running.library / "Taken" / "Taken - version 2.mp4")
    assert (running.library / "Taken" / "Taken.mp4").read_bytes() == b"somebody's film"


def test_text_subtitles_come_out_beside_the_film(running: Daemon, clips: Clips, tmp_path: Path) -> None:
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:00,100 --> 00:00:01,000\nHello there\n")
    film = clips.make("sub.mkv", ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=2", "-i", str(words), "-map", "0",
                                  "-map", "1", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:s", "srt",
                                  "-metadata:s:s:0", "language=eng"])
    running.drop(film, "Talking.mkv")
    job = running.job("Talking.mkv", "COMPLETED")
    assert files(running.library / "Talking") == ["Talking.eng.srt", "Talking.mp4"]
    assert "Hello there" in (running.library / "Talking" / "Talking.eng.srt").read_text()
    assert [o["role"] for o in job["outputs"]] == ["video", "subtitle"]


def test_nasty_names_come_through_unharmed(running: Daemon, clips: Clips) -> None:
    film = clips.film("film.mkv")
    for name in ("-y %d 100%.mkv", "new\nline.mkv", "quo'te\".mkv", "emoji 🎬.mkv", "a:b|c.mkv", "x" * 251 + ".mkv"):
        running.drop(film, name)
        job = running.job(name, "COMPLETED")
        assert sha256(Path(job["source_now"].replace("\\n", "\n"))) == sha256(film)
        assert Path(job["outputs"][0]["path"]).is_file()


def test_a_name_that_is_not_utf8_comes_through_unharmed(running: Daemon, clips: Clips) -> None:
    running.drop(clips.film("film.mkv"), "caf\udce9.mkv")
    job = running.job("caf\ufffd.mkv", "COMPLETED")
    assert Path(job["outputs"][0]["path"]).is_file()


@pytest.mark.parametrize(("name", "content", "cause"), [
    ("not a video.mkv", b"this is text, not a film\n" * 100, "not_a_video"),
    ("empty.mkv", b"", "empty_file"),
])
def test_what_is_no_film_is_set_aside_with_a_text_that_says_why(running: Daemon, tmp_path: Path, name: str, content: bytes,
                                                                cause: str) -> None:
    source = tmp_path / "x"
    source.write_bytes(content)
    running.drop(source, name)
    job = running.job(name, "REJECTED")
    assert job["cause"] == cause
    resting = running.folder / "rejected" / job["id"] / name
    assert resting.read_bytes() == content
    why = resting.with_name(name + ".why.txt").read_text()
    assert job["message"] in why
    assert f"pectin retry {job['id']}" in why
    assert "fd/" not in why
    assert files(running.folder / "work") == []


def test_a_playlist_in_disguise_brings_no_other_film_into_the_library(running: Daemon, clips: Clips, tmp_path: Path) -> None:
    secret = clips.make("secret.ts", ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=1", "-c:v", "mpeg2video"])
    playlist = tmp_path / "playlist"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n")
    running.drop(playlist, "disguise.avi")
    assert running.job("disguise.avi", "REJECTED")["cause"] == "not_a_video"


def test_audio_alone_is_set_aside(running: Daemon, clips: Clips) -> None:
    running.drop(clips.make("tone.mka", ["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac"]), "tone.mkv")
    assert running.job("tone.mkv", "REJECTED")["cause"] == "no_video_stream"


def test_a_source_that_is_cut_short_is_never_published(running: Daemon, clips: Clips, tmp_path: Path) -> None:
    """A transport stream cannot prove its length, so it is taken; what is missing shows in the result."""
    film = clips.film("long.mkv", seconds=6)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    running.drop(cut, "cut.mkv")
    waiting = running.client().get("/v1/status")["waiting"]
    for _ in range(200):
        waiting = running.client().get("/v1/status")["waiting"]
        if any(w["path"].endswith("cut.mkv") for w in waiting):
            break
    assert [w["reason"] for w in waiting if w["path"].endswith("cut.mkv")] == ["truncated"]
    assert not (running.library / "cut").exists()
    running.drop(film, "cut.mkv")
    assert running.job("cut.mkv", "COMPLETED")


def test_files_that_are_not_films_stay_and_are_told(running: Daemon) -> None:
    (running.inbox / "readme.txt").write_text("hello")
    (running.inbox / "film.mkv.part").write_bytes(b"x")
    running.client().post("/v1/rescan")
    waiting = {Path(w["path"]).name: w["reason"] for w in running.client().get("/v1/status")["waiting"]}
    assert waiting["readme.txt"] == "not_a_video"
    assert waiting["film.mkv.part"] == "unfinished"
    assert (running.inbox / "readme.txt").exists()


def test_every_log_line_about_a_job_carries_its_id(running: Daemon, clips: Clips) -> None:
    before = len(running.text())
    running.drop(clips.film("film.mkv"), "Logged.mkv")
    job = running.job("Logged.mkv", "COMPLETED")
    lines = [line for line in running.text()[before:].splitlines() if "->" in line or "Logged" in line]
    assert len(lines) >= 4
    assert all(f"job={job['id']}" in line for line in lines)


def test_a_film_in_a_library_on_another_file_system_is_copied_durably(tmp_path: Path, clips: Clips) -> None:
    elsewhere = Path("/dev/shm")
    if elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("/dev/shm is on the same file system as the temporary folder")
    library = elsewhere / f"pectin-test-{tmp_path.name}"
    library.mkdir()
    try:
        with daemon(tmp_path, library=library) as made:
            made.drop(clips.film("film.mkv"), "Far.mkv")
            job = made.job("Far.mkv", "COMPLETED")
            assert files(library) == ["Far/Far.mp4"]
            assert sha256(library / "Far/Far.mp4") == job["outputs"][0]["sha256"]
            assert files(made.folder / "work") == []
    finally:
        for path in sorted(library.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        library.rmdir()
