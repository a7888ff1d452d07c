"""Landlock: the kernel's own way to let a process see some files and no others. For the process that calls it, for ever, and for
what it becomes by exec. Source of all numbers: linux/landlock.h, and landlock(7) for what each ABI knows."""

from __future__ import annotations

import ctypes
import os
import stat
import struct

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every architecture
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST_ABI = (1 << 13) - 1
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_ALL_NETWORK = 3  # bind and connect, TCP: none is allowed
_ALL_SCOPES = 3   # abstract sockets and signals: only within

RUN = _EXECUTE | _READ_FILE | _READ_DIR
READ = _READ_FILE | _READ_DIR
OWN = READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
DEVICE = READ | _WRITE_FILE | _IOCTL_DEV

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long


def abi() -> int:
    """Which Landlock the kernel speaks, 0: none. Raises no error."""
    found = int(_LIBC.syscall(ctypes.c_long(_CREATE), None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION_FLAG)))
    return max(found, 0)


class Ruleset:
    """What will be allowed; nothing is restricted before restrict(). Raises OSError where the kernel has no Landlock."""

    def __init__(self) -> None:
        version = abi()
        self._handled = _FIRST_ABI | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0) | (
            _IOCTL_DEV if version >= 5 else 0)
        attributes = struct.pack("=QQQ", self._handled, _ALL_NETWORK, _ALL_SCOPES)
        size = 8 if version < 4 else 16 if version < 6 else 24  # an older kernel takes no longer one
        self._fd = _call(_CREATE, ctypes.create_string_buffer(attributes, 24), ctypes.c_size_t(size), ctypes.c_uint(0))
        os.set_inheritable(self._fd, False)

    def allow(self, place: str | int, rights: int) -> None:
        """A path with all below it, or an open file by its number. What is not there needs no rule. Raises OSError."""
        if isinstance(place, int):
            self._add(place, rights)
            return
        try:
            fd = os.open(place, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return
        try:
            self._add(fd, rights)
        finally:
            os.close(fd)

    def restrict(self) -> None:
        """From now on, and for ever. Needs no_new_privs (or CAP_SYS_ADMIN). Raises OSError."""
        _call(_RESTRICT, ctypes.c_int(self._fd), ctypes.c_uint(0))
        os.close(self._fd)

    def _add(self, fd: int, rights: int) -> None:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _FILE_RIGHTS
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights & self._handled, fd), 12)
        _call(_ADD, ctypes.c_int(self._fd), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint(0))


def _call(number: int, *arguments: object) -> int:
    result = int(_LIBC.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "landlock")
    return result
