"""What makes a watcher blind, done to it for real: limits, roots and mounts that come and go, shares, servers that hang."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from needs import missing, need_program, need_root
from pectin.intake import inbox as inbox_module
from pectin.intake import watch
from pectin.intake.watched import RestartReason, WatchMode
from watching import mounted, share, until, watching


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


async def test_a_root_that_was_replaced_is_watched_again(inbox: Path, tmp_path: Path) -> None:
    async with watching(films=inbox) as seen:
        inbox.rename(tmp_path / "old")
        await seen.watcher.check()
        assert "cannot be reached" in (seen.watcher.healthy() or "")
        assert seen.watcher.report()[0].mode is WatchMode.MISSING
        await seen.watcher.check()
        assert not seen.watcher.restarts  # nothing to watch: no restart
        inbox.mkdir()
        (inbox / "a.mkv").touch()
        await seen.watcher.check()
        await seen.sees(inbox / "a.mkv")
        assert seen.watcher.healthy() is None
        inbox.rename(tmp_path / "older")
        inbox.mkdir()
        (inbox / "b.mkv").touch()
        await seen.watcher.check()  # another folder under the same name
        await seen.sees(inbox / "b.mkv")
        (inbox / "c.mkv").touch()
        await seen.sees(inbox / "c.mkv")
        await seen.watcher.check()
        assert seen.watcher.restarts == {RestartReason.ROOT_BACK: 1, RestartReason.ROOT_REPLACED: 1}
        assert "another folder" in seen.watcher.last_restart


async def test_a_root_that_was_deleted_and_made_again_is_watched_again(inbox: Path) -> None:
    async with watching(films=inbox) as seen:
        for number in range(20):  # the inode number may be the same
            shutil.rmtree(inbox)
            inbox.mkdir()
            film = inbox / f"{number}.mkv"
            film.touch()
            await until(lambda: seen.watcher.healthy() is not None)
            await seen.watcher.check()
            await seen.sees(film)
            assert seen.watcher.healthy() is None
        assert seen.watcher.restarts == {RestartReason.ROOT_REPLACED: 20}


async def test_a_link_that_leads_elsewhere_now_is_followed(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(inbox)
    (tmp_path / "new").mkdir()
    async with watching(films=tmp_path / "link") as seen:
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to(tmp_path / "new")
        await seen.watcher.check()
        (tmp_path / "new/a.mkv").touch()
        await seen.sees(tmp_path / "link/a.mkv")
        assert seen.watcher.restarts == {RestartReason.ROOT_REPLACED: 1}


async def test_mounts_over_and_below_the_root_are_noticed_both_ways(inbox: Path, tmp_path: Path) -> None:
    need_root("mount")
    (inbox / "sub").mkdir()
    (tmp_path / "elsewhere").mkdir()
    async with watching(films=inbox) as seen:
        with mounted(inbox, "-t", "tmpfs", "tmpfs"):
            await seen.watcher.check()
            (inbox / "over.mkv").touch()
            await seen.sees(inbox / "over.mkv")
            assert seen.watcher.report()[0].file_system == "tmpfs"
            subprocess.run(["umount", "--lazy", inbox], check=True)  # a walk may be in it just now
            await until(lambda: seen.watcher.healthy() is not None)
        await seen.watcher.check()
        (inbox / "bare.mkv").touch()
        await seen.sees(inbox / "bare.mkv")
        assert seen.watcher.restarts == {RestartReason.ROOT_REPLACED: 2}
        with mounted(inbox / "sub", "--bind", str(tmp_path / "elsewhere")):
            (tmp_path / "elsewhere/early.mkv").touch()
            await seen.watcher.check()
            await seen.sees(inbox / "sub/early.mkv")
            (tmp_path / "elsewhere/late.mkv").touch()
            await seen.sees(inbox / "sub/late.mkv")
        await seen.watcher.check()
        (inbox / "sub/bare.mkv").touch()
        await seen.sees(inbox / "sub/bare.mkv")
        assert seen.watcher.restarts == {RestartReason.ROOT_REPLACED: 2, RestartReason.MOUNTS_CHANGED: 2}
        assert seen.watcher.healthy() is None


async def test_a_root_that_is_a_file_is_missing(inbox: Path) -> None:
    (inbox / "file").touch()
    async with watching(films=inbox / "file") as seen:
        assert "Not a directory" in (seen.watcher.healthy() or "")


async def test_a_dead_reader_is_told_and_replaced(inbox: Path) -> None:
    async with watching(films=inbox) as seen:
        tree = seen.watcher._inboxes[0]._parts[0].branch._tree
        assert tree is not None
        tree.stop()
        tree.join()
        assert "stopped" in (seen.watcher.healthy() or "")
        await seen.watcher.check()
        assert seen.watcher.restarts == {RestartReason.OBSERVER_DIED: 1}
        (inbox / "b.mkv").touch()
        await seen.sees(inbox / "b.mkv")
        assert seen.watcher.healthy() is None


def script(*command: str, inbox: Path, body: str) -> str:
    """Run the body of a coroutine with a watcher of `inbox` at work, in a process of its own that `command` starts; what it
    prints."""
    text = f"""
import asyncio, os
from pathlib import Path
from watching import watching
inbox = Path({str(inbox)!r})
async def main():
    async with watching(films=inbox) as seen:
        watcher = seen.watcher
{"".join("        " + line + chr(10) for line in body.strip().splitlines())}
asyncio.run(main())
"""
    tests = str(Path(__file__).parents[1])
    done = subprocess.run([*command, sys.executable, "-W", "error", "-c", text], capture_output=True, text=True, check=False,
                          env=os.environ | {"PYTHONPATH": tests}, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_folders_beyond_the_kernels_limit_are_told_found_and_healed(inbox: Path) -> None:
    unshare = need_program("unshare", "util-linux")
    limit = "/proc/sys/user/max_inotify_watches"
    if subprocess.run([unshare, "-Ur", "sh", "-c", f"echo 20 > {limit}"], check=False, capture_output=True).returncode:
        missing("a user namespace", "allow unprivileged user namespaces")
    for number in range(50):
        (inbox / f"{number:02}").mkdir()
    told = script(unshare, "-Ur", "sh", "-c", f'echo 20 > {limit}; exec "$@"', "sh", inbox=inbox, body=f"""
report = watcher.report()[0]
print(report.mode, report.folders, report.unwatched, report.sentence)
for number in range(50):
    (inbox / f"{{number:02}}/a.mkv").touch()
await watcher.rescan()
await seen.sees(*(inbox / f"{{number:02}}/a.mkv" for number in range(50)))
(inbox / "new").mkdir()  # nor can a folder that is made later be watched
while watcher.report()[0].unwatched != 32:
    await asyncio.sleep(0.01)
(inbox / "new/a.mkv").touch()
await watcher.rescan()
await seen.sees(inbox / "new/a.mkv")
(inbox / "new/a.mkv").unlink()
(inbox / "new").rmdir()
await watcher.check()
await watcher.rescan()
print(watcher.report()[0].unwatched)
Path({limit!r}).write_text("1000")
await watcher.rescan()
print(watcher.report()[0].folders, watcher.report()[0].unwatched, watcher.healthy(), sum(watcher.restarts.values()))
for number in range(50):
    (inbox / f"{{number:02}}/b.mkv").touch()
await seen.sees(*(inbox / f"{{number:02}}/b.mkv" for number in range(50)))
""")
    first, *others = told.splitlines()
    assert first.startswith("events 20 31 not all folders")
    assert "sysctl" in first
    assert others == ["31", "51 0 None 0"]


def test_without_any_inotify_instance_the_rescan_finds_and_says_so(inbox: Path) -> None:
    unshare = need_program("unshare", "util-linux")
    limit = "/proc/sys/user/max_inotify_instances"
    if subprocess.run([unshare, "-Ur", "sh", "-c", f"echo 0 > {limit}"], check=False, capture_output=True).returncode:
        missing("a user namespace", "allow unprivileged user namespaces")
    told = script(unshare, "-Ur", "sh", "-c", f'echo 0 > {limit}; exec "$@"', "sh", inbox=inbox, body=f"""
print(watcher.report()[0].mode, watcher.healthy())
(inbox / "a.mkv").touch()
await watcher.rescan()
await seen.sees(inbox / "a.mkv")
Path({limit!r}).write_text("10")
await watcher.rescan()
print(watcher.report()[0].mode, watcher.healthy())
(inbox / "b.mkv").touch()
await seen.sees(inbox / "b.mkv")
""").splitlines()
    assert told[0].startswith("rescan_only nothing in")
    assert "max_user_instances" in told[0]
    assert told[1:] == ["events None"]


def test_a_folder_nobody_may_read_is_told_and_watched_once_it_may_be(inbox: Path) -> None:
    (inbox / "closed/below").mkdir(parents=True)
    (inbox / "closed/below/a.mkv").touch()
    (inbox / "closed").chmod(0)
    mortal = [need_program("setpriv", "util-linux"), "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    told = script(*mortal, inbox=inbox, body="""
print(await watcher.rescan(), watcher.report()[0].unwatched, watcher.healthy())
(inbox / "closed").chmod(0o755)
print(await watcher.rescan(), watcher.report()[0].unwatched, watcher.healthy())
(inbox / "closed/b.mkv").touch()
(inbox / "closed/below/b.mkv").touch()
await seen.sees(inbox / "closed/b.mkv", inbox / "closed/below/b.mkv", inbox / "closed/below/a.mkv")
""").splitlines()
    assert told == [f"0 1 1 folder in the inbox may not be read, {inbox / 'closed'} is one: `chmod g+rwx` on it "
                    "lets Pectin in", "1 0 None"]


def test_what_becomes_readable_is_found_without_a_rescan(inbox: Path) -> None:
    """rsync makes folders and files that nobody else may read, fills them, and opens them in the end."""
    mortal = [need_program("setpriv", "util-linux"), "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    told = script(*mortal, inbox=inbox, body="""
os.umask(0)
(inbox / "show").mkdir(0)
(inbox / "mark.mkv").touch()  # when this is seen, the folder has been looked into in vain
await seen.sees(inbox / "mark.mkv")
(inbox / "show").chmod(0o700)
(inbox / "show/a.mkv").touch()
await seen.sees(inbox / "show/a.mkv")
count = len(seen.all)
(inbox / "show/a.mkv").chmod(0o644)
await seen.until(lambda: len(seen.all) > count)
print(seen.all[-1].path.name, seen.all[-1].fresh, watcher.rescans)
""").splitlines()
    assert told == ["a.mkv True 0"]


async def test_what_another_machine_does_on_a_share_is_found_by_polling(inbox: Path, tmp_path: Path) -> None:
    far, local = tmp_path / "far", tmp_path / "local"
    far.mkdir()
    (local / "share").mkdir(parents=True)
    with share(far, inbox), share(far, local / "share"):
        async with watching(films=inbox, local=local, poll=0.2) as seen:
            report, mixed = seen.watcher.report()
            assert (report.mode, report.file_system, report.shares) == (WatchMode.POLLING, "fuse.sshfs", (inbox,))
            assert (mixed.mode, mixed.folders, mixed.shares) == (WatchMode.EVENTS, 1, (local / "share",))
            assert seen.watcher.healthy() is None
            assert seen.watcher.on_network(inbox / "a")
            assert seen.watcher.on_network(local / "share/a")
            assert not seen.watcher.on_network(local / "a")
            (far / "sub").mkdir()
            (far / "sub/a.mkv").touch()
            await seen.sees(inbox / "sub/a.mkv", local / "share/sub/a.mkv")
            assert not any(candidate.fresh for candidate in seen.all)
            (local / "b.mkv").touch()
            await seen.sees(local / "b.mkv")
            assert await seen.watcher.rescan() == 3
        async with watching(films=inbox, poll=0) as seen:
            assert seen.watcher.report()[0].mode is WatchMode.RESCAN_ONLY
            assert await seen.watcher.rescan() == 1


async def test_a_share_that_is_mounted_into_the_inbox_later_is_polled(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (inbox / "share").mkdir()
    async with watching(films=inbox, poll=0.2) as seen:
        with share(tmp_path / "far", inbox / "share"):
            await seen.watcher.check()
            assert seen.watcher.report()[0].shares == (inbox / "share",)
            (tmp_path / "far/a.mkv").touch()
            await seen.sees(inbox / "share/a.mkv")
        await seen.watcher.check()
        assert seen.watcher.report()[0].shares == ()
        assert seen.watcher.restarts == {RestartReason.MOUNTS_CHANGED: 2}


async def test_a_server_that_hangs_holds_up_nobody_else(inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((watch, "_GRACE"), (watch, "_LONG"), (inbox_module, "_SILENT")):
        monkeypatch.setattr(module, name, 0.3)
    far, near = tmp_path / "far", tmp_path / "near"
    far.mkdir()
    near.mkdir()
    (inbox / "share").mkdir()
    with share(far, near) as first, share(far, inbox / "share") as second:
        async with watching(films=inbox, shows=near, poll=0.1) as seen:
            first.send_signal(signal.SIGSTOP)
            second.send_signal(signal.SIGSTOP)
            await until(lambda: "hangs" in (seen.watcher.healthy() or ""))
            await seen.watcher.check()  # comes back
            (inbox / "a.mkv").touch()
            await seen.sees(inbox / "a.mkv")
            for _ in range(3):
                await seen.watcher.rescan()
            assert len(seen.watcher._tasks) < 12  # they do not pile up behind it
            (far / "b.mkv").touch()
            first.send_signal(signal.SIGCONT)
            second.send_signal(signal.SIGCONT)
            await seen.sees(near / "b.mkv", inbox / "share/b.mkv")
            await until(lambda: seen.watcher.healthy() is None)
            first.send_signal(signal.SIGSTOP)
            await until(lambda: "hangs" in (seen.watcher.healthy() or ""))
        # stopped although a thread hangs
        first.send_signal(signal.SIGCONT)


async def test_a_server_that_hangs_at_the_start_is_watched_once_it_answers(tmp_path: Path,
                                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_GRACE", 0.5)
    monkeypatch.setattr(inbox_module, "_SILENT", 0.1)
    monkeypatch.setattr(inbox_module, "_LATE", 0.1)
    far, near = tmp_path / "far", tmp_path / "near"
    far.mkdir()
    near.mkdir()
    (far / "a.mkv").touch()
    with share(far, near) as server:
        server.send_signal(signal.SIGSTOP)
        async with watching(films=near, poll=0) as seen:
            assert "does not answer" in (seen.watcher.healthy() or "")
            server.send_signal(signal.SIGCONT)
            await seen.sees(near / "a.mkv")
            assert seen.watcher.healthy() is None
