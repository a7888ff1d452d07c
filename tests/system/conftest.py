"""Fixtures of the system tests: the installed program is collected once, for it takes longest."""

from __future__ import annotations

from pathlib import Path

import pytest

from clips import alone
from system.machine import stage


@pytest.fixture(scope="session")
def staged(common: Path) -> Path:
    done = common / "staged" / "done"
    with alone(done):
        root = stage(common / "staged" / "root") if not done.exists() else common / "staged" / "root"
        done.touch()
    return root
