"""Fixtures every test may use."""

from __future__ import annotations

import pytest

from clips import Clips


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
