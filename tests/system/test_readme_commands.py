"""Every systemctl and journalctl command that the README shows, run as it stands there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from clips import Clips
from system.machine import CHECKOUT, QUICK, Machine, machine

EXAMPLE_JOB = "7k2m9x"
OTHERS = ("smbd", "ssh", "sshd")  # services of others: tests/system/clients runs them with what our examples give them
# `systemctl edit` opens an editor; this one puts a line where people put theirs.
EDITOR = "#!/bin/sh\nsed -i '2a [Unit]\\nDocumentation=man:pectin(1)' \"$1\"\n"


def commands() -> list[str]:
    """In the order of the text, each once: from code blocks and from `inline code`, without what stands behind `#`."""
    text = (CHECKOUT / "README.md").read_text()
    found = re.findall(r"\b(?:systemctl|journalctl) [^`\n#]*", text)
    parts = [part.strip() for one in found for part in re.split(r"&&|;|\s\s+#|\|", one)]
    return list(dict.fromkeys(part for part in parts if re.match(r"(?:systemctl|journalctl) ", part)))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, staged: Path) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("box"), staged) as made:
        yield made


def test_the_readme_shows_how_to_control_and_to_read() -> None:
    shown = commands()
    for wanted in ("systemctl enable --now pectin", "systemctl stop pectin", "systemctl reload pectin", "systemctl status pectin",
                   f"journalctl -u pectin JOB_ID={EXAMPLE_JOB}", "journalctl -u pectin -f"):
        assert wanted in shown, shown


def test_every_command_of_the_readme_works(installed: Machine, clips: Clips) -> None:
    box = installed.box
    box.path("/root/editor").write_text(EDITOR)
    box.path("/root/editor").chmod(0o755)
    told = (CHECKOUT / "systemd/pectin@.service").read_text()
    lines = [line.removeprefix("#     ") for line in told.splitlines() if line.startswith("#     ")]
    for line in lines:
        if line.startswith("install "):
            box.run(*line.split())
    box.path("/etc/pectin/anime.yaml").write_text("\n".join(line for line in lines if not line.startswith("install ")))
    installed.fresh(QUICK)
    installed.drop(clips.film("film.mkv", seconds=1), "Read.mkv")
    job = installed.job("Read.mkv", "COMPLETED")["id"]
    for command in commands():
        if any(word in OTHERS for word in shlex.split(command)):
            continue
        box.run("systemctl", "start", "pectin.service")  # whatever the command before did
        words = shlex.split(command.replace(EXAMPLE_JOB, job))
        if words[:2] == ["systemctl", "edit"]:
            box.run("script", "--quiet", "--return", "--command", f"SYSTEMD_EDITOR=/root/editor {command}", "/dev/null")
        elif "-f" in words:
            assert "pectin" in box.run("timeout", "2", *words, check=False).stdout, command  # the last ten lines, and what comes
        else:
            done = box.run(*words)
            assert words[0] != "journalctl" or "JOB_ID" not in command or job in done.stdout, command
