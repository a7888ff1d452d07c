"""The `pectin` program: the daemon with `run`, and every other command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pectin.cli.app import app, fail
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
    """The console script."""
    try:
        app()
    except (CommandError, ConfigError) as error:
        sys.exit(fail(error))
    except BrokenPipeError:
        sys.exit(ExitStatus.FAILED)


if __name__ == "__main__":
    main()
