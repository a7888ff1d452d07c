"""`pectin config`: check, show, example, schema. Needs no daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml

from pectin.model.statuses import ExitStatus
from pectin.settings.example import example_text, schema_text
from pectin.settings.load import ConfigError, find, load

app = typer.Typer(no_args_is_help=True, help="The configuration: check it, show it, make one.")

FileOption = Annotated[Path | None, typer.Argument(help="The file; else the one the daemon would use.", show_default=False)]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def check(context: typer.Context, file: FileOption = None, as_json: JsonFlag = False) -> None:
    """Find every mistake at once. Exit status 78 when there are any."""
    path = find(file or context.obj["config"])
    if not as_json:
        load(path)
        print(f"{path}: good")
        return
    try:
        load(path)
        problems = []
    except ConfigError as error:
        problems = [{"path": p.path, "line": p.line, "message": p.message, "hint": p.hint} for p in error.problems]
    print(json.dumps({"file": str(path), "problems": problems}, indent=2, ensure_ascii=False))
    if problems:
        raise typer.Exit(ExitStatus.CONFIG)


@app.command()
def show(context: typer.Context, file: FileOption = None, as_json: JsonFlag = False) -> None:
    """Print the configuration in effect, defaults filled in."""
    loaded = load(find(file or context.obj["config"]))
    document = loaded.settings.model_dump(mode="json")
    if as_json:
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        print(f"# {loaded.path}\n{yaml.safe_dump(document, sort_keys=False, allow_unicode=True)}", end="")


@app.command()
def example() -> None:
    """Print a configuration with every key explained."""
    print(example_text(), end="")


@app.command()
def schema() -> None:
    """Print the JSON Schema for editors."""
    print(schema_text(), end="")
