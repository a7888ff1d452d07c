"""`make install` and `make uninstall`: everything in its place, nothing of a person's overwritten or removed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from needs import need_root
from system.machine import CHECKOUT, CONFIG, INBOX, machine

UNITS = "usr/lib/systemd/system"
UNIT_FILES = sorted(file.name for file in (CHECKOUT / "systemd").iterdir() if file.suffix in (".service", ".socket", ".slice"))


def test_a_staged_installation_does_not_know_where_it_was_staged(staged: Path) -> None:
    """Or a package made from it would work only on the machine that made it."""
    found = subprocess.run(["grep", "--recursive", "--files-with-matches", "--fixed-strings", str(staged), str(staged)],
                           capture_output=True, text=True, check=False)
    assert found.stdout == ""
    assert not list(staged.glob("opt/*.new"))


def test_everything_is_in_its_place_with_the_right_mode(staged: Path) -> None:
    modes = {"etc/pectin/pectin.yaml": 0o644, "usr/share/pectin/pectin.yaml": 0o644, f"{UNITS}/pectin.service": 0o644,
             f"{UNITS}/pectin.socket": 0o644, "usr/lib/sysusers.d/pectin.conf": 0o644, "usr/lib/tmpfiles.d/pectin.conf": 0o644,
             "usr/share/pectin/hooks/film-log": 0o755, "usr/share/pectin/hooks/chat-message": 0o755,
             "usr/share/pectin/hooks/README.md": 0o644, "usr/share/pectin/samba/pectin-inbox.conf": 0o644,
             "usr/share/pectin/ssh/pectin-sftp.conf": 0o644,
             "usr/share/bash-completion/completions/pectin": 0o644, "opt/pectin/bin/pectin": 0o755,
             "usr/share/man/man1/pectin.1": 0o644, "usr/share/man/man5/pectin.yaml.5": 0o644}
    modes |= {f"{UNITS}/{unit}": 0o644 for unit in UNIT_FILES}
    modes |= {f"usr/share/pectin/systemd/{file.name}": 0o644 for file in (CHECKOUT / "systemd/examples").iterdir()}
    assert {name: (staged / name).stat().st_mode & 0o777 for name in modes} == modes
    assert (staged / "usr/local/bin/pectin").readlink() == Path("/opt/pectin/bin/pectin")
    assert (staged / "usr/share/zsh/vendor-completions/_pectin").read_text().startswith("#compdef pectin")


@pytest.mark.parametrize("unit", ["pectin.service", "pectin.socket"])
def test_a_unit_says_everything_once(unit: str) -> None:
    """systemd takes the last word of two, and says nothing."""
    lines = [line for line in (CHECKOUT / "systemd" / unit).read_text().splitlines() if line and not line.startswith("#")]
    repeatable = ("Environment=", "AmbientCapabilities=", "SystemCallFilter=", "DeviceAllow=")  # lists grow
    words = [line for line in lines if not line.startswith(repeatable)]
    said = [line.partition("=")[0] for line in words]
    assert sorted(said) == sorted(set(said))


def test_a_second_installation_keeps_the_configuration_that_is_there(tmp_path: Path) -> None:
    need_root("install")
    install = ["make", "-f", "install.mk", "install-files", f"DESTDIR={tmp_path}"]
    subprocess.run(install, cwd=CHECKOUT, check=True, capture_output=True)
    mine = tmp_path / "etc/pectin/pectin.yaml"
    mine.write_text("# mine\n")
    subprocess.run(install, cwd=CHECKOUT, check=True, capture_output=True)
    assert mine.read_text() == "# mine\n"


def test_a_machine_can_be_given_pectin_and_freed_of_it_again(tmp_path_factory: pytest.TempPathFactory, staged: Path,
                                                               ) -> None:
    with machine(tmp_path_factory.mktemp("box"), staged) as made:
        box = made.box
        assert box.text("stat", "--format=%A %U %G", INBOX).replace("+", "") == "drwxrwsr-x pectin pectin"
        assert box.text("stat", "--format=%A %U %G", "/var/lib/pectin") == "drwxr-x--- pectin pectin"
        assert box.text("getent", "passwd", "pectin").endswith(":/var/lib/pectin:/usr/sbin/nologin")
        # The commands that the installation prints, with the configuration as it comes.
        box.run("systemctl", "enable", "--now", "pectin")
        assert box.text("systemctl", "is-enabled", "pectin.service", "pectin.socket") == "enabled\nenabled"
        assert box.text("pectin", "doctor").endswith("all well")
        before = box.unit("pectin.service", "MainPID")
        assert "Pectin is installed" in made.make("activate"), "an update"
        assert box.unit("pectin.service", "ActiveState") == {"ActiveState": "active"}
        assert box.unit("pectin.service", "MainPID") != before, "the new program runs"
        shutil.copyfile(CHECKOUT / "pyproject.toml", box.path(f"{INBOX}/a film to be.txt"))

        said = made.make("uninstall")
        assert "What stays" in said
        assert box.unit("pectin.service", "LoadState", "ActiveState") == {"LoadState": "not-found", "ActiveState": "inactive"}
        assert made.processes() == []
        made_by_it = [f"/{file.relative_to(staged)}" for file in staged.rglob("*") if file.is_symlink() or file.is_file()]
        kept = [name for name in made_by_it if name != CONFIG and os.path.lexists(box.path(name))]
        assert kept == [], "make uninstall knows every file of make install"
        assert box.run("test", "-e", "/run/pectin/pectin.sock", check=False).returncode != 0
        for name in (CONFIG, "/var/lib/pectin/pectin.db", f"{INBOX}/a film to be.txt"):
            box.run("test", "-e", name)
        made.make("uninstall")  # a second time is no error
