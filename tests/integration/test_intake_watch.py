"""The watcher: real inotify, real floods, trees that come and go."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pectin.intake import watch
from pectin.intake.watch import Candidate, Watcher
from pectin.intake.watched import RestartReason, RootReport, WatchMode
from watching import PATIENCE, Seen, watching


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
    """watchdog's own observers hold all events behind it for half a second: this would take 40 s."""
    async with watching(films=inbox) as seen, asyncio.timeout(PATIENCE):
        for number in range(80):
            (inbox / f"{number}").touch()
            await seen.sees(inbox / f"{number}")
            (inbox / f"{number}").rename(tmp_path / f"{number}")


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


async def test_a_folder_that_was_renamed_moved_out_and_back_is_watched_where_it_is(inbox: Path, tmp_path: Path) -> None:
    async with watching(films=inbox) as seen:
        (inbox / "a/b").mkdir(parents=True)
        (inbox / "a/b/1.mkv").touch()
        await seen.sees(inbox / "a/b/1.mkv")
        (inbox / "a").rename(inbox / "c")
        await seen.sees(inbox / "c/b/1.mkv")
        (inbox / "c/b/2.mkv").touch()
        await seen.sees(inbox / "c/b/2.mkv")
        (inbox / "c").rename(tmp_path / "c")
        (tmp_path / "c/b/3.mkv").touch()
        assert await seen.watcher.rescan() == 0  # also gives back the watches on what has left
        assert seen.watcher.report()[0].folders == 1
        (tmp_path / "c").rename(inbox / "c")
        await seen.sees(inbox / "c/b/3.mkv")
        (inbox / "c/b/4.mkv").touch()
        await seen.sees(inbox / "c/b/4.mkv")
        (inbox / "d").mkdir()
        (inbox / "c").rename(inbox / "d/c")  # into another folder
        (inbox / "d/c/b/5.mkv").touch()
        await seen.sees(inbox / "d/c/b/5.mkv")


async def test_folders_made_and_filled_in_one_go_are_never_missed(inbox: Path) -> None:
    count = 500
    async with watching(films=inbox) as seen:
        subprocess.run(["sh", "-c", f'i=0; while [ $i -lt {count} ]; do mkdir -p $i/b/c && : > $i/b/c/f; i=$((i+1)); done'],
                       cwd=inbox, check=True)
        await seen.sees(*(inbox / f"{number}/b/c/f" for number in range(count)))
        report = seen.watcher.report()[0]
        assert (report.folders, report.unwatched, seen.watcher.overflows) == (3 * count + 1, 0, 0)
        (inbox / f"{count - 1}/b/c/g").touch()
        await seen.sees(inbox / f"{count - 1}/b/c/g")


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
        films, series, missing = seen.watcher.report()
        assert films == RootReport(route="films", path=inbox, mode=WatchMode.EVENTS, folders=1, unwatched=0, shares=(),
                                   file_system=films.file_system, sentence="")
        assert (series.folders, missing.mode, missing.folders) == (2, WatchMode.MISSING, 0)
        assert missing.sentence
        assert seen.watcher.rescans == 1


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


async def test_walks_are_made_less_often_the_longer_they_take(inbox: Path) -> None:
    for number in range(2000):
        (inbox / str(number)).mkdir()
    async with watching(films=inbox) as seen:
        await seen.watcher.rescan()
        taken = sum(i.cpu for i in seen.watcher._inboxes)
        assert seen.watcher.next_walk(1) >= max(1, 1000 * taken)
        assert seen.watcher.next_walk(100_000) == 100_000
        for number in range(2000):
            (inbox / str(number)).rmdir()
        await seen.watcher.rescan()
        assert seen.watcher.next_walk(60) == 60


async def test_a_restart_searches_everything(inbox: Path) -> None:
    (inbox / "a.mkv").touch()
    async with watching(films=inbox) as seen:
        await seen.watcher.restart()
        await seen.sees(inbox / "a.mkv")
        assert seen.watcher.restarts == {RestartReason.REQUESTED: 1}


async def test_what_makes_the_watcher_itself_fail_is_raised_where_it_is_listened_to(inbox: Path) -> None:
    watcher = Watcher({"films": inbox})
    await watcher.start()

    def broken(**_: bool) -> int:
        raise ZeroDivisionError

    watcher._inboxes[0]._parts[0].branch.walk = broken  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        await watcher.rescan()
    with pytest.raises(ZeroDivisionError):
        async for _ in watcher.candidates():
            pass
    await watcher.stop()


async def test_restarts_at_once_leave_one_observer(inbox: Path) -> None:
    async with watching(films=inbox) as seen:
        before = len(os.listdir("/proc/self/fd"))
        await asyncio.gather(*(seen.watcher.restart() for _ in range(4)))
        assert len(os.listdir("/proc/self/fd")) == before
        (inbox / "b.mkv").touch()
        await seen.until(lambda: inbox / "b.mkv" in seen.paths)


async def test_stopping_ends_the_iteration_and_the_threads(inbox: Path) -> None:
    def threads() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio")}  # the loop keeps its own

    before = threads()
    async with watching(films=inbox):
        of_the_watch = threads() - before
        assert of_the_watch
    assert not of_the_watch & threads()
