"""What running processes use, and which CPUs they may use, by /proc. A child may have children of its own (a script, bubblewrap):
all of them count."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_GONE = (FileNotFoundError, ProcessLookupError)
_TICKS = os.sysconf("SC_CLK_TCK")
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_seconds`: user and system, all threads, with the children that have ended. `memory` and `peak_memory`: bytes in RAM,
    now and at most."""

    cpu_seconds: float = 0.0
    memory: int = 0
    peak_memory: int = 0


def usage(pid: int) -> Usage | None:
    """Of a process and its descendants; None when it is gone. Source: proc(5), stat and status."""
    first = _of_one(pid)
    if first is None:
        return None
    others = [found for child in descendants(pid) if (found := _of_one(child)) is not None]
    return Usage(cpu_seconds=sum((one.cpu_seconds for one in others), first.cpu_seconds),
                 memory=sum((one.memory for one in others), first.memory),
                 peak_memory=max((one.peak_memory for one in others), default=0) + first.peak_memory if others
                 else first.peak_memory)


def _of_one(pid: int) -> Usage | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        status = Path(f"/proc/{pid}/status").read_bytes()
    except _GONE:
        return None
    fields = stat.rpartition(b")")[2].split()  # the program's name may hold spaces and brackets
    memory = {line[:5]: int(line.split()[1]) * _KIB for line in status.splitlines() if line.startswith((b"VmHWM", b"VmRSS"))}
    return Usage(cpu_seconds=sum(map(int, fields[11:15])) / _TICKS,  # a process that has ended has no memory lines
                 memory=memory.get(b"VmRSS", 0), peak_memory=memory.get(b"VmHWM", 0))


def descendants(pid: int) -> list[int]:
    """The processes below this one, parents before their children; those that first threads have started, as scripts and
    bubblewrap do. Looking at all threads would cost SVT-AV1, which has a hundred, more than all else that is looked at."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        with suppress(*_GONE):
            children = list(map(int, Path(f"/proc/{parent}/task/{parent}/children").read_bytes().split()))
            found += children
            waiting += children
    return found


def _threads(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except _GONE:
        return []


def set_cpus(pid: int, cpus: Collection[int]) -> None:
    """These CPUs only, for every thread of the process and its descendants. New threads have what their maker has, so it is done
    again until there is nobody new. Raises OSError when none of the CPUs is there."""
    done: set[int] = set()
    while new := {thread for process in (pid, *descendants(pid)) for thread in _threads(process)} - done:
        for thread in new:
            with suppress(ProcessLookupError):
                os.sched_setaffinity(thread, cpus)
        done |= new


def bytes_read(pid: int, like: int) -> int | None:
    """How far the process has read the file that we have open as `like`: the furthest position of those it has opened itself.
    None when it has none open (any more), or we may not look."""
    ours = os.fstat(like)
    return max(_positions(pid, like, (ours.st_dev, ours.st_ino)), default=None)


def _positions(pid: int, like: int, identity: tuple[int, int]) -> Iterator[int]:
    with suppress(*_GONE, PermissionError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(*_GONE):
                found = os.stat(f"/proc/{pid}/fd/{name}")
                if int(name) != like and (found.st_dev, found.st_ino) == identity:
                    yield int(Path(f"/proc/{pid}/fdinfo/{name}").read_bytes().split()[1])
