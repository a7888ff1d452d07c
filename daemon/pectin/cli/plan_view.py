"""How `pectin plan` looks in a terminal: the decision, what it costs, and where the film would go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pectin.cli.render import length_text, plan_notes, plan_table, size_text

_METHODS = {
    "file": "the file is taken over as it is",
    "remux": "copied into a new container, nothing is encoded",
    "encode": "encoded where needed",
}


def plan_view(document: Mapping[str, Any]) -> RenderableType:
    """`document` is that of planning.plan_file."""
    plan, reach = document["plan"], document["reach"]
    made = "" if plan["container"] == "source" else f"{plan['container']}, "
    headline = f"-> {made}{plan['width']}x{plan['height']}, profile {plan['profile']}: {_METHODS[plan['method']]}"
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    size = size_text(plan["estimated_size"]) if plan["estimated_size"] else "unknown"
    facts.add_row("size", f"about {size}" if plan["estimated_size"] else size)
    facts.add_row("time", _about(plan["estimated_seconds"]))
    if plan["method"] == "encode" and plan.get("way"):
        facts.add_row("made", escape(plan["way"]))
    facts.add_row("place", escape(document["library"] or plan["name"]["place"])
                  + ("" if document["route"] else " (there are several routes: --route NAME tells in which library)"))
    facts.add_row("clients", escape(reach["sentence"]))
    for cost in reach["costs"]:
        facts.add_row("", escape(f"not on {', '.join(cost['clients'])}: {cost['why']}"))
    for seen in document["looked"]:
        facts.add_row("looked at", escape(seen))
    for rendition in plan["renditions"]:
        its_size = f", about {size_text(rendition['estimated_size'])}" if rendition["estimated_size"] else ""
        facts.add_row(rendition["name"], escape(f"{rendition['sentence'].rstrip('.')}{its_size}"))
    if plan["hls"] != "none":
        facts.add_row("hls", f"for web players, {plan['hls']} segments of 6 s")
    notes = plan_notes(plan)
    return Group(Text(document["summary"]), Text(headline, style="bold"), facts, Text(), plan_table(plan),
                 *([Text(), *notes] if notes else []))


def _about(seconds: float | None) -> str:
    """As exact as it is: minutes, and hours beyond an hour."""
    if seconds is None:
        return "unknown: the file does not say how long it is"
    if seconds < 60:
        return "less than a minute"
    return f"about {length_text(round(seconds / 60) * 60)[:-3]} {'h' if seconds >= 3570 else 'min'}"
