"""Child processes, real ones: none outlives its block or its daemon, and none blocks on what it has to say."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pectin.linux.child import JOB_VARIABLE, STDERR_TAIL, Child, _Tail, spawn, sweep_orphans

MARKER = "test-of-child:"
PYTHON = sys.executable


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait, but not for ever."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"never came true: {what}")


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def first_line(child: Child) -> str:
    async with asyncio.timeout(10):
        return (await child.stdout.readline()).decode().strip()


async def test_a_child_tells_its_output_its_words_and_its_status(tmp_path: Path) -> None:
    async with spawn(["sh", "-c", "pwd; echo trouble >&2; exit 3"], cwd=tmp_path) as child:
        assert (await child.stdout.read()).decode() == f"{tmp_path}\n"
        assert await child.wait() == 3
        assert child.stderr_tail() == "trouble\n"
        assert child.returncode == 3


async def test_a_child_has_an_empty_input_a_session_of_its_own_and_a_clean_environment(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PECTIN_SECRET", "not for children")
    async with spawn(["sh", "-c", "cat; ps -o sid= -p $$ 2>/dev/null || cut -d' ' -f6 /proc/$$/stat; env"], cwd=tmp_path,
                     environment={"EXTRA": "1"}) as child:
        session, *variables = (await child.stdout.read()).decode().split("\n")
        await child.wait()
    assert int(session) == child.pid
    names = {line.partition("=")[0] for line in variables if line}
    assert names - {"PWD", "_", "OLDPWD", "SHLVL"} == {"PATH", "LANG", "EXTRA"}


async def test_a_child_has_the_descriptors_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("through a descriptor")
    fd = os.open(tmp_path / "x", os.O_RDONLY)
    try:
        async with spawn(["cat", f"/proc/self/fd/{fd}"], cwd=tmp_path, pass_fds=(fd,)) as child:
            assert await child.stdout.read() == b"through a descriptor"
    finally:
        os.close(fd)


async def test_a_child_is_nice_and_stays_on_its_cpus() -> None:
    cpu = min(os.sched_getaffinity(0))
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    async with spawn(["sleep", "60"], cwd=None, nice=7, cpus={cpu}) as child:
        await until(lambda: psutil.Process(child.pid).name() == "sleep", "the launcher has become the program")
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == min(19, ours + 7)
        assert os.sched_getaffinity(child.pid) == {cpu}


@pytest.mark.parametrize("program", ["no-such-program-here", "/no/such/program", "./not-executable"])
async def test_a_missing_program_is_told_at_once(tmp_path: Path, program: str) -> None:
    (tmp_path / "not-executable").touch(mode=0o644)
    with pytest.raises(FileNotFoundError) as caught:
        async with spawn([program], cwd=tmp_path):
            pass
    assert caught.value.filename == program


async def test_leaving_the_block_ends_a_child_that_obeys() -> None:
    async with spawn(["sleep", "60"], cwd=None) as child:
        pass
    assert child.returncode == -signal.SIGTERM
    assert not alive(child.pid)


async def test_a_child_that_ignores_the_request_is_killed() -> None:
    async with spawn(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], cwd=None, term_grace=0.1) as child:
        assert await first_line(child) == "ready"
    assert child.returncode == -signal.SIGKILL


async def test_the_whole_group_ends_with_its_leader() -> None:
    async with spawn(["sh", "-c", "sleep 60 & echo $!; wait"], cwd=None) as child:
        grandchild = int(await first_line(child))
    await until(lambda: not alive(grandchild), "the grandchild is gone")


async def test_a_process_that_left_the_group_and_holds_the_pipes_keeps_nobody_waiting() -> None:
    async with spawn(["sh", "-c", "setsid sleep 60 & echo $!"], cwd=None) as child:
        escaped = int(await first_line(child))
        async with asyncio.timeout(10):
            assert await child.wait() == 0
    os.kill(escaped, signal.SIGKILL)


async def test_a_suspended_child_stands_still_and_can_still_be_ended() -> None:
    async with spawn([PYTHON, "-c", "print('ready', flush=True)\nwhile True: pass"], cwd=None) as child:
        assert await first_line(child) == "ready"
        child.suspend()
        await until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED, "it is stopped")
        used = child.cpu_seconds()
        await asyncio.sleep(0.2)
        assert child.cpu_seconds() == used
        child.resume()
        await until(lambda: (child.cpu_seconds() or 0) > (used or 0), "it works again")
        child.suspend()
    assert child.returncode == -signal.SIGTERM


async def test_an_ended_child_has_no_cpu_time_and_takes_no_signals() -> None:
    async with spawn(["true"], cwd=None) as child:
        await child.wait()
        child.suspend()
        child.resume()
    assert child.cpu_seconds() is None


async def test_a_child_that_says_much_without_being_read_can_still_be_ended() -> None:
    async with spawn(["sh", "-c", "yes & yes >&2 & trap 'exit 9' TERM; wait"], cwd=None) as child:
        await until(lambda: len(child.stderr_tail()) > 1000, "it has said something")
    assert child.returncode is not None
    assert len(child.stderr_tail()) <= STDERR_TAIL


async def test_being_cancelled_twice_still_reaps() -> None:
    started = asyncio.Event()
    children: list[Child] = []

    async def work() -> None:
        async with spawn(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], cwd=None, term_grace=0.5) as child:
            children.append(child)
            assert await first_line(child) == "ready"
            started.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    async with asyncio.timeout(10):
        await started.wait()
    task.cancel()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children[0].returncode == -signal.SIGKILL


async def test_an_error_in_the_block_ends_the_child_and_passes_on() -> None:
    with pytest.raises(ZeroDivisionError):
        async with spawn(["sleep", "60"], cwd=None) as child:
            raise ZeroDivisionError
    assert not alive(child.pid)


def test_a_carriage_return_overwrites_the_line() -> None:
    tail = _Tail(100)
    tail.feed(b"first\r\nframe=1\rframe=22\rframe=3\nlast\r")
    assert tail.text() == "first\nframe=3\nlast"


def test_the_tail_is_bounded_and_the_newest() -> None:
    tail = _Tail(10)
    for number in range(1000):
        tail.feed(f"{number}\n".encode())
    assert tail.text() == "\n997\n998\n999\n"[-10:]


DAEMON = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from pectin.linux.child import spawn
async def main():
    async with spawn(["sleep", "60"], cwd=None) as child:
        print(child.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_a_child_dies_with_a_daemon_that_is_killed() -> None:
    source = str(Path(sys.modules["pectin"].__file__ or "").parents[1])
    with subprocess.Popen([PYTHON, "-c", DAEMON, source], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        child = int(daemon.stdout.readline())
        await until(lambda: psutil.Process(child).name() == "sleep", "the launcher has become the program")
        daemon.kill()
    await until(lambda: not alive(child), "the child is gone")


async def test_orphans_are_swept_and_nobody_else() -> None:
    """Three strangers: an orphan of ours, one of another daemon, and our own running child."""
    def orphan(value: str) -> int:
        script = "setsid sleep 60 >/dev/null 2>&1 & echo $!"  # its parent ends at once
        said = subprocess.run(["sh", "-c", script], env={**os.environ, JOB_VARIABLE: value}, stdout=subprocess.PIPE, check=True)
        return int(said.stdout)

    ours, others = orphan(f"{MARKER}0123456789"), orphan("another-daemon:0123456789")
    try:
        async with spawn(["sleep", "60"], cwd=None, environment={JOB_VARIABLE: f"{MARKER}aaaaaaaaaa"}) as child:
            assert await sweep_orphans(MARKER) == [ours]
            assert not alive(ours)
            assert alive(others)
            assert alive(child.pid)
        assert await sweep_orphans(MARKER) == []
    finally:
        os.kill(others, signal.SIGKILL)


async def test_sweeping_without_a_marker_is_refused() -> None:
    with pytest.raises(ValueError, match="marker"):
        await sweep_orphans("")
