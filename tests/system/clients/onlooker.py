"""Run inside the machine by its own python3: says when which name below a folder was touched, one line of JSON per event.

It asks the kernel itself (inotify), so that what it says does not depend on the daemon that is tested."""

import ctypes
import json
import os
import struct
import sys
import time

MODIFY, ATTRIB, CLOSE_WRITE, MOVED_FROM, MOVED_TO, CREATE = 0x2, 0x4, 0x8, 0x40, 0x80, 0x100
MASK = MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE
IS_DIRECTORY, ONLY_DIRECTORY, NO_FOLLOW = 0x40000000, 0x01000000, 0x02000000


def main(root: bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    watcher = libc.inotify_init1(os.O_CLOEXEC)
    folders: dict[int, bytes] = {}

    def watch(folder: bytes) -> None:
        found = libc.inotify_add_watch(watcher, folder, MASK | ONLY_DIRECTORY | NO_FOLLOW)
        if found < 0:
            return  # it has gone already
        folders[found] = folder
        for entry in os.scandir(folder):  # what came before the watch
            if entry.is_dir(follow_symlinks=False):
                watch(entry.path)
            else:
                tell(CREATE, entry.path)

    def tell(mask: int, path: bytes) -> None:
        print(json.dumps({"time": time.time(), "mask": mask, "path": os.path.relpath(path, root).hex()}), flush=True)

    watch(root)
    print(json.dumps({"ready": True}), flush=True)
    while True:
        data, at = os.read(watcher, 1 << 20), 0
        while at < len(data):
            descriptor, mask, _, length = struct.unpack_from("iIII", data, at)
            name = data[at + 16:at + 16 + length].rstrip(b"\0")
            at += 16 + length
            if not name or descriptor not in folders:
                continue
            path = os.path.join(folders[descriptor], name)
            if mask & IS_DIRECTORY:
                if mask & (CREATE | MOVED_TO):
                    watch(path)
            else:
                tell(mask, path)


if __name__ == "__main__":
    main(os.fsencode(sys.argv[1]))
