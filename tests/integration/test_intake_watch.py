"""The watcher: real inotify, real floods, roots that go and come back."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from needs import need_root
from pectin.intake import watch
from pectin.intake.watch import Candidate, Watcher

PATIENCE = 20.0  # seconds until a test gives up; nothing waits that long when all is well


class Seen:
    """Collects candidates until what a test waits for is there."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.all: list[Candidate] = []
        self._more = asyncio.Event()

    async def collect(self) -> None:
        async for candidate in self.watcher.candidates():
            self.all.append(candidate)
            self._more.set()

    @property
    def paths(self) -> set[Path]:
        return {candidate.path for candidate in self.all}

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def watching(**roots: Path) -> AsyncIterator[Seen]:
    watcher = Watcher(roots)
    await watcher.start()
    seen = Seen(watcher)
    task = asyncio.create_task(seen.collect())
    try:
        yield seen
    finally:
        await watcher.stop()
        async with asyncio.timeout(PATIENCE):
            await task


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


async def test_written_linked_and_moved_files_are_candidates(inbox: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"x")
    async with watching(films=inbox) as seen:
        (inbox / "written.mkv").write_bytes(b"x")
        os.link(outside, inbox / "linked.mkv")
        outside.rename(inbox / "moved.mkv")
        (inbox / "moved.mkv").rename(inbox / "renamed.mkv")
        await seen.until(lambda: {p.name for p in seen.paths} == {"written.mkv", "linked.mkv", "moved.mkv", "renamed.mkv"})
        assert {(c.route, c.fresh) for c in seen.all} == {("films", True)}
        assert seen.watcher.healthy() is None


async def test_reading_is_no_event_and_closing_after_writing_is_one(inbox: Path) -> None:
    (inbox / "old.mkv").write_bytes(b"x")
    async with watching(films=inbox) as seen:
        (inbox / "old.mkv").read_bytes()
        (inbox / "old.mkv").write_bytes(b"y")
        await seen.until(lambda: bool(seen.all))
        (inbox / "mark.mkv").touch()
        await seen.until(lambda: inbox / "mark.mkv" in seen.paths)
        (inbox / "old.mkv").read_bytes()
        (inbox / "end.mkv").touch()
        await seen.until(lambda: inbox / "end.mkv" in seen.paths)
        assert [c.path.name for c in seen.all].count("old.mkv") == 1


async def test_new_folders_and_trees_are_searched(inbox: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree" / "a" / "b"
    tree.mkdir(parents=True)
    (tree / "deep.mkv").touch()
    async with watching(films=inbox) as seen:
        subprocess.run(["sh", "-c", "mkdir -p x/y/z && touch x/y/z/quick.mkv x/quick.mkv"], cwd=inbox, check=True)
        (tmp_path / "tree").rename(inbox / "tree")
        await seen.until(lambda: {"quick.mkv", "deep.mkv"} <= {p.name for p in seen.paths} and len(seen.paths) >= 3)
        assert inbox / "x/y/z/quick.mkv" in seen.paths
        (inbox / "tree").rename(inbox / "other")  # watched on under its new name
        await seen.until(lambda: inbox / "other/a/b/deep.mkv" in seen.paths)
        (inbox / "other/a/b/later.mkv").touch()
        await seen.until(lambda: inbox / "other/a/b/later.mkv" in seen.paths)


async def test_a_file_moved_away_does_not_delay_the_next(inbox: Path, tmp_path: Path) -> None:
    """watchdog would hold all events behind a MOVED_FROM; we do not ask for it."""
    async with watching(films=inbox) as seen:
        for name in "abc":
            (inbox / name).touch()
            (inbox / name).rename(tmp_path / name)
        await seen.until(lambda: len(seen.paths) == 3)
        assert all("MOVED_FROM" not in text for text in masks(seen.watcher))


def masks(watcher: Watcher) -> list[str]:
    descriptor = watcher._observer._descriptor  # type: ignore[union-attr]
    return [w.short_str() for w in descriptor._watch_for_wd.values()]


async def test_folders_that_go_and_come_back_under_old_names_are_borne(inbox: Path, tmp_path: Path) -> None:
    async with watching(films=inbox) as seen:
        (inbox / "a").mkdir()
        (inbox / "mark1").touch()
        await seen.until(lambda: inbox / "mark1" in seen.paths)
        (inbox / "a").rename(tmp_path / "a")
        (inbox / "a").mkdir()
        (inbox / "mark2").touch()
        await seen.until(lambda: inbox / "mark2" in seen.paths)
        (inbox / "a").rmdir()
        (tmp_path / "a").rmdir()
        (inbox / "mark3").touch()
        await seen.until(lambda: inbox / "mark3" in seen.paths)
        assert seen.watcher.healthy() is None


async def test_strange_names_arrive_unchanged(inbox: Path) -> None:
    names = {"a\nb.mkv", "-rf.mkv", "%d.mkv", "🎬.mkv", "ü" * 127, os.fsdecode(b"\xff\xfe.mkv")}
    async with watching(films=inbox) as seen:
        for name in names:
            (inbox / name).touch()
        await seen.until(lambda: {p.name for p in seen.paths} == names)


async def test_a_linked_root_is_watched_and_paths_keep_its_name(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(inbox)
    async with watching(films=tmp_path / "link") as seen:
        (inbox / "sub").mkdir()
        (inbox / "sub" / "a.mkv").touch()
        await seen.until(lambda: tmp_path / "link/sub/a.mkv" in seen.paths)


async def test_a_rescan_finds_what_was_there_for_each_route(inbox: Path, tmp_path: Path) -> None:
    shows = tmp_path / "shows"
    (shows / "s").mkdir(parents=True)
    (inbox / "a.mkv").touch()
    (shows / "s" / "b.mkv").touch()
    async with watching(films=inbox, shows=shows, missing=tmp_path / "missing") as seen:
        assert await seen.watcher.rescan() == 2
        await seen.until(lambda: len(seen.all) == 2)
        assert {(c.route, c.path, c.fresh) for c in seen.all} == {
            ("films", inbox / "a.mkv", False), ("shows", shows / "s/b.mkv", False)}
        assert str(tmp_path / "missing") in (seen.watcher.healthy() or "")


async def test_a_burst_on_one_path_is_one_candidate(inbox: Path) -> None:
    watcher = Watcher({"films": inbox})
    for _ in range(1000):
        watcher._put(Candidate("films", inbox / "a.mkv", fresh=True))
    watcher._put(Candidate("films", inbox / "a.mkv", fresh=False))
    assert watcher._pending == {inbox / "a.mkv": Candidate("films", inbox / "a.mkv", fresh=True)}


async def test_too_many_events_become_a_rescan(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_MOST_PENDING", 10)
    for number in range(50):
        (inbox / f"{number}.mkv").touch()
    watcher = Watcher({"films": inbox})
    await watcher.start()
    for number in range(50):
        watcher._put(Candidate("films", inbox / f"{number}.mkv", fresh=True))
    assert len(watcher._pending) == 10
    seen = Seen(watcher)
    task = asyncio.create_task(seen.collect())
    await seen.until(lambda: len(seen.paths) == 50)
    assert watcher.overflows == 1
    await watcher.stop()
    await task


OVERFLOW = """
import asyncio, sys
from pathlib import Path
from pectin.intake.watch import Watcher
async def main():
    watcher = Watcher({"films": Path(sys.argv[1])})
    await watcher.start()
    print("ready", flush=True)
    found = set()
    async for candidate in watcher.candidates():
        found.add(candidate.path)
        if len(found) == int(sys.argv[2]):
            break
    print(watcher.overflows > 0, watcher.healthy(), flush=True)
    async for candidate in watcher.candidates():
        if candidate.path.name == "last.mkv":
            break
    print("last", flush=True)
    await watcher.stop()
asyncio.run(main())
"""


async def test_after_an_overflow_of_the_kernel_everything_is_found_and_watched_on(inbox: Path) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 50_000:
        pytest.skip(f"fs.inotify.max_queued_events is {limit} here: too many files to overflow it")
    folders = 20
    count = limit // 2 // folders + 50  # each file is two events: created, closed
    for number in range(folders):
        (inbox / str(number)).mkdir()
    reader = subprocess.Popen([sys.executable, "-W", "error", "-c", OVERFLOW, inbox, str(folders * count)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    reader.send_signal(19)  # SIGSTOP: nobody reads the queue
    for number in range(folders):
        for film in range(count):
            (inbox / str(number) / f"{film}.mkv").touch()
    reader.send_signal(18)  # SIGCONT
    async with asyncio.timeout(60):
        assert await asyncio.to_thread(reader.stdout.readline) == "True None\n"
        (inbox / "7" / "last.mkv").touch()
        assert await asyncio.to_thread(reader.stdout.readline) == "last\n"
        assert await asyncio.to_thread(reader.communicate) == ("", "")


async def test_a_root_that_was_replaced_is_told_and_watched_again(inbox: Path, tmp_path: Path) -> None:
    async with watching(films=inbox) as seen:
        inbox.rename(tmp_path / "old")
        assert "cannot be reached" in (seen.watcher.healthy() or "")
        inbox.mkdir()
        (inbox / "a.mkv").touch()
        assert "replaced" in (seen.watcher.healthy() or "")
        await seen.watcher.restart()
        assert seen.watcher.healthy() is None
        await seen.until(lambda: inbox / "a.mkv" in seen.paths)
        (inbox / "b.mkv").touch()
        await seen.until(lambda: inbox / "b.mkv" in seen.paths)


async def test_a_root_that_was_deleted_and_made_again_is_told(inbox: Path) -> None:
    async with watching(films=inbox) as seen:
        shutil.rmtree(inbox)
        inbox.mkdir()
        async with asyncio.timeout(PATIENCE):
            while seen.watcher.healthy() is None:  # the inode number may be the same: then the dead thread tells
                await asyncio.sleep(0.02)
        await seen.watcher.restart()
        assert seen.watcher.healthy() is None
        (inbox / "b.mkv").touch()
        await seen.until(lambda: inbox / "b.mkv" in seen.paths)


async def test_a_file_system_mounted_over_the_root_is_told(inbox: Path) -> None:
    need_root("mount a tmpfs")
    async with watching(films=inbox) as seen:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", inbox], check=True)
        try:
            assert "mounted over" in (seen.watcher.healthy() or "")
            await seen.watcher.restart()
            (inbox / "b.mkv").touch()
            await seen.until(lambda: inbox / "b.mkv" in seen.paths)
        finally:
            await seen.watcher.stop()
            subprocess.run(["umount", inbox], check=True)


async def test_a_root_that_appears_later_is_watched_after_a_restart(tmp_path: Path) -> None:
    async with watching(films=tmp_path / "later") as seen:
        assert "cannot be reached" in (seen.watcher.healthy() or "")
        (tmp_path / "later").mkdir()
        assert seen.watcher.healthy() is not None
        await seen.watcher.restart()
        assert seen.watcher.healthy() is None


async def test_a_dead_reader_is_told_and_replaced(inbox: Path) -> None:
    async with watching(films=inbox) as seen:
        descriptor = seen.watcher._observer._descriptor  # type: ignore[union-attr]
        descriptor.stop()
        descriptor.join()
        assert "stopped" in (seen.watcher.healthy() or "")
        await seen.watcher.restart()
        (inbox / "b.mkv").touch()
        await seen.until(lambda: inbox / "b.mkv" in seen.paths)


async def test_restarts_at_once_leave_one_observer(inbox: Path) -> None:
    async with watching(films=inbox) as seen:
        before = len(os.listdir("/proc/self/fd"))
        await asyncio.gather(*(seen.watcher.restart() for _ in range(4)))
        assert len(os.listdir("/proc/self/fd")) == before
        (inbox / "b.mkv").touch()
        await seen.until(lambda: inbox / "b.mkv" in seen.paths)


async def test_stopping_ends_the_iteration_and_the_threads(inbox: Path) -> None:
    def threads() -> int:
        return len(os.listdir("/proc/self/task"))

    async with watching(films=inbox):
        busy = threads()
    assert threads() < busy
