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
    """Takes many seconds to encode slowly on any machine: noise at 720p."""
    return clips.make("noise.mkv", ["-f", "lavfi", "-i", "nullsrc=size=1280x720:rate=25:duration=8,geq=random(1)*255:128:128",
                                    "-c:v", "mpeg4", "-q:v", "6"])
