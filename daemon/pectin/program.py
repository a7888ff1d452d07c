"""The `pectin` program with all its commands, `run` among them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pectin.cli.answers import fail
from pectin.cli.app import app
from pectin.cli.client import CommandError
from pectin.model.statuses import ExitStatus
from pectin.settings.load import ConfigError


@app.command()
def run(context: typer.Context,
        config: Annotated[Path | None, typer.Option("--config", "-c", help="The configuration file.", show_default=False)] = None,
        ) -> None:
    """Run the daemon in the foreground. systemd does this; SIGTERM stops it, SIGHUP reloads."""
    from pectin import service  # noqa: PLC0415  (only the daemon needs what the daemon is made of)
    raise typer.Exit(service.run(config or context.obj["config"]))


def main() -> None:
    """Carry out what the command line says."""
    try:
        app()
    except (CommandError, ConfigError) as error:
        sys.exit(fail(error))
    except BrokenPipeError:
        sys.exit(ExitStatus.FAILED)

