"""Moving, opening, locking and naming files: on real file systems, with real links, locks and crashes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from needs import missing, need_root
from pectin.linux import move
from pectin.linux.beneath import open_folder, open_regular, walk
from pectin.linux.lock import AlreadyRunningError, InstanceLock
from pectin.linux.move import copy_durably, fsync_folder, make_folders, move_durably, rename_noreplace, sha256_of
from pectin.linux.pathtext import printable
from pectin.model.errors import Cause, PectinError


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than tmp_path."""
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK) or shm.stat().st_dev == tmp_path.stat().st_dev:
        missing("a second file system", "mount a tmpfs on /dev/shm")
    folder = shm / f"pectin-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    subprocess.run(["rm", "-rf", folder], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    need_root("mount a small tmpfs")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def film(path: Path, content: bytes = b"jelly" * 50_000) -> Path:
    path.write_bytes(content)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


# move

def test_rename_never_replaces(tmp_path: Path) -> None:
    a, b = film(tmp_path / "a", b"a"), film(tmp_path / "b", b"b")
    with pytest.raises(FileExistsError):
        rename_noreplace(a, b)
    assert (a.read_bytes(), b.read_bytes()) == (b"a", b"b")
    rename_noreplace(a, tmp_path / "c")
    assert names(tmp_path) == ["b", "c"]


def test_rename_starts_from_open_folders(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    film(tmp_path / "x" / "a", b"a")
    folder = open_folder(tmp_path / "x", tmp_path)
    (tmp_path / "x").rename(tmp_path / "y")
    rename_noreplace("a", "b", source_folder=folder, target_folder=folder)
    os.close(folder)
    assert names(tmp_path / "y") == ["b"]


def test_without_noreplace_a_hard_link_does_the_same(tmp_path: Path) -> None:
    a, b = film(tmp_path / "a", b"a"), film(tmp_path / "b", b"b")
    with pytest.raises(FileExistsError):
        move._link_then_unlink(a, b, None, None)
    move._link_then_unlink(a, tmp_path / "c", None, None)
    assert names(tmp_path) == ["b", "c"]


def test_a_copy_has_content_time_and_permissions(tmp_path: Path) -> None:
    source = film(tmp_path / "a")
    source.chmod(0o640)
    size, digest = copy_durably(source, tmp_path / "p")
    copied = (tmp_path / "p").stat()
    assert (size, digest) == (250_000, sha256_of(source)) == (copied.st_size, sha256_of(tmp_path / "p"))
    assert (copied.st_mtime, copied.st_mode & 0o777) == (1_000_000_000, 0o640)


def test_a_copy_does_not_follow_links_or_replace_parts(tmp_path: Path) -> None:
    source = film(tmp_path / "a")
    (tmp_path / "link").symlink_to(source)
    with pytest.raises(OSError, match="symbolic"):
        copy_durably(tmp_path / "link", tmp_path / "p")
    film(tmp_path / "p", b"old")
    with pytest.raises(FileExistsError):
        copy_durably(source, tmp_path / "p")
    assert (tmp_path / "p").read_bytes() == b"old"
    with pytest.raises(OSError, match="not a regular file"):
        copy_durably(tmp_path, tmp_path / "q")
    assert not (tmp_path / "q").exists()


def test_a_source_that_grows_during_the_copy_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = film(tmp_path / "a")
    real = move._read_back

    def grow(target: int, told: Callable[[int], None]) -> tuple[int, str]:
        with source.open("ab") as file:
            file.write(b"more")
        return real(target, told)

    monkeypatch.setattr(move, "_read_back", grow)
    with pytest.raises(PectinError) as raised:
        copy_durably(source, tmp_path / "p")
    assert raised.value.cause is Cause.IO_ERROR
    assert names(tmp_path) == ["a"]


def test_a_full_disk_leaves_no_part(tmp_path: Path, small_disk: Path) -> None:
    source = film(tmp_path / "a", b"x" * 3_000_000)
    with pytest.raises(OSError, match="No space"):
        move_durably(source, small_disk / "deep" / "film.mkv")
    assert names(small_disk / "deep") == []
    assert source.stat().st_size == 3_000_000


def test_a_move_makes_folders_and_takes_any_name(tmp_path: Path) -> None:
    for name in ["-rf", "a\nb", "%d", "'\"", "🎬" * 60, "ü" * 127, os.fsdecode(b"\xff\xfe.mkv")]:
        source = film(tmp_path / name)
        move_durably(source, tmp_path / "t" / "u" / name)
        assert not source.exists()
        assert (tmp_path / "t" / "u" / name).stat().st_size == 250_000


@pytest.mark.parametrize("name", ["film.mkv", "ü" * 127, os.fsdecode(b"\xff" * 255)])
def test_a_move_across_file_systems_keeps_content_and_time(tmp_path: Path, elsewhere: Path, name: str) -> None:
    source = film(tmp_path / name)
    digest = sha256_of(source)
    move_durably(source, elsewhere / "sub" / name)
    assert names(elsewhere / "sub") == [name]
    assert sha256_of(elsewhere / "sub" / name) == digest
    assert (elsewhere / "sub" / name).stat().st_mtime == 1_000_000_000
    assert names(tmp_path) == []


def test_a_move_refuses_a_name_taken_by_another_file(tmp_path: Path, elsewhere: Path) -> None:
    for folder in (tmp_path, elsewhere):
        source, target = film(tmp_path / "a"), film(folder / "b", b"other")
        with pytest.raises(FileExistsError):
            move_durably(source, target)
        assert (source.stat().st_size, target.read_bytes()) == (250_000, b"other")
        assert not [n for n in names(folder) if n.endswith(".part")]


def test_a_move_finishes_what_a_crashed_one_began(tmp_path: Path, elsewhere: Path) -> None:
    source = film(tmp_path / "a")
    film(elsewhere / "b")  # copied, source not yet removed
    move_durably(source, elsewhere / "b")
    assert names(tmp_path) == []
    move_durably(source, elsewhere / "b")  # all done: nothing happens
    assert names(elsewhere) == ["b"]
    with pytest.raises(FileNotFoundError):
        move_durably(tmp_path / "never", tmp_path / "was")
    one = film(tmp_path / "one")
    os.link(one, tmp_path / "two")  # linked, not yet unlinked
    move_durably(one, tmp_path / "two")
    assert names(tmp_path) == ["two"]


def test_a_move_killed_at_any_moment_is_finished_by_the_next(tmp_path: Path, elsewhere: Path) -> None:
    content = os.urandom(8_000_000)
    program = "import sys; from pathlib import Path; from pectin.linux.move import move_durably; print('go', flush=True); " \
              "move_durably(Path(sys.argv[1]), Path(sys.argv[2]))"
    for attempt in range(4):
        source, target = film(tmp_path / "a", content), elsewhere / f"b{attempt}"
        child = subprocess.Popen([sys.executable, "-c", program, source, target], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        with contextlib.suppress(subprocess.TimeoutExpired):  # somewhere within the copy; if it is done already, that is fine too
            child.wait(timeout=0.004 * attempt + 0.001)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        move_durably(source, target)
        assert target.read_bytes() == content
        assert not source.exists()
    assert names(elsewhere) == ["b0", "b1", "b2", "b3"]


def test_folders_are_made_once_and_synced(tmp_path: Path) -> None:
    make_folders(tmp_path / "a" / "b")
    make_folders(tmp_path / "a" / "b")
    fsync_folder(tmp_path / "a")
    with pytest.raises(NotADirectoryError):
        fsync_folder(film(tmp_path / "file"))


# beneath

def test_a_regular_file_opens(tmp_path: Path) -> None:
    (tmp_path / "real" / "sub").mkdir(parents=True)
    film(tmp_path / "real" / "sub" / "a", b"a")
    (tmp_path / "root").symlink_to(tmp_path / "real")
    for root in (tmp_path / "real", tmp_path / "root"):  # the root itself may be a link
        descriptor = open_regular(root / "sub" / "a", root)
        assert os.read(descriptor, 9) == b"a"
        os.close(descriptor)


def test_no_link_is_followed_in_any_component(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root, outside / "sub"):
        folder.mkdir(parents=True)
    film(outside / "sub" / "secret", b"s")
    (root / "file").symlink_to(outside / "sub" / "secret")
    (root / "folder").symlink_to(outside)
    for path in (root / "file", root / "folder" / "sub" / "secret", root / "folder"):
        with pytest.raises(PectinError) as raised:
            open_regular(path, root)
        assert raised.value.cause is Cause.NOT_A_VIDEO
    with pytest.raises(ValueError, match="leaves"):
        open_regular(root / ".." / "outside" / "sub" / "secret", root)
    with pytest.raises(ValueError, match="subpath"):
        open_regular(outside / "sub" / "secret", root)


def test_pipes_sockets_and_folders_are_refused_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for name in ("pipe", "folder", "socket"):
            with pytest.raises(PectinError, match=name):
                open_regular(tmp_path / name, tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "gone" / "away", tmp_path)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    need_root("try to read as another user")
    film(tmp_path / "secret").chmod(0o600)
    program = """
import os, sys
from pathlib import Path
from pectin.linux.beneath import open_regular
from pectin.model.errors import PectinError
os.chdir(sys.argv[1])
os.setuid(65534)
try:
    open_regular(Path("secret"), Path())
except PectinError as error:
    print(error.cause)
"""
    ran = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "unreadable"


def test_the_walk_gives_regular_files_and_enters_no_links(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a" / ".hidden").mkdir(parents=True)
    (root / "empty").mkdir()
    expected = {root / "1.mkv", root / "a" / "2.mkv", root / "a" / ".hidden" / os.fsdecode(b"\xff3.mkv")}
    for path in expected:
        film(path)
    film(tmp_path / "outside.mkv")
    (root / "link").symlink_to(tmp_path)
    (root / "a" / "up").symlink_to("..")
    (root / "file-link").symlink_to(tmp_path / "outside.mkv")
    os.mkfifo(root / "pipe")
    assert set(walk(root)) == expected


def test_the_walk_bears_vanishing_things(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / name).mkdir()
        film(tmp_path / name / "film")
    found = []
    for path in walk(tmp_path):
        found.append(path)
        subprocess.run(["rm", "-r", *(f for f in tmp_path.iterdir() if f != path.parent)], check=True)
        (tmp_path / "other").symlink_to("/")
    assert len(found) == 1
    with pytest.raises(FileNotFoundError):
        list(walk(tmp_path / "missing"))


# lock

def test_a_second_daemon_is_told_the_firsts_pid(tmp_path: Path) -> None:
    with InstanceLock(tmp_path / "lock") as lock:
        with pytest.raises(AlreadyRunningError, match=str(os.getpid())) as raised:
            InstanceLock(tmp_path / "lock").acquire()
        assert raised.value.pid == os.getpid()
        lock.release()
        with InstanceLock(tmp_path / "lock"):
            pass
    assert (tmp_path / "lock").exists()


def test_kill_gives_the_lock_up_and_children_do_not_keep_it(tmp_path: Path) -> None:
    program = "import sys, subprocess; from pathlib import Path; from pectin.linux.lock import InstanceLock\n" \
              "InstanceLock(Path(sys.argv[1])).acquire(); child = subprocess.Popen(['sleep', '60'], close_fds=False)\n" \
              "print(child.pid, flush=True); child.wait()"
    holder = subprocess.Popen([sys.executable, "-c", program, tmp_path / "lock"], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    orphan = int(holder.stdout.readline())
    with pytest.raises(AlreadyRunningError) as raised:
        InstanceLock(tmp_path / "lock").acquire()
    assert raised.value.pid == holder.pid
    holder.kill()
    holder.wait()
    with InstanceLock(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    os.kill(orphan, signal.SIGKILL)
    holder.stdout.close()


def test_a_lock_without_a_pid_yet_still_locks(tmp_path: Path) -> None:
    with InstanceLock(tmp_path / "lock"):
        (tmp_path / "lock").write_text("")
        with pytest.raises(AlreadyRunningError, match="another process") as raised:
            InstanceLock(tmp_path / "lock").acquire()
        assert raised.value.pid is None


# pathtext

@pytest.mark.parametrize(("name", "shown"), [
    ("Film (2010).mkv", "Film (2010).mkv"), ("a\nb\x1b[31m", "a\\nb\\x1b[31m"), (b"\xff\xc3\xbc.mkv", "\\xffü.mkv"),
    ("👩‍🚀.mkv", "👩‍🚀.mkv"), ("gpj.\u202e4pm", "gpj.\\u202e4pm"), (Path("/in/a\tb"), "/in/a\\tb"), ("雪.mkv", "雪.mkv"),
])
def test_names_are_shown_on_one_harmless_line(name: str | bytes | Path, shown: str) -> None:
    assert printable(name) == shown
