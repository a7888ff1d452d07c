"""Damaged films, hundreds of them: whatever is published is whole and plays, whatever is not says why, and nothing hangs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from clips import Clips
from durability.world import LONG
from harness import Daemon, daemon, files
from judging import Oracle, described, oracle, oracle_is_here
from needs import need_program
from sources.catalogue import BY_NAME
from sources.damage import ENDLESS, SECONDS, Case, cases
from sources.dropping import all_ended
from sources.making import Workshop

# Seeds are never changed to get rid of a failure. A case found elsewhere is added as a seed and a number of its own.
SEED, COUNT = 5, 500 if LONG else 40
ROUTES = ("reject", "publish")  # by the word of their profile for damaged sources
STALL = 20.0  # seconds: no run here needs more than two
_CLOSE = 0.6  # seconds between what the plan says and what came out


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("d")
    for word in ROUTES:
        (folder / "inbox" / word).mkdir(parents=True)
        (folder / f"library {word}").mkdir()
    with daemon(folder, {
        "encoder": {"threads": 1, "jobs": 2, "stall_timeout": f"{STALL:g}s"}, "retry": {"attempts": 1},
        "intake": {"give_up_after": "1s"},
        "profiles": {word: {"preset": "ultrafast", "damaged_source": word} for word in ROUTES},
        "routes": [{"name": word, "inbox": str(folder / "inbox" / word), "library": str(folder / f"library {word}"),
                    "profile": word} for word in ROUTES],
    }) as made:
        yield made


@pytest.fixture(scope="module")
def workshop(clips: Clips) -> Workshop:
    return Workshop(clips)


@pytest.fixture(scope="module")
def jobs(running: Daemon, workshop: Workshop) -> dict[str, dict[str, Any]]:
    """Every case in turns into both routes; then the jobs by the names of their sources, once all have ended."""
    for case in CASES:
        damaged = running.folder / "damaged"
        damaged.write_bytes(case.of(whole(workshop, case).read_bytes()))
        running.drop(damaged, f"{route(case)}/{case.name}")
    return all_ended(running, len(CASES))


@pytest.fixture(scope="module")
def judge() -> Iterator[Oracle | None]:
    """None where the oracle is not: everything else is proved there too."""
    if not oracle_is_here():
        yield None
        return
    with oracle() as made:
        yield made


CASES = cases(SEED, COUNT)


def whole(workshop: Workshop, case: Case) -> Path:
    return workshop.make(BY_NAME[case.victim], seconds=SECONDS)


def route(case: Case) -> str:
    """Each victim comes to both."""
    return ROUTES[(case.number // 20 + case.number) % 2]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_damaged_film_is_published_whole_or_not_at_all(jobs: dict[str, dict[str, Any]], judge: Oracle | None,
                                                         workshop: Workshop, case: Case) -> None:
    job = jobs[case.name]
    assert job["state"] in ("COMPLETED", "REJECTED", "FAILED")
    if job["state"] != "COMPLETED":
        assert job["cause"] not in (None, "internal"), job["message"]
        assert job["message"]
        assert job["outputs"] == []
        return
    film = next(Path(output["path"]) for output in job["outputs"] if output["role"] == "video")
    proves_whole(film)
    if judge is not None:
        assert judge.transcodes(described(film)) == {}
    expected = job["plan"]["seconds"]
    if expected is not None and not job["plan"]["notes"]:
        assert seconds(film) == pytest.approx(expected, abs=_CLOSE)
    claimed = job["media"]["duration"]
    if route(case) == "reject" and case.victim not in ENDLESS and claimed is not None:
        assert seconds(film) > min(claimed, seconds(whole(workshop, case))) - _CLOSE, "it is cut short, and nobody was told"
    for output in job["outputs"]:
        if output["role"] == "subtitle":
            assert Path(output["path"]).read_bytes().decode("utf-8").strip()


def test_nothing_else_is_in_the_libraries(running: Daemon, jobs: dict[str, dict[str, Any]]) -> None:
    outputs = {output["path"] for job in jobs.values() for output in job["outputs"]}
    libraries = [running.folder / f"library {word}" for word in ROUTES]
    assert {str(library / name) for library in libraries for name in files(library)} == outputs


def proves_whole(film: Path) -> None:
    """Every packet of it is decoded without one complaint."""
    command = [need_program("ffmpeg", "ffmpeg"), "-nostdin", "-v", "error", "-xerror", "-threads", "1", "-i", f"file:{film}",
               "-map", "0:v", "-map", "0:a?", "-fps_mode", "passthrough", "-f", "null", "-"]
    decoded = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert decoded.returncode == 0, decoded.stderr


@cache
def seconds(film: Path) -> float:
    """From the beginning to the end of the last picture, by its packets: no header is believed."""
    command = [need_program("ffprobe", "ffmpeg"), "-v", "error", "-select_streams", "v:0", "-of", "json", "-show_entries",
               "packet=pts_time,dts_time,duration_time", f"file:{film}"]
    packets = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)["packets"]
    starts = [float(packet.get("pts_time") or packet["dts_time"]) for packet in packets]  # AVI knows only the second
    return max(start + float(packet.get("duration_time", 0))
               for start, packet in zip(starts, packets, strict=True)) - min(starts)
