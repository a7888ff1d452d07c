"""The filter of system calls, run here step by step as the kernel would, for both architectures."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from pectin.linux.seccomp import CLONE_THREAD, ENOSYS, EPERM, EXAMINED, REFUSED, program, supported

MACHINES = ("x86_64", "aarch64")
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL = 0x7FFF0000, 0x80000000
PID = 4711


def verdict(machine: str, number: int, argument: int = 0, *, architecture: int | None = None) -> int:
    """What the filter returns for a call. `argument` is the lower half of the first one."""
    code = list(struct.iter_unpack("=HBBI", program(machine, PID)))
    data = {0: number, 4: ARCHITECTURE[machine] if architecture is None else architecture, 16: argument}
    at, held = 0, 0
    while True:
        operation, if_true, if_false, value = code[at]
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            held, jump = data[value], 0
        else:
            true = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[operation]
            jump = if_true if true else if_false
        at += 1 + jump


def refused(error: int) -> int:
    return 0x00050000 | error


@pytest.mark.parametrize("machine", MACHINES)
def test_every_call_of_the_list_is_refused(machine: str) -> None:
    column = MACHINES.index(machine)
    numbers = [pair[column] for pair in REFUSED.values()]
    assert {verdict(machine, number) for number in numbers if number is not None} == {refused(EPERM)}


@pytest.mark.parametrize("machine", MACHINES)
def test_all_other_calls_are_allowed(machine: str) -> None:
    column = MACHINES.index(machine)
    known = {pair[column] for pair in (*REFUSED.values(), *EXAMINED.values())}
    assert {verdict(machine, number) for number in range(460) if number not in known} == {ALLOW}


@pytest.mark.parametrize("machine", MACHINES)
def test_threads_may_be_made_and_processes_not(machine: str) -> None:
    clone, clone3 = (EXAMINED[name][MACHINES.index(machine)] for name in ("clone", "clone3"))
    assert verdict(machine, clone, 0x3D0F00 | CLONE_THREAD) == ALLOW
    assert verdict(machine, clone, 0x1200011) == refused(EPERM)  # what fork() asks for
    assert verdict(machine, clone3) == refused(ENOSYS)


@pytest.mark.parametrize("machine", MACHINES)
def test_signals_and_limits_reach_the_process_itself_only(machine: str) -> None:
    for name in ("kill", "tgkill", "prlimit64"):
        number = EXAMINED[name][MACHINES.index(machine)]
        assert verdict(machine, number, PID) == ALLOW
        assert verdict(machine, number, PID + 1) == refused(EPERM)
        assert verdict(machine, number, 0xFFFFFFFF) == refused(EPERM)  # -1: everybody
    assert verdict(machine, EXAMINED["prlimit64"][MACHINES.index(machine)], 0) == ALLOW  # 0: oneself
    assert verdict(machine, EXAMINED["kill"][MACHINES.index(machine)], 0) == refused(EPERM)  # 0: the group


def test_calls_by_another_architectures_numbers_end_the_program() -> None:
    assert verdict("x86_64", 1, architecture=0x40000003) == KILL  # i386
    assert verdict("aarch64", 1, architecture=0x40000028) == KILL  # arm


def test_x32_calls_are_refused() -> None:
    assert verdict("x86_64", 0x40000000 | 41) == refused(EPERM)
    assert verdict("x86_64", 0x40000001) == refused(EPERM)


def test_the_filter_is_no_longer_than_the_kernel_takes() -> None:
    assert all(len(program(machine, PID)) // 8 < 4096 for machine in MACHINES)


def test_other_architectures_are_known_to_be_unknown() -> None:
    assert [supported(machine) for machine in (*MACHINES, "riscv64")] == [True, True, False]


@pytest.mark.parametrize(("column", "header"), [(0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
                                                (1, "/usr/include/asm-generic/unistd.h")])
def test_the_numbers_are_those_of_the_kernels_headers(column: int, header: str) -> None:
    if not Path(header).exists():
        pytest.skip(f"{header} is not here: apt-get install linux-libc-dev")
    found = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text())}
    newer = {"fchmodat2"}
    for name, pair in {**REFUSED, **EXAMINED}.items():
        if name not in newer:
            assert found.get(name) == pair[column], name
