"""A booted machine with Pectin installed as `make install` does it, and two people: anna is in group pectin, otto is not."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import yaml

from harness import until
from needs import missing, need_program, need_root
from pectin.cli.client import Client
from system.nspawn import Box, box

CHECKOUT = Path(__file__).resolve().parents[2]
CONFIG = "/etc/pectin/pectin.yaml"
DROP_IN = "/run/systemd/system/pectin.service.d/test.conf"
INBOX, LIBRARY, DATABASE = "/srv/pectin/inbox", "/srv/pectin/library", "/var/lib/pectin/pectin.db"
QUICK: dict[str, Any] = {
    "routes": [{"name": "films", "inbox": INBOX, "library": LIBRARY}],
    "intake": {"linger": 0, "quiet": 0, "rescan": "5s", "duplicates": "keep"},
    "profiles": {"universal": {"preset": "ultrafast"}},
    "retry": {"first": 0},
}
SLOW = QUICK | {"profiles": {"universal": {"preset": "veryslow"}}, "encoder": {"threads": 1}}
STEADY = QUICK | {"profiles": {"universal": {"preset": "slow"}}, "encoder": {"threads": 1}}  # to its end in some seconds
SOON = "[Service]\nRestartSec=100ms\n"  # the real pause between a crash and the next start is for people's machines


def stage(folder: Path) -> Path:
    """What `make install DESTDIR=folder` collects: everything but the user and the folders of films."""
    need_root("install Pectin")
    need_program("make", "make")
    made = subprocess.run(["make", "-f", "install.mk", "install", f"DESTDIR={folder}"], cwd=CHECKOUT, capture_output=True,
                          text=True, check=False, stdin=subprocess.DEVNULL)
    if "No matching distribution" in made.stderr or "Could not find a version" in made.stderr:
        missing("the packages Pectin needs", f"pip must reach a package index: {made.stderr[-500:]}")
    assert made.returncode == 0, made.stdout + made.stderr
    return folder


class Machine:
    """The daemon runs as the unit says, but quickly. `box` is the machine itself."""

    def __init__(self, made: Box) -> None:
        self.box = made
        self._quick = False  # whether the daemon runs as `fresh` without arguments has started it

    def make(self, target: str) -> str:
        """A target of install.mk that needs no checkout."""
        return self.box.text("make", "--no-print-directory", "-f", "/root/install.mk", target)

    def configure(self, sections: Mapping[str, Any]) -> None:
        self._quick = False
        self.box.path(CONFIG).write_text(yaml.safe_dump(dict(sections)))

    def drop_in(self, text: str = SOON) -> None:
        """Override lines of the unit, as `systemctl edit` does."""
        path = self.box.path(DROP_IN)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.box.run("systemctl", "daemon-reload")

    def fresh(self, sections: Mapping[str, Any] = QUICK, drop_in: str = SOON) -> None:
        """Start the daemon anew with this configuration, whatever was before."""
        self.box.run("systemctl", "stop", "pectin.socket", "pectin.service")
        self.box.run("systemctl", "reset-failed", "pectin.socket", "pectin.service", check=False)  # never started: an error
        self.configure(sections)
        self.drop_in(drop_in)
        self.box.run("systemctl", "start", "pectin.service")
        self._quick = (sections, drop_in) == (QUICK, SOON)

    def ready(self) -> None:
        """A daemon that runs quickly: the one that does so already, or a fresh one."""
        if not self._quick or self.box.unit("pectin.service", "ActiveState") != {"ActiveState": "active"}:
            self.fresh()

    def client(self) -> Client:
        return Client(self.box.path("/run/pectin/pectin.sock"), timeout=30)

    def bring(self, film: Path, to: str, user: str) -> None:
        """Put a film somewhere as this user; the copy's owner is the user, its mode what the umask leaves."""
        shutil.copyfile(film, self.box.path("/var/tmp/brought"))
        self.box.path("/var/tmp/brought").chmod(0o644)
        self.box.run("cp", "/var/tmp/brought", to, user=user)

    def drop(self, film: Path, name: str, user: str = "anna") -> None:
        self.bring(film, f"{INBOX}/{name}", user)

    def job(self, name: str, *states: str) -> dict[str, Any]:
        """The only job of a file name, once it is in one of these states."""
        def there() -> dict[str, Any] | None:
            jobs = [job for job in self.client().get("/v1/jobs", limit=500)["jobs"] if job["name"] == name]
            assert len(jobs) < 2, jobs
            return dict(self.client().get(f"/v1/jobs/{jobs[0]['id']}")) if jobs and jobs[0]["state"] in states else None
        found = self._until(there, f"{name} is {' or '.join(states)}")
        assert isinstance(found, dict)
        return found

    def encoding(self) -> dict[str, Any]:
        """The running job, once its encode has really begun."""
        def there() -> dict[str, Any] | None:
            return next((dict(job) for job in self.client().get("/v1/status")["running"]
                         if job["stage"] == "encoding" and (job["fraction"] or 0) > 0.01), None)
        found = self._until(there, "an encode runs")
        assert isinstance(found, dict)
        return found

    def _until(self, condition: Callable[[], Any], what: str) -> Any:
        try:
            return until(condition, what)
        except AssertionError as error:
            error.add_note("\n".join(self.box.journal("-u", "pectin")[-40:]))
            raise

    def waiting(self, name: str) -> list[str]:
        """Why a file of this name still lies in the inbox; empty when there is none."""
        return [str(one) for one in self.client().get("/v1/status")["waiting"] if name in str(one)]

    def states_on_disk(self) -> dict[str, str]:
        """Job id to state, read from a copy of the database: a question over the socket would start the daemon."""
        with tempfile.TemporaryDirectory() as copy:
            for file in self.box.path(DATABASE).parent.glob("pectin.db*"):
                shutil.copy(file, copy)
            with closing(sqlite3.connect(Path(copy, "pectin.db"))) as database:
                return dict(database.execute("SELECT id, state FROM job").fetchall())

    def processes(self) -> list[str]:
        """The programs that user pectin runs."""
        return self.box.run("ps", "-u", "pectin", "-o", "comm=", check=False).stdout.split()


@contextmanager
def machine(folder: Path, staged: Path) -> Iterator[Machine]:
    """Boot one with everything installed and the daemon not yet started."""
    with box(folder) as made:
        subprocess.run(["cp", "--archive", f"{staged}/.", made.path("/")], check=True)
        shutil.copyfile(CHECKOUT / "install.mk", made.path("/root/install.mk"))
        installed = Machine(made)
        installed.make("activate")
        made.run("useradd", "--create-home", "--groups", "pectin", "anna")
        made.run("useradd", "--create-home", "otto")
        yield installed
