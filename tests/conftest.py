"""Fixtures every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from clips import Clips


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def long_film(clips: Clips) -> Path:
    """Takes half a minute to encode with SLOW (tests/harness.py), a few seconds with the fastest preset, with progress soon."""
    return clips.make("noise.mkv", ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=60,noise=alls=40:allf=t",
                                    "-c:v", "mpeg4", "-q:v", "20"])
