"""Child processes: the only place that spawns. A child never outlives the block it was started in, nor the daemon.

How a child is started: by a small program (confine.py) that gives up what the child does not need and then becomes it (exec), so
the process id stays the same; the kernel kills the child when we die, however we die. The parent-death signal follows the THREAD
that spawned: asyncio spawns from the thread of its event loop, which is the main thread, so it ends with the daemon and not
before. A child whose children live on without it is found by sweep_orphans at the next start."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import psutil

from pectin.linux.accounting import Usage, bytes_read, set_cpus, usage
from pectin.linux.finish import finished
from pectin.linux.launch import Confinement, prefix

JOB_VARIABLE = "PECTIN_JOB"  # in a child's environment: whose child it is, for sweep_orphans
STDERR_TAIL = 16 * 1024      # bytes kept of what a child says on stderr; the last words matter
STDOUT_BUFFER = 256 * 1024   # bytes; beyond twice this the pipe is left to fill until somebody reads
LAST_WORDS = 1.0             # seconds we wait, after a child's end, for the end of its stderr
SWEEP_WAIT = 5.0             # seconds until a killed orphan must be gone
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class _Tail:
    """The last bytes of a stream of text in which `\\r` starts the line again (ffmpeg's status line)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()

    def feed(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) > 2 * self._limit:  # cut rarely, so that a flood costs little
            del self._kept[:-self._limit]

    def text(self) -> str:
        lines = bytes(self._kept[-self._limit:]).replace(b"\r\n", b"\n").split(b"\n")
        shown = [line.rstrip(b"\r").rpartition(b"\r")[2] for line in lines]
        return b"\n".join(shown).decode("utf-8", "replace")


class _Pipes(asyncio.SubprocessProtocol):
    """Receives what the child says. stderr is always taken in at once: a full pipe would block the child for good."""

    def __init__(self) -> None:
        self.stdout = asyncio.StreamReader(limit=STDOUT_BUFFER)
        self.tail = _Tail(STDERR_TAIL)
        self.exited = asyncio.Event()
        self.stderr_ended = asyncio.Event()
        self.discard = False
        self._transport: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)
        pipe = self._transport.get_pipe_transport(1)
        if pipe is not None:
            self.stdout.set_transport(pipe)  # so that reading pauses when nobody takes the data

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self.tail.feed(data)
        elif not self.discard:
            self.stdout.feed_data(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is asyncio's
        if fd == 2:
            self.stderr_ended.set()
        elif fd == 1:
            self.stdout.feed_eof()

    def process_exited(self) -> None:
        # The leader's end is the group's end. Now, because later its number may belong to somebody else.
        if self._transport is not None:
            _signal_group(self._transport.get_pid(), signal.SIGKILL)
        self.exited.set()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # gone already, or only others' processes are left in it
        os.killpg(group, number)


class Child:
    """A running child process. `stdout` must be read, or a child that says much will wait for its reader."""

    def __init__(self, transport: asyncio.SubprocessTransport, pipes: _Pipes, stop_by: Sequence[signal.Signals]) -> None:
        self._transport = transport
        self._pipes = pipes
        self._stop_by = tuple(stop_by)
        self._suspended_at: float | None = None
        self._suspended_for = 0.0
        self._usage = Usage()
        self.pid = transport.get_pid()

    @property
    def stdout(self) -> asyncio.StreamReader:
        return self._pipes.stdout

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative: killed by that signal."""
        return self._transport.get_returncode()

    def stderr_tail(self) -> str:
        """The last 16 KiB of its stderr, each line as a terminal would show it."""
        return self._pipes.tail.text()

    def suspend(self) -> None:
        """Freeze the child and its group; it uses no CPU until `resume`. Nothing happens to an ended child."""
        if self._suspended_at is None:
            self._suspended_at = time.monotonic()
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self._suspended_at is not None:
            self._suspended_for += time.monotonic() - self._suspended_at
            self._suspended_at = None
        self._signal(signal.SIGCONT)

    @property
    def suspended_seconds(self) -> float:
        """How long it has been frozen so far: what it says of its own speed is wrong by that."""
        return self._suspended_for + (time.monotonic() - self._suspended_at if self._suspended_at is not None else 0.0)

    def set_cpus(self, cpus: Collection[int]) -> None:
        """From now on only these, for all its threads. Nothing happens to an ended child. Raises OSError when there is none of
        them."""
        if not self._pipes.exited.is_set():
            set_cpus(self.pid, cpus)

    @property
    def usage(self) -> Usage:
        """What it had used when `look` last looked."""
        return self._usage

    def look(self) -> Usage | None:
        """What it has used so far; None when the process is gone."""
        now = None if self._pipes.exited.is_set() else usage(self.pid)
        if now is not None:  # a process that has just ended has no memory any more
            self._usage = Usage(max(now.cpu_seconds, self._usage.cpu_seconds), now.memory,
                                max(now.peak_memory, self._usage.peak_memory))
        return now

    def cpu_seconds(self) -> float | None:
        """CPU time used so far, by all its threads; None when the process is gone."""
        now = self.look()
        return None if now is None else now.cpu_seconds

    def bytes_read(self, like: int) -> int | None:
        """How far it has read the file that we have open as `like`; None when that cannot be seen."""
        return None if self._pipes.exited.is_set() else bytes_read(self.pid, like)

    async def wait(self) -> int:
        """The exit status once it has ended (negative: the signal), with its last words on stderr taken in."""
        await self._pipes.exited.wait()
        with suppress(TimeoutError):  # a process that left the group may hold the pipe open for ever
            async with asyncio.timeout(LAST_WORDS):
                await self._pipes.stderr_ended.wait()
        status = self.returncode
        assert status is not None  # noqa: S101 - asyncio sets it before process_exited
        return status

    def _signal(self, number: signal.Signals) -> None:
        if not self._pipes.exited.is_set():
            _signal_group(self.pid, number)

    async def _end(self, grace: float) -> None:
        try:
            if not self._pipes.exited.is_set():
                self._pipes.discard = True  # nobody reads any more, and a full pipe would keep it from ending
                pipe = cast(asyncio.ReadTransport | None, self._transport.get_pipe_transport(1))
                if pipe is not None:
                    pipe.resume_reading()
                for number in self._stop_by:
                    self._signal(number)
                    self._signal(signal.SIGCONT)  # a stopped process gets the other signal only now, and acts on it first
                    with suppress(TimeoutError):
                        async with asyncio.timeout(grace / len(self._stop_by)):
                            await self._pipes.exited.wait()
                            break
                self._signal(signal.SIGKILL)
                await self._pipes.exited.wait()
        finally:
            self._transport.close()


def _resolve(program: str, cwd: Path | None, path: str) -> str:
    """Where the program is. Checked here because the launcher would only tell by an exit status."""
    if "/" in program:
        found = shutil.which(os.path.join(os.path.abspath(cwd or "."), program))
    else:
        found = shutil.which(program, path=path)
    if found is None:
        raise FileNotFoundError(2, "no such program, or it may not be executed", program)
    return found


@asynccontextmanager
async def spawn(argv: Sequence[str], *, cwd: Path | None, pass_fds: Sequence[int] = (), nice: int = 10,
                cpus: Collection[int] | None = None, environment: Mapping[str, str] | None = None, term_grace: float = 5.0,
                stop_by: Sequence[signal.Signals] = (signal.SIGTERM,), idle_disk: bool = False,
                confinement: Confinement | None = None) -> AsyncIterator[Child]:
    """Run a program for as long as the block lasts: in a session of its own, stdin empty, with a clean environment (PATH,
    LANG=C.UTF-8 and what is given), behind the walls of `confinement`. However the block is left, the child is asked to stop by
    the signals of `stop_by`, one after the other within `term_grace` seconds, killed if it is still there, and always reaped.

    Raises FileNotFoundError when the program is not there or may not be executed; other OSErrors of starting pass."""
    variables = {"PATH": os.environ.get("PATH") or _DEFAULT_PATH, "LANG": "C.UTF-8", **(environment or {})}
    program = _resolve(argv[0], cwd, variables["PATH"])
    launcher = prefix(program, nice=nice, cpus=cpus, idle_disk=idle_disk, confinement=confinement)
    transport, pipes = await asyncio.get_running_loop().subprocess_exec(
        _Pipes, *launcher, program, *argv[1:], stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=cwd, env=variables, pass_fds=tuple(pass_fds),
        start_new_session=True)
    child = Child(transport, pipes, stop_by)
    try:
        yield child
    finally:
        # The name is only for a person who looks at the tasks of a daemon that hangs.
        await finished(child._end(term_grace), name=f"end of child {child.pid}")


async def sweep_orphans(marker: str) -> list[int]:
    """Kill what a daemon that died left behind: every process of our user (root: of any) whose environment has PECTIN_JOB
    beginning with `marker`, except ourselves, our parents and our own children. Returns their process ids.

    The marker must tell this daemon from another one of the same user. Raises ValueError when it is empty."""
    if not marker:
        raise ValueError("an empty marker would kill the children of every daemon of this user")
    return await asyncio.to_thread(_sweep, marker)


def _sweep(marker: str) -> list[int]:
    ours = psutil.Process()
    spared = {ours.pid, *(p.pid for p in ours.parents()), *(p.pid for p in ours.children(recursive=True))}
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # it ended meanwhile, or it is not ours to look at
            if (process.pid not in spared and os.getuid() in (0, process.uids().real)
                    and process.environ().get(JOB_VARIABLE, "").startswith(marker)):
                process.kill()  # psutil looks whether the number still means the same process
                found.append(process)
    psutil.wait_procs(found, timeout=SWEEP_WAIT)
    return sorted(process.pid for process in found)
