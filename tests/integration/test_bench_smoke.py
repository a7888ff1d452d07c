"""The benchmark works: every row is measured, briefly, and judged not at all. How long anything takes is for `make bench`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from needs import need_program

ROOT = Path(__file__).resolve().parents[2]


def test_a_quick_benchmark_measures_every_row_and_judges_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    need_program("ffmpeg", "ffmpeg")
    folder = tmp_path_factory.mktemp("b")  # short: a socket's path has 108 bytes
    done = subprocess.run([sys.executable, "tests/bench/run.py", "--quick", "--json", "--folder", str(folder)], cwd=ROOT,
                          capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)["rows"]}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "whole_job": "not judged", "pickup": "not judged", "idle_memory": "not judged", "idle_cpu": "not judged",
        "unit_tests": "not measured", "test_suite": "not measured"}
    assert rows["whole_job"]["measured"] > 0
    assert rows["pickup"]["measured"] > 0
    assert rows["idle_memory"]["measured"] > 0
    assert list(folder.iterdir()) == []
