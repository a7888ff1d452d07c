"""What the README tells a person to type is there: commands, make targets, files, configuration keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from pectin.program import app
from pectin.settings.load import parse

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_configuration_of_a_home_server_is_a_valid_one() -> None:
    [example] = [block for block in blocks("yaml") if "routes:" in block]
    settings = parse(example, "README.md")
    assert str(settings.routes[0].library) == "/srv/media/films"


@pytest.mark.parametrize("piece", [block for block in blocks("yaml") if "routes:" not in block],
                         ids=lambda text: text.partition(":")[0])
def test_every_other_piece_of_configuration_fits_into_the_one_of_a_home_server(piece: str) -> None:
    [home] = [block for block in blocks("yaml") if "routes:" in block]
    parse(home + piece, "README.md")


@pytest.mark.parametrize("command", sorted(set(re.findall(r"(?:^|`|sudo )pectin ([a-z-]+)", README, re.MULTILINE))))
def test_every_pectin_command_in_the_readme_exists(command: str) -> None:
    assert command in COMMANDS


def test_every_command_that_steers_the_daemon_is_in_the_readme() -> None:
    assert not [command for command in COMMANDS if not re.search(rf"\b{command}\b", README)]


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z]+)(?=[ `)#\n])", README)) - {"it"}))
def test_every_make_target_in_the_readme_exists(target: str) -> None:
    makefiles = (ROOT / "Makefile").read_text() + (ROOT / "install.mk").read_text()
    assert re.search(rf"^{target}:", makefiles, re.MULTILINE)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:config|hooks|systemd)/[\w./-]+)`", README))))
def test_every_file_the_readme_names_exists(path: str) -> None:
    assert (ROOT / path).exists()
