"""How long the tests take: who waits too long stops running them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.table import Row

UNIT_BOUND = 20.0   # seconds
WHOLE_BOUND = 600.0  # seconds, on two cores


def measure(root: Path, *, unit: bool, whole: bool) -> list[Row]:
    """Time the unit tests, and everything that `make test` does; what is not asked for is a row without a figure."""
    return [
        Row(name="unit_tests", figure="Unit tests", bound=UNIT_BOUND, unit="s", digits=1, judged=True,
            measured=_seconds([sys.executable, "-m", "pytest", "tests/unit", "-q"], root) if unit else None),
        Row(name="test_suite", figure="Whole test suite (`make test`)", bound=WHOLE_BOUND, unit="s", digits=0, judged=True,
            measured=_seconds(["make", "test"], root) if whole else None, notes="" if whole else "measured with --suite"),
    ]


def _seconds(command: Sequence[str], root: Path) -> float:
    """Tests that fail measure nothing: raises CalledProcessError. What they say goes to stderr: stdout is the table's."""
    began = time.monotonic()
    subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)
    return time.monotonic() - began
