"""Becomes another program, after it has given up every right that program does not need. Runs as a process of its own:
`python -I -S -c START FOLDER WORD... -- PROGRAM ARGUMENT...`; launch.py writes the words.

Why a program and not Python's preexec_fn: that runs between fork and exec in a process with threads, where it can deadlock.
Only the standard library, and as little of it as can be: each import is paid for with every child (see tests/bench/cap.py).
Whatever is asked for is done, or nothing is started: exit status 125 and a line on stderr that says what failed."""

from __future__ import annotations

import ctypes
import os
import resource
import sys

from pectin.linux import landlock, seccomp

START = "import sys;sys.path.append(sys.argv.pop(1));from pectin.linux.confine import main;main(sys.argv[1:])"
FAILED = 125          # exit status: a right could not be given up
NOT_EXECUTABLE = 126  # as shells tell it
NOT_FOUND = 127
SPEAKS = "pectin-confine: "

_SET_PDEATHSIG, _CAPBSET_DROP, _SET_NO_NEW_PRIVS, _CAP_AMBIENT, _SET_SECCOMP = 1, 24, 38, 47, 22  # linux/prctl.h
_AMBIENT_CLEAR_ALL, _SECCOMP_FILTER = 4, 2
_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIGKILL, _EPERM, _ENOSYS = 9, 1, 38

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long


def main(words: list[str]) -> None:
    """Do what the words say, in the order that works, and become the program. Does not return."""
    end = words.index("--")
    wishes, argv, apart = _pairs(words[:end]), words[end + 1:], False
    if "bubblewrap" in wishes:
        # To make its namespaces, root needs what root may, and others their own name; the capabilities it drops itself.
        wishes["privileges"] = ["few"]
        apart = wishes.pop("network", None) is not None
    step = "files"
    try:
        # The places are looked up with the rights we still have; from when on they count is another matter.
        rules = _rules(wishes) if "landlock" in wishes else None
        for step, act in (("limit", _limit), ("nice", _nice), ("ionice", _ionice), ("cpus", _cpus)):
            for value in wishes.get(step, ()):
                act(value)
        step = "owner"
        _as_owner(wishes)
        for step, act in (("network", _network), ("privileges", _privileges)):
            for value in wishes.get(step, ()):
                act(value)
        step = "files"
        if "bubblewrap" in wishes:
            argv = _bubblewrap(wishes, argv, apart=apart)
        elif rules is not None:
            rules.restrict()
        # After everything that changes credentials, for that clears it again.
        step = "parent"
        for parent in wishes.get("parent", ()):
            _prctl(_SET_PDEATHSIG, _SIGKILL)
            if os.getppid() != int(parent):  # it died before we had asked to die with it
                os._exit(FAILED)
        step = "syscalls"
        if "syscalls" in wishes and "bubblewrap" not in wishes:
            _seccomp()
    except OSError as error:
        _fail(FAILED, f"{step}: {error.strerror}")
    try:
        os.execv(argv[0], argv)  # noqa: S606  (no shell is the point)
    except FileNotFoundError as error:
        _fail(NOT_FOUND, f"{argv[0]}: {error.strerror}")
    except OSError as error:
        _fail(NOT_EXECUTABLE, f"{argv[0]}: {error.strerror}")


def _pairs(words: list[str]) -> dict[str, list[str]]:
    """`name=value` words, in their order by name."""
    found: dict[str, list[str]] = {}
    for word in words:
        name, _, value = word.partition("=")
        found.setdefault(name, []).append(value)
    return found


def _fail(status: int, why: str) -> None:
    os.write(2, f"{SPEAKS}{why}\n".encode("utf-8", "surrogateescape"))
    os._exit(status)


def _limit(value: str) -> None:
    """`RLIMIT_NAME:number`, soft and hard; never more than there is already."""
    name, _, number = value.partition(":")
    which, wanted = getattr(resource, name), int(number)
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(which, (wanted, wanted))


def _nice(value: str) -> None:
    os.nice(int(value))


def _ionice(value: str) -> None:
    """The class and level in one number, as ioprio_set(2) has it, for this process and what it becomes."""
    number = _IOPRIO_SET.get(os.uname().machine)
    if number is not None:
        _checked(_LIBC.syscall(ctypes.c_long(number), ctypes.c_int(1), ctypes.c_int(0), ctypes.c_int(int(value))))


def _cpus(value: str) -> None:
    os.sched_setaffinity(0, [int(cpu) for cpu in value.split(",")])


def _as_owner(wishes: dict[str, list[str]]) -> None:
    """Root without capabilities may read no more than anybody. A film that only its owner may read is read as its owner, who gets
    the folder to write for it, with what an earlier run has left there; encoding/ffmpeg.py takes back what is written there."""
    films = [os.fstat(int(place[3:])) for place in wishes.get("read", ()) if place.startswith("fd:")]
    if os.geteuid() != 0 or wishes.get("privileges") != ["none"] or not films:
        return
    film = films[0]
    if film.st_uid == 0 or film.st_mode & 0o004 or (film.st_mode & 0o040 and film.st_gid in (os.getegid(), *os.getgroups())):
        return
    for folder in wishes.get("own", ()):
        for place in (folder, *(os.path.join(folder, name) for name in os.listdir(folder))):
            os.chown(place, film.st_uid, -1, follow_symlinks=False)
    # Graphics cards are for the members of a group.
    os.setgroups([os.stat(device).st_gid for device in wishes.get("device", ()) if os.path.exists(device)])
    os.setresuid(film.st_uid, film.st_uid, film.st_uid)


def _network(value: str) -> None:  # noqa: ARG001  (called as the others are)
    """A network namespace of its own, with not even loopback up. Who may not make one makes it in a user namespace."""
    if _LIBC.unshare(_CLONE_NEWNET) == 0:
        return
    if ctypes.get_errno() != _EPERM:
        _checked(-1)
    _checked(_LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))


def _privileges(value: str) -> None:
    """`few`: what a program that we run for somebody gets: none of our own capabilities. `none`: no capability ever again, not
    even as root."""
    _LIBC.prctl(_CAP_AMBIENT, _AMBIENT_CLEAR_ALL, 0, 0, 0)  # a kernel that knows no ambient ones has none
    header = ctypes.create_string_buffer(_CAPABILITY_VERSION_3.to_bytes(4, sys.byteorder), 8)
    if value == "none":
        # From the bounding set too: root gets all that is in it back at exec. Who may not do this is not root, and gets none.
        for capability in range(64):
            if _LIBC.prctl(_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                break
        _give_up(header, ctypes.create_string_buffer(24))
    else:  # two blocks of effective, permitted, inheritable: the last goes, for it would pass to the program
        sets = (ctypes.c_uint32 * 6)()
        _checked(_LIBC.capget(header, sets))
        sets[2] = sets[5] = 0
        _give_up(header, sets)
    _prctl(_SET_NO_NEW_PRIVS, 1)


def _give_up(header: ctypes.Array[ctypes.c_char], sets: object) -> None:
    """A unit's filter of system calls may refuse even to give capabilities up. Who is not root then loses them at exec: the
    ambient ones are gone by now, and an inheritable one gives nothing to a program that has none in its own file."""
    if _LIBC.capset(header, sets) != 0 and (ctypes.get_errno() != _EPERM or os.geteuid() == 0):
        _checked(-1)


def _rules(wishes: dict[str, list[str]]) -> landlock.Ruleset:
    rules = landlock.Ruleset()
    for name, rights in (("run", landlock.RUN), ("read", landlock.READ), ("own", landlock.OWN), ("device", landlock.DEVICE)):
        for place in wishes.get(name, ()):
            rules.allow(int(place[3:]) if place.startswith("fd:") else place, rights)
    return rules


def _seccomp() -> None:
    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    code = _filter(os.getpid())
    steps = ctypes.create_string_buffer(code, len(code))
    program = Program(len(code) // 8, ctypes.addressof(steps))
    # By prctl, not by seccomp(2): systemd's @system-service has only the one.
    _checked(_LIBC.prctl(_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(program), 0, 0))


def _filter(pid: int) -> bytes:
    machine = os.uname().machine
    if not seccomp.supported(machine):
        raise OSError(_ENOSYS, f"the numbers of system calls of {machine} are not known here")
    return seccomp.program(machine, pid)


def _bubblewrap(wishes: dict[str, list[str]], argv: list[str], *, apart: bool) -> list[str]:
    """The command that shows the program nothing but its places. Its input is open already, and reached by /proc/self/fd."""
    command = [wishes["bubblewrap"][0], "--die-with-parent", "--proc", "/proc", "--dev", "/dev"]
    for name, option in (("run", "--ro-bind-try"), ("read", "--ro-bind-try"), ("own", "--bind"), ("device", "--dev-bind-try")):
        for place in wishes.get(name, ()):
            if not place.startswith(("fd:", "/proc/", "/dev/")) or name == "device":
                command += [option, place, place]
    command += ["--unshare-net"] if apart else []
    # Where we stand is there under the name it was shown by, or not at all.
    shown = (place for name in ("own", "read") for place in wishes.get(name, ()) if not place.startswith("fd:"))
    here = next((place for place in shown if os.path.isdir(place) and os.path.samefile(place, ".")), "/")
    command += ["--chdir", here, "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL"]
    if "syscalls" in wishes:
        fd = os.memfd_create("filter", 0)  # not closed at exec: bubblewrap reads it
        os.write(fd, _filter(0))  # its number is not known before; 0 is no process
        os.lseek(fd, 0, os.SEEK_SET)
        command += ["--seccomp", str(fd)]
    return [*command, "--", *argv]


def _prctl(option: int, value: int) -> None:
    _checked(_LIBC.prctl(option, value, 0, 0, 0))


def _checked(result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
