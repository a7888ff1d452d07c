"""Running the real ffmpeg and ffprobe: what they did is told truthfully, and they end when they must."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clips import Clips
from needs import need_program, need_root
from pectin.encoding import ffmpeg
from pectin.encoding.ffmpeg import StallWatch, probe, run
from pectin.encoding.tools import find, lacking, parse_version
from pectin.linux.child import Child
from pectin.linux.sandbox import unconfined
from pectin.linux.trial import offered
from pectin.model.errors import Cause, PectinError
from pectin.model.profile import AudioCodec, Container, Profile, Surround, VideoCodec
from pectin.model.reports import Progress, RunReport

# A picture that never ends by itself, at the speed of real time.
ENDLESS = ("-re", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-fps_mode", "vfr")


class Watcher:
    """A monitor that keeps what it is told; `moving` is set when the picture has begun."""

    def __init__(self) -> None:
        self.suspended = False
        self.seen: list[Progress] = []
        self.child: Child | None = None
        self.ended = False
        self.moving = asyncio.Event()

    def child_started(self, child: Child) -> None:
        self.child = child

    def child_ended(self) -> None:
        self.ended = True

    def progressed(self, progress: Progress) -> None:
        self.seen.append(progress)
        if progress.frame:
            self.moving.set()


def command(*arguments: str) -> tuple[str, ...]:
    return (need_program("ffmpeg", "ffmpeg"), "-nostdin", "-y", "-v", "error",
            "-nostats", "-progress", "pipe:1", "-stats_period", "0.1", *arguments)


async def go(argv: Sequence[str], cwd: Path, watcher: Watcher, *, stall: float = 60, **more: Any) -> RunReport:
    values: dict[str, Any] = {"total_seconds": None, "total_frames": None, **more}
    return await run(argv, cwd=cwd, job="test-of-run:0123456789", stall_timeout=stall, monitor=watcher, **values)


async def refused(argv: Sequence[str], cwd: Path, watcher: Watcher | None = None, **more: Any) -> PectinError:
    with pytest.raises(PectinError) as caught:
        await go(argv, cwd, watcher or Watcher(), **more)
    return caught.value


@contextmanager
def opened(film: Path) -> Iterator[int]:
    """The number of a descriptor: the only way in which a confined program gets at a film."""
    fd = os.open(film, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


async def moving(watcher: Watcher, task: asyncio.Task[Any]) -> None:
    async with asyncio.timeout(20):
        while not watcher.moving.is_set() and not task.done():
            await asyncio.sleep(0.01)
    assert not task.done()


async def test_a_run_reports_its_frames_its_length_and_its_progress(clips: Clips, tmp_path: Path) -> None:
    source, watcher = clips.film(seconds=2), Watcher()
    fd = os.open(source, os.O_RDONLY)
    try:
        report = await go(command("-i", f"file:/proc/self/fd/{fd}", *X264, "-c:a", "copy", "out.mp4"), tmp_path, watcher,
                          pass_fds=(fd,), total_seconds=2.0)
    finally:
        os.close(fd)
    assert (report.frames, report.ended) == (50, True)
    assert report.out_seconds == pytest.approx(2, abs=0.1)
    assert report.wall_seconds > 0
    shares = [progress.fraction for progress in watcher.seen if progress.fraction is not None]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert watcher.ended
    assert (tmp_path / "out.mp4").stat().st_size > 0


async def test_what_root_makes_of_anothers_private_film_belongs_to_root(clips: Clips, tmp_path: Path) -> None:
    """Root's ffmpeg has no capability: it reads such a film as the film's owner."""
    need_root("own a film as somebody else")
    private, work = tmp_path / "private.mkv", tmp_path / "work"
    shutil.copyfile(clips.film(seconds=1), private)
    private.chmod(0o600)
    os.chown(private, 65534, 65534)
    work.mkdir()
    work.chmod(0o700)
    with opened(private) as fd:
        report = await go(command("-i", f"file:/proc/self/fd/{fd}", *X264, "-an", "out.mp4"), work, Watcher(), pass_fds=(fd,))
        found = await probe(ffprobe(f"file:/proc/self/fd/{fd}"), pass_fds=(fd,), timeout=20)
    assert report.frames == 25
    assert found["format"]
    assert [path.stat().st_uid for path in (work, work / "out.mp4", private)] == [0, 0, 65534]


async def test_another_run_writes_over_what_the_first_made_of_anothers_private_film(clips: Clips, tmp_path: Path) -> None:
    need_root("own a film as somebody else")
    private, work = tmp_path / "private.mkv", tmp_path / "work"
    shutil.copyfile(clips.film(seconds=1), private)
    private.chmod(0o600)
    os.chown(private, 65534, 65534)
    work.mkdir()
    with opened(private) as fd:
        for _ in range(2):
            await go(command("-i", f"file:/proc/self/fd/{fd}", *X264, "-an", "-y", "out.mp4"), work, Watcher(), pass_fds=(fd,))


async def test_a_failure_tells_ffmpegs_words_and_the_command(tmp_path: Path) -> None:
    (tmp_path / "x.mkv").write_bytes(b"no film at all")
    error = await refused(command("-i", "x.mkv", "out.mp4"), tmp_path)
    assert error.cause is Cause.FFMPEG_FAILED
    assert "Invalid data found" in error.detail
    assert "out.mp4" in error.detail


async def test_a_plain_failure_means_what_the_caller_says(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"no film at all")
    error = await refused(command("-i", "x.mp4", "-f", "null", "-"), tmp_path, failure=Cause.OUTPUT_WRONG)
    assert error.cause is Cause.OUTPUT_WRONG


async def test_a_decode_that_finds_damage_fails(clips: Clips, tmp_path: Path) -> None:
    good = clips.film("film.mp4", extra=("-movflags", "+faststart")).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(good[:len(good) * 3 // 4])
    error = await refused(command("-xerror", "-i", "cut.mp4", "-f", "null", "-"), tmp_path, failure=Cause.OUTPUT_WRONG)
    assert error.cause is Cause.OUTPUT_WRONG


async def test_a_command_with_strange_bytes_can_be_told(tmp_path: Path) -> None:
    error = await refused(command("-i", os.fsdecode(b"f\xfflm.mkv"), "out.mp4"), tmp_path)
    error.sentence.encode()  # it goes into logs, JSON and the store


async def test_a_missing_program_is_told(tmp_path: Path) -> None:
    error = await refused(("/no/such/ffmpeg", "-version"), tmp_path)
    assert error.cause is Cause.FFMPEG_MISSING
    assert "/no/such/ffmpeg" in error.detail


async def test_status_zero_without_the_end_is_a_failure(tmp_path: Path) -> None:
    assert (await refused(("sh", "-c", "echo frame=5; echo progress=continue"), tmp_path)).cause is Cause.FFMPEG_FAILED


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_signal_from_outside_is_told_as_such(tmp_path: Path, number: signal.Signals) -> None:
    watcher = Watcher()
    task = asyncio.create_task(go(command(*ENDLESS, *X264, "out.mkv"), tmp_path, watcher))
    await moving(watcher, task)
    assert watcher.child is not None
    os.kill(watcher.child.pid, number)
    with pytest.raises(PectinError) as caught:
        await task
    assert caught.value.cause is Cause.FFMPEG_KILLED


async def test_a_cancelled_run_leaves_no_process(tmp_path: Path) -> None:
    watcher = Watcher()
    task = asyncio.create_task(go(command(*ENDLESS, *X264, "out.mkv"), tmp_path, watcher))
    await moving(watcher, task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert watcher.ended
    assert watcher.child is not None
    assert watcher.child.returncode is not None
    assert not Path(f"/proc/{watcher.child.pid}").exists()


async def test_a_full_disk_is_told_whatever_the_status_is(clips: Clips, tmp_path: Path) -> None:
    need_root("mount a small file system")
    source, small = clips.film(seconds=2), tmp_path / "small"
    small.mkdir()
    for size in ("24k", "64k"):  # full in the middle, and full only for the last bytes
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(small)], check=True)
        try:
            with opened(source) as fd:
                error = await refused(command("-i", f"file:/proc/self/fd/{fd}", *X264, "-an", "-b:v", "2M", "out.mp4"), small,
                                      pass_fds=(fd,))
            assert error.cause is Cause.NO_SPACE
        finally:
            subprocess.run(["umount", "-l", str(small)], check=True)


async def test_a_run_that_waits_for_ever_is_stalled(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in.mkv")
    held = os.open(tmp_path / "in.mkv", os.O_RDWR)  # a writer that never writes
    watcher = Watcher()
    try:
        error = await refused(command("-i", "in.mkv", "out.mp4"), tmp_path, watcher, stall=0.5)
    finally:
        os.close(held)
    assert error.cause is Cause.FFMPEG_STALLED
    assert watcher.child is not None
    assert watcher.child.returncode is not None


async def test_a_run_that_closed_its_output_but_does_not_end_is_stalled(tmp_path: Path) -> None:
    error = await refused(("sh", "-c", "echo progress=end; exec >&-; exec sleep 60"), tmp_path, stall=0.5)
    assert error.cause is Cause.FFMPEG_STALLED


async def test_a_paused_run_is_not_stalled_and_ends_well(clips: Clips, tmp_path: Path) -> None:
    source, watcher = clips.film(seconds=2), Watcher()
    with opened(source) as fd:
        argv = command("-re", "-i", f"file:/proc/self/fd/{fd}", *X264, "-an", "out.mp4")
        task = asyncio.create_task(go(argv, tmp_path, watcher, stall=0.5, pass_fds=(fd,)))
        await moving(watcher, task)
        assert watcher.child is not None
        watcher.suspended = True
        watcher.child.suspend()
        await asyncio.sleep(1.5)
        assert not task.done()
        watcher.suspended = False
        watcher.child.resume()
        assert (await task).frames == 50


def test_the_stall_watch_looks_at_figures_and_cpu() -> None:
    watch = StallWatch(10)
    assert not watch.stalled(0, "a", 1.0, suspended=False)
    assert not watch.stalled(9, "a", 1.0, suspended=False)
    assert not watch.stalled(10, "a", 2.0, suspended=False)  # slow but alive
    assert not watch.stalled(19, "a", 2.0, suspended=False)
    assert watch.stalled(20, "a", 2.05, suspended=False)     # only printing the same figures again
    assert not watch.stalled(20, "b", 2.05, suspended=False)
    assert not watch.stalled(40, "b", 2.05, suspended=True)
    assert not watch.stalled(49, "b", 2.05, suspended=False)
    assert watch.stalled(50, "b", 2.05, suspended=False)
    assert not watch.stalled(70, "b", None, suspended=False)  # gone: its end tells more


def ffprobe(source: str) -> tuple[str, ...]:
    return (need_program("ffprobe", "ffmpeg"), "-v", "error", "-of", "json", "-show_format", "-show_streams", source)


async def test_a_probe_gives_ffprobes_json(clips: Clips) -> None:
    fd = os.open(clips.film(), os.O_RDONLY)
    try:
        found = await probe(ffprobe(f"file:/proc/self/fd/{fd}"), pass_fds=(fd,), timeout=20)
    finally:
        os.close(fd)
    assert [stream["codec_type"] for stream in found["streams"]] == ["video", "audio"]


async def unprobed(argv: Sequence[str], *, timeout: float = 20, **more: Any) -> PectinError:
    with pytest.raises(PectinError) as caught:
        await probe(argv, timeout=timeout, **more)
    return caught.value


async def test_what_is_no_film_is_refused_with_ffprobes_words(tmp_path: Path) -> None:
    (tmp_path / "x.mkv").write_text("a letter, not a film\n" * 100)
    error = await unprobed(ffprobe("x.mkv"), cwd=tmp_path)
    assert error.cause is Cause.NOT_A_VIDEO
    assert "Invalid data found" in error.detail


async def test_a_probe_that_does_not_answer_is_ended(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.mkv")
    assert (await unprobed(ffprobe("x.mkv"), timeout=0.5, cwd=tmp_path)).cause is Cause.PROBE_TIMEOUT


@pytest.mark.parametrize(("script", "cause"), [
    ("kill -9 $$", Cause.PROBE_FAILED),
    ("echo 'x: Input/output error' >&2; exit 1", Cause.IO_ERROR),
    ("echo 'x: Permission denied' >&2; exit 1", Cause.UNREADABLE),
    ("echo 'x: Cannot allocate memory' >&2; exit 1", Cause.PROBE_FAILED),
    ("echo 'Dimensions 16000x8000 exceeds specified max pixel count 1' >&2; exit 1", Cause.PICTURE_TOO_LARGE),
    ("echo 'Number of streams exceeds max_streams parameter (100)\nx: Cannot allocate memory' >&2; exit 1",
     Cause.TOO_MANY_STREAMS),
    ("exit 127", Cause.FFMPEG_MISSING),
    ("echo '{'", Cause.PROBE_FAILED),
    ("echo '{}'", Cause.NOT_A_VIDEO),
    ("yes", Cause.NOT_A_VIDEO),
])
async def test_only_the_files_own_fault_is_a_refusal(script: str, cause: Cause, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "PROBE_LIMIT", 1 << 20)
    assert (await unprobed(("sh", "-c", script))).cause is cause


async def test_the_tools_of_this_machine_are_found() -> None:
    need_program("ffmpeg", "ffmpeg")
    tools = await find("auto")
    assert tools.ffmpeg.is_absolute()
    assert tools.ffprobe.is_file()
    assert tools.version is None or tools.version >= (5, 1)
    assert tools.version_text[0].isalnum()
    assert " " not in tools.version_text, "only what it calls itself, not its whole first line"
    assert await find(str(tools.ffmpeg)) == tools


ENCODERS = " V....D libx264   H.264\n A..... aac   AAC"


def fake(folder: Path, version: str = "5.1.9-0+deb12u1", encoders: str = ENCODERS, status: int = 0) -> str:
    """An ffmpeg and an ffprobe that can only say what they are."""
    for name in ("ffmpeg", "ffprobe"):
        (folder / name).write_text(f"#!/bin/sh\ncase $* in *-encoders*) echo '{encoders}';; "
                                   f"*) echo '{name} version {version} Copyright (c)';; esac\nexit {status}\n")
        (folder / name).chmod(0o755)
    return str(folder / "ffmpeg")


async def unfound(setting: str) -> PectinError:
    with pytest.raises(PectinError) as caught:
        await find(setting)
    return caught.value


async def test_an_old_ffmpeg_is_refused_with_what_was_found(tmp_path: Path) -> None:
    error = await unfound(fake(tmp_path, "4.3.8-0+deb11u1"))
    assert error.cause is Cause.FFMPEG_TOO_OLD
    assert error.detail == f"found 4.3 at {tmp_path}/ffmpeg"


async def test_a_build_without_a_version_is_taken(tmp_path: Path) -> None:
    assert (await find(fake(tmp_path, "N-112345-gabcdef"))).version is None


async def test_an_ffmpeg_without_our_encoders_is_refused(tmp_path: Path) -> None:
    error = await unfound(fake(tmp_path, encoders=" A..... aac  AAC"))
    assert error.cause is Cause.FFMPEG_UNUSABLE
    assert "libx264" in error.detail


@pytest.mark.parametrize(("profile", "lacks"), [
    (Profile(), ("ac3",)),
    (Profile(surround=Surround.NONE), ()),
    (Profile(video=VideoCodec.AV1, container=Container.MKV, surround=Surround.EAC3), ("libsvtav1", "eac3")),
    (Profile(video=VideoCodec.VP9, container=Container.WEBM, audio=AudioCodec.OPUS), ("libvpx-vp9", "libopus")),
    (Profile(video=VideoCodec.HEVC, audio=AudioCodec.COPY), ("libx265",)),
    (Profile(video=VideoCodec.COPY, audio=AudioCodec.COPY, container=Container.SOURCE), ()),
])
async def test_what_a_profile_needs_and_ffmpeg_lacks_is_known(tmp_path: Path, profile: Profile, lacks: tuple[str, ...]) -> None:
    assert lacking(await find(fake(tmp_path)), profile) == lacks


async def test_an_ffmpeg_that_does_not_start_is_refused(tmp_path: Path) -> None:
    assert (await unfound(fake(tmp_path, status=1))).cause is Cause.FFMPEG_UNUSABLE


async def test_an_ffmpeg_whose_libraries_the_sandbox_hides_is_refused_at_once(tmp_path: Path) -> None:
    if not offered().whole:
        pytest.skip("this machine offers no sandbox")
    folder, library = tmp_path / "program", tmp_path / "elsewhere" / "library"
    folder.mkdir()
    library.parent.mkdir()
    library.write_text("needed\n")
    program = Path(fake(folder))
    program.write_text(program.read_text().replace("\n", f"\nread -r line <{library} || exit 127\n", 1))
    await find(str(program), unconfined())
    with pytest.raises(PectinError, match=r"in the sandbox with status 127: .*Permission denied") as refused:
        await find(str(program), offered())
    assert refused.value.cause is Cause.FFMPEG_UNUSABLE


@pytest.mark.parametrize("setting", ["/no/such/ffmpeg", "no-such-ffmpeg"])
async def test_a_missing_ffmpeg_is_told_with_what_was_looked_for(setting: str) -> None:
    error = await unfound(setting)
    assert error.cause is Cause.FFMPEG_MISSING
    assert setting in error.detail


async def test_without_an_ffprobe_beside_it_that_of_the_path_is_taken(tmp_path: Path) -> None:
    """Some builds come without one."""
    setting = fake(tmp_path)
    (tmp_path / "ffprobe").unlink()
    found = await find(setting)
    assert found.ffprobe == Path(need_program("ffprobe", "ffmpeg"))
    assert found.mixed


async def test_a_missing_ffprobe_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = fake(tmp_path)
    (tmp_path / "ffprobe").unlink()
    monkeypatch.setenv("PATH", "/nowhere")
    error = await unfound(setting)
    assert error.cause is Cause.FFMPEG_MISSING
    assert error.detail.endswith("nor in PATH")


async def test_ffprobe_is_found_beside_what_a_link_points_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(fake(tmp_path / "real"))
    assert (await find(str(tmp_path / "link"))).ffprobe == tmp_path / "real" / "ffprobe"


@pytest.mark.parametrize(("text", "version"), [
    ("ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026", (5, 1)),
    ("ffmpeg version n7.0 Copyright", (7, 0)),
    ("ffmpeg version 7.1.1-Jellyfin Copyright", (7, 1)),
    ("ffmpeg version N-112345-g0123456 Copyright", None),
    ("ffmpeg version git-2020-01-01-abc Copyright", None),
    ("ffmpeg version 2023-11-28-git-47e2142 Copyright", None),
    ("", None),
])
def test_versions_as_builders_write_them(text: str, version: tuple[int, int] | None) -> None:
    assert parse_version(text) == version


def test_the_real_ffmpeg_prints_json_for_a_probe(clips: Clips) -> None:
    """The form our probe relies on, without our code in between."""
    said = subprocess.run(ffprobe(str(clips.film())), capture_output=True, check=True)
    assert json.loads(said.stdout)["format"]
    assert shutil.which("ffprobe")


async def test_a_paused_probe_has_all_of_its_time_left_when_it_goes_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.mkv")

    class Pausing(Watcher):
        def child_started(self, child: Child) -> None:
            super().child_started(child)
            child.suspend()

    watcher = Pausing()
    task = asyncio.create_task(unprobed(ffprobe("x.mkv"), timeout=0.5, cwd=tmp_path, monitor=watcher))
    async with asyncio.timeout(20):
        while watcher.child is None or watcher.child.suspended_seconds < 1:
            await asyncio.sleep(0.01)
    assert not task.done()
    watcher.child.resume()
    assert (await task).cause is Cause.PROBE_TIMEOUT
    assert watcher.ended
