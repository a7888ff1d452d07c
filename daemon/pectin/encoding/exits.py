"""Says what the end of an ffmpeg means: one function from exit status, words and progress to a small enum. Exit status 0
alone proves nothing: a cut source gives it, and so does a disk that fills up while the last bytes are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from pectin.model.errors import Cause


class Exit(StrEnum):
    OK = "ok"                        # status 0, progress=end, no word of a failed write
    STOPPED = "stopped"              # we asked it to stop: whatever it left is not a result
    KILLED = "killed"                # a signal from outside, often the OOM killer
    CRASHED = "crashed"              # a signal of its own making: a bug in ffmpeg, a library or a driver
    MISSING = "missing"              # the program could not be started
    NO_SPACE = "no_space"            # the disk or the quota is full
    READ_ONLY = "read_only"
    IO_ERROR = "io_error"
    DAMAGED_INPUT = "damaged_input"  # it could not make sense of what it read
    NO_DECODER = "no_decoder"        # it knows a codec by name only
    NO_MEMORY = "no_memory"          # it got no more memory: encoder.max_memory, or the machine's
    TOO_LARGE = "too_large"          # a file grew over the limit that only runaways reach
    UNCONFINED = "unconfined"        # it was not started, because a wall around it could not be built
    FAILED = "failed"                # anything else, also status 0 without progress=end


CAUSES: Mapping[Exit, Cause] = MappingProxyType({
    Exit.STOPPED: Cause.DAEMON_STOPPED,
    Exit.KILLED: Cause.FFMPEG_KILLED,
    Exit.CRASHED: Cause.FFMPEG_FAILED,
    Exit.MISSING: Cause.FFMPEG_MISSING,
    Exit.NO_SPACE: Cause.NO_SPACE,
    Exit.READ_ONLY: Cause.READ_ONLY,
    Exit.IO_ERROR: Cause.IO_ERROR,
    Exit.DAMAGED_INPUT: Cause.FFMPEG_FAILED,
    Exit.NO_DECODER: Cause.NO_DECODER,
    Exit.NO_MEMORY: Cause.FFMPEG_MEMORY,
    Exit.TOO_LARGE: Cause.OUTPUT_TOO_LARGE,
    Exit.UNCONFINED: Cause.SANDBOX_MISSING,
    Exit.FAILED: Cause.FFMPEG_FAILED,
})

# Signals a program brings on itself: SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS. Source: signal(7), x86 and ARM.
_OWN_SIGNALS = frozenset({4, 5, 6, 7, 8, 11, 31})
# ffmpeg ends with 255 after a signal it handled (SIGINT, SIGTERM, SIGXCPU) and with 123 after more than three of them.
_SIGNAL_HANDLED = frozenset({123, 255})
# From FFmpeg 7 the status is the low byte of -errno: ENOSPC 28, EIO 5, EROFS 30, "invalid data"; 69: too many decode errors.
_NO_SPACE, _IO_ERROR, _READ_ONLY, _INVALID_DATA, _ERROR_RATE = 228, 251, 226, 183, 69
# What FFmpeg 5.1 says, and what newer ones say behind the name of the stream (not measured here: read in their users' logs).
_NO_DECODER = re.compile(r"Decoder \(codec \S+\) not found for input stream #"
                         r"|(\[[^]]+\] )?Decoding requested, but no decoder found for: ")
_NO_MEMORY = 244                 # ENOMEM 12, from FFmpeg 7
_FILE_TOO_LARGE = 25             # SIGXFSZ
_UNCONFINED, _NOT_EXECUTABLE, _NOT_FOUND = 125, 126, 127  # from the launcher before it, see linux/confine.py
_LAUNCHER = "pectin-confine: "
_BUBBLEWRAP = "bwrap: "          # status 1 where it could not build its walls


def interpret(returncode: int, stderr: str, *, ended: bool, asked_to_stop: bool) -> Exit:
    """What it means that ffmpeg ended with `returncode` (negative: by that signal) and these last words; `ended`: it had
    said progress=end; `asked_to_stop`: we had sent it a signal. The order of the rules is their weight."""
    words = [line.rstrip(" .\r") for line in stderr.splitlines()]
    if asked_to_stop:
        return Exit.STOPPED
    if returncode == -_FILE_TOO_LARGE:
        return Exit.TOO_LARGE
    if returncode < 0:
        return Exit.CRASHED if -returncode in _OWN_SIGNALS else Exit.KILLED
    if returncode == _UNCONFINED and words and words[-1].startswith(_LAUNCHER):
        return Exit.UNCONFINED
    if returncode == 1 and len(words) == 1 and words[0].startswith(_BUBBLEWRAP):  # alone: ffmpeg was never there
        return Exit.UNCONFINED
    if returncode in (_NOT_EXECUTABLE, _NOT_FOUND):
        return Exit.MISSING
    disk = _disk(returncode, words)
    if disk is not None:
        return disk
    if returncode in _SIGNAL_HANDLED:
        return Exit.KILLED
    if returncode == 0:
        spoiled = any("Error writing trailer" in line or "Error closing file" in line for line in words)
        return Exit.OK if ended and not spoiled else Exit.FAILED
    if returncode == _NO_MEMORY or any(line.endswith("Cannot allocate memory") for line in words):
        return Exit.NO_MEMORY
    if any(_NO_DECODER.match(line) for line in words):
        return Exit.NO_DECODER
    if returncode in (_ERROR_RATE, _INVALID_DATA) or any(line.endswith("Invalid data found when processing input")
                                                         for line in words):
        return Exit.DAMAGED_INPUT
    return Exit.FAILED


def _disk(returncode: int, words: list[str]) -> Exit | None:
    """Trouble with a disk. The words count whatever the status is: FFmpeg 5.1 ends with 0 when the disk is full for the last
    bytes. They count at the end of a line only, where strerror's text stands: a tag of a film may hold any words."""
    if returncode == _NO_SPACE or any(line.endswith(("No space left on device", "Disk quota exceeded")) for line in words):
        return Exit.NO_SPACE
    if returncode == _READ_ONLY or any(line.endswith("Read-only file system") for line in words):
        return Exit.READ_ONLY
    if returncode == _IO_ERROR or any(line.endswith("Input/output error") for line in words):
        return Exit.IO_ERROR
    return None


# The second is libgcrypt's, at every start where it may not lock memory, as in the unit's sandbox.
NOISE = frozenset({"Conversion failed!", "Warning: using insecure memory!"})
_CHATTER = ("Svt[info]", "Svt[warn]")  # SVT-AV1 tells its settings whatever ffmpeg's log level is


def last_words(stderr: str, lines: int = 5, characters: int = 1000) -> str:
    """The last lines that say something, for a person; bounded, because they are stored with the job."""
    said = [line.strip() for line in stderr.splitlines()]
    said = [line for line in said if line and line not in NOISE and not line.startswith(_CHATTER)
            and "Last message repeated" not in line]
    return "\n".join(said[-lines:])[-characters:]
