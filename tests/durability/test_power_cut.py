"""The power fails: what a disk holds at that moment is all there is. An ext4 image is copied while it is mounted and the daemon
stands still at a crash point; the copy is mounted in its place, and the daemon is started there."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from clips import Clips
from durability.acts import BEFORE, HERE, THERE, WISHES, three
from durability.world import LONG, DiedError, World, template
from harness import children_of_job, until
from needs import need_program, need_root
from pectin.linux.crash import CrashPoint

MEGABYTES = 48
# The longest the kernel may keep names in memory: only what was synced is on the disk. (Five seconds are its default.)
OPTIONS = "loop,commit=300"


class Disk:
    """`with Disk(folder) as disk`: an ext4 file system at `disk.mount`, until the power fails."""

    def __init__(self, folder: Path) -> None:
        need_root("mount an ext4 image")
        self._image, self.mount = folder / "image", folder / "disk"
        self.mount.mkdir(parents=True)

    def __enter__(self) -> Disk:
        with self._image.open("wb") as image:
            image.truncate(MEGABYTES << 20)
        _run(need_program("mkfs.ext4", "e2fsprogs"), "-q", "-F", str(self._image))
        self._attach()
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", str(self.mount)], check=False)

    def photograph(self) -> None:
        """What it holds now."""
        _run("cp", "--sparse=always", str(self._image), str(self._image.with_name("photograph")))

    def replace(self) -> None:
        """By its photograph: as after a power cut at that moment."""
        until(lambda: subprocess.run(["umount", str(self.mount)], check=False, capture_output=True).returncode == 0, "it is free")
        self._image.with_name("photograph").rename(self._image)
        self._attach()

    def _attach(self) -> None:
        _run("mount", "-o", OPTIONS, str(self._image), str(self.mount))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


@contextmanager
def _children_stand_still(world: World) -> Iterator[None]:
    """No ffmpeg writes while the disk is photographed: a power cut is one moment."""
    stopped = [child for folder in world.roots["work"].iterdir() for child in children_of_job(folder.name)]
    for child in stopped:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGSTOP)
    yield
    for child in stopped:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGCONT)


def cut(folder: Path, film: bytes, point: CrashPoint, act: object = None) -> None:
    """The power fails at this point."""
    with Disk(folder) as disk:
        places = {name: disk.mount / name for name in ("inbox", "library", "work", "originals", "rejected", "renditions")}
        with World(folder / "world", film, roots=places, state=disk.mount / "state", folders=True) as world:
            os.sync()  # the empty folders, from here on it is the daemon's to care
            if (first := BEFORE.get(point)) is not None:
                three(world, f"before {point}", str(first))
                assert world.ended()
            with suppress(DiedError):
                (act or WISHES.get(point, three))(world, str(point), f"{point}:1:stop")  # type: ignore[operator]
            assert world.ended(), f"{point} was never reached\n{world.daemon.text()}"
            with _children_stand_still(world):
                disk.photograph()
            world.kill()
            disk.replace()
            world.all_is_well()


def unsynced(world: World, name: str, wish: str) -> None:
    """A film of which its sender's machine has told the disk nothing yet."""
    world.film(name, durable=False)
    world.start(wish)


def test_after_a_power_cut_everything_is_in_one_known_place(tmp_path: Path, clips: Clips) -> None:
    film = template(clips)
    cases = [(CrashPoint.INSERTED, unsynced), (CrashPoint.AFTER_PUBLISHED, three), (CrashPoint.WORK_REMOVED, three)]
    with ThreadPoolExecutor(len(cases)) as pool:
        for done in [pool.submit(cut, tmp_path / point, film, point, act) for point, act in cases]:
            done.result()


@pytest.mark.skipif(not LONG, reason="`make soak` runs it")
@pytest.mark.parametrize("point", [*HERE, *THERE, *WISHES])
def test_after_a_power_cut_at_this_point_everything_is_in_one_known_place(tmp_path: Path, clips: Clips,
                                                                          point: CrashPoint) -> None:
    cut(tmp_path, template(clips), point)
