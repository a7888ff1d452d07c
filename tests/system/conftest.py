"""Fixtures of the system tests: the installed program is collected once, for it takes longest."""

from __future__ import annotations

from pathlib import Path

import pytest

from system.machine import stage


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stage(tmp_path_factory.mktemp("stage") / "root")
