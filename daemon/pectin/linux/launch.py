"""What stands before a command so that confine.py starts it: who it belongs to, how nice it is, what it may see and do."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pectin
from pectin.linux.confine import START
from pectin.linux.sandbox import Part, Sandbox

# What programs and libraries need to start and to count the machine's CPUs; no media lie there. Nix and Guix have theirs apart.
RUN = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/nix/store", "/gnu/store")
READ = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/fonts", "/var/cache/fontconfig",
        "/sys/devices/system", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/dev/zero", "/dev/random", "/dev/urandom")
WRITE_DEVICES = ("/dev/null",)
# Beside a graphics card: what its drivers look at to find it.
BESIDE_DEVICES = ("/dev/dri", "/sys/dev/char", "/sys/class/drm", "/sys/devices", "/usr/share/drirc.d", "/etc/drirc",
                  "/etc/libva.conf", "/etc/vulkan", "/etc/OpenCL", "/proc/driver/nvidia", "/sys/module/nvidia")

OPEN_FILES = 256               # far more than the many outputs of one run
LARGEST_FILE = 256 * 2**30     # bytes; a 4K film of five hours at 100 Mbit/s has 225 GB
MAPPINGS = 16 * 2**30          # bytes of addresses beyond the memory: thread stacks, reserved and never used, and the input
IDLE_BEST_EFFORT = 2 << 13 | 7  # ioprio_set(2): best effort, the last of its eight levels
IDLE = 3 << 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What one child may see: `reads` are numbers of open files that it is handed and folders, `own` the folders it may write,
    `devices` graphics cards. `cpu_seconds`: more CPU time than this is a program that runs away; None: no limit."""

    sandbox: Sandbox
    reads: Sequence[int | Path] = ()
    own: Sequence[Path] = ()
    devices: Sequence[Path] = ()
    cpu_seconds: float | None = None


@cache
def _starter() -> tuple[str, ...]:
    folder = Path(pectin.__file__).resolve().parent.parent
    # -I -S: nothing of anybody's environment or site packages, and the quickest start.
    return (sys.executable, "-I", "-S", "-c", START, str(folder))


def prefix(program: str, *, nice: int, cpus: Collection[int] | None, idle_disk: bool = False,
           confinement: Confinement | None = None) -> tuple[str, ...]:
    """The words before `program` and its arguments. `nice` is added to our own niceness; `cpus` are CPU numbers, None or empty
    for all; `idle_disk`: the disk serves everybody else first. No confinement: the child dies with us and has none of our
    capabilities, that is all (hooks are other people's programs). Its end comes with us in any case."""
    words = [f"parent={os.getpid()}"]
    if nice:
        words.append(f"nice={nice}")
    if idle_disk:
        words.append(f"ionice={IDLE_BEST_EFFORT}")
    if cpus:
        words.append(f"cpus={','.join(str(cpu) for cpu in sorted(set(cpus)))}")
    parts = confinement.sandbox.parts if confinement is not None else frozenset()
    words.append("privileges=none" if Part.PRIVILEGES in parts else "privileges=few")
    if confinement is not None and parts:
        words += _confined(program, confinement)
    return (*_starter(), *words, "--")


def _confined(program: str, confinement: Confinement) -> list[str]:
    sandbox, words = confinement.sandbox, ["limit=RLIMIT_CORE:0", f"limit=RLIMIT_NOFILE:{OPEN_FILES}",
                                           f"limit=RLIMIT_FSIZE:{LARGEST_FILE}", "limit=RLIMIT_RTPRIO:0"]
    if sandbox.max_memory is not None and not confinement.devices:  # drivers map all the memory of the card
        words.append(f"limit=RLIMIT_AS:{sandbox.max_memory + MAPPINGS}")
    if confinement.cpu_seconds is not None:  # soft and hard in one: ffmpeg would take SIGXCPU for a wish to end in good order
        words.append(f"limit=RLIMIT_CPU:{max(1, int(confinement.cpu_seconds))}")
    if Part.NETWORK in sandbox.parts:
        words.append("network=")
    if Part.SYSCALLS in sandbox.parts:
        words.append("syscalls=")
    if Part.FILES in sandbox.parts:
        words += _files(program, confinement)
    return words


def _files(program: str, confinement: Confinement) -> list[str]:
    beside = (*map(str, confinement.devices), *BESIDE_DEVICES) if confinement.devices else ()
    bubblewrap = confinement.sandbox.bubblewrap
    return [f"bubblewrap={bubblewrap}" if bubblewrap else "landlock=",
            *(f"run={place}" for place in (*RUN, *_home(Path(program)))),
            *(f"read={place}" for place in (*READ, *beside)),
            *(f"read=fd:{place}" if isinstance(place, int) else f"read={place.absolute()}" for place in confinement.reads),
            *(f"own={place.absolute()}" for place in confinement.own),
            *(f"device={place}" for place in (*WRITE_DEVICES, *confinement.devices))]


def _home(program: Path) -> list[str]:
    """The program as it is named and as it really is, with the programs and libraries beside it; never the whole folder: it may
    be somebody's home, with all their films."""
    found = set()
    for place in (program, program.resolve()):
        folder = place.parent
        if any(folder.is_relative_to(allowed) for allowed in RUN):
            continue
        found |= {str(place), *(str(lib) for above in ((folder, folder.parent) if folder.name == "bin" else (folder,))
                                for lib in (above / "lib", above / "lib64") if os.path.isdir(lib))}
        with suppress(OSError), os.scandir(folder) as entries:
            found |= {file.path for file in entries if file.is_file() and (".so" in file.name or file.stat().st_mode & 0o111)}
    return sorted(found)
