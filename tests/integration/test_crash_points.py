"""The crash points themselves: off for everybody, refused outside of tests, and every one of them is really somewhere."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

import pytest

import pectin
from crashing import dies
from harness import Daemon, files
from pectin.linux import crash
from pectin.linux.crash import AFTER, BEFORE, CrashPoint, RefusedError, arm, reached
from pectin.model.job import Trigger
from pectin.model.places import Places
from pectin.pipeline.recover import recover
from pectin.publishing import originals, strays
from working import working

JOB, OTHER = "0123456789", "0123456788"


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm({})


def wish(text: str) -> dict[str, str]:
    return {"PECTIN_TESTING": "1", "PECTIN_CRASH_AT": text}


def test_every_point_is_reached_somewhere() -> None:
    source = "".join(path.read_text() for path in Path(pectin.__file__).parent.rglob("*.py"))
    called = {CrashPoint[name] for name in re.findall(r"reached\(CrashPoint\.([A-Z_]+)\)", source)}
    assert re.search(r"reached\(BEFORE\[trigger\]\)", source)
    assert re.search(r"reached\(AFTER\[trigger\]\)", source)
    assert called | set(BEFORE.values()) | set(AFTER.values()) == set(CrashPoint)


def test_every_transition_has_a_point_before_and_after_its_commit() -> None:
    assert set(BEFORE) == set(AFTER) == set(Trigger)


@pytest.mark.parametrize("text", ["purged", "purged:1", "purged:3:stop", "after_claim::stop"])
def test_a_wish_is_understood(text: str) -> None:
    assert "will " in arm(wish(text))


@pytest.mark.parametrize("text", ["nowhere", "purged:0", "purged:-1", "purged:x", "purged:1:later", ":1"])
def test_a_wish_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        arm(wish(text))


def test_without_a_wish_nothing_happens() -> None:
    assert arm({}) == arm({"PECTIN_TESTING": "1"}) == ""
    for point in CrashPoint:
        reached(point)


def test_it_dies_the_nth_time_and_at_no_other_point() -> None:
    def twice() -> None:
        arm(wish("purged:2"))
        reached(CrashPoint.WORK_REMOVED)
        reached(CrashPoint.PURGED)
        done.touch()
        reached(CrashPoint.PURGED)

    done = Path(f"/tmp/pectin-crash-{os.getpid()}")
    try:
        assert dies(twice)
        assert done.exists()
    finally:
        done.unlink(missing_ok=True)


def test_it_can_stand_still_instead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "from pectin.linux.crash import *; arm(); reached(CrashPoint.PURGED)"],
                             env=os.environ | wish("purged:1:stop"))
    try:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
    finally:
        child.send_signal(signal.SIGCONT)
    assert child.wait(30) == 0


@pytest.mark.parametrize(("environment", "words"), [
    ({crash.CRASH_AT: "after_claim"}, "PECTIN_TESTING=1"),
    (wish("nowhere"), "there is no point 'nowhere'"),
])
def test_a_daemon_that_is_told_to_die_by_mistake_does_not_start(tmp_path: Path, environment: dict[str, str], words: str) -> None:
    made = Daemon(tmp_path, environment=environment)
    assert made.spawn().wait(60) == 78
    assert words in made.text()
    assert "Traceback" not in made.text()
    assert files(tmp_path) == ["log", "pectin.yaml"]


def again(point: CrashPoint, step: Callable[[], object]) -> None:
    """Do a step that dies at the point, and then once more as the next start would."""
    def armed() -> None:
        arm(wish(point))
        step()
    assert dies(armed)
    step()


def test_an_original_that_was_being_purged_goes_the_next_time(tmp_path: Path) -> None:
    places = Places(tmp_path / "work", tmp_path / "originals", tmp_path / "rejected")
    film = places.original(JOB, PurePath("Show/Film.mkv"))
    film.parent.mkdir(parents=True)
    film.write_bytes(b"film")
    again(CrashPoint.PURGED, lambda: originals.purge(places, JOB))
    assert files(tmp_path) == []


def test_part_files_that_were_being_removed_go_the_next_time(tmp_path: Path) -> None:
    for name in ("Film", "Other"):
        (tmp_path / f".{name}.mp4.{JOB}.part").write_bytes(b"film")
    again(CrashPoint.STRAY_REMOVED, lambda: strays.discard_parts(strays.stray_parts(tmp_path, {JOB})))
    assert files(tmp_path) == []


@pytest.mark.parametrize("written", [b"", b'{"job_id": "01234', b"\0" * 300])
async def test_a_claim_note_that_the_power_cut_in_two_goes_and_nothing_else(tmp_path: Path, written: bytes) -> None:
    async with working(tmp_path) as (store, worker):
        places = worker.policy.places
        for job_id in (JOB, OTHER):
            places.source(job_id, PurePath("any")).parent.mkdir(parents=True)
            places.claim_note(job_id).write_bytes(written)
        places.source(OTHER, PurePath("Film.mkv")).write_bytes(b"film")
        await recover(store, worker.policy)
        assert files(places.work) == [f"{OTHER}/claim.json", f"{OTHER}/source/Film.mkv"], "a film is never removed"
        assert not places.job_folder(JOB).exists()
