"""What is made from the code and checked in says what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from pectin.model.event import OCCASIONS, EventType
from pectin.model.job import TRANSITIONS
from pectin.model.statuses import STATUSES, ExitStatus

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("profiles", "state diagram", "exit statuses", "metrics", "events")  # of the README


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "tools" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def marked(*names: str) -> str:
    return "".join(f"# {name}\n<!-- generated: {name} -->\nold text\n<!-- end -->\n" for name in names)


@pytest.mark.parametrize(("file", "name"), [*(("README.md", name) for name in PARTS), ("docs/sources.md", "sources")])
def test_the_documents_say_what_the_code_says(generate: ModuleType, file: str, name: str) -> None:
    document = ROOT / file
    assert document.exists(), f"{file} is not there"
    _, found, rest = document.read_text(encoding="utf-8").partition(f"<!-- generated: {name} -->\n")
    assert found, f"{file} has no line <!-- generated: {name} -->"
    assert rest.partition("<!-- end -->")[0] == generate.FILES[file][name](), "run `make generate`"


def test_marked_parts_are_replaced_and_the_rest_stays(generate: ModuleType) -> None:
    text = generate.filled("before\n" + marked(*PARTS) + "after\n")
    assert text.startswith("before\n# profiles\n<!-- generated: profiles -->\n| profile |")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "old text" not in text
    assert generate.filled(text) == text


@pytest.mark.parametrize(("text", "complaint"), [
    (marked(*PARTS[1:]), "there is no line"),
    (marked(*PARTS).replace("<!-- end -->\n", "", 1), "has no line <!-- end -->"),
    (marked(*PARTS, "weather"), "1 more"),
])
def test_a_missing_unknown_or_endless_part_is_an_error(generate: ModuleType, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        generate.filled(text)


def test_every_transition_event_and_status_is_told(generate: ModuleType) -> None:
    diagram = generate.README["state diagram"]()
    assert all(f"{source} --> {target}" in diagram for (source, _), target in TRANSITIONS.items())
    assert set(OCCASIONS) == set(EventType)
    assert set(STATUSES) == set(ExitStatus)


def test_metrics_are_listed_with_their_labels_and_under_the_name_prometheus_has(generate: ModuleType) -> None:
    lines = generate.README["metrics"]().splitlines()
    assert "| `pectin_jobs` | gauge | `state` | Jobs in the store by state. |" in lines
    assert any(line.startswith("| `pectin_deliveries_total` | counter | `endpoint`, `outcome` |") for line in lines)
    assert any(line.startswith("| `pectin_stage_duration_seconds` | histogram | `stage` |") for line in lines)
