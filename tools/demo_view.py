"""How the demo looks: steps, a progress bar (lines where there is no terminal), and the summary at the end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo_folder import Folder
from receiver import Received
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from pectin.cli.render import length_text, plan_table, size_text
from pectin.settings.sections import Originals

_METRICS = ("pectin_jobs{", 'pectin_stage_duration_seconds_sum{stage="encoding"}', "pectin_source_bytes_total",
            "pectin_output_bytes_total", "pectin_deliveries_total")
_INSTALL = (
    ("sudo make install", "program, service, user, folders"),
    ("sudoedit /etc/pectin/pectin.yaml", "your inbox and your library"),
    ("sudo systemctl enable --now pectin", "runs now and after every boot"),
    ("pectin doctor", "checks everything, says how to mend it"),
)


class View:
    """Everything the demo says goes through here."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def step(self, text: str) -> None:
        self._console.print(Text.assemble(("* ", "green"), text), soft_wrap=True)

    def headline(self, text: str) -> None:
        self._console.print()
        self._console.print(Text(text, style="bold"))

    def line(self, text: str) -> None:
        self._console.print(Text(f"  {text}"), soft_wrap=True)

    def failure(self, sentence: str, next_step: str, log: Iterable[str] = ()) -> None:
        """Why it did not work, what the daemon said last, and what to do."""
        self._console.print()
        if lines := list(log):
            self._console.print(Text("The daemon's last words:", style="bold"))
            for line in lines:
                self.line(line)
        self._console.print(Text.assemble(("The demo did not work: ", "bold red"), sentence), soft_wrap=True)
        self._console.print(Text.assemble(("What to do: ", "bold"), next_step), soft_wrap=True)

    @contextmanager
    def progress(self) -> Iterator[Bar]:
        """A bar for as long as the block lasts."""
        columns = (TextColumn("  {task.description}", markup=False), BarColumn(24),
                   TextColumn("{task.fields[facts]}", markup=False))
        with Progress(*columns, console=self._console, disable=not self._console.is_terminal) as bar:
            yield Bar(bar, bar.add_task("", total=1.0, facts=""), None if self._console.is_terminal else self)

    def summary(self, folder: Folder, job: Mapping[str, Any], message: Received, metrics: str) -> None:
        """What a user wants to see at the end."""
        self._library(folder, job)
        self._decisions(job)
        self._webhook(message)
        self.headline("Some of the figures Prometheus would see")
        for line in metrics.splitlines():
            if line.startswith(_METRICS) and not line.endswith(" 0.0"):
                self.line(line)
        self.headline(f"Your original, as it was dropped ({_kept()})")
        self.line(_short(job["source_now"]))
        self.headline("To keep it running")
        for command, meaning in _INSTALL:
            self.line(f"{command:<36}{meaning}")
        self.line("")
        self.line(f"To look around: {_short(folder.path)} (nothing runs there any more)")

    def _library(self, folder: Folder, job: Mapping[str, Any]) -> None:
        self.headline("The library")
        self.line(f"{_short(folder.library)}/")
        new = {output["path"] for output in job["outputs"]}
        for entry in sorted(folder.library.rglob("*")):
            indent = "  " * len(entry.relative_to(folder.library).parts)
            if entry.is_dir():
                self.line(f"{indent}{entry.name}/")
            else:
                mark = "" if str(entry) in new else ", was there before"
                self.line(f"{indent}{entry.name} ({size_text(entry.stat().st_size)}{mark})")

    def _decisions(self, job: Mapping[str, Any]) -> None:
        plan = job["plan"]
        how = {"file": "taken over as it is", "remux": "copied into a new container, nothing encoded anew",
               "encode": "encoded where needed"}[plan["method"]]
        self.headline(f"What was decided, and why: {plan['container']}, {plan['width']}x{plan['height']}, {how}")
        self._console.print(plan_table(plan))

    def _webhook(self, message: Received) -> None:
        self.headline("The webhook that was received")
        body = message.json
        genuine = "verified with the secret: it is genuine" if message.genuine else "WRONG"
        data = body["data"]
        for name, value in (("type", body["type"]), ("webhook-id", message.id), ("signature", genuine), ("name", data["name"]),
                            ("state", data["state"]), ("outputs", json.dumps([Path(o["path"]).name for o in data["outputs"]],
                                                                             ensure_ascii=False))):
            self.line(f"{name:<12}{value}")


class Bar:
    """Shows where the film is: a moving bar, or without a terminal one line per stage and quarter."""

    def __init__(self, bar: Progress, task: TaskID, lines: View | None) -> None:
        self._bar, self._task, self._lines = bar, task, lines
        self._said: tuple[str, int] = ("", 0)

    def show(self, what: str, fraction: float | None = None, facts: str = "") -> None:
        """`fraction` is 0 to 1, None while unknown (the bar then only moves)."""
        self._bar.update(self._task, description=what, total=None if fraction is None else 1.0, completed=fraction or 0.0,
                         facts=facts)
        quarter = int((fraction or 0.0) * 4)
        if self._lines is not None and self._said != (what, quarter):
            self._said = (what, quarter)
            self._lines.line(f"{what} {facts}".rstrip())

    def copying(self, there: int, size: int) -> None:
        """So many bytes of the film lie in the inbox."""
        self.show("copying", there / size if size else 1.0, f"{size_text(there)} of {size_text(size)}")

    def running(self, job: Mapping[str, Any]) -> None:
        """One running job of the status."""
        fraction, parts = job["fraction"], []
        if fraction is not None:
            parts.append(f"{fraction:4.0%}")
        if fraction and job["speed"]:  # before the first per cent the speed is anybody's guess
            parts.append(f"{job['speed']:.1f}x")
        if fraction and job["eta_seconds"] is not None:
            parts.append(f"{length_text(job['eta_seconds'])} left")
        self.show(job["stage"], fraction, "  ".join(parts))


def _kept() -> str:
    keep = Originals().keep
    return f"kept for {keep / 86400:g} days" if isinstance(keep, float) else "kept"


def _short(path: Path | str) -> str:
    """As a person in this folder would name it."""
    path = Path(path)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
