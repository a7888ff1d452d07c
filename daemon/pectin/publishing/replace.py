"""A new file takes the name of an old one in a library, in one step for whoever looks; the old one is archived and never lost.
With a folder it takes two steps, for Linux renames none over another that is full: for a moment nobody has the name, and never
half of one.

The way of the old file: final -> hidden beside it -> archive. Every function may be called again after a crash at any of its
lines. They block, and raise OSError."""

from __future__ import annotations

import errno
import itertools
import os
import stat
from pathlib import Path

from pectin.linux.crash import CrashPoint, reached
from pectin.linux.move import copy_durably, fsync_folder, rename_noreplace, sha256_of
from pectin.linux.trees import is_folder, rename_tree
from pectin.publishing.naming import NAME_BYTES
from pectin.publishing.things import move, rename, take_away

REPLACED = ".replaced"
# No hard links there (exFAT, some network shares), too many of them, or the system forbids one to a file that is not ours
# (fs.protected_hardlinks).
_NO_LINK = frozenset([errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL])


def hidden_of(part: Path) -> Path:
    """Where the old file waits for the archive: `.Film.mp4.<id>.replaced` beside `.Film.mp4.<id>.part`."""
    return part.with_name(part.name.removesuffix(".part") + REPLACED)


def is_regular(path: Path) -> bool:
    """Whether a file is there: no folder, no link."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def stands_there(path: Path) -> bool:
    """Whether a file or a folder is there: nothing else is ever replaced."""
    return is_regular(path) or is_folder(path)


def take_over(part: Path, final: Path, archived: Path) -> None:
    """Give `part` the name of what is at `final`, which keeps a hidden name. `archived`: where that belongs."""
    if is_folder(final):
        hidden = hidden_of(part)
        if stands_there(hidden):  # somebody has put another folder here since a crash: both are archived
            put_away(hidden, archived)
        rename_tree(final, hidden)
        reached(CrashPoint.REDO_HIDDEN)
        rename_tree(part, final)
        reached(CrashPoint.REDO_REPLACED)
        return
    _second_name(part, final, archived)
    fsync_folder(final.parent)  # else a power cut behind the rename could know the new file and not the old one's second name
    # A crash before this line leaves the old film, one behind it the new one, and nobody ever sees none. (Whoever puts a third
    # file under this name between the two lines loses it: Linux has no rename that looks first.)
    os.rename(part, final)
    reached(CrashPoint.REDO_REPLACED)


def put_away(path: Path, archived: Path) -> None:
    """Move to the archive. Another file that is there under the name stays: then this one is called `Film (2).mp4`."""
    for number in itertools.count(1):
        try:
            move(path, archived if number == 1 else _numbered(archived, f" ({number})"))
        except FileExistsError:
            continue
        reached(CrashPoint.REDO_REPLACED_ARCHIVED)
        return


def give_back(final: Path, hidden: Path, *, over: bool) -> None:
    """The old file or folder has its name again, a file in one step; `over`: what has it now is ours and may go. A stranger's
    stays, and the old one hidden: housekeeping archives it."""
    if not stands_there(hidden):
        return
    if is_folder(hidden):
        if over:
            take_away(final, hidden.with_name(hidden.name.removesuffix(REPLACED) + ".part"))
        if not os.path.lexists(final):
            rename_tree(hidden, final)
    elif is_regular(final) and final.samefile(hidden):  # the crash came before the new file took the name
        hidden.unlink()  # a rename of one file onto itself would leave both names
    elif over:
        os.rename(hidden, final)
    elif not os.path.lexists(final):
        rename(hidden, final)
    fsync_folder(final.parent)


def _second_name(part: Path, final: Path, archived: Path) -> None:
    hidden = hidden_of(part)
    if os.path.lexists(hidden):
        if _same(final, hidden):  # a crash came behind the link
            return
        put_away(hidden, archived)  # somebody has put another file here since: both are archived
    try:
        os.link(final, hidden, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        copy = part.with_name(f".{part.name}")  # half a copy must not be taken for the old film, so it has a part's name
        copy.unlink(missing_ok=True)
        copy_durably(final, copy)
        rename_noreplace(copy, hidden)


def _same(first: Path, second: Path) -> bool:
    return first.samefile(second) or (first.stat().st_size == second.stat().st_size and sha256_of(first) == sha256_of(second))


def _numbered(path: Path, number: str) -> Path:
    room = NAME_BYTES - len(os.fsencode(path.suffix)) - len(number)
    return path.with_name(os.fsdecode(os.fsencode(path.stem)[:room]) + number + path.suffix)
