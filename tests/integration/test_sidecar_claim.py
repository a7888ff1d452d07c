"""A sidecar on its way from the inbox to its film's job, and what remains of the folder it came in."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

import pytest

from needs import missing, need_root
from pectin.intake import attend as attending
from pectin.intake.attend import attend
from pectin.intake.emptied import Emptied
from pectin.intake.settle import Mark
from pectin.intake.taking import StillChangingError, mark_of
from pectin.model.errors import Cause, PectinError

TEXT = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n"
WITHIN = PurePath("Subs/Film.en.srt")


@pytest.fixture(params=["same", "other"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A job's folder for sidecars, on the inbox's file system or another one."""
    if request.param == "same":
        yield tmp_path / "work" / "sidecars"
        return
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK) or shm.stat().st_dev == tmp_path.stat().st_dev:
        missing("a second file system", "mount a tmpfs on /dev/shm")
    folder = shm / f"pectin-attend-{os.getpid()}"
    yield folder / "sidecars"
    shutil.rmtree(folder, ignore_errors=True)  # a test may have brought nothing there


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def sidecar(inbox: Path, text: bytes = TEXT) -> Path:
    path = inbox / "Trip" / "Film.en.srt"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text)
    return path


def bring(path: Path, inbox: Path, target: Path, mark: Mark | None = None) -> Path:
    return attend(path, inbox, target, WITHIN, mark=mark)


def test_a_sidecar_lies_with_its_job_afterwards_and_nowhere_else(inbox: Path, target: Path) -> None:
    path = sidecar(inbox)
    os.utime(path, (1e9, 1e9))
    lies = bring(path, inbox, target, mark_of(path.stat()))
    assert (lies, lies.read_bytes(), lies.stat().st_mtime) == (target / WITHIN, TEXT, 1e9)
    assert os.listdir(path.parent) == []
    assert [p.name for p in target.rglob("*") if p.is_file()] == ["Film.en.srt"]


def test_a_disk_that_refuses_to_show_it_is_trouble_with_this_file_alone(inbox: Path, target: Path,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = sidecar(inbox)
    with monkeypatch.context() as patch:
        patch.setattr(attending, "open_folder", refuse)
        with pytest.raises(PectinError) as caught:
            bring(path, inbox, target)
    assert caught.value.cause is Cause.IO_ERROR
    assert bring(path, inbox, target).read_bytes() == TEXT


def test_a_second_one_of_the_same_name_gets_a_number_and_the_same_bytes_are_kept_once(inbox: Path, target: Path) -> None:
    bring(sidecar(inbox), inbox, target)
    assert bring(sidecar(inbox, b"better"), inbox, target).name == "Film.en.2.srt"
    assert bring(sidecar(inbox), inbox, target).name == "Film.en.srt"
    assert sorted(p.name for p in target.rglob("*") if p.is_file()) == ["Film.en.2.srt", "Film.en.srt"]
    assert os.listdir(inbox / "Trip") == []


def test_what_is_written_to_replaced_or_a_link_stays_in_the_inbox(inbox: Path, target: Path) -> None:
    path = sidecar(inbox)
    judged = mark_of(path.stat())
    with path.open("ab"), pytest.raises(StillChangingError):
        bring(path, inbox, target)
    path.write_bytes(b"other")
    with pytest.raises(StillChangingError):
        bring(path, inbox, target, judged)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        bring(path, inbox, target)
    path.symlink_to("/etc/passwd")
    with pytest.raises(PectinError) as raised:
        bring(path, inbox, target)
    assert raised.value.cause is Cause.NOT_A_VIDEO
    assert not target.exists()


@pytest.mark.parametrize("step", range(20))
def test_a_refusal_at_any_step_leaves_it_in_one_place_and_it_can_be_brought_again(inbox: Path, target: Path, step: int,
                                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    path, calls = sidecar(inbox), 0

    def failing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == step + 1:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return function(*arguments, **more)
        return call

    with monkeypatch.context() as patched:
        for name in ("fsync", "open", "unlink", "mkdir", "stat"):
            patched.setattr(os, name, failing(getattr(os, name)))
        patched.setattr(attending, "rename_noreplace", failing(attending.rename_noreplace))
        with suppress(OSError, PectinError):
            bring(path, inbox, target)
    if path.exists():
        bring(path, inbox, target)
    found = [p for p in (*inbox.rglob("*"), *target.rglob("*")) if p.is_file()]
    assert [p.read_bytes() for p in found] == [TEXT], found
    assert found == [target / WITHIN]


def drop(inbox: Path, *names: str) -> None:
    for name in names:
        (inbox / name).parent.mkdir(parents=True, exist_ok=True)
        (inbox / name).touch()


def emptied(inbox: Path, folder: str, patience: float = 0) -> Emptied:
    made = Emptied(patience)
    made.note(inbox / folder, inbox, (inbox / folder).stat().st_mtime)
    return made


def now(inbox: Path) -> float:
    """After everything that has happened."""
    return max(p.stat().st_mtime for p in (inbox, *inbox.rglob("*"))) + 0.001


def test_an_emptied_folder_goes_with_the_litter_of_systems_and_those_above_it_too(inbox: Path) -> None:
    drop(inbox, "a/b/c/.DS_Store", "a/b/c/._Film.mkv", "a/b/c/Thumbs.db", "a/b/desktop.ini", "a/.DS_Store", "a/.directory")
    assert emptied(inbox, "a/b/c").clear(now(inbox) + 60) == [inbox / "a/b/c", inbox / "a/b", inbox / "a"]
    assert os.listdir(inbox) == []


@pytest.mark.parametrize("left", ["readme.txt", "Film.mkv", ".keep", "empty/", "._folder/"])
def test_a_folder_with_anything_else_in_it_stays_whole(inbox: Path, left: str) -> None:
    drop(inbox, "a/.DS_Store", f"a/{left}x" if left.endswith("/") else f"a/{left}")
    if left.endswith("/"):
        (inbox / "a" / left / "x").unlink()
    before = sorted(inbox.rglob("*"))
    made = emptied(inbox, "a")
    assert made.clear(now(inbox)) == []
    assert sorted(inbox.rglob("*")) == before
    assert made.next_due() is None


def test_the_inbox_itself_never_goes_nor_a_folder_elsewhere(inbox: Path, tmp_path: Path) -> None:
    made = emptied(inbox, ".")
    (tmp_path / "other").mkdir()
    made.note(tmp_path / "other", inbox, 0.0)
    assert made.clear(now(inbox) + 99) == []
    assert inbox.is_dir()


def test_a_folder_that_somebody_uses_is_waited_for(inbox: Path) -> None:
    drop(inbox, "a/b/film.mkv")
    made = emptied(inbox, "a/b", patience=600)
    (inbox / "a/b/film.mkv").unlink()
    touched = (inbox / "a/b").stat().st_mtime
    assert made.next_due() is not None
    assert made.clear(touched + 599) == []
    assert made.next_due() == pytest.approx(touched + 600)
    assert made.clear(touched + 600.1) == [inbox / "a/b", inbox / "a"]


def test_a_link_in_the_place_of_a_folder_leads_nowhere(inbox: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "b").mkdir(parents=True)
    made = Emptied(0)
    (inbox / "a").symlink_to(outside)
    made.note(inbox / "a", inbox, 0.0)
    made.note(inbox / "a" / "b", inbox, 0.0)
    assert made.clear(now(inbox) + 99) == []
    assert (outside / "b").is_dir()


def test_a_folder_that_may_not_be_removed_or_has_gone_stops_nothing(inbox: Path) -> None:
    need_root("mount a read-only folder")
    drop(inbox, "a/x", "b/x")
    made = emptied(inbox, "a")
    made.note(inbox / "b", inbox, 0.0)
    made.note(inbox / "gone", inbox, 0.0)
    for name in "ab":
        (inbox / name / "x").unlink()
    subprocess.run(["mount", "--bind", inbox / "a", inbox / "a"], check=True)
    try:
        assert made.clear(now(inbox)) == [inbox / "b"]
    finally:
        subprocess.run(["umount", inbox / "a"], check=True)
    assert os.listdir(inbox) == ["a"]
