"""A part of an inbox that is walked as one: the folder itself without the network mounts in it, or one of those."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from pectin.intake.inotify import Tree
from pectin.intake.watched import RAISE_LIMIT
from pectin.linux.beneath import walk

_ENDING = 5.0  # seconds to wait for the reading thread; it ends at once unless it searches a folder on a disk that hangs


class Branch:
    """`put` gets each file: its path, and whether it appeared just now. `lost` is called when events were dropped. Both from any
    thread. A network branch is never watched: what other machines do causes no events."""

    def __init__(self, root: Path, skip: frozenset[str], put: Callable[[Path, bool], None], lost: Callable[[], None], *,
                 network: bool) -> None:
        self.root = root
        self.network = network
        self.wall = 0.0  # seconds that the last walk took
        self.cpu = 0.0   # seconds of a core that it took
        self._skip = skip
        self._put = put
        self._lost = lost
        self._tree: Tree | None = None
        self._no_tree = ""  # why the kernel gives us no events at all
        self._unreadable = 0
        self._example: Path | None = None
        self._lock = threading.Lock()  # guards the tree and the end
        self._closed = False

    def walk(self, *, announce: bool) -> int:
        """Watch every folder, also those that could not be watched before, and put every file when it is to be announced; the
        number of files. Blocks, on a dead file server for as long as that pleases. Not twice at the same time."""
        wall, cpu = time.monotonic(), time.thread_time()
        tree = None if self.network else self._ensure_tree()
        unreadable: set[Path] = set()
        count = 0
        complete = False
        if tree is not None:
            tree.sweep_begins()
        try:
            with closing(walk(self.root, unreadable.add,
                              entering=tree.enter if tree is not None else self._enter)) as files:
                for path in files:
                    if self._closed:
                        return count
                    count += 1
                    if announce:
                        self._put(path, False)
            complete = True
        except (FileNotFoundError, NotADirectoryError):
            return count  # vanished; the next look at the root tells
        except OSError:
            unreadable.add(self.root)
        finally:
            if tree is not None:
                tree.sweep_ended(complete=complete)
        self._unreadable, self._example = len(unreadable), min(unreadable, default=None)
        self.wall, self.cpu = time.monotonic() - wall, time.thread_time() - cpu
        return count

    def close(self) -> None:
        """End the watching. Blocks for a moment."""
        with self._lock:
            self._closed = True
            tree, self._tree = self._tree, None
        if tree is not None:
            tree.stop()
            tree.join(_ENDING)

    @property
    def alive(self) -> bool:
        """Whether the events that the kernel promised are still read."""
        tree = self._tree
        return tree is None or tree.is_alive()

    @property
    def root_gone(self) -> bool:
        """The kernel told that the root was deleted or unmounted, whatever lies in its place now."""
        tree = self._tree
        return tree is not None and tree.root_gone

    def counts(self) -> tuple[int, int]:
        """How many folders are watched, and how many are not although they should be."""
        tree = self._tree
        watched, failed = tree.counts() if tree is not None else (0, Counter[int]())
        return watched, failed.total()

    def ailments(self) -> list[str]:
        """What is wrong, in sentences that stay the same while the same is wrong: they are told once."""
        wrong = []
        if self._no_tree:
            wrong.append(f"nothing in {self.root} can be watched, only the rescan finds new files: {self._no_tree}")
        tree = self._tree
        failed = tree.counts()[1] if tree is not None else Counter[int]()
        if failed[errno.ENOSPC]:
            wrong.append(f"not all folders in {self.root} can be watched, in the others only the rescan finds new files: the "
                         f"kernel's limit fs.inotify.max_user_watches is used up; raise it: {RAISE_LIMIT}")
        if other := [code for code in failed if code not in (errno.ENOSPC, errno.EACCES)]:
            wrong.append(f"not all folders in {self.root} can be watched, in the others only the rescan finds new files: "
                         f"{os.strerror(other[0])}")
        if self._unreadable:
            wrong.append(f"{self._unreadable} {'folder' if self._unreadable == 1 else 'folders'} in the inbox may not be read, "
                         f"{self._example} is one: `chmod g+rwx` on it lets Pectin in")
        return wrong

    def _enter(self, path: str) -> bool:
        return path not in self._skip

    def _ensure_tree(self) -> Tree | None:
        with self._lock:
            if self._tree is None and not self._closed:
                try:
                    tree = Tree(str(self.root), self._skip, self._file, self._folder, self._lost)
                except OSError as error:
                    what = error.strerror or str(error)
                    self._no_tree = f"{what} (fs.inotify.max_user_instances)" if error.errno == errno.EMFILE else what
                else:
                    self._no_tree = ""
                    tree.start()
                    self._tree = tree
            return self._tree

    def _file(self, path: str) -> None:
        self._put(Path(path), True)

    def _folder(self, path: str) -> None:
        """What was in a folder before it was watched gives no events of its own (mkdir and cp at once, a tree moved in)."""
        tree = self._tree
        if tree is not None:
            with suppress(OSError):  # gone again, or unreadable, which the next walk tells
                for found in walk(Path(path), entering=tree.enter, follow=False):
                    self._put(found, True)
