"""Makes a folder with exactly the mode that is wanted, whatever the umask, and keeps the setgid bit the kernel lets it inherit.

Why not mkdir and then chmod: chmod without the bit takes it away, and chmod with it is forbidden by RestrictSUIDSGID= of the
unit. Why a thread: the umask belongs to the whole process, but a thread may take one of its own."""

from __future__ import annotations

import ctypes
import os
import stat
import threading
from pathlib import Path

_CLONE_FS = 0x200  # linux/sched.h: root, working directory and umask
_LIBC = ctypes.CDLL(None, use_errno=True)


def make_folder(path: Path, mode: int) -> None:
    """Raises FileExistsError, OSError."""
    failed: list[OSError] = []

    def make() -> None:
        if _LIBC.unshare(_CLONE_FS) == 0:
            os.umask(0)
        try:
            path.mkdir(mode)
        except OSError as error:
            failed.append(error)

    maker = threading.Thread(target=make, name="mkdir")
    maker.start()
    maker.join()
    if failed:
        raise failed[0]
    made = stat.S_IMODE(path.stat().st_mode)
    if made & 0o777 != mode:  # containers refuse unshare; they do not forbid this
        path.chmod(mode | (made & stat.S_ISGID))
