"""Writes what is made from the code, so that it cannot say anything else: config/ and the marked parts of README.md and docs/."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from pectin import __version__
from pectin.model.event import OCCASIONS, EventType
from pectin.model.job import state_diagram
from pectin.model.statuses import STATUSES, ExitStatus
from pectin.observing.metrics import Metrics
from pectin.planning.reach import reach
from pectin.settings.example import example_text, schema_text
from pectin.settings.sections import Settings
from pectin.settings.shipped import SHIPPED
from pectin.settings.values import profiles

ROOT = Path(__file__).resolve().parents[1]
_END = "<!-- end -->"


def _diagram() -> str:
    return f"```mermaid\n{state_diagram()}```\n"


def _profiles() -> str:
    """What each shipped profile makes, and what it costs."""
    rows: list[tuple[str, ...]] = []
    for name, profile in profiles(Settings()).items():
        found = reach(profile)
        costs = "; ".join(f"{cost.why}: {', '.join(cost.clients)}" for cost in found.costs)
        clients = f"{'at most ' if found.at_best else ''}{found.clients} of {found.of}"
        rows.append((f"`{name}`", SHIPPED[name][0], clients, costs or "-"))
    return _table(("profile", "what it makes", "plays directly on", "not on"), rows)


def _sources() -> str:
    """The sources that the tests make and file, with what is decided for each."""
    sys.path.insert(0, str(ROOT / "tests"))
    from sources.deciding import rows  # noqa: PLC0415  (the folder of the tests is known only from here on)
    return _table(("comes in", "is", "why"), list(rows()))


def _statuses() -> str:
    return _table(("status", "meaning"), ((str(s.value), STATUSES[s]) for s in ExitStatus))


def _events() -> str:
    return _table(("event", "told when"), ((f"`{e.value}`", OCCASIONS[e]) for e in EventType))


def _metrics() -> str:
    """The process_* figures come from the client library and are named in one line."""
    rows: list[tuple[str, ...]] = []
    for metric in vars(Metrics(__version__)).values():
        if isinstance(metric, MetricWrapperBase):
            # the library has no public way to ask a metric for its labels before it has values
            labels = ", ".join(f"`{name}`" for name in metric._labelnames)
            family = next(iter(metric.collect()))
            name = f"{family.name}_total" if family.type == "counter" else family.name
            rows.append((f"`{name}`", family.type, labels, family.documentation))
    return (_table(("metric", "type", "labels", "meaning"), sorted(rows, key=lambda row: row[0].strip("`")))
            + "\nBeside them stand the usual `process_*` figures: CPU, memory and open files of the daemon itself.\n")


README: Mapping[str, Callable[[], str]] = {
    "profiles": _profiles, "state diagram": _diagram, "exit statuses": _statuses, "metrics": _metrics,
    "events": _events,
}
FILES: Mapping[str, Mapping[str, Callable[[], str]]] = {"README.md": README, "docs/sources.md": {"sources": _sources}}


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def marker(name: str) -> str:
    """The line a generated part begins after; it ends before the line `<!-- end -->`."""
    return f"<!-- generated: {name} -->"


def filled(text: str, parts: Mapping[str, Callable[[], str]] = README) -> str:
    """The text with every marked part made anew. Raises ValueError for a part that is missing, unknown or has no end."""
    for name, make in parts.items():
        before, found, rest = text.partition(marker(name) + "\n")
        if not found:
            raise ValueError(f"there is no line {marker(name)}")
        inside, found, after = rest.partition(_END)
        if not found or "<!-- generated:" in inside:
            raise ValueError(f"{marker(name)} has no line {_END}")
        text = f"{before}{marker(name)}\n{make()}{_END}{after}"
    if unknown := text.count("<!-- generated: ") - len(parts):
        raise ValueError(f"{unknown} more parts are marked as generated than there are: {', '.join(parts)}")
    return text


def main() -> int:
    wanted = {ROOT / "config" / "pectin.yaml": example_text(), ROOT / "config" / "pectin.schema.json": schema_text()}
    wrong = 0
    for name, parts in FILES.items():
        try:
            wanted[ROOT / name] = filled((ROOT / name).read_text(encoding="utf-8"), parts)
        except (ValueError, FileNotFoundError) as error:
            sys.stderr.write(f"{name}: {error}\n")
            wrong += 1
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)} is new\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
