"""The system calls a media program has no business with, as a filter that the kernel runs before each call. Values only: who
installs it is confine.py."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from types import MappingProxyType

EPERM, ENOSYS = 1, 38
CLONE_THREAD = 0x00010000

# Audit numbers of the architectures; a filter must look at it, since numbers of calls differ. Source: linux/audit.h.
_ARCHITECTURES: Mapping[str, int] = MappingProxyType({"x86_64": 0xC000003E, "aarch64": 0xC00000B7})
_COLUMN: Mapping[str, int] = MappingProxyType({"x86_64": 0, "aarch64": 1})
_X32 = 0x40000000  # calls of the x32 ABI have this bit on x86_64, and other numbers: all refused

# Name: (number on x86_64, number on aarch64); None: there is no such call. Source: asm/unistd_64.h, asm-generic/unistd.h.
_Numbers = Mapping[str, tuple[int | None, int | None]]

# No connection, whatever the network namespace is.
_NETWORK: _Numbers = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
}
# No other process: neither one of its own nor somebody else's, by signal, memory, limits or System V objects.
_PROCESSES: _Numbers = {
    "fork": (57, None), "vfork": (58, None), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "tkill": (200, 130), "msgget": (68, 186), "semget": (64, 190), "shmget": (29, 194),
    "mq_open": (240, 180), "execveat": (322, 281),
}
# The CPU cap holds: x265 and SVT-AV1 would give themselves all CPUs again, and SVT-AV1 real-time priority.
_SCHEDULING: _Numbers = {
    "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
    "sched_setattr": (314, 274), "setpriority": (141, 140), "ioprio_set": (251, 30),
}
# What Landlock does not look at: modes, owners, times and attributes of files that can be named; truncate before its ABI 3.
_FILES: _Numbers = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "lchown": (94, None), "fchown": (93, 55), "fchownat": (260, 54), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88), "truncate": (76, 45),
    "mknod": (133, None), "mknodat": (259, 33), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
}
# The machine itself, and doors that kernel exploits like to use.
_MACHINE: _Numbers = {
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "swapon": (167, 224), "swapoff": (168, 225),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142), "acct": (163, 89), "quotactl": (179, 60),
    "syslog": (103, 116), "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266),
    "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162), "personality": (135, 92),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None), "fanotify_init": (300, 262),
}
REFUSED: Mapping[str, tuple[int | None, int | None]] = MappingProxyType(
    {**_NETWORK, **_PROCESSES, **_SCHEDULING, **_FILES, **_MACHINE})
# Looked at more closely: see program().
EXAMINED: Mapping[str, tuple[int, int]] = MappingProxyType({
    "clone": (56, 220), "clone3": (435, 435), "kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261)})

# Of linux/bpf_common.h, linux/seccomp.h: load a word, compare, return; offsets into struct seccomp_data.
_LOAD, _EQUAL, _AT_LEAST, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ARGUMENT_0, _NUMBER, _ARCHITECTURE = 16, 0, 4
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000


def supported(machine: str) -> bool:
    """Whether the numbers of this architecture (`uname -m`) are known here."""
    return machine in _ARCHITECTURES


def program(machine: str, pid: int) -> bytes:
    """The filter, as an array of struct sock_filter, for a process with this id. What it refuses fails with EPERM, which
    programs survive; clone3 with ENOSYS, so that the C library takes clone, whose flags a filter can see.

    Threads may be made, processes not. Signals go to the process itself only (abort() needs that), and limits are its own.
    Raises KeyError for an unknown architecture."""
    column = _COLUMN[machine]
    refused = sorted(number for pair in REFUSED.values() if (number := pair[column]) is not None)
    examined = {name: pair[column] for name, pair in EXAMINED.items()}
    code = [
        _step(_LOAD, _ARCHITECTURE), _step(_EQUAL, _ARCHITECTURES[machine], 1, 0), _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        *([_step(_AT_LEAST, _X32, 0, 1), _step(_RETURN, _ERRNO | EPERM)] if machine == "x86_64" else []),
    ]
    for number in refused:
        code += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ERRNO | EPERM)]
    code += [_step(_EQUAL, examined["clone3"], 0, 1), _step(_RETURN, _ERRNO | ENOSYS)]
    code += _only_if(examined["clone"], [_step(_BITS, CLONE_THREAD, 0, 1)])
    for name in ("kill", "tgkill"):
        code += _only_if(examined[name], [_step(_EQUAL, pid, 0, 1)])
    code += _only_if(examined["prlimit64"], [_step(_EQUAL, 0, 1, 0), _step(_EQUAL, pid, 0, 1)])
    return b"".join([*code, _step(_RETURN, _ALLOW)])


def _only_if(number: int, tests: Sequence[bytes]) -> list[bytes]:
    """Allow this call if the lower half of its first argument passes; refuse it else. Each test jumps to `allow` (the step after
    the tests) or over it."""
    body = [_step(_LOAD, _ARGUMENT_0), *tests, _step(_RETURN, _ALLOW), _step(_RETURN, _ERRNO | EPERM)]
    return [_step(_EQUAL, number, 0, len(body)), *body]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
