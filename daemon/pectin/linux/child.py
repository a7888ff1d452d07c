"""Child processes: the only place that spawns. A child never outlives the block it was started in, nor the daemon.

How a child is started: by a chain of small programs that each set one thing and then become the next one (exec), so the
process id stays the same: `setpriv --pdeathsig KILL` (the kernel kills the child when we die, however we die), `nice`,
`taskset`. They cost about a millisecond. Python's preexec_fn could do the same, but it runs between fork and exec in a
program with threads, where it can deadlock. The parent-death signal follows the THREAD that spawned: asyncio spawns from
the thread of its event loop, which is the main thread, so it ends with the daemon and not before. If we are killed in the
millisecond before it is set, or where there is no setpriv, the child is left over: sweep_orphans finds it at the next start.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import cast

import psutil

from pectin.linux.finish import finished

JOB_VARIABLE = "PECTIN_JOB"  # in a child's environment: whose child it is, for sweep_orphans
STDERR_TAIL = 16 * 1024      # bytes kept of what a child says on stderr; the last words matter
STDOUT_BUFFER = 256 * 1024   # bytes; beyond twice this the pipe is left to fill until somebody reads
LAST_WORDS = 1.0             # seconds we wait, after a child's end, for the end of its stderr
SWEEP_WAIT = 5.0             # seconds until a killed orphan must be gone
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@cache
def _program(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + os.pathsep + _DEFAULT_PATH)


def launch_prefix(*, nice: int, cpus: Collection[int] | None) -> tuple[str, ...]:
    """The chain of programs to put before a command. `nice` is added to our own niceness; `cpus` are CPU numbers, None or
    empty for all. A program that this machine lacks is left out: the child then runs without that one setting."""
    setpriv, niceness, taskset = _program("setpriv"), _program("nice"), _program("taskset")
    prefix: list[str] = []
    if setpriv:
        # Children need none of our rights: CAP_LEASE is ours to ask about writers, and would pass to every program we start.
        prefix += [setpriv, "--pdeathsig", "KILL", "--no-new-privs", "--ambient-caps", "-all", "--inh-caps", "-all"]
    if niceness and nice:
        prefix += [niceness, "-n", str(nice)]
    if taskset and cpus:
        prefix += [taskset, "-c", ",".join(str(cpu) for cpu in sorted(set(cpus)))]
    return tuple(prefix)


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

    def __init__(self, transport: asyncio.SubprocessTransport, pipes: _Pipes) -> None:
        self._transport = transport
        self._pipes = pipes
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
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def cpu_seconds(self) -> float | None:
        """CPU time used so far, user and system, all threads; None when the process is gone. Source: proc(5), stat."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = stat.rpartition(b")")[2].split()  # the program's name may hold spaces and brackets
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

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
                self._signal(signal.SIGTERM)
                self._signal(signal.SIGCONT)  # a stopped process gets the SIGTERM only now, and acts on it first
                with suppress(TimeoutError):
                    async with asyncio.timeout(grace):
                        await self._pipes.exited.wait()
                self._signal(signal.SIGKILL)
                await self._pipes.exited.wait()
        finally:
            self._transport.close()


def _resolve(program: str, cwd: Path | None, path: str) -> str:
    """Where the program is. Checked here because the chain of launchers would only tell by an exit status."""
    if "/" in program:
        found = shutil.which(os.path.join(os.path.abspath(cwd or "."), program))
    else:
        found = shutil.which(program, path=path)
    if found is None:
        raise FileNotFoundError(2, "no such program, or it may not be executed", program)
    return found


@asynccontextmanager
async def spawn(argv: Sequence[str], *, cwd: Path | None, pass_fds: Sequence[int] = (), nice: int = 10,
                cpus: Collection[int] | None = None, environment: Mapping[str, str] | None = None,
                term_grace: float = 5.0) -> AsyncIterator[Child]:
    """Run a program for as long as the block lasts: in a session of its own, stdin empty, with a clean environment (PATH,
    LANG=C.UTF-8 and what is given). However the block is left, the child is asked to stop (SIGTERM), killed after
    `term_grace` seconds if it is still there, and always reaped.

    Raises FileNotFoundError when the program is not there or may not be executed; other OSErrors of starting pass."""
    variables = {"PATH": os.environ.get("PATH") or _DEFAULT_PATH, "LANG": "C.UTF-8", **(environment or {})}
    program = _resolve(argv[0], cwd, variables["PATH"])
    transport, pipes = await asyncio.get_running_loop().subprocess_exec(
        _Pipes, *launch_prefix(nice=nice, cpus=cpus), program, *argv[1:], stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=cwd, env=variables, pass_fds=tuple(pass_fds),
        start_new_session=True)
    child = Child(transport, pipes)
    try:
        yield child
    finally:
        # The name is only for a person who looks at the tasks of a daemon that hangs.
        await finished(child._end(term_grace), name=f"end of child {child.pid}")


async def sweep_orphans(marker: str) -> list[int]:
    """Kill what a daemon that died left behind: every process of our user whose environment has PECTIN_JOB beginning
    with `marker`, except ourselves, our parents and our own children. Returns their process ids.

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
            if (process.pid not in spared and process.uids().real == os.getuid()
                    and process.environ().get(JOB_VARIABLE, "").startswith(marker)):
                process.kill()  # psutil looks whether the number still means the same process
                found.append(process)
    psutil.wait_procs(found, timeout=SWEEP_WAIT)
    return sorted(process.pid for process in found)
