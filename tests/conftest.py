"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clips import Clips

_SHARED = "PYTEST_XDIST_WORKER" in os.environ


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several workers share the tests (pytest -n), the real clients come first: one of them stands still for a minute, and
    at the end the other workers would have to wait for it."""
    if _SHARED:
        items.sort(key=lambda item: item.path.name != "test_clients.py")


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the whole test run, the same for all workers."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if _SHARED else own) / "common"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def clips(common: Path) -> Clips:
    return Clips(common / "clips")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def long_film(clips: Clips) -> Path:
    """Takes half a minute to encode with SLOW (tests/harness.py), a few seconds with the fastest preset, with progress soon."""
    return clips.make("noise.mkv", ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=60,noise=alls=40:allf=t",
                                    "-c:v", "mpeg4", "-q:v", "20"])
