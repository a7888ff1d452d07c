"""Runs ffmpeg and ffprobe once and tells how it went. What to run is decided elsewhere (argv.py)."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pectin.encoding.exits import CAUSES, Exit, interpret, last_words
from pectin.encoding.progress import Parser
from pectin.linux.child import JOB_VARIABLE, Child, spawn
from pectin.linux.launch import Confinement
from pectin.linux.sandbox import Sandbox
from pectin.linux.trial import offered
from pectin.model.errors import Cause, PectinError
from pectin.model.reports import Progress, RunReport

READ_SIZE = 64 * 1024
PROBE_LIMIT = 32 * 1024 * 1024  # bytes of ffprobe's JSON; a film with 20 000 chapters has 6 MiB
COMMAND_SHOWN = 2000            # characters of the command in an error; it is stored with the job
LOOK_EVERY = 1.0                # seconds between two looks of the stall watchdog
ALIVE_SHARE = 0.01              # of one core: below this it only waits (printing the same figures again costs CPU too)

# ffmpeg ends in good order at the first, at the second too; a driver that hangs needs more (linux/child.py has SIGKILL).
STOP_BY = (signal.SIGINT, signal.SIGTERM)
PROBE_SLACK = 10                # CPU seconds beyond a probe's time: it may have several threads

T = TypeVar("T")


class Monitor(Protocol):
    """Who wants to know about a run while it lasts. Called in the event loop's thread; must not block or raise."""

    @property
    def suspended(self) -> bool:
        """True while the child is stopped on purpose: the stall watchdog rests."""

    def child_started(self, child: Child) -> None: ...

    def child_ended(self) -> None: ...

    def progressed(self, progress: Progress) -> None: ...


class StallWatch:
    """Decides whether a run stands still: its figures are the same for `timeout` seconds, and in that time it has used
    almost no CPU. One frame of a large film may take many seconds, and then the CPU is busy."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._figures: object = None
        self._since: float | None = None
        self._cpu = 0.0

    def stalled(self, now: float, figures: object, cpu: float | None, *, suspended: bool) -> bool:
        """`now` is any monotonic time in seconds; `cpu` the CPU seconds used so far, None when the process has gone."""
        if self._since is None or suspended or cpu is None or figures != self._figures:
            self._since, self._figures, self._cpu = now, figures, cpu or 0.0
            return False
        if now - self._since < self._timeout:
            return False
        if cpu - self._cpu >= ALIVE_SHARE * (now - self._since):
            self._since, self._cpu = now, cpu  # slow but alive
            return False
        return True


async def run(argv: Sequence[str], *, cwd: Path | None, pass_fds: Sequence[int] = (), nice: int = 10,
              cpus: Collection[int] | None = None, job: str, total_seconds: float | None, total_frames: int | None,
              stall_timeout: float, monitor: Monitor, failure: Cause = Cause.FFMPEG_FAILED, sandbox: Sandbox | None = None,
              time_limit: float | None = None, devices: Sequence[Path] = ()) -> RunReport:
    """Run an ffmpeg command that holds `-progress pipe:1` to its end. `job` marks the child for the sweep of orphans
    (linux/child.py); the totals are those of progress.Parser; `stall_timeout` in seconds. It reads the files of `pass_fds`, of
    which the first is the film, writes below `cwd` (None: nowhere), uses the `devices`, and nothing else: by the walls of
    `sandbox` (None: all that this machine offers). `time_limit`: seconds that it may take at most, pauses not counted.

    Raises PectinError: FFMPEG_STALLED, FFMPEG_TOO_LONG, FFMPEG_MEMORY, SANDBOX_MISSING, OUTPUT_TOO_LARGE, FFMPEG_KILLED,
    FFMPEG_MISSING, NO_SPACE, READ_ONLY, IO_ERROR, and `failure` for every other end that is not good (a verifying decode gives
    OUTPUT_WRONG). Cancelled, it ends the child first."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    parser, watch = Parser(total_seconds, total_frames), StallWatch(stall_timeout)
    film = pass_fds[0] if pass_fds and not (total_seconds or total_frames) else None
    last: Progress | None = None
    sandbox = sandbox or offered()
    cores = len(os.sched_getaffinity(0))  # not only its own: it may be given others while it runs
    walls = Confinement(sandbox=sandbox, reads=pass_fds, own=(cwd,) if cwd else (), devices=devices,
                        cpu_seconds=None if time_limit is None else time_limit * cores + PROBE_SLACK)
    try:
        async with spawn(argv, cwd=cwd, pass_fds=pass_fds, nice=nice, cpus=cpus, environment={JOB_VARIABLE: job},
                         stop_by=STOP_BY, idle_disk=True, confinement=walls) as child:

            async def patiently(step: Callable[[], Awaitable[T]]) -> T:
                """Do `step`, looking now and then whether the child still gets on."""
                while True:
                    try:
                        async with asyncio.timeout(min(LOOK_EVERY, stall_timeout / 4)):
                            return await step()
                    except TimeoutError:
                        look()

            def look() -> None:
                figures = None if last is None else (last.frame, last.out_seconds, last.total_size)
                busy = loop.time() - began - child.suspended_seconds
                if time_limit is not None and busy > time_limit:
                    raise PectinError(Cause.FFMPEG_TOO_LONG, _facts(f"{time_limit:g} s were over", child, argv))
                used = child.look()
                if used is not None and sandbox.max_memory is not None and used.memory > sandbox.max_memory:
                    raise PectinError(Cause.FFMPEG_MEMORY, _facts(f"it used {used.memory >> 20} MiB", child, argv))
                if watch.stalled(loop.time(), figures, used.cpu_seconds if used else None, suspended=monitor.suspended):
                    raise PectinError(Cause.FFMPEG_STALLED, _facts(f"nothing moved for {stall_timeout:g} s", child, argv))

            monitor.child_started(child)
            try:
                while data := await patiently(lambda: child.stdout.read(READ_SIZE)):
                    wall = max(loop.time() - began, 1e-6)
                    busy = wall - child.suspended_seconds
                    for progress in parser.feed(data, read=_share_read(child, film), active=busy / wall):
                        last = replace(progress, left_seconds=_left(progress, total_seconds, busy))
                        monitor.progressed(last)
                    look()
                status = await patiently(child.wait)
            finally:
                monitor.child_ended()
    except OSError as error:
        raise _not_started(argv, error) from error
    if cwd is not None:
        _take_back(cwd)
    ended = last is not None and last.ended
    end = interpret(status, child.stderr_tail(), ended=ended, asked_to_stop=False)
    if end is not Exit.OK:
        cause = CAUSES[end]
        raise PectinError(failure if cause is Cause.FFMPEG_FAILED else cause, _facts(_told(end, status), child, argv))
    return RunReport(frames=last.frame if last else None, out_seconds=last.out_seconds if last else None, ended=ended,
                     stderr=child.stderr_tail(), wall_seconds=loop.time() - began, cpu_seconds=child.usage.cpu_seconds,
                     peak_memory=child.usage.peak_memory)


def _take_back(folder: Path) -> None:
    """What a child wrote as the film's owner (linux/confine.py) becomes ours; only root has such children."""
    if os.geteuid() == 0:
        os.chown(folder, 0, -1)
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.stat(follow_symlinks=False).st_uid != 0:
                    os.chown(entry.path, 0, -1, follow_symlinks=False)


def _share_read(child: Child, film: int | None) -> float | None:
    """How much of the film ffmpeg has read, for one that does not tell how long it lasts."""
    size = os.fstat(film).st_size if film is not None else 0
    position = child.bytes_read(film) if film is not None and size else None
    return None if position is None else min(1.0, position / size)


def _left(progress: Progress, total: float | None, busy: float) -> float | None:
    """Seconds until the end: by the speed, else by the share that is done after so many seconds of work."""
    if progress.fraction is None or progress.ended:
        return None
    if total and progress.speed:
        return (1 - progress.fraction) * total / progress.speed
    return busy * (1 - progress.fraction) / progress.fraction if progress.fraction else None


async def probe(argv: Sequence[str], *, cwd: Path | None = None, pass_fds: Sequence[int] = (), timeout: float,
                nice: int = 10, cpus: Collection[int] | None = None, job: str = "", sandbox: Sandbox | None = None,
                monitor: Monitor | None = None) -> Mapping[str, Any]:
    """Run an ffprobe command that prints JSON, and give that. `timeout` in seconds, pauses by the `monitor` not counted. It reads
    the files of `pass_fds` and below `cwd`, and writes nothing: by the walls of `sandbox` (None: all that this machine offers).

    Raises PectinError: NOT_A_VIDEO with ffprobe's own words, PICTURE_TOO_LARGE, PROBE_TIMEOUT, FFMPEG_MISSING,
    UNREADABLE, IO_ERROR, SANDBOX_MISSING, PROBE_FAILED (it was killed, crashed, or had no memory)."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    environment = {JOB_VARIABLE: job} if job else {}
    walls = Confinement(sandbox=sandbox or offered(), reads=(*pass_fds, *([cwd] if cwd else [])),
                        cpu_seconds=timeout + PROBE_SLACK)
    try:
        async with spawn(argv, cwd=cwd, pass_fds=pass_fds, nice=nice, cpus=cpus, environment=environment, idle_disk=True,
                         confinement=walls) as child, watched(monitor, child):

            async def patiently(step: Callable[[], Awaitable[T]]) -> T:
                while loop.time() - began - child.suspended_seconds < timeout:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(min(LOOK_EVERY, timeout / 4)):
                            return await step()
                raise TimeoutError

            text = await _bounded(lambda: patiently(lambda: child.stdout.read(READ_SIZE)), PROBE_LIMIT)
            if text is None:
                raise PectinError(Cause.NOT_A_VIDEO, f"its description is larger than {PROBE_LIMIT >> 20} MiB")
            status = await patiently(child.wait)
    except TimeoutError:
        raise PectinError(Cause.PROBE_TIMEOUT, f"no answer for {timeout:g} s") from None
    except OSError as error:
        raise _not_started(argv, error) from error
    words = last_words(child.stderr_tail())
    if status != 0:
        raise PectinError(_probe_cause(status, words), words or f"ffprobe ended with status {status}")
    try:
        found = json.loads(text.decode("utf-8", "replace"))
    except ValueError as error:
        raise PectinError(Cause.PROBE_FAILED, f"ffprobe's answer is not JSON: {error}") from error
    if not isinstance(found, dict) or not found.get("format"):
        raise PectinError(Cause.NOT_A_VIDEO, words or "ffprobe found no format")
    return found


@asynccontextmanager
async def watched(monitor: Monitor | None, child: Child) -> AsyncIterator[None]:
    """A job knows its child while it lasts: it can be paused."""
    if monitor is None:
        yield
        return
    monitor.child_started(child)
    try:
        yield
    finally:
        monitor.child_ended()


async def read_patiently(child: Child, seconds: float) -> bytes:
    """What it says next. Raises TimeoutError when that is nothing for so many seconds, in which it was not paused."""
    loop = asyncio.get_running_loop()
    began = loop.time() - child.suspended_seconds
    while loop.time() - child.suspended_seconds - began < seconds:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(LOOK_EVERY, seconds / 4)):
                return await child.stdout.read(READ_SIZE)
    raise TimeoutError


async def _bounded(read: Callable[[], Awaitable[bytes]], limit: int) -> bytes | None:
    """All there is to read, or None when it is longer than `limit` bytes."""
    collected = bytearray()
    while data := await read():
        collected += data
        if len(collected) > limit:
            return None
    return bytes(collected)


def _probe_cause(status: int, words: str) -> Cause:
    """Whose fault it was. Only the file's own fault is a refusal; a disk or a kill is not."""
    end = interpret(status, words, ended=True, asked_to_stop=False)
    if "exceeds specified max pixel count" in words:  # by -max_pixels, before anything large was allocated
        return Cause.PICTURE_TOO_LARGE
    if "Number of streams exceeds max_streams" in words:
        return Cause.TOO_MANY_STREAMS
    if end in (Exit.KILLED, Exit.CRASHED, Exit.NO_MEMORY):
        return Cause.PROBE_FAILED
    if words.endswith("Permission denied"):
        return Cause.UNREADABLE
    return CAUSES[end] if end in (Exit.MISSING, Exit.IO_ERROR, Exit.UNCONFINED) else Cause.NOT_A_VIDEO


def _not_started(argv: Sequence[str], error: OSError) -> PectinError:
    if isinstance(error, FileNotFoundError | PermissionError) and error.filename in (None, argv[0]):  # else it is the cwd
        return PectinError(Cause.FFMPEG_MISSING, f"{argv[0]}: {error.strerror}")
    return PectinError(Cause.FFMPEG_FAILED, f"{argv[0]} could not be started: {error.strerror or error}")


def _told(end: Exit, status: int) -> str:
    if end is Exit.FAILED and status == 0:
        return "it ended before the end of its work, with status 0"
    return f"killed by signal {-status}" if status < 0 else f"status {status} ({end.replace('_', ' ')})"


def _facts(what: str, child: Child, argv: Sequence[str]) -> str:
    """For a person: what happened, ffmpeg's last words, and the command. Bytes that are no text are written out, since this
    goes into logs, JSON and the store."""
    command = os.fsencode(shlex.join(argv)).decode("utf-8", "backslashreplace")
    if len(command) > COMMAND_SHOWN:
        command = command[:COMMAND_SHOWN] + " ..."
    words = last_words(child.stderr_tail())
    return "\n".join(part for part in (what, words, f"command: {command}") if part)
