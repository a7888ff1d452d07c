"""The demo's folder: laid out, configured, and cleared again only while nobody but the demo has touched it."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pectin.notifying.webhook import PREFIX

_MARKER = ".made-by-pectin-demo"  # says that a folder is ours, and what lay in it when the last demo ended
_LONGEST_SOCKET = 100             # bytes: the kernel takes 107 for the path of a Unix socket
_FOLDERS = ("inbox", "library", "state", "work", "originals", "rejected")


class DemoError(Exception):
    """The demo cannot go on: a sentence for the person, and what to do."""

    def __init__(self, sentence: str, next_step: str) -> None:
        self.sentence, self.next_step = sentence, next_step
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where everything of one demo lies. `kept`: somebody has used the last demo's folder, so it was not cleared."""

    path: Path
    socket: Path
    metrics_port: int
    secret: str
    kept: bool

    @property
    def config(self) -> Path:
        return self.path / "pectin.yaml"

    @property
    def log(self) -> Path:
        return self.path / "daemon.log"

    @property
    def inbox(self) -> Path:
        return self.path / "inbox"

    @property
    def library(self) -> Path:
        return self.path / "library"

    def configure(self, receiver: str) -> None:
        """Write the configuration. `receiver` is the address for webhooks."""
        secret = self.path / "webhook.secret"
        secret.write_text(self.secret + "\n", encoding="ascii")
        secret.chmod(0o600)
        sections: dict[str, Any] = {
            "paths": {name: str(self.path / name) for name in ("state", "work", "originals", "rejected", "renditions")}
            | {"min_free": 0},
            "routes": [{"name": "films", "inbox": str(self.inbox), "library": str(self.library)}],
            "intake": {"linger": "1s", "quiet": "2s", "duplicates": "keep"},  # the same film as often as one likes
            "encoder": {"threads": "auto"},
            "webhooks": [{"name": "demo", "url": receiver, "secret_file": str(secret)}],
            "socket": {"path": str(self.socket)},
            "metrics": {"listen": f"127.0.0.1:{self.metrics_port}"},
        }
        self.config.write_text("# Written by `make demo`. Every key is explained in config/pectin.yaml.\n"
                               + yaml.safe_dump(sections, sort_keys=False, allow_unicode=True), encoding="utf-8")

    def remember(self, film: str, job: Mapping[str, Any] | None) -> None:
        """Note what lies here, so that the next demo may clear it; but only if all of it came from this demo: a film that
        somebody else dropped meanwhile is theirs, and so is all that was made of it."""
        found = _contents(self.path)
        ours = {"pectin.yaml", "webhook.secret", "daemon.log", f"inbox/{film}"}
        ours |= {str(Path(output["path"]).relative_to(self.path)) for output in job["outputs"]} if job else set()
        folders = ("state/", *(f"{name}/{job['id']}/" for name in ("work", "originals", "rejected") if job))
        if not self.kept and all(name in ours or name.startswith(folders) for name in found):
            (self.path / _MARKER).write_text(json.dumps(found), encoding="utf-8")

    def close(self) -> None:
        """Remove the socket, and its own folder if it needed one."""
        self.socket.unlink(missing_ok=True)
        if self.socket.parent != self.path:
            self.socket.parent.rmdir()


def lay_out(path: Path, source: Path | None) -> Folder:
    """Make the folder ready. What is not the demo's own stays; so does everything while `source` lies in it.
    Raises DemoError when the folder belongs to somebody else."""
    path = path.absolute()
    kept = False
    if path.exists():
        if not path.is_dir() or (not (path / _MARKER).exists() and any(path.iterdir())):
            raise DemoError(f"{path} is there already, and was not made by the demo", "move it away, or use --folder")
        kept = (source is not None and source.resolve().is_relative_to(path.resolve())) or not _clear(path)
    path.mkdir(parents=True, exist_ok=True)
    (path / _MARKER).write_text("", encoding="ascii")  # until `remember`, nothing here is known to be ours
    for name in _FOLDERS:
        (path / name).mkdir(exist_ok=True)
    beside = path / "pectin.sock"
    if len(bytes(beside)) > _LONGEST_SOCKET:
        beside = Path(tempfile.mkdtemp(prefix="pectin-demo-")) / "pectin.sock"
    secret = PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()
    return Folder(path, beside, _free_port(), secret, kept)


def _clear(path: Path) -> bool:
    """Remove what the last demo left, if it is exactly that: somebody may have gone on with it, and own films by now."""
    try:
        remembered = json.loads((path / _MARKER).read_text(encoding="utf-8"))
    except json.JSONDecodeError:  # the last demo was cut off before it could write this
        return False
    if remembered != _contents(path):
        return False
    for name in remembered:
        (path / name).unlink()
    for folder in sorted((p for p in path.rglob("*") if p.is_dir() and not p.is_symlink()), reverse=True):
        folder.rmdir()
    return True


def _contents(path: Path) -> dict[str, list[int]]:
    """Every file below, with its size in bytes and time of change in nanoseconds (as lists: JSON gives no tuples back)."""
    found = {}
    for entry in sorted(path.rglob("*")):
        if entry.name != _MARKER and (entry.is_symlink() or not entry.is_dir()):
            facts = entry.lstat()
            found[str(entry.relative_to(path))] = [facts.st_size, facts.st_mtime_ns]
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
