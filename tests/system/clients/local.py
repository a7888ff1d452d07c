"""Films that programs of the machine itself bring: mv, cp, hard links, files without a name, mapped memory, odd names."""

from __future__ import annotations

import hashlib
import os

from system.clients.told import Sent
from system.clients.world import World, by_name
from system.machine import INBOX

# Each script gets the film and the final path, and prints what only it can know: when the last byte was written.
_UNNAMED = """
import os, sys
film = open(sys.argv[1], 'rb').read()
fd = os.open(os.path.dirname(sys.argv[2]), os.O_TMPFILE | os.O_WRONLY, 0o664)
os.write(fd, film)
os.link(f'/proc/self/fd/{fd}', sys.argv[2], src_dir_fd=fd, follow_symlinks=True)  # with src_dir_fd Python really follows
os.close(fd)
"""
_MAPPED = """
import ctypes, mmap, os, sys, time
film = open(sys.argv[1], 'rb').read()
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
fd = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o664)
os.ftruncate(fd, len(film))
at = libc.mmap(None, len(film), mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd, 0)
os.close(fd)
ctypes.memmove(at, film, len(film))
ctypes.memset(at + 300_000, 1, 1000)   # whole as far as its boxes tell, but not yet what it is to be
time.sleep(10)
ctypes.memmove(at, film, len(film))
print(time.time())
libc.munmap(at, len(film))
"""
_PREALLOCATED = """
import os, sys, time
film = open(sys.argv[1], 'rb').read()
half = len(film) // 2
fd = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o664)
os.posix_fallocate(fd, 0, len(film))
os.pwrite(fd, film[:half], 0)
os.close(fd)
time.sleep(6)
fd = os.open(sys.argv[2], os.O_WRONLY)
os.pwrite(fd, film[half:], half)
print(time.time())
os.close(fd)
"""
_PIECES = """
import os, sys, time
film = open(sys.argv[1], 'rb').read()
size = len(film) // 4 + 1
for at in range(0, len(film), size):
    if at:
        time.sleep(3)
    with open(sys.argv[2], 'ab') as out:
        out.write(film[at:at + size])
    print(time.time())
"""
_NAMES = """
import os, shutil, sys
inbox, film, *names = [os.fsencode(one) for one in sys.argv[1:]]
for name in names:
    shutil.copyfile(film, os.path.join(inbox, name))
"""

NAMES = {
    "newline": b"Two\nlines.mkv", "quotes": b"It's \"quoted\" `here` $HOME.mkv", "leading_dash": b"-rf dash.mkv",
    "long": b"L" * 251 + b".mkv", "not_utf8": b"Caf\xe9 \xff.mkv",
    "emoji": "Jelly \U0001fabc\U0001f9d1\u200d\U0001f680.mkv".encode(),
    "percent": b"%d %s %20 {0}.mkv", "trailing_blank": b"Blank .mkv", "backslash": b"Back\\slash\\n.mkv"}


def mv(world: World) -> Sent:
    film = world.films["tail"]
    world.run("mv", world.brought(film, "Moved.mp4"), f"{INBOX}/Moved.mp4")
    return Sent(name=b"Moved.mp4", sha256=film.sha256)


def cp_then_times_and_mode_by_name(world: World) -> Sent:
    film = world.films["avi"]
    path = f"{INBOX}/Copied.avi"
    world.run("sh", "-ec", f"cp {film.inside} {path}; {by_name(path)}")
    return Sent(name=b"Copied.avi", sha256=film.sha256)


def hard_link(world: World) -> Sent:
    film = world.films["mkv"]
    world.run("ln", world.brought(film, "Linked.mkv"), f"{INBOX}/Linked.mkv")
    return Sent(name=b"Linked.mkv", sha256=film.sha256)


def unnamed_then_linked(world: World) -> Sent:
    film = world.films["mkv"]
    world.python(_UNNAMED, film.inside, f"{INBOX}/Unnamed.mkv")
    return Sent(name=b"Unnamed.mkv", sha256=film.sha256)


def mapped_memory_after_close(world: World) -> Sent:
    film = world.films["fast"]
    last = float(world.python(_MAPPED, film.inside, f"{INBOX}/Mapped.mp4"))
    return Sent(name=b"Mapped.mp4", sha256=film.sha256, not_before=last)


def preallocated_then_filled(world: World) -> Sent:
    film = world.films["fast"]
    last = float(world.python(_PREALLOCATED, film.inside, f"{INBOX}/Preallocated.mp4"))
    return Sent(name=b"Preallocated.mp4", sha256=film.sha256, not_before=last)


def appended_in_pieces(world: World) -> Sent:
    film = world.films["mkv"]
    times = world.python(_PIECES, film.inside, f"{INBOX}/Pieces.mkv").split()
    assert len(times) == 4
    return Sent(name=b"Pieces.mkv", sha256=film.sha256, not_before=float(times[-1]))


def appended_in_pieces_of_a_format_that_does_not_tell(world: World) -> Sent:
    film = world.films["ts"]
    times = world.python(_PIECES, film.inside, f"{INBOX}/Pieces.ts").split()
    return Sent(name=b"Pieces.ts", sha256=film.sha256, unprovable=True, not_before=float(times[-1]))


def tree_moved_in(world: World) -> Sent:
    """What is moved keeps its own group and mode: here what `cp` makes of a folder that the sender shares."""
    film, folder = world.films["mkv"], world.folder()
    world.run("sh", "-ec", f"umask 002; mkdir -p {folder}/Series/S01; cp {film.inside} '{folder}/Series/S01/Deep.mkv'; "
                           f"chgrp -R pectin {folder}/Series; mv {folder}/Series {INBOX}/")
    return Sent(name=b"Deep.mkv", sha256=film.sha256)


def folders_made_at_once(world: World) -> Sent:
    film = world.films["tail"]
    world.run("sh", "-ec", f"mkdir -p {INBOX}/New/A/B && cp {film.inside} {INBOX}/New/A/B/Nested.mp4")
    return Sent(name=b"Nested.mp4", sha256=film.sha256)


def aria2_beside(world: World) -> Sent:
    """aria2 writes the file under its final name and keeps a control file beside it until all is there."""
    film, path = world.films["mkv"], f"{INBOX}/Download.mkv"
    last = world.python("import os, shutil, sys, time; film, path = sys.argv[1:]; open(path + '.aria2', 'wb').close(); "
                        "shutil.copyfile(film, path); time.sleep(8); print(time.time()); os.unlink(path + '.aria2')",
                        film.inside, path)
    return Sent(name=b"Download.mkv", sha256=film.sha256, not_before=float(last))


def never_completed(world: World) -> Sent:
    film = world.films["mkv"]
    world.run("sh", "-ec", f"head -c 300000 {film.inside} > {INBOX}/Never.mkv")
    world.waits("Never.mkv", "truncated")
    return Sent(name=b"Never.mkv", sha256=hashlib.sha256(film.data[:300000]).hexdigest(), taken=False)


def odd_name(kind: str, world: World) -> Sent:
    film = world.films["mkv"]
    world.python(_NAMES, INBOX, film.inside, os.fsdecode(NAMES[kind]))
    return Sent(name=NAMES[kind], sha256=film.sha256)


SCENARIOS = (mv, cp_then_times_and_mode_by_name, hard_link, unnamed_then_linked, mapped_memory_after_close,
             preallocated_then_filled, appended_in_pieces, appended_in_pieces_of_a_format_that_does_not_tell, tree_moved_in,
             folders_made_at_once, aria2_beside, never_completed)
