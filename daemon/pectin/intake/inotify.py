"""Watches a tree of folders with inotify: one watch per folder, one thread that reads the events.

Built on watchdog's InotifyFD (7.1 or newer 7), which opens, reads, parses and closes. Its observers on top of that are not used:
after an overflow they add all watches again, which overflows the queue again, for ever; they hold all events back for half a
second behind each file that is moved out; they say nothing when the kernel has no watch left for a folder; and of a new folder
they tell each file once per level."""

from __future__ import annotations

import ctypes
import errno
import os
from collections import Counter
from collections.abc import Callable, Set

from watchdog.observers.inotify_c import (
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
    inotify_add_watch,
    inotify_rm_watch,
)

# Everything after which a file may be complete: closed, linked (gives only CREATE), moved in; and a change of mode, for rsync
# makes folders and files that nobody else may read, and opens them afterwards. Opening and reading are kept out: our own looks
# would be events. Moving out too: each file that is claimed is.
_MASK = (InotifyConstants.IN_CREATE | InotifyConstants.IN_MOVED_TO | InotifyConstants.IN_CLOSE_WRITE | InotifyConstants.IN_ATTRIB
         | InotifyConstants.IN_ONLYDIR)
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Tree(InotifyFD):
    """`on_file` and `on_folder` get the path of what appeared, from the tree's own thread; `on_lost` is called when the kernel
    has dropped events. `skip` are folders that are not watched: mounts that hang when their server does. Raises OSError when the
    user has no inotify instances left. `start` begins, `stop` ends it."""

    def __init__(self, root: str, skip: Set[str], on_file: Callable[[str], None], on_folder: Callable[[str], None],
                 on_lost: Callable[[], None]) -> None:
        super().__init__()
        self.name = "pectin-inotify"
        self.root_gone = False  # deleted or unmounted: no event will come any more
        self._root = root
        self._root_watch = -1
        self._skip = skip
        self._on_file = on_file
        self._on_folder = on_folder
        self._on_lost = on_lost
        # Guarded by InotifyFD's lock, like its descriptor: a number that is closed may be another file's a moment later.
        self._folders: dict[WatchDescriptor, str] = {}
        self._failed: Counter[int] = Counter()  # could not be watched, by errno
        self._sweep: tuple[set[WatchDescriptor], Counter[int]] | None = None  # seen and failed in this search
        self._released = False

    def enter(self, path: str) -> bool:
        """Watch this folder; whether one may go into it. To be called before it is read: what appears in between is seen twice,
        not never. Watching what is watched already changes nothing but the name it goes by."""
        if path in self._skip:
            return False
        follow = 0 if path == self._root else InotifyConstants.IN_DONT_FOLLOW
        with self._lock:
            if self._closed:
                return False
            watch = inotify_add_watch(self._inotify_fd, os.fsencode(path), Mask(_MASK | follow))
            if watch >= 0:
                self._folders[watch] = path
                if path == self._root:
                    self._root_watch = watch
                if self._sweep is not None:
                    self._sweep[0].add(watch)
                return True
            error = ctypes.get_errno()
            if error not in _GONE:
                self._failed[error] += 1
                if self._sweep is not None:
                    self._sweep[1][error] += 1
        return True

    def sweep_begins(self) -> None:
        """A search of the whole tree begins: it will `enter` each folder that is there."""
        with self._lock:
            self._sweep = (set(), Counter())

    def sweep_ended(self, *, complete: bool) -> None:
        """It has ended. Folders it did not come by are no longer watched: they have left the tree, or have another name that the
        kernel has yet to tell. What could not be watched before and has gone since is forgotten."""
        with self._lock:
            if self._sweep is None or not complete or self._closed:
                self._sweep = None
                return
            (seen, self._failed), self._sweep = self._sweep, None
            for watch in [watch for watch in self._folders if watch not in seen]:
                del self._folders[watch]
                inotify_rm_watch(self._inotify_fd, watch)

    def counts(self) -> tuple[int, Counter[int]]:
        """How many folders are watched, and how many are not, by errno."""
        return len(self._folders), Counter(dict(self._failed))  # without the lock, which a disk that hangs can hold

    def handle_event(self, event: InotifyEvent) -> None:
        """Called by InotifyFD for each event, in the tree's thread."""
        if event.is_queue_overflow:
            self._on_lost()
            return
        with self._lock:
            folder = self._folders.get(event.wd)
            if event.is_ignored:
                self._folders.pop(event.wd, None)
                self.root_gone = self.root_gone or event.wd == self._root_watch
        if folder is None or not event.name:
            return
        path = f"{folder}/{os.fsdecode(event.name)}"
        if event.mask & InotifyConstants.IN_ISDIR:
            self._on_folder(path)
        else:
            self._on_file(path)

    def run(self) -> None:
        """Read until stopped; give everything back also when something raises."""
        try:
            super().run()
        finally:
            with self._lock:
                self._closed = True
                self._close_resources()

    def _close_resources(self) -> None:
        if not self._released:
            self._released = True
            super()._close_resources()
