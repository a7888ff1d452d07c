"""How things look in a terminal: tables for people. Programs use --json."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pectin.model.parsed import understanding_from

STATE_STYLE = {"PENDING": "cyan", "PROCESSING": "yellow", "PUBLISHING": "yellow", "COMPLETED": "green", "FAILED": "red",
               "REJECTED": "red", "CANCELLED": "dim"}


PIPE_WIDTH = 250  # columns: a long path and a long sentence fit


def console(*, soft_wrap: bool = True) -> Console:
    """Into a pipe or a file lines are as long as they need: what breaks them there only troubles `grep`."""
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(highlight=False, soft_wrap=soft_wrap, width=wide, emoji=False)  # `-map 0:v:0` is no victory sign


def size_text(size: float) -> str:
    """Decimal units, as drives and file managers count."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def time_text(at: float | None) -> str:
    if not at:
        return "-"
    return time.strftime("%H:%M:%S" if time.time() - at < 43200 else "%Y-%m-%d %H:%M", time.localtime(at))


def length_text(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"


def _plain_table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def status_view(status: Mapping[str, Any]) -> RenderableType:
    """The whole of `pectin status`."""
    parts: list[RenderableType] = []
    since = time_text(status["started_at"])
    jobs = "1 job" if status["slots"] == 1 else f"{status['slots']} jobs"
    threads = "1 thread" if status["threads"] == 1 else f"{status['threads']} threads each"
    parts.append(Text.from_markup(f"[bold]Pectin {status['version']}[/] running since {since}, ffmpeg "
                                  f"{escape(status['ffmpeg_version'])}, {jobs} at a time, {threads}"))
    if status["mode_sentence"]:
        parts.append(Text(status["mode_sentence"], style="yellow"))
    parts += [Text(f"! {problem}", style="red") for problem in status["problems"]]
    if status["hardware_sentence"]:
        parts.append(Text(f"films are encoded on the CPU: {status['hardware_sentence']}", style="yellow"))
    parts += [_device_line(device) for device in status["hardware"] if device["encodes"]]
    parts += [Text(f"{inbox['path']}: {note}", style="yellow") for inbox in status["inboxes"] for note in _limits_of(inbox)]
    if not status["sandbox"]["whole"]:
        parts.append(Text("ffmpeg is not confined as it should be: `pectin doctor` says why", style="yellow"))
    counts = "  ".join(f"[{STATE_STYLE[state]}]{state}[/] {count}" for state, count in status["jobs"].items() if count)
    parts.append(Text.from_markup(counts or "no jobs yet: drop a film into the inbox"))
    if status["running"]:
        parts.append(running_table(status["running"]))
        parts += [Text(f"{job['id']}: {sentence}", style="yellow") for job in status["running"] for sentence in job["held_back"]]
        parts += [Text(f"{job['id']}: {job['doing']}") for job in status["running"] if job["doing"]]
    if status["waiting"]:
        parts += [Text(), inbox_view(status)]
    if status["originals_size"]:
        parts.append(Text(f"originals kept: {size_text(status['originals_size'])}"))
    undelivered = {name: count for name, count in status["outbox"].items() if count}
    if undelivered:
        parts.append(Text("not yet delivered: " + ", ".join(f"{count} to {name}" for name, count in undelivered.items())))
    return Group(*parts)


def _device_line(device: Mapping[str, Any]) -> Text:
    """What a device does now."""
    told = f"{device['device']} ({device['name']}): {device['jobs'] or 'no'} {'film' if device['jobs'] == 1 else 'films'}"
    if not device["resting"]:
        return Text(told)
    return Text(f"{told}; {device['sentence']}, tried again {time_text(device['until'])}", style="yellow")


def _limits_of(inbox: Mapping[str, Any]) -> list[str]:
    """What is no fault of the inbox, and yet makes films wait longer there."""
    found = [] if inbox["leases"] in ("yes", "unknown") else [inbox["leases_sentence"]]
    if inbox["watching"] == "polling" or inbox["shares"]:
        found.append("a network mount, walked every intake.poll: what other machines do there causes no events here")
    return found


def whole_inbox_view(status: Mapping[str, Any]) -> RenderableType:
    """`pectin status --inbox`: how the inboxes are watched, and everything that lies in them."""
    table = _plain_table("inbox", "watched by", "file system", "who writes")
    for inbox in status["inboxes"]:
        folders = f"{inbox['watching'].replace('_', ' ')}, {inbox['folders']} folders" if inbox["folders"] else inbox["watching"]
        table.add_row(escape(inbox["path"]), folders, inbox["file_system"], escape(inbox["leases_sentence"]))
    troubles = [Text(f"! {inbox['sentence']}", style="red") for inbox in status["inboxes"] if inbox["sentence"]]
    return Group(table, *troubles, Text(), inbox_view({**status, "waiting_total": len(status["waiting"])}))


def inbox_view(status: Mapping[str, Any]) -> RenderableType:
    """What lies in the inboxes, and why it waits."""
    if not status["waiting"]:
        return Text("nothing waits in the inbox")
    table = _plain_table("in the inbox", "why it waits", "since")
    for item in status["waiting"]:
        table.add_row(escape(item["path"]), escape(item["sentence"]), time_text(item["since"]))
    more = status["waiting_total"] - len(status["waiting"])
    return Group(table, Text(f"... and {more} more")) if more > 0 else table


def running_table(running: Sequence[Mapping[str, Any]]) -> Table:
    """Running jobs with bars."""
    table = _plain_table("job", "film", "stage", "", "", "speed", "left")
    for job in running:
        fraction = job["fraction"]
        stage = "paused" if job["suspended"] else job["stage"]
        table.add_row(job["id"], escape(job["name"]), stage, ProgressBar(total=1.0, completed=fraction or 0.0, width=24),
                      f"{fraction:.0%}" if fraction is not None else "",
                      # Before the first frames are out, speed is a guess that only confuses.
                      f"{job['speed']:.1f}x" if job["speed"] and fraction else "",
                      length_text(job["eta_seconds"]) if fraction else "")
    return table


def jobs_view(page: Mapping[str, Any]) -> RenderableType:
    if not page["jobs"]:
        return Text("no such jobs")
    table = _plain_table("job", "state", "size", "since", "film")
    for job in page["jobs"]:
        film = Text(job["name"])
        if job["priority"]:
            film.append(f" ({_rank(job)})", style="cyan")
        if job["message"]:  # below the name: a column of its own would be a few letters wide
            film.append(f"\n{job['message']}", style="dim")
        table.add_row(job["id"], Text(job["state"], style=STATE_STYLE[job["state"]]), size_text(job["size"]),
                      time_text(job["updated_at"]), film)
    shown = (page["page"] - 1) * page["limit"] + len(page["jobs"])
    more = [Text(f"{shown} of {page['total']}: --page {page['page'] + 1} shows more")] if shown < page["total"] else []
    return Group(table, *more)


def _rank(job: Mapping[str, Any]) -> str:
    return "comes next" if job["priority_word"] == "next" else f"priority {job['priority_word']}"


def job_view(job: Mapping[str, Any]) -> RenderableType:
    """The whole of `pectin show`."""
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    facts.add_row("film", escape(job["name"]))
    facts.add_row("state", Text(job["state"], style=STATE_STYLE[job["state"]]))
    if job["message"]:
        facts.add_row("reason", escape(job["message"]))
        facts.add_row("what to do", escape(job["next_step"]))
    facts.add_row("dropped at", escape(job["source"]))
    facts.add_row("source now", escape(job["source_now"] or "removed"))
    facts.add_row("size", size_text(job["size"]))
    if job["priority"]:
        facts.add_row("priority", job["priority_word"])
    facts.add_row("route", f"{job['route']}, profile {job['profile']}")
    if job["figures"] and job["figures"].get("made_by"):
        facts.add_row("made", escape(job["figures"]["made_by"]))
    if job["figures"]:
        facts.add_row("has cost", f"{length_text(job['figures']['cpu_seconds'])} of CPU time, "
                      f"{size_text(job['figures']['peak_memory'])} of memory at most")
    for output in job["outputs"]:
        count = f", {output['files']} file{'s' if output['files'] > 1 else ''}" if "files" in output else ""
        facts.add_row(output["role"], escape(f"{output['path']} ({size_text(output['size'])}{count})"))
    parts: list[RenderableType] = [facts]
    if job["sidecars"]:
        parts += [Text(), sidecars_table(job["sidecars"])]
    if job["plan"]:
        parts += [Text(), plan_table(job["plan"]), *plan_notes(job["plan"])]
    history = _plain_table("when", "what happened", "why")
    for entry in job["history"]:
        step = f"{entry['from_state'] or 'claimed'} -> {entry['to_state']}"
        again = f" ({entry['times']} times, last {time_text(entry['last_at'])})" if entry["times"] > 1 else ""
        history.add_row(time_text(entry["at"]), step, escape(entry["message"] + again))
    return Group(*parts, Text(), history)


def sidecars_table(sidecars: Sequence[Mapping[str, Any]]) -> Table:
    """What came with the film, and what became of it."""
    table = _plain_table("came with it", "what became of it", "where it is now")
    for sidecar in sidecars:
        table.add_row(escape(sidecar["name"]), escape(sidecar["outcome"]), escape(sidecar["now"]))
    return table


def plan_table(plan: Mapping[str, Any]) -> Table:
    """Every stream with what happens to it and why."""
    table = _plain_table("stream", "codec", "action", "why")
    for stream in plan["streams"]:
        kind = stream["kind"] + (f" ({stream['language']})" if stream["language"] else "")
        style = {"copy": "green", "encode": "yellow", "extract": "cyan"}.get(stream["action"], "dim")
        action = Text(stream["action"], style=style)
        table.add_row(f"{stream['index']} {kind}", stream["codec"] or "?", action, escape(stream["sentence"]))
    return table


def plan_notes(plan: Mapping[str, Any]) -> list[Text]:
    """What a person should know besides: of the film's name, and of the film."""
    name = plan.get("name") or {}
    understanding = name.get("understanding") or {}
    told = [*understanding_text(understanding), *name.get("notes", ()), *plan.get("notes", ())]
    return [Text(f"- {sentence}") for sentence in told]


def understanding_text(understanding: Mapping[str, Any]) -> list[str]:
    """What was read from the source's name, or why it was not used."""
    return [understanding_from(understanding).sentence] if understanding else []
