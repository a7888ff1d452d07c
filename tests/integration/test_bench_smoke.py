"""The benchmark works: every row is measured, briefly, and judged not at all. How long anything takes is for `make bench`."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from needs import need_program

ROOT = Path(__file__).resolve().parents[2]


# What runs beside each other: most of it waits. Together, every measurement there is.
PARTS = (("whole_job", "pickup", "suite"), ("intake_latency", "burst", "decision"), ("large_inbox", "clients", "idle"),
         ("cap", "pictures", "quality"))


def test_a_quick_benchmark_measures_every_row_and_judges_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    need_program("ffmpeg", "ffmpeg")
    folder = tmp_path_factory.mktemp("b")  # short: a socket's path has 108 bytes
    with ThreadPoolExecutor(len(PARTS)) as threads:
        rows = {row["name"]: row for part in threads.map(lambda part: _quick(folder, part), PARTS) for row in part}
    unmeasured = {name for name, row in rows.items() if row["verdict"] != "not judged"}
    assert unmeasured == {"clients_truncated", "unit_tests", "test_suite"}
    assert rows.keys() - unmeasured == {
        "whole_job", "cap_x264", "cap_x265", "cap_svt_av1", "cap_vp9", "cap_aom", "cap_decoder_and_filters", "sandbox_cost",
        "pickup", "claim_median_linger_2", "claim_p99_linger_2", "claim_median_linger_0", "claim_p99_linger_0",
        "burst_rate", "burst_memory", "start_scan", "large_idle_cpu", "overflow_found", "idle_memory", "idle_cpu",
        "decision", "decision_p99", "probe_large_file", "preview_cost", "pictures_cost", "quality_time", "quality_off"}
    may_be_nothing = {"burst_memory", "start_scan", "large_idle_cpu", "idle_cpu", "quality_off"}  # as short as these are here
    assert [name for name in rows.keys() - unmeasured - may_be_nothing if not rows[name]["measured"] > 0] == []
    assert list(folder.iterdir()) == []


def _quick(folder: Path, names: tuple[str, ...]) -> list[dict[str, Any]]:
    done = subprocess.run([sys.executable, "tests/bench/run.py", "--quick", "--json", "--folder", str(folder), "--only", *names],
                          cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    return rows
