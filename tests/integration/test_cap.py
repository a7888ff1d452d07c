"""The CPU cap: no encoder gets off its CPUs, and a running job can be slowed down, paused and moved from outside."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from clips import Clips
from needs import need_program
from pectin.encoding import ffmpeg
from pectin.linux.accounting import bytes_read, descendants, usage
from pectin.linux.child import Child
from pectin.linux.trial import offered
from pectin.model.errors import Cause, PectinError
from pectin.model.job import Job, State
from pectin.model.reports import Progress, RunReport
from pectin.pipeline.running import RunningJob
from working import ONE

# Each with its own threads left to itself: only the walls hold them.
ENCODERS = {
    "libx264": ("-preset", "ultrafast"),
    "libx265": ("-preset", "ultrafast"),
    "libsvtav1": ("-preset", "12"),
    "libvpx-vp9": ("-deadline", "realtime", "-cpu-used", "8", "-row-mt", "1", "-tile-columns", "2"),
    "libaom-av1": ("-usage", "realtime", "-cpu-used", "8", "-row-mt", "1"),
}
ENDLESS = ("-re", "-f", "lavfi", "-i", "testsrc2=size=128x96:rate=25")


def a_job() -> RunningJob:
    path = Path("film.mkv")
    return RunningJob(job=Job(id=ONE, state=State.PROCESSING, route="films", profile="universal", inbox_path=path,
                              relative=path, size=1, created_at=1.0, updated_at=1.0), slot=0)


def threads(pid: int) -> list[tuple[frozenset[int], int]]:
    """CPU set and scheduling policy of every thread."""
    found = []
    for name in os.listdir(f"/proc/{pid}/task"):
        try:
            found.append((frozenset(os.sched_getaffinity(int(name))), os.sched_getscheduler(int(name))))
        except ProcessLookupError:
            continue
    return found


class Watcher:
    """A monitor that calls `at` with each progress."""

    def __init__(self, at: Callable[[Child, Progress], None]) -> None:
        self.suspended = False
        self.child: Child | None = None
        self._at = at

    def child_started(self, child: Child) -> None:
        self.child = child

    def child_ended(self) -> None: ...

    def progressed(self, progress: Progress) -> None:
        assert self.child is not None
        self._at(self.child, progress)


def command(*arguments: str) -> tuple[str, ...]:
    return (need_program("ffmpeg", "ffmpeg"), "-nostdin", "-y", "-v", "error", "-nostats", "-progress", "pipe:1",
            "-stats_period", "0.05", *arguments)


async def go(argv: tuple[str, ...], cwd: Path, monitor: ffmpeg.Monitor, **more: object) -> RunReport:
    values: dict[str, object] = {"total_seconds": None, "total_frames": None, "stall_timeout": 60, **more}
    return await ffmpeg.run(argv, cwd=cwd, job="test-of-cap:0123456789", monitor=monitor, **values)  # type: ignore[arg-type]


async def until(condition: Callable[[], bool], what: str) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"never came true: {what}")


@pytest.mark.parametrize("encoder", ENCODERS)
async def test_no_encoder_leaves_the_cpus_it_was_given(encoder: str, tmp_path: Path) -> None:
    if not offered().whole:
        pytest.skip(f"this kernel cannot confine: {dict(offered().missing)}")
    known = subprocess.run([need_program("ffmpeg", "ffmpeg"), "-hide_banner", "-encoders"], capture_output=True, text=True,
                           check=True)
    if f" {encoder} " not in known.stdout:
        pytest.skip(f"this ffmpeg has no {encoder}")
    cpu = max(os.sched_getaffinity(0))
    seen: list[tuple[frozenset[int], int]] = []
    source = ("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=1")
    await go(command(*source, "-c:v", encoder, *ENCODERS[encoder], "-pix_fmt", "yuv420p", "-f", "null", "-"), tmp_path,
             Watcher(lambda child, _: seen.extend(threads(child.pid))), cpus={cpu})
    assert seen
    assert set(seen) == {(frozenset({cpu}), os.SCHED_OTHER)}


async def test_a_running_job_is_moved_slowed_down_and_let_go(tmp_path: Path) -> None:
    ours = os.sched_getaffinity(0)
    if len(ours) < 2:
        pytest.skip("one CPU: nothing to move between")
    first, *_, last = sorted(ours)
    running = a_job()
    running.cpus = frozenset({first})
    argv = command(*ENDLESS, "-c:v", "libx264", "-f", "null", "-")
    task = asyncio.create_task(go(argv, tmp_path, running, cpus=running.allowed))

    def everywhere() -> set[frozenset[int]]:
        child = running._child
        return {cpus for cpus, _ in threads(child.pid)} if child is not None else set()

    try:
        await until(lambda: bool(running.progress.frame), "it encodes")
        assert everywhere() == {frozenset({first})}
        running.put_in_force(frozenset({last}))
        assert everywhere() == {frozenset({last})}
        running.put_in_force(None)
        assert everywhere() == {frozenset(ours)}
        running.limit(1, Cause.SLOWED_BY_USER)
        assert everywhere() == {frozenset({first})}
        assert running.limits == {Cause.SLOWED_BY_USER: 1}
        running.unlimit(Cause.SLOWED_BY_USER)
        assert everywhere() == {frozenset(ours)}
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert running.figures.cpu_seconds > 0
    assert running.figures.peak_memory > 1 << 20


async def test_a_child_that_has_just_been_started_gets_the_cpus_of_now(tmp_path: Path) -> None:
    """The launcher sets the CPUs it was started with; what was said in that moment must not be lost."""
    ours = os.sched_getaffinity(0)
    running = a_job()
    cpu = max(ours)
    task = asyncio.create_task(go(command(*ENDLESS, "-c:v", "libx264", "-f", "null", "-"), tmp_path, running, cpus=ours))
    try:
        await until(lambda: running._child is not None, "it is started")
        running.put_in_force(frozenset({cpu}))
        await until(lambda: bool(running.progress.frame), "it encodes")
        assert running._child is not None
        assert {cpus for cpus, _ in threads(running._child.pid)} == {frozenset({cpu})}
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_paused_job_uses_no_cpu_until_all_reasons_are_over(tmp_path: Path) -> None:
    running = a_job()
    task = asyncio.create_task(go(command(*ENDLESS, "-c:v", "libx264", "-f", "null", "-"), tmp_path, running))
    try:
        await until(lambda: bool(running.progress.frame), "it encodes")
        child = running._child
        assert child is not None
        running.suspend(Cause.JOB_PAUSED_BY_USER)
        running.suspend(Cause.PAUSED_BY_USER)
        await until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED, "it stands still")
        before = usage(child.pid)
        await asyncio.sleep(2)
        after = usage(child.pid)
        assert before is not None
        assert after is not None
        assert after.cpu_seconds == before.cpu_seconds
        running.resume(Cause.PAUSED_BY_USER)
        assert running.suspended_for == (Cause.JOB_PAUSED_BY_USER,)
        assert psutil.Process(child.pid).status() == psutil.STATUS_STOPPED
        running.resume(Cause.JOB_PAUSED_BY_USER)
        assert not running.suspended
        await until(lambda: (child.cpu_seconds() or 0) > after.cpu_seconds, "it works again")
        assert child.suspended_seconds > 1.9
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_paused_jobs_next_ffmpeg_stands_still_too(tmp_path: Path) -> None:
    running = a_job()
    running.suspend(Cause.JOB_PAUSED_BY_USER)
    task = asyncio.create_task(go(command(*ENDLESS, "-f", "null", "-"), tmp_path, running))
    await until(lambda: running._child is not None, "it is started")
    child = running._child
    assert child is not None
    await until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED, "it stands still")
    assert running.progress.frame is None
    task.cancel()
    await asyncio.wait({task})


async def test_a_run_that_takes_too_long_is_stopped_and_pauses_do_not_count(tmp_path: Path) -> None:
    with pytest.raises(PectinError) as caught:
        await go(command(*ENDLESS, "-f", "null", "-"), tmp_path, Watcher(lambda *_: None), time_limit=0.3)
    assert caught.value.cause is Cause.FFMPEG_TOO_LONG


async def test_a_run_that_eats_too_much_memory_is_stopped(tmp_path: Path) -> None:
    walls = replace(offered(), max_memory=20 << 20)
    with pytest.raises(PectinError, match="MiB") as caught:
        await go(command(*ENDLESS, "-c:v", "libx264", "-f", "null", "-"), tmp_path, Watcher(lambda *_: None), sandbox=walls)
    assert caught.value.cause is Cause.FFMPEG_MEMORY


async def test_a_film_that_does_not_tell_its_length_advances_by_what_was_read(clips: Clips, tmp_path: Path) -> None:
    """A bare H.264 stream has no times at all."""
    film = clips.make("bare.h264", ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=20", "-c:v", "libx264",
                                    "-preset", "ultrafast", "-x264-params", "nal-hrd=cbr:force-cfr=1", "-b:v", "2M",
                                    "-maxrate", "2M", "-bufsize", "2M"])
    fd = os.open(film, os.O_RDONLY)
    seen: list[Progress] = []
    try:
        report = await go(command("-f", "h264", "-i", f"file:/proc/self/fd/{fd}", "-c:v", "libx264", "-f", "null", "-"), tmp_path,
                          Watcher(lambda _, progress: seen.append(progress)), pass_fds=(fd,))
    finally:
        os.close(fd)
    assert report.frames == 500
    shares = [progress.fraction for progress in seen if progress.fraction is not None]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert any(0 < share < 1 for share in shares)
    assert all(progress.left_seconds is None or progress.left_seconds >= 0 for progress in seen)
    assert report.cpu_seconds > 0
    assert report.peak_memory > 1 << 20


def test_what_a_process_and_its_children_use_is_counted_together() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60"]) as shell:
        try:
            while len(descendants(shell.pid)) < 2:
                assert shell.poll() is None
            together = usage(shell.pid)
            assert together is not None
            assert together.memory > psutil.Process(shell.pid).memory_info().rss
        finally:
            for pid in (*descendants(shell.pid), shell.pid):
                os.kill(pid, 9)
    assert usage(shell.pid) is None


def test_a_file_that_nobody_has_opened_was_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    fd = os.open(tmp_path / "x", os.O_RDONLY)
    assert bytes_read(os.getpid(), fd) is None
    os.close(fd)
