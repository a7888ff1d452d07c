"""Kills a piece of work at a chosen line, as a power cut would."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from types import FrameType, ModuleType


def dies(action: Callable[[], object]) -> bool:
    """Do `action` in a process of its own; gives whether it was killed (SIGKILL), or came to its end. What it raises fails the
    test."""
    with warnings.catch_warnings():  # from Python 3.12 a fork beside other threads warns; this child starts none and ends soon
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            action()
            status = 0
        except BaseException:
            traceback.print_exc()  # or nobody would ever know why
            raise
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def crash_at(line: int, modules: Sequence[ModuleType], action: Callable[[], object]) -> bool:
    """Do `action` in a process of its own that is killed (SIGKILL) before the line with this number of those of `modules` that it
    comes to. Gives whether it was killed."""
    seen = 0
    watched = {module.__file__ for module in modules}

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., object] | None:
        nonlocal seen
        if frame.f_code.co_filename not in watched:
            return None
        if event == "line":
            seen += 1
            if seen == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    def traced() -> None:
        sys.settrace(trace)
        action()

    return dies(traced)
