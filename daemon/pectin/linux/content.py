"""Reads files for comparing them: a few blocks of one, or all of it for as long as somebody waits. Blocks; raises OSError."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from pectin.linux import pace
from pectin.model.fingerprint import fingerprint

_BLOCK = 1 << 20  # bytes per read


def fingerprint_of(path: Path) -> str:
    """See model/fingerprint.py. No link is followed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return fingerprint(os.fstat(descriptor).st_size, lambda offset, length: os.pread(descriptor, length, offset))
    finally:
        os.close(descriptor)


def sha256_until(path: Path, stop: threading.Event) -> str | None:
    """The SHA-256 of a file in hex; None when `stop` was set before its end: reading a large film takes minutes, and a daemon
    that is to stop has seconds."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if stop.is_set():
                return None
            digest.update(block)
            pace.step()
    return digest.hexdigest()
