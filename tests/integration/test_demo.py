"""`make demo`, run for real: what it shows, what it leaves alone, and that nothing of it runs on."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from clips import Clips
from harness import PATIENCE, files, sha256, until
from needs import shared

DEMO = Path(__file__).resolve().parents[2] / "tools" / "demo.py"
FILM = ("-c:v", "mpeg4")


def environment() -> dict[str, str]:
    return {**{k: v for k, v in os.environ.items() if k != "PECTIN_DEMO_SOURCE"}, "COLUMNS": "80"}


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, str(DEMO), "--folder", str(folder), *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False, env=environment())
    assert left_running(folder) == []
    return done


def left_running(folder: Path) -> list[str]:
    """Processes whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in command:
                found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


@pytest.fixture(scope="module")
def folders() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo_folder", DEMO.with_name("demo_folder.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def test_the_demo_shows_everything_a_user_wants_to_see(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = demo(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("the daemon runs (pid ", "dropping A Demo Film (2026).mkv into the inbox", "in the library",
                 "The library", "A Demo Film (2026).mp4 (", "A Demo Film (2026).eng.srt (",
                 "What was decided, and why: mp4, 854x480", "the codec is", "Extracted: text subtitles",
                 "job.completed", "verified with the secret: it is genuine",
                 'pectin_jobs{state="COMPLETED"} 1.0', 'pectin_deliveries_total{endpoint="demo",outcome="delivered"}',
                 "Your original", "originals/", "sudo make install", "systemctl enable --now pectin", "/etc/pectin/pectin.yaml"):
        assert part in done.stdout, part
    assert done.stderr == ""
    assert "\x1b" not in done.stdout, "no cursor tricks where there is no terminal"
    assert len(files(folder / "library")) == 2
    assert files(folder / "inbox") == []
    assert files(folder / "work") == []


def test_your_own_film_is_copied_and_stays_as_it_is(tmp_path: Path) -> None:
    film = shared("media/echo-hereweare.webm")
    before = (sha256(film), film.stat().st_mtime_ns)
    done = demo(tmp_path / "demo", "--source", str(film))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (sha256(film), film.stat().st_mtime_ns) == before
    assert "echo-hereweare.mp4 (" in done.stdout
    assert "the codec is vp8" in done.stdout
    [original] = (tmp_path / "demo" / "originals").rglob("*.webm")
    assert sha256(original) == before[0]


def test_a_second_demo_begins_with_a_clean_folder_unless_its_film_lies_there(tmp_path: Path, clips: Clips) -> None:
    folder, film = tmp_path / "demo", clips.film("film.mkv", video=FILM)
    for name in ("First.mkv", "Second.mkv"):
        (tmp_path / name).write_bytes(film.read_bytes())
        assert demo(folder, "--source", str(tmp_path / name)).returncode == 0
    assert files(folder / "library") == ["Second/Second.mp4"]
    inside = folder / "library" / "Second" / "Second.mp4"
    content = sha256(inside)
    again = demo(folder, "--source", str(inside))
    assert again.returncode == 0, again.stdout + again.stderr
    assert "nothing there is removed" in again.stdout
    assert files(folder / "library") == ["Second/Second - version 2.mp4", "Second/Second.mp4"]
    assert sha256(inside) == content


def made_by_a_demo(module: ModuleType, folder: Path) -> dict[str, Any]:
    """What a demo leaves behind, without running one; returns its job."""
    made = module.lay_out(folder, None)
    assert not made.kept
    made.configure("http://127.0.0.1:1/")
    job = {"id": "abc", "outputs": [{"path": str(folder / "library" / "Film" / "Film.mp4")}]}
    for name in ("library/Film/Film.mp4", "originals/abc/Film.mkv", "state/pectin.db", "daemon.log"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return {"folder": made, "job": job}


@pytest.mark.parametrize("theirs", ["library/mine.mp4", "originals/xyz/mine.mkv", "inbox/mine.mkv", "library/Film/Film.mp4"])
def test_nothing_is_removed_once_somebody_has_used_the_folder(tmp_path: Path, folders: ModuleType, theirs: str) -> None:
    folder = tmp_path / "demo"
    made = made_by_a_demo(folders, folder)
    made["folder"].remember("Film.mkv", made["job"])
    (folder / theirs).parent.mkdir(exist_ok=True)
    (folder / theirs).write_text("a film of mine")
    for _ in range(2):
        again = folders.lay_out(folder, None)
        assert again.kept
        again.remember("Film.mkv", made["job"])
    assert (folder / theirs).read_text() == "a film of mine"


def test_a_film_that_came_in_during_the_demo_is_not_taken_for_the_demos_own(tmp_path: Path, folders: ModuleType) -> None:
    folder = tmp_path / "demo"
    made = made_by_a_demo(folders, folder)
    (folder / "originals" / "xyz").mkdir()
    (folder / "originals" / "xyz" / "mine.mkv").write_text("a film of mine")
    made["folder"].remember("Film.mkv", made["job"])
    assert folders.lay_out(folder, None).kept
    assert (folder / "originals" / "xyz" / "mine.mkv").exists()


def test_what_only_the_demo_has_touched_is_cleared(tmp_path: Path, folders: ModuleType) -> None:
    folder = tmp_path / "demo"
    made = made_by_a_demo(folders, folder)
    made["folder"].remember("Film.mkv", made["job"])
    assert not folders.lay_out(folder, None).kept
    assert files(folder) == [".made-by-pectin-demo"]


def test_a_folder_that_the_demo_did_not_make_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = demo(tmp_path)
    assert done.returncode == 1
    assert "was not made by the demo" in done.stdout
    assert files(tmp_path) == ["mine.txt"]


@pytest.mark.parametrize(("name", "complaint"), [
    ("nowhere.mkv", "does not exist"), (".", "is a folder"), ("letter.txt", "not the extension of a video")])
def test_a_source_that_is_no_film_is_refused_before_anything_starts(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "letter.txt").write_text("dear reader")
    done = demo(tmp_path / "demo", "--source", str(tmp_path / name))
    assert done.returncode == 1
    assert complaint in done.stdout
    assert "What to do: " in done.stdout
    assert not (tmp_path / "demo").exists()


def test_a_broken_film_ends_with_the_reason_the_log_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "broken.mkv").write_text("this is text, not a film\n" * 100)
    done = demo(tmp_path / "demo", "--source", str(tmp_path / "broken.mkv"))
    assert done.returncode == 1
    assert "The daemon's last words:" in done.stdout
    assert "PROCESSING -> REJECTED" in done.stdout
    assert "The demo did not work: broken.mkv: " in done.stdout
    assert "What to do: check the file with a player" in done.stdout
    assert (tmp_path / "broken.mkv").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_demo_that_is_stopped_leaves_nothing_running(tmp_path: Path, long_film: Path, number: signal.Signals) -> None:
    folder = tmp_path / "demo"
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen([sys.executable, str(DEMO), "--folder", str(folder), "--source", str(long_film)],
                                   stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment())
    try:
        until(lambda: list(folder.glob("work/*/scratch/*.mp4")), "the encode has begun")
        process.send_signal(number)
        status = process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
    until(lambda: not left_running(folder), "all of it has ended")
    if number is not signal.SIGKILL:
        assert status == 130
        assert "Stopped. Nothing is left running." in (tmp_path / "said").read_text()
    assert long_film.exists()
