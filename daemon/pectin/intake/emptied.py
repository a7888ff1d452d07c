"""What remains of a drop folder whose films have been taken: it is removed once nothing is in it and nobody has touched it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pectin.intake.names import is_companion
from pectin.linux.beneath import open_folder
from pectin.model.errors import PectinError


class Emptied:
    """The folders from which something was taken. `patience`: seconds a folder must have been left alone; a sender who makes a
    folder and is slow to fill it would otherwise find it gone."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._folders: dict[Path, tuple[Path, float]] = {}  # folder: its inbox, and when to look

    def note(self, folder: Path, root: Path, now: float) -> None:
        """Something was taken out of `folder`, which lies below the inbox `root` or is it."""
        if folder != root and folder.is_relative_to(root):
            self._folders[folder] = root, now + self._patience

    def next_due(self) -> float | None:
        """When the next look is due (Unix seconds); None: not before something is noted."""
        return min((when for _, when in list(self._folders.values())), default=None)

    def clear(self, now: float) -> list[Path]:
        """Remove those that may go, and the folders above them that are empty by that; gives what was removed. Blocks."""
        removed: list[Path] = []
        due = [(folder, root) for folder, (root, when) in list(self._folders.items()) if when <= now]
        for folder, root in sorted(due, reverse=True):  # what lies deeper first
            del self._folders[folder]
            self._clear(folder, root, now, removed)
        return removed

    def _clear(self, folder: Path, root: Path, now: float, removed: list[Path]) -> None:
        before = now - self._patience
        while folder != root:
            above = _touched(folder.parent)  # asked first: removing a folder touches the one above
            try:
                left = _remove(folder, root, before)
            except (OSError, PectinError):  # something has come into it, it has gone, it is not ours: it stays
                return
            if left is None:
                return
            if left > 0:
                self._folders[folder] = root, now + left
                return
            removed.append(folder)
            folder, before = folder.parent, now if above <= before else now - self._patience


def _touched(folder: Path) -> float:
    """When something in the folder last came or went."""
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _remove(folder: Path, root: Path, before: float) -> float | None:
    """0: it was removed. More: another look makes sense after so many seconds. None: something is in it. Raises OSError or
    PectinError."""
    with _opened(folder, root) as (above, inside):
        names = os.listdir(inside)
        if not all(_is_litter(inside, name) for name in names):
            return None  # once that is taken, the folder is noted again
        if (touched := os.fstat(inside).st_mtime) > before:
            return touched - before
        for name in names:
            os.unlink(name, dir_fd=inside)
        os.rmdir(folder.name, dir_fd=above)
        return 0.0


@contextmanager
def _opened(folder: Path, root: Path) -> Iterator[tuple[int, int]]:
    """Descriptors of the folder above and of this one: no symlink leads elsewhere."""
    above = open_folder(folder.parent, root)
    try:
        inside = os.open(folder.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
        try:
            yield above, inside
        finally:
            os.close(inside)
    finally:
        os.close(above)


def _is_litter(folder: int, name: str) -> bool:
    """What systems leave in every folder they show goes with the folder, never by itself."""
    if not is_companion(name):
        return False
    return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
