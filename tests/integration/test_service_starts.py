"""The daemon's own life, in parts: what a start makes and leaves, how long it may take, and reloads that come together."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pectin.service import Service, _own_folders
from pectin.settings.load import Loaded
from pectin.settings.sections import Settings


def settings(folder: Path, renditions: Path) -> Settings:
    return Settings.model_validate({"paths": {name: folder / name for name in ("state", "work", "originals", "rejected")}
                                    | {"renditions": renditions}, "profiles": {"more": {"hls": "fmp4"}}})


def test_a_folder_for_renditions_whose_disk_is_away_does_not_keep_the_daemon_from_starting(tmp_path: Path) -> None:
    """Like a library: jobs wait for it. Nor is it made in the empty folder that the disk is mounted on, or above it."""
    _own_folders(settings(tmp_path, tmp_path / "away/disk/renditions"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["originals", "rejected", "state", "work"]
    _own_folders(settings(tmp_path, tmp_path / "work/renditions"))
    assert (tmp_path / "work/renditions").is_dir()


async def test_of_two_reloads_the_second_begins_when_the_first_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the first, with what the file said before, could be the last to take effect."""
    service = Service(Loaded(tmp_path / "pectin.yaml", Settings()))
    told: list[str] = []

    async def reload() -> list[str]:
        told.append("begins")
        await asyncio.sleep(0)
        told.append("ends")
        return []

    monkeypatch.setattr(service, "_reload", reload)
    await asyncio.gather(service.reload(), service.reload())
    assert told == ["begins", "ends"] * 2


async def test_a_start_that_is_told_to_stop_asks_for_no_more_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It might copy a film for hours, and each request would keep `systemctl stop` waiting."""
    service = Service(Loaded(tmp_path / "pectin.yaml", Settings()))
    asked: list[float] = []
    monkeypatch.setattr("pectin.service._BEAT", 0.0)
    monkeypatch.setattr(service._notifier, "extend", asked.append)
    starting = asyncio.create_task(service._take_time())
    while len(asked) < 3:
        await asyncio.sleep(0)
    service._on_stop()
    await asyncio.wait_for(starting, 30)
    assert len(asked) < 5
