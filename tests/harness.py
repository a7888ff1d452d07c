"""A real daemon in a folder of its own: `pectin run` as a child process, its socket, its log."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from pectin.cli.client import Client
from pectin.model.job import FINAL, State
from pectin.model.places import JOB_NOTE

PATIENCE = 90.0  # seconds until a wait is a failure: far more than anything here takes, so that a busy machine fails nothing


# Sections that make an encode last: to be stopped, paused or killed in the middle.
SLOW = {"profiles": {"universal": {"preset": "slow"}}}


def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """The first true value of `condition`; fails by name when it never comes."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"never happened: {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Daemon:
    """`sections` are merged over a configuration that is quick: no waiting times, fastest preset."""

    def __init__(self, folder: Path, sections: Mapping[str, Any] | None = None, *, library: Path | None = None,
                 wrap: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.inbox, self.library = folder / "inbox", library or folder / "library"
        self.config, self.log = folder / "pectin.yaml", folder / "log"
        self.metrics_port = free_port()
        self.wrap, self.environment = tuple(wrap), dict(environment or {})
        self.inbox.mkdir(parents=True, exist_ok=True)
        self.library.mkdir(exist_ok=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.sections: dict[str, Any] = {
            "paths": {name: str(folder / name) for name in ("state", "work", "originals", "rejected", "renditions")}
            | {"min_free": 0},
            "routes": [{"name": "films", "inbox": str(self.inbox), "library": str(self.library)}],
            "intake": {"linger": 0, "quiet": 0, "rescan": "5s", "duplicates": "keep"},  # one clip is many films here
            "encoder": {"threads": 1, "hardware": "cpu"},  # the same on every machine
            "profiles": {"universal": {"preset": "ultrafast"}},
            "retry": {"first": 0},
            "socket": {"path": str(folder / "s")},
            "metrics": {"listen": f"127.0.0.1:{self.metrics_port}"},
        }
        self.write(sections or {})

    def write(self, sections: Mapping[str, Any]) -> None:
        """Change the configuration file (not the running daemon)."""
        for name, value in sections.items():
            if isinstance(value, dict):
                self.sections[name] = self.sections.get(name, {}) | value
            else:
                self.sections[name] = value
        self.config.write_text(yaml.safe_dump(self.sections))

    def spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrap, sys.executable, "-m", "pectin", "run", "--config", str(self.config)], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, env={**os.environ, **self.environment})
        return self.process

    def start(self) -> Daemon:
        before = len(self.text())
        process = self.spawn()

        def ready() -> bool:
            assert process.poll() is None, f"the daemon ended with {process.returncode}:\n{self.text()}"
            return " watches " in self.text()[before:]

        until(ready, f"the daemon is ready:\n{self.text()}")
        return self

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        self.process = None
        return status

    def client(self) -> Client:
        return Client(self.folder / "s", timeout=30)

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The real command line, as a person would call it."""
        return subprocess.run([sys.executable, "-m", "pectin", "--config", str(self.config), *arguments], capture_output=True,
                              text=True, timeout=PATIENCE, check=False, env={**os.environ, "COLUMNS": "200"})

    def json(self, *arguments: str) -> Any:
        done = self.cli(*arguments, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    def drop(self, film: Path, name: str | None = None) -> Path:
        """Copy beside the inbox, then move in: complete from the first moment, as `mv` does it."""
        target = self.inbox / (name or film.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = self.folder / "aside"
        shutil.copyfile(film, aside)
        aside.rename(target)
        return target

    def jobs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client().get("/v1/jobs", limit=500)["jobs"]
        return found

    def job(self, name: str, *states: str, stage: str | None = None) -> dict[str, Any]:
        """The job of a file name, once it is in one of these states; in a final one, once its source has been put to rest too
        (a busy machine shows the moment between the two)."""
        def there() -> dict[str, Any] | None:
            jobs = [j for j in self.jobs() if j["name"] == name]
            assert len(jobs) < 2, jobs
            if not jobs or jobs[0]["state"] not in states:
                return None
            if State(jobs[0]["state"]) in FINAL and Path(self.sections["paths"]["work"], jobs[0]["id"]).exists():
                return None
            details: dict[str, Any] = self.client().get(f"/v1/jobs/{jobs[0]['id']}")
            return details
        found = until(there, f"{name} is {' or '.join(states)}; jobs: {self.client().get('/v1/jobs')}\n{self.text()}")
        assert isinstance(found, dict)
        return found

    def running(self, stage: str, fraction: float = 0.0) -> dict[str, Any]:
        """A running job, once it has come so far in this stage."""
        def there() -> dict[str, Any] | None:
            for job in self.client().get("/v1/status")["running"]:
                if job["stage"] == stage and (job["fraction"] or 0.0) >= fraction:
                    return dict(job)
            return None
        found = until(there, f"a job is {stage}\n{self.text()}")
        assert isinstance(found, dict)
        return found


@contextmanager
def daemon(folder: Path, sections: Mapping[str, Any] | None = None, **more: Any) -> Iterator[Daemon]:
    """A started daemon that is stopped at the end, whatever happened."""
    made = Daemon(folder, sections, **more)
    try:
        yield made.start()
    finally:
        if made.process is not None:
            made.process.terminate()
            try:
                made.process.wait(30)
            except subprocess.TimeoutExpired:
                made.process.kill()
                made.process.wait()


def children_of_job(job_id: str) -> list[int]:
    """Processes that were started for a job, by their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if f"PECTIN_JOB={job_id}".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files(folder: Path) -> list[str]:
    """Everything below a folder that is no folder, and no job's note."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir() and p.name != JOB_NOTE)
