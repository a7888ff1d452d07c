"""How the commands ask about a job, and print what the daemon answers."""

from __future__ import annotations

import json
import sys
from typing import Any

from pectin.cli import configuration
from pectin.cli.client import CommandError
from pectin.model.statuses import ExitStatus
from pectin.settings.load import ConfigError


def print_json(document: Any) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False))


def address(job: str) -> str:
    """Where a job is asked about. An id has no other signs: one with a slash in it would be another address."""
    if not (job.isascii() and job.isalnum()):
        raise CommandError(ExitStatus.FAILED, f"{job!r} is no job's id; `pectin jobs` lists them")
    return f"/v1/jobs/{job}"


def told(answer: Any, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        print(f"{answer['name']}: {answer['state']}" + (f" ({answer['message']})" if answer["message"] else ""))


def done(answer: Any, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        print("\n".join([answer["done"], *answer["notes"]]))


def fail(error: CommandError | ConfigError) -> ExitStatus:
    """One sentence on stderr, or a problem document where the command was asked for JSON; the exit status."""
    if isinstance(error, ConfigError):
        document: Any = {"title": "The configuration cannot be used", "detail": str(error), **configuration.as_dict(error)}
        sentence, status = str(error), ExitStatus.CONFIG
    else:
        document, sentence, status = error.document, error.sentence, error.status
    if "--json" in sys.argv:
        print_json(document)
    else:
        print(f"pectin: {sentence}", file=sys.stderr)
    return status
