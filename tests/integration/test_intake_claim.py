"""Claiming: every file is in exactly one place, whatever goes wrong."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashing import crash_at
from needs import missing, need_root
from pectin.intake import claim as claiming
from pectin.intake import taking
from pectin.intake.claim import MOST, claim, claim_all
from pectin.intake.mend import mend
from pectin.intake.note import Claim, read_note
from pectin.intake.settle import Mark
from pectin.intake.taking import OtherFileSystemError, StillChangingError, Wanted
from pectin.model.errors import Cause, PectinError
from pectin.model.places import Places

JOB = "0123456789"
CONTENT = os.urandom(100_000)


class Home:
    """An inbox, and a work queue on the same or another file system."""

    def __init__(self, inbox: Path, state: Path) -> None:
        self.inbox = inbox
        self.places = Places(state / "work", state / "originals", state / "rejected")
        for folder in (inbox, self.places.work):
            folder.mkdir(parents=True)

    def film(self, name: str = "film.mkv") -> Path:
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT)
        os.utime(path, (1e9, 1e9))
        return path

    def claim(self, path: Path, mark: Mark | None = None) -> Claim:
        return claim(self.wanted(path, mark=mark), self.places, now=2e9)

    def wanted(self, path: Path, job_id: str = JOB, mark: Mark | None = None) -> Wanted:
        return Wanted(path=path, root=self.inbox, route="films", job_id=job_id, mark=mark)

    def untouched(self, *names: str) -> None:
        """The inbox has exactly these files, and the work queue is empty."""
        found = sorted(str(p.relative_to(self.inbox)) for p in self.inbox.rglob("*") if not p.is_dir())
        assert found == sorted(names)
        assert list(self.places.work.iterdir()) == []


@pytest.fixture(params=["same", "other"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    if request.param == "same":
        yield Home(tmp_path / "inbox", tmp_path / "state")
        return
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK) or shm.stat().st_dev == tmp_path.stat().st_dev:
        missing("a second file system", "mount a tmpfs on /dev/shm")
    folder = shm / f"pectin-claim-{os.getpid()}"
    yield Home(tmp_path / "inbox", folder)
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", [
    "film.mkv", "a/b/film.mkv", "-rf.mkv", "a\nb.mkv", "%d'\".mkv", "🎬.mkv", "ü" * 125 + ".mkv", os.fsdecode(b"\xff\xfe.mkv"),
])
def test_a_claimed_film_lies_in_the_work_queue_with_its_note(home: Home, name: str) -> None:
    path = home.film(name)
    claimed = home.claim(path)
    assert claimed == Claim(job_id=JOB, route="films", inbox_path=path, relative=PurePath(name), size=100_000, mtime=1e9,
                            claimed_at=2e9)
    source = home.places.source(JOB, claimed.relative)
    assert (source.read_bytes(), source.stat().st_mtime, source.name) == (CONTENT, 1e9, path.name)
    assert not path.exists()
    assert path.parent.exists()
    assert read_note(home.places.job_folder(JOB)) == claimed
    assert sorted(os.listdir(home.places.job_folder(JOB))) == ["claim.json", "source"]
    assert mend(claimed, home.inbox, home.places)  # a complete claim is left as it is
    assert source.read_bytes() == CONTENT


def test_a_file_with_a_writer_is_not_claimed(home: Home) -> None:
    path = home.film()
    with path.open("ab"), pytest.raises(StillChangingError, match="being written"):
        home.claim(path)
    home.untouched("film.mkv")


def test_a_writer_who_comes_in_the_last_moment_gets_the_file_back(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home.film()
    real = os.fsync
    writers = []

    def open_late(descriptor: int) -> None:
        if not writers and os.path.samestat(os.fstat(descriptor), path.stat()):
            writers.append(path.open("ab"))
        real(descriptor)

    if home.inbox.stat().st_dev == home.places.work.stat().st_dev:
        monkeypatch.setattr(os, "fsync", open_late)
    else:
        monkeypatch.setattr(taking, "copy_descriptor_durably",
                            lambda *a: (writers.append(path.open("ab")), a[1].write_bytes(CONTENT)))
    with pytest.raises(StillChangingError, match="being written"):
        home.claim(path)
    writers[0].close()
    home.untouched("film.mkv")
    assert path.read_bytes() == CONTENT


def test_another_file_than_the_judged_one_is_not_claimed(home: Home) -> None:
    path = home.film()
    info = path.stat()
    judged = Mark(info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns)
    os.utime(path, (1e9, 1.1e9))
    with pytest.raises(StillChangingError, match="judged"):
        home.claim(path, judged)
    home.untouched("film.mkv")
    os.utime(path, (1e9, 1e9))
    assert home.claim(path, judged).size == 100_000


def test_a_file_replaced_while_it_is_taken_goes_back(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home.film()
    (home.inbox / "new").write_bytes(b"new")
    real = taking.rename_noreplace
    done = []

    def swap(*arguments: object, **folders: object) -> None:
        if not done:
            done.append((home.inbox / "new").replace(path))
        real(*arguments, **folders)  # type: ignore[arg-type]

    monkeypatch.setattr(taking, "rename_noreplace", swap)
    with pytest.raises(StillChangingError, match="replaced"):
        home.claim(path)
    home.untouched("film.mkv")
    assert path.read_bytes() == b"new"


def test_a_file_that_the_inbox_does_not_take_back_is_kept(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home.film()
    real = taking.rename_noreplace

    def refuse(source: Path | str, target: Path | str, **folders: int | None) -> None:
        if target == path.name:
            raise OSError(5, "Input/output error")
        real(source, target, **folders)

    def changed(*arguments: object) -> None:
        raise StillChangingError("changed")

    with monkeypatch.context() as patched:
        patched.setattr(taking, "rename_noreplace", refuse)
        patched.setattr(taking.Taking, "_still_the_same", changed)
        with pytest.raises(PectinError, match="could not be put back"):
            home.claim(path)
    note = read_note(home.places.job_folder(JOB))
    assert note is not None
    mended = mend(note, home.inbox, home.places)
    assert (home.places.source(JOB, note.relative) if mended else path).read_bytes() == CONTENT
    assert mended != path.exists()


def test_links_pipes_and_vanished_files_are_not_claimed(home: Home, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    secret = tmp_path / "outside" / "secret.mkv"
    secret.write_bytes(b"secret")
    (home.inbox / "link.mkv").symlink_to(secret)
    (home.inbox / "folder").symlink_to(secret.parent)
    os.mkfifo(home.inbox / "pipe.mkv")
    for name in ("link.mkv", "folder/secret.mkv", "pipe.mkv"):
        with pytest.raises(PectinError) as raised:
            home.claim(home.inbox / name)
        assert raised.value.cause is Cause.NOT_A_VIDEO
    with pytest.raises(FileNotFoundError):
        home.claim(home.inbox / "gone.mkv")
    (home.inbox / "folder").unlink()
    home.untouched("link.mkv", "pipe.mkv")
    assert secret.read_bytes() == b"secret"


def test_a_folder_swapped_for_a_link_never_leads_outside(home: Home, tmp_path: Path) -> None:
    """Somebody swaps the folder for a link to /outside again and again while we claim from it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    secret = outside / "film.mkv"
    secret.write_bytes(b"secret")
    path = home.film("drop/film.mkv")
    folder, aside, link = path.parent, home.inbox / "aside", home.inbox / "link"
    link.symlink_to(outside)
    stop = threading.Event()
    real = os.open(folder, os.O_PATH)  # the folder itself, wherever the swaps put it

    def swap() -> None:
        while not stop.is_set():
            folder.rename(aside)
            link.rename(folder)
            folder.rename(link)
            aside.rename(folder)

    attacker = threading.Thread(target=swap)
    attacker.start()
    try:
        for _ in range(150):
            try:
                home.claim(path)
            except (FileNotFoundError, PectinError, StillChangingError):
                continue
            assert home.places.source(JOB, PurePath("film.mkv")).read_bytes() == CONTENT
            shutil.rmtree(home.places.job_folder(JOB))
            with open("film.mkv", "xb", opener=lambda name, flags: os.open(name, flags, dir_fd=real)) as refill:
                refill.write(CONTENT)
    finally:
        stop.set()
        attacker.join()
        os.close(real)
    assert secret.read_bytes() == b"secret"
    assert list(home.places.work.iterdir()) == []  # what was not taken left nothing behind


def test_a_job_folder_that_exists_is_never_touched(home: Home) -> None:
    home.claim(home.film("first.mkv"))
    with pytest.raises(PectinError) as raised:
        home.claim(home.film("second.mkv"))
    assert raised.value.cause is Cause.NAME_TAKEN
    assert (home.inbox / "second.mkv").exists()
    assert home.places.source(JOB, PurePath("first.mkv")).read_bytes() == CONTENT


def test_without_a_work_folder_nothing_happens(home: Home) -> None:
    path = home.film()
    home.places.work.rmdir()
    with pytest.raises(PectinError, match="No such file") as raised:
        home.claim(path)
    assert raised.value.cause is Cause.IO_ERROR
    assert path.read_bytes() == CONTENT


def test_a_full_disk_leaves_the_film_in_the_inbox(tmp_path: Path) -> None:
    need_root("mount a small tmpfs")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=True)
    try:
        home = Home(tmp_path / "inbox", small / "state")
        with pytest.raises(PectinError) as raised:
            home.claim(home.film())
        assert raised.value.cause is Cause.NO_SPACE
        home.untouched("film.mkv")
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_read_only_inbox_is_told(tmp_path: Path) -> None:
    need_root("mount a read-only folder")
    home = Home(tmp_path / "inbox", tmp_path / "state")
    path = home.film()
    subprocess.run(["mount", "--bind", "-o", "ro", home.inbox, home.inbox], check=True)
    try:
        with pytest.raises(PectinError) as raised:
            home.claim(path)
        assert raised.value.cause is Cause.READ_ONLY
        home.untouched("film.mkv")
    finally:
        subprocess.run(["umount", home.inbox], check=True)


KILLED = """
import os, signal, sys
from pathlib import Path
from pectin.intake.claim import claim
from pectin.intake.taking import Wanted
from pectin.model.places import Places
steps = int(sys.argv[4])
def trace(event, arguments):                          # dies before the Nth thing that it asks of the file system
    global steps
    if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.utime", "os.chmod", "fcntl.fcntl") and started:
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
started = False
sys.addaudithook(trace)
places = Places(Path(sys.argv[2]), Path("/nowhere"), Path("/nowhere"))
started = True
claim(Wanted(path=Path(sys.argv[1]), root=Path(sys.argv[3]), route="films", job_id="0123456789"), places, now=1.0)
"""


LAST_STEP = 36


@pytest.mark.parametrize("step", range(1, LAST_STEP + 1))
def test_killed_at_any_step_the_film_is_in_one_place_after_mending(home: Home, step: int) -> None:
    path = home.film("sub/film.mkv")
    ran = subprocess.run([sys.executable, "-c", KILLED, path, home.places.work, home.inbox, str(step)], check=False)
    assert ran.returncode in (0, -signal.SIGKILL)
    folder = home.places.job_folder(JOB)
    source = home.places.source(JOB, PurePath("film.mkv"))
    if folder.exists():
        note = read_note(folder)
        if note is None:
            assert [p for p in folder.rglob("*") if not p.is_dir()] in ([], [home.places.claim_note(JOB)])
            shutil.rmtree(folder)
        else:
            assert mend(note, home.inbox, home.places) == source.exists()
    found = [p for p in (*home.inbox.rglob("*"), *home.places.work.rglob("*")) if p.is_file() and p.name != "claim.json"]
    assert found in ([path], [source])
    assert found[0].read_bytes() == CONTENT
    if ran.returncode == 0:
        assert found == [source]
    if step == LAST_STEP:
        assert ran.returncode == 0  # else there are more steps to die at than this test knows


def test_what_cannot_go_back_under_its_name_goes_back_under_another(home: Home) -> None:
    """A crash left the file aside in the inbox, and meanwhile the next one of that name has come."""
    claimed = Claim(job_id=JOB, route="films", inbox_path=home.inbox / "film.mkv", relative=PurePath("film.mkv"), size=1, mtime=1,
                    claimed_at=1)
    home.places.job_folder(JOB).mkdir()
    (home.inbox / f".{JOB}.taken").write_bytes(b"old")
    (home.inbox / "film.mkv").write_bytes(b"new")
    assert not mend(claimed, home.inbox, home.places)
    home.untouched("film.mkv", f"{JOB}.mkv")


def test_a_torn_note_is_no_note(tmp_path: Path) -> None:
    for text in ("", "{", '{"job_id": "x"}', "[]", "null"):
        (tmp_path / "claim.json").write_text(text)
        assert read_note(tmp_path) is None
    assert read_note(tmp_path / "missing") is None


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name), st.floats(0, 4e9))
def test_a_note_gives_every_name_back(name: bytes, at: float) -> None:
    path = PurePath(os.fsdecode(name))
    claimed = Claim(job_id=JOB, route="films", inbox_path=Path("/in") / path, relative=path, size=1, mtime=at, claimed_at=at)
    assert Claim.from_json(claimed.as_json()) == claimed
    assert os.fsencode(Claim.from_json(claimed.as_json()).relative) == os.fsencode(path)


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES])
@pytest.mark.parametrize("step", range(40))
def test_an_error_of_the_system_at_any_step_leaves_the_film_in_one_place(home: Home, monkeypatch: pytest.MonkeyPatch, step: int,
                                                                         number: int) -> None:
    """Not a crash but a refusal, once, at each call in turn: the film must not go with the folder that is cleaned up."""
    path = home.film()
    calls = 0

    def failing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == step + 1:
                raise OSError(number, os.strerror(number))
            return function(*arguments, **more)
        return call

    with monkeypatch.context() as patched:
        for name in ("fsync", "open", "unlink", "mkdir", "stat", "lstat", "fstat"):
            patched.setattr(os, name, failing(getattr(os, name)))
        patched.setattr(taking, "rename_noreplace", failing(taking.rename_noreplace))
        try:
            home.claim(path)
            taken = True
        except (OSError, PectinError, StillChangingError):
            taken = False
    source = home.places.source(JOB, PurePath("film.mkv"))
    if taken or read_note(home.places.job_folder(JOB)) is not None:
        claimed = Claim(job_id=JOB, route="films", inbox_path=path, relative=PurePath("film.mkv"), size=len(CONTENT), mtime=1e9,
                        claimed_at=2e9)
        mended = mend(claimed, home.inbox, home.places)
        assert mended or not taken
    places = [p for p in (*home.inbox.rglob("*"), source) if p.is_file()]
    assert [p.read_bytes() == CONTENT for p in places] == [True], places
    assert not places[0].name.startswith("."), "a hidden film would be ignored"


def test_an_inbox_that_is_away_is_waited_for_before_a_claim_is_undone(home: Home, tmp_path: Path) -> None:
    """A crash while copying from another file system, and at the next start the inbox is not mounted yet."""
    claimed = Claim(job_id=JOB, route="films", inbox_path=home.inbox / "film.mkv", relative=PurePath("film.mkv"), size=1, mtime=1,
                    claimed_at=1)
    home.places.job_folder(JOB).mkdir()
    (home.places.job_folder(JOB) / "arriving.part").write_bytes(b"half")
    (home.inbox / f".{JOB}.taken").write_bytes(b"film")
    away = home.inbox.with_name("away")
    home.inbox.rename(away)
    with pytest.raises(PectinError, match="is away"):
        mend(claimed, home.inbox, home.places)
    away.rename(home.inbox)
    assert not mend(claimed, home.inbox, home.places)
    home.untouched("film.mkv")


IDS = [f"{number:010}" for number in range(MOST)]


def batch(home: Home, names: Callable[[int], str]) -> list[Wanted]:
    return [home.wanted(home.film(names(number)), job_id) for number, job_id in enumerate(IDS)]


def test_a_batch_is_taken_in_its_order_and_who_fails_holds_nobody_up(tmp_path: Path) -> None:
    home = Home(tmp_path / "inbox", tmp_path / "state")
    wanted = batch(home, lambda number: f"{number % 3}/film {number}.mkv")
    wanted[7].path.unlink()
    wanted[9].path.unlink()
    wanted[9].path.symlink_to("/etc/passwd")
    home.places.job_folder(IDS[11]).mkdir()
    with wanted[5].path.open("ab"):
        outcomes = claim_all(wanted, home.places, now=2e9)
    failed = {5: StillChangingError, 7: FileNotFoundError, 9: PectinError, 11: PectinError}
    for number, outcome in enumerate(outcomes):
        if number in failed:
            assert isinstance(outcome, failed[number])
        else:
            assert isinstance(outcome, Claim)
            assert home.places.source(outcome.job_id, outcome.relative).read_bytes() == CONTENT
            assert read_note(home.places.job_folder(outcome.job_id)) == outcome
    times = [outcome.claimed_at for outcome in outcomes if isinstance(outcome, Claim)]
    assert times == sorted(set(times)), "the queue keeps their order"
    left = sorted(p.name for p in home.inbox.rglob("*") if not p.is_dir())
    assert left == sorted(f"film {number}.mkv" for number in (5, 9, 11))
    assert len(list(home.places.work.iterdir())) == MOST - 3  # and the folder that somebody else had made


@pytest.mark.parametrize("count", [7, MOST])
def test_what_a_rename_needs_is_on_the_disk_before_it_and_a_batch_waits_twice(tmp_path: Path, count: int,
                                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "inbox", tmp_path / "state")
    wanted = batch(home, lambda number: f"film {number}.mkv")[:count]
    steps: list[str] = []

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            steps.append(name)
            return function(*arguments, **more)
        return call

    monkeypatch.setattr(os, "fsync", watched("sync", os.fsync))
    monkeypatch.setattr(claiming, "sync_file_system", watched("sync all", claiming.sync_file_system))
    monkeypatch.setattr(taking, "rename_noreplace", watched("rename", taking.rename_noreplace))
    claim_all(wanted, home.places, now=2e9)
    if count == MOST:
        assert steps == ["sync all", *["rename"] * count, "sync all"]
    else:  # note, job folder and film of each and the work folder; then the new name of each, and the inbox once
        assert steps == [*["sync"] * (3 * count + 1), *["rename"] * count, *["sync"] * (count + 1)]


@pytest.mark.parametrize("step", range(0, 150, 3))
def test_a_refusal_at_any_step_of_a_batch_leaves_each_film_in_one_place(tmp_path: Path, step: int,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "inbox", tmp_path / "state")
    wanted = batch(home, lambda number: f"{number % 2}/film {number}.mkv")[:9]
    calls = 0

    def failing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == step + 1:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return function(*arguments, **more)
        return call

    with monkeypatch.context() as patched:
        for name in ("open", "mkdir", "stat", "lstat", "fstat"):
            patched.setattr(os, name, failing(getattr(os, name)))
        patched.setattr(taking, "rename_noreplace", failing(taking.rename_noreplace))
        patched.setattr(claiming, "sync_file_system", failing(claiming.sync_file_system))
        outcomes = claim_all(wanted, home.places, now=2e9)
    for one, outcome in zip(wanted, outcomes, strict=True):
        source = home.places.source(one.job_id, PurePath(one.path.name))
        assert (source.exists(), one.path.exists()) == ((True, False) if isinstance(outcome, Claim) else (False, True))
        assert (source if source.exists() else one.path).read_bytes() == CONTENT
        assert home.places.job_folder(one.job_id).exists() == isinstance(outcome, Claim)
    refused = sum(not isinstance(outcome, Claim) for outcome in outcomes)
    assert refused in (0, 1, 9), "one film's trouble is its own, the disk's is everybody's"


def test_a_film_on_another_file_system_is_left_to_the_slow_lane(home: Home) -> None:
    path = home.film()
    [outcome] = claim_all([home.wanted(path)], home.places, now=2e9)
    if home.inbox.stat().st_dev == home.places.work.stat().st_dev:
        assert isinstance(outcome, Claim)
    else:
        assert isinstance(outcome, OtherFileSystemError)
        home.untouched("film.mkv")


def test_two_mounts_of_one_file_system_are_copied_between(tmp_path: Path) -> None:
    need_root("mount a folder")
    home = Home(tmp_path / "inbox", tmp_path / "state")
    path = home.film()
    subprocess.run(["mount", "--bind", home.inbox, home.inbox], check=True)
    try:
        assert isinstance(claim_all([home.wanted(path)], home.places, now=2e9)[0], OtherFileSystemError)
        home.untouched("film.mkv")
        assert home.places.source(JOB, home.claim(path).relative).read_bytes() == CONTENT
        assert not path.exists()
    finally:
        subprocess.run(["umount", home.inbox], check=True)


def test_a_copy_tells_how_far_it_is_and_can_be_ended(tmp_path: Path) -> None:
    need_root("mount a folder")
    home = Home(tmp_path / "inbox", tmp_path / "state")
    path = home.film()
    path.write_bytes(os.urandom(5 << 20))
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", home.places.work], check=True)
    try:
        shares: list[float] = []

        def stop(share: float) -> None:
            shares.append(share)
            if share > 0.5:
                raise StillChangingError("enough")

        with pytest.raises(StillChangingError, match="enough"):
            claim(home.wanted(path), home.places, now=2e9, told=stop)
        assert shares == sorted(shares)
        assert shares[0] < 0.2
        home.untouched("film.mkv")
        shares.clear()
        claim(home.wanted(path), home.places, now=2e9, told=shares.append)
        assert shares[-1] == 1.0
    finally:
        subprocess.run(["umount", home.places.work], check=True)


def test_a_film_with_other_names_elsewhere_is_copied_and_stays_untouched(home: Home, tmp_path: Path) -> None:
    path = home.film()
    os.link(path, tmp_path / "shared.mkv")
    before = path.stat()
    [outcome] = claim_all([home.wanted(path)], home.places, now=2e9)
    assert isinstance(outcome, OtherFileSystemError)
    home.untouched("film.mkv")
    claimed = home.claim(path)
    assert claimed.left_behind is not None
    assert claimed.left_behind.is_at(path, inode=before.st_ino, size=before.st_size, mtime_ns=before.st_mtime_ns)
    assert read_note(home.places.job_folder(JOB)) == claimed
    source = home.places.source(JOB, claimed.relative)
    assert (source.read_bytes(), source.stat().st_nlink) == (CONTENT, 1)
    after = path.stat()
    assert [getattr(after, field) for field in ("st_ino", "st_nlink", "st_size", "st_mtime_ns", "st_ctime_ns")] == [
        getattr(before, field) for field in ("st_ino", "st_nlink", "st_size", "st_mtime_ns", "st_ctime_ns")]
    assert mend(claimed, home.inbox, home.places)
    assert path.exists()


def test_a_crash_at_any_line_of_such_a_claim_leaves_the_film_and_a_whole_job_or_none(tmp_path: Path) -> None:
    home = Home(tmp_path / "inbox", tmp_path / "state")
    path = home.film()
    os.link(path, tmp_path / "shared.mkv")
    jobs = set()
    for line in itertools.count(1, 2):
        crashed = crash_at(line, (taking, claiming), lambda: home.claim(path))
        note = read_note(home.places.job_folder(JOB))
        taken = note is not None and mend(note, home.inbox, home.places)
        if taken:
            assert home.places.source(JOB, PurePath("film.mkv")).read_bytes() == CONTENT
        jobs.add(taken)
        assert path.read_bytes() == CONTENT
        shutil.rmtree(home.places.job_folder(JOB), ignore_errors=True)
        if not crashed:
            break
    assert jobs == {True, False}
