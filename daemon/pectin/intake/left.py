"""Films that lie in the inbox and are left alone, for they are jobs already. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pectin.intake.settle import Mark, WaitReason
from pectin.model.left_behind import LeftBehind, Why

REASONS: Mapping[Why, tuple[WaitReason, str]] = MappingProxyType({
    Why.LINKED: (WaitReason.LINKED, "was taken as a copy: it has other names elsewhere; it stays as it is"),
    Why.UNDOING: (WaitReason.PUT_BACK, "`pectin undo` put it back: left alone until it changes, or `pectin retry {job}`"),
    Why.UNDONE: (WaitReason.PUT_BACK, "`pectin undo` put it back: left alone until it changes, or `pectin retry {job}`"),
})


class LeftAlone:
    """One memory for each job."""

    def __init__(self) -> None:
        self._jobs: dict[str, LeftBehind] = {}
        self._paths: dict[Path, str] = {}
        self._inodes: dict[int, str] = {}

    def add(self, job_id: str, left: LeftBehind) -> None:
        """From now on that file is left alone."""
        self._jobs[job_id] = left
        self._paths[left.path] = job_id
        self._inodes[left.inode] = job_id

    def drop(self, job_id: str) -> None:
        """It is an arrival like any other."""
        left = self._jobs.pop(job_id, None)
        if left is not None and self._paths.get(left.path) == job_id:
            del self._paths[left.path]
        if left is not None and self._inodes.get(left.inode) == job_id:
            del self._inodes[left.inode]

    def why(self, path: Path, mark: Mark) -> tuple[WaitReason, str] | None:
        """Why this file is left alone, with a sentence; None: it is not."""
        for job_id in (self._paths.get(path), self._inodes.get(mark.inode)):
            left = self._jobs.get(job_id or "")
            if left is not None and left.is_at(path, inode=mark.inode, size=mark.size, mtime_ns=mark.mtime_ns):
                reason, sentence = REASONS[left.why]
                return reason, sentence.format(job=job_id)
        return None
