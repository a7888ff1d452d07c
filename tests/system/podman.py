"""Containers without a registry: a base image of this machine's own programs, and podman with a store of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from needs import need_program, need_root

BASE = "localhost/pectin-test-base"
_WANTED = ("ffmpeg", "python3", "python3-venv", "make", "curl", "passwd")
_UNWANTED = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/info/")
_LINKS = ("/bin", "/lib", "/lib64", "/sbin")
_PATIENCE = 300.0  # seconds for one command of podman

# crun wants nothing but cgroup2 at that place; in a mount namespace of its own this machine does not notice.
_PREPARE = """set -e
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; fi
exec "$@"
"""
# podman would raise limits to the machine's own, which a machine for tests may refuse.
RUNNING = ("--network=none", "--cgroups=disabled", "--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096")


BUILDING = ("--isolation=chroot", "--network=host", "--format=docker")


class Podman:
    """Images and containers lie in one folder and go with it."""

    def __init__(self, folder: Path) -> None:
        self._store = (f"--root={folder / 'store'}", f"--runroot={folder / 'run'}", "--events-backend=none")

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(["unshare", "--mount", "sh", "-c", _PREPARE, "sh", "podman", *self._store, *words], text=True,
                              capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=_PATIENCE)
        assert not check or done.returncode == 0, f"podman {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def text(self, *words: str) -> str:
        return self.run(*words).stdout.strip()


@contextmanager
def podman(folder: Path) -> Iterator[Podman]:
    """With the base image in it. Skips the test where there is no podman, or this machine lets it start nothing."""
    if shutil.which("podman") is None:
        pytest.skip("podman is missing: apt-get install podman (without it no container is built)")
    need_root("build a container")
    need_program("apt-cache", "apt")
    made = Podman(folder)
    try:
        with (folder / "base.tar").open("wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
            _collect(archive)
        (folder / "Containerfile").write_text(f"FROM {BASE}\nRUN true\n")
        for words in (("import", str(folder / "base.tar"), BASE), ("run", "--rm", *RUNNING, BASE, "true"),
                      ("build", *BUILDING, f"--file={folder / 'Containerfile'}", str(folder / "run"))):
            _try(made, *words)
        (folder / "base.tar").unlink()
        yield made
    finally:
        for words in (("rm", "--all", "--force", "--time=0"), ("rmi", "--all", "--force")):
            with suppress(subprocess.TimeoutExpired):
                made.run(*words, check=False)
        subprocess.run(["umount", "--quiet", folder / "store/overlay"], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def _try(made: Podman, *words: str) -> None:
    """What a sandbox may forbid (mounts, namespaces, overlays) is no fault of ours: the tests are skipped, in CI too."""
    try:
        tried = made.run(*words, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"podman does not work on this machine: podman {words[0]} does not end")
    if tried.returncode != 0:
        pytest.skip(f"podman does not work on this machine: podman {words[0]}: {tried.stderr.strip()[-300:]}")


def _collect(archive: tarfile.TarFile) -> None:
    """What a slim Debian with ffmpeg and Python has, taken from the packages that are installed here."""
    known = _said("dpkg-query", "-W", "-f", "${Package} ${Essential}\n")
    essential = [line.split()[0] for line in known if line.endswith(" yes")]
    closure = _said("apt-cache", "depends", "--recurse", "--installed", "--no-recommends", "--no-suggests", "--no-conflicts",
                    "--no-breaks", "--no-replaces", "--no-enhances", *essential, *_WANTED)
    packages = sorted({line.split(":")[0] for line in closure if line[:1].isalnum()})
    files = {os.path.join(os.path.realpath(os.path.dirname(name)), os.path.basename(name))
             for name in _said("dpkg-query", "-L", *packages) if name.startswith("/") and not name.startswith(_UNWANTED)}
    files |= {str(file) for folder in ("/etc/alternatives", "/etc/ssl/certs") for file in Path(folder).iterdir()}
    files |= {str(link) for folder in Path("/usr/lib").glob("*-linux-*") for link in folder.glob("*.so*") if link.is_symlink()}
    files |= {"/etc/ld.so.cache"}
    for name in sorted(files - set(_LINKS)) + [link for link in _LINKS if os.path.islink(link)]:
        if os.path.islink(name) or os.path.isfile(name):
            archive.add(name, recursive=False)
    for name, place in (("passwd.master", "/etc/passwd"), ("group.master", "/etc/group")):
        archive.add(f"/usr/share/base-passwd/{name}", arcname=place)
    for folder in ("/tmp", "/root", "/proc", "/sys", "/dev", "/run"):
        archive.add(folder, recursive=False)


def _said(*argv: str) -> list[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
