"""What `pectin doctor` says about the walls around ffmpeg, from what a daemon told."""

from __future__ import annotations

import json
from typing import Any

from pectin.cli.doctor_sandbox import sandbox_findings
from pectin.cli.findings import Level
from pectin.linux.sandbox import Mode, Part
from pectin.model.figures import Figures
from pectin.settings.sections import Encoder, Settings

ALL = [part.value for part in Part]


def found(mode: Mode, parts: list[str], missing: dict[str, str] | None = None) -> list[tuple[Level, str]]:
    told: dict[str, Any] = {"parts": parts, "missing": missing or {}, "by": "Landlock", "max_memory": 2_000_000_000}
    status = {"sandbox": told}
    return [(finding.level, finding.what) for finding in sandbox_findings(Settings(encoder=Encoder(sandbox=mode)), status)]


def test_walls_in_force_are_good_each_in_its_words() -> None:
    findings = found(Mode.AUTO, ALL)
    assert {level for level, _ in findings} == {Level.OK}
    assert len(findings) == len(Part) + 1
    assert findings[0][1] == "sandbox: ffmpeg sees only its input and its own folder (Landlock)"
    assert findings[-1][1].endswith("2.0 GB of memory")


def test_a_wall_that_is_missing_is_worth_knowing_and_a_problem_where_it_is_required() -> None:
    parts = [part for part in ALL if part != "files"]
    for mode, level in ((Mode.AUTO, Level.WARN), (Mode.REQUIRED, Level.FAIL)):
        (told,) = [(kind, what) for kind, what in found(mode, parts, {"files": "no Landlock here"}) if kind is not Level.OK]
        assert told[0] is level
        assert told[1].endswith("no Landlock here")


def test_no_network_namespace_is_no_news() -> None:
    assert {level for level, _ in found(Mode.REQUIRED, [part for part in ALL if part != "network"])} == {Level.OK}


def test_who_wants_no_walls_is_told_what_that_means() -> None:
    ((level, what),) = found(Mode.NONE, [])
    assert level is Level.WARN
    assert "hostile" in what


def test_figures_are_kept_in_few_digits() -> None:
    kept = json.loads(Figures(cpu_seconds=1.23456, peak_memory=7).as_json())
    assert (kept["cpu_seconds"], kept["peak_memory"]) == (1.23, 7)
