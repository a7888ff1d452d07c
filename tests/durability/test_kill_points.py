"""kill -9 at every crash point, with three films in flight: afterwards everything is in exactly one known place.

The short proof is one long story for several worlds at once: each death finds what the one before has left. The long one
(`make soak`) gives every point and every time a world of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pytest

from clips import Clips
from durability.acts import ACROSS, BEFORE, BY_HAND, HERE, THERE, WISHES, three
from durability.world import LONG, DiedError, World, template
from needs import missing
from pectin.linux.crash import CrashPoint

AT_ONCE = 3  # worlds: a daemon waits more than it computes


@contextmanager
def elsewhere(folder: Path) -> Iterator[dict[str, Path]]:
    """The roots of a world whose inbox, library, renditions and originals are on another file system."""
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK) or shm.stat().st_dev == folder.stat().st_dev:
        missing("a second file system", "mount a tmpfs on /dev/shm")
    far = shm / f"pectin-{folder.parent.name}-{folder.name}-{os.getpid()}"
    try:
        yield {name: far / name for name in ("inbox", "library", "originals", "renditions")}
    finally:
        shutil.rmtree(far, ignore_errors=True)


def story(folder: Path, film: bytes, points: Sequence[CrashPoint], *, nth: int = 1, across: bool = False,
          folders: bool = True) -> None:
    """Die at each point in turn, and look at the end. `nth` is for the last of them."""
    folder.mkdir()
    with elsewhere(folder) if across else nullcontext({}) as roots, World(folder, film, roots=roots, folders=folders) as world:
        for number, point in enumerate(points):
            time = nth if point is points[-1] else 1
            with suppress(DiedError):
                WISHES.get(point, three)(world, f"{number} {point}", f"{point}:{time}")
            if not world.ended():
                assert time > 1, f"{point} was never reached\n{world.daemon.text()}"
                world.stop()
        world.all_is_well()


def test_every_point_has_its_proof() -> None:
    assert {*HERE, *THERE, *ACROSS, *WISHES, *BY_HAND} == set(CrashPoint)


@pytest.mark.skipif(LONG, reason="the long proof is run instead")
def test_after_kill_9_at_any_point_everything_is_in_one_known_place(tmp_path: Path, clips: Clips) -> None:
    film, wishes = template(clips), tuple(WISHES)
    half = len(wishes) // 2
    with ThreadPoolExecutor(AT_ONCE) as pool:
        worlds = [pool.submit(story, tmp_path / "here", film, HERE, folders=False),
                  pool.submit(story, tmp_path / "there", film, THERE, folders=False),
                  pool.submit(story, tmp_path / "across", film, ACROSS, across=True),
                  pool.submit(story, tmp_path / "wishes", film, wishes[:half]),
                  pool.submit(story, tmp_path / "more wishes", film, wishes[half:])]
    for world in worlds:
        world.result()


@pytest.mark.skipif(not LONG, reason="`make soak` runs it")
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize(("point", "across"), [*((p, False) for p in (*HERE, *THERE, *WISHES)), *((p, True) for p in ACROSS)])
def test_after_kill_9_at_this_point_everything_is_in_one_known_place(tmp_path: Path, clips: Clips, point: CrashPoint,
                                                                     across: bool, nth: int) -> None:
    before = CrashPoint.CLAIM_PUT_ASIDE if across else BEFORE.get(point)
    story(tmp_path / "world", template(clips), (point,) if before is None else (before, point), nth=nth, across=across)
