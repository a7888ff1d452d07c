"""Real components that tests run: missing ones are a skip on a user's machine and a failure in CI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

# Where this project's own CI keeps extra material (direct-play oracle, real clips); nobody else needs it.
SHARED = Path(__file__).resolve().parents[2] / "shared"


def missing(what: str, remedy: str) -> NoReturn:
    """Say in one line what is missing and how to get it."""
    message = f"{what} is missing: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def need_program(name: str, package: str) -> str:
    """The path of a program, or the test ends here."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        missing(name, f"apt-get install {package}")
    return found


def need_root(why: str) -> None:
    if os.geteuid() != 0:
        missing("root", f"run the tests as root to {why}")


def shared(path: str) -> Path:
    """A file of the extra material; its absence is always a skip: users do not have it."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"the direct-play oracle and real clips are not here ({path}): only the project's own CI has them")
    return found
