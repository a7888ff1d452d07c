"""Sources that lie about themselves or mean harm: each comes to its own end with a reason, and takes nothing with it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clips import Clips
from harness import Daemon, daemon, files
from needs import need_program
from sources.catalogue import BY_NAME
from sources.dropping import all_ended
from sources.hostile import HOSTILE, Hostile
from sources.making import Workshop

LARGEST = 4 << 20  # bytes: no film here is as large; a gap of days filled with pictures would be


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon(tmp_path_factory.mktemp("d"), {"encoder": {"threads": 1, "jobs": 2, "stall_timeout": "20s"},
                                               "retry": {"attempts": 1}, "intake": {"give_up_after": "1s"}}) as made:
        yield made


@pytest.fixture(scope="module")
def jobs(running: Daemon, clips: Clips) -> dict[str, dict[str, Any]]:
    workshop = Workshop(clips)
    secret = workshop.make(BY_NAME["film.ts"])
    for hostile in HOSTILE:
        made = running.folder / "made"
        made.write_bytes(hostile.make(workshop, secret))
        running.drop(made, hostile.name)
    return all_ended(running, len(HOSTILE))


@pytest.mark.parametrize("hostile", HOSTILE, ids=str)
def test_it_ends_for_a_reason_or_is_filed_whole(jobs: dict[str, dict[str, Any]], hostile: Hostile) -> None:
    job = jobs[hostile.name]
    assert job["cause"] in hostile.causes, f"{job['state']}: {job['message']}"
    assert (job["state"] == "COMPLETED") == (job["cause"] is None)
    if job["state"] != "COMPLETED":
        assert job["outputs"] == []
        assert job["message"]
        return
    film = next(Path(output["path"]) for output in job["outputs"] if output["role"] == "video")
    assert film.stat().st_size < LARGEST
    assert pictures(film) == hostile.pictures


def test_nothing_else_is_in_the_library(running: Daemon, jobs: dict[str, dict[str, Any]]) -> None:
    outputs = {output["path"] for job in jobs.values() for output in job["outputs"]}
    assert {str(running.library / name) for name in files(running.library)} == outputs


def pictures(film: Path) -> int:
    """Decoded, to the end, without one complaint."""
    command = [need_program("ffprobe", "ffmpeg"), "-v", "error", "-threads", "1", "-select_streams", "v:0", "-count_frames",
               "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", f"file:{film}"]
    counted = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert counted.stderr == ""
    return int(counted.stdout)
