"""A daemon with everything around it that must survive it: films of which no two are alike, sidecars, a bad file, a receiver of
webhooks; and the one question of all these tests: is everything in exactly one known place?"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from typing import Any

from clips import Clips
from durability.nursery import Born, Nursery
from fakes.receiver import Receiver
from harness import PATIENCE, Daemon, children_of_job, sha256, until
from pectin.linux.crash import CRASH_AT, TESTING
from pectin.linux.move import fsync_folder
from pectin.linux.trees import contents_of
from pectin.model.job import FINAL, State

LONG = os.environ.get("PECTIN_SOAK") == "1"  # `make soak`: everything, many times
IDLE = 3.0  # seconds a daemon may rest with nothing to do before a point that has not come counts as one that does not come
_ROOM = b"@" * 60
_TOP = ("inbox", "library", "work", "originals", "rejected", "renditions")
_PUBLISHED = ("library", "renditions")
# Folders in the library and elsewhere, quickly made.
_WITH_FOLDERS = {"pictures": {"trickplay": True, "sprite": True}}


def template(clips: Clips) -> bytes:
    """A film that is only copied, with room for a number: no two films of a world have the same content."""
    film = clips.film("copied.mkv", seconds=1, size="192x160", audio=("-c:a", "aac", "-ac", "2", "-b:a", "64k"),
                      extra=("-metadata", f"comment={_ROOM.decode()}", "-write_crc32", "0"))
    made = film.read_bytes()
    assert made.count(_ROOM) == 1
    return made


@dataclass
class Film:
    """What was dropped, by its hash, and how it may end."""

    sha256: str
    ends: frozenset[State]
    sidecars: list[str] = field(default_factory=list)
    redone: bool = False


class DiedError(Exception):
    """The daemon is dead, or stands still, as it was wished."""


class World:
    """`with World(...) as world`. `roots` puts some of the folders elsewhere. `folders`: there are outputs that are folders, in
    the library and elsewhere; making them takes as long as a film."""

    def __init__(self, folder: Path, film: bytes, *, roots: Mapping[str, Path] | None = None, state: Path | None = None,
                 folders: bool = False) -> None:
        self.folder, self._film, self._state = folder, film, state or folder / "state"
        self._roles = {"video", *(("trickplay", "sprite") if folders else ())}
        self._profile = {"preset": "ultrafast", **(_WITH_FOLDERS if folders else {})}
        folder.mkdir(parents=True, exist_ok=True)
        self.roots = {name: folder / name for name in _TOP} | dict(roots or {})
        self.films: dict[str, Film] = {}
        self._strangers: dict[Path, str] = {}
        self._receiver = Receiver()
        self._nursery = Nursery()
        self.process: Born | None = None

    def __enter__(self) -> World:
        self._receiver.__enter__()
        self._nursery.__enter__()
        for root in self.roots.values():
            root.mkdir(parents=True, exist_ok=True)
        self.daemon = Daemon(self.folder, {
            "paths": {name: str(self.roots[name]) for name in ("work", "originals", "rejected", "renditions")}
            | {"state": str(self._state), "min_free": 0},
            "routes": [{"name": "films", "inbox": str(self.roots["inbox"]), "library": str(self.roots["library"])}],
            "encoder": {"threads": 1, "jobs": 2},
            "profiles": {"universal": self._profile, "small": self._profile | {"max_height": 144}},
            "retry": {"first": 0, "max_interruptions": 20},
            "metrics": {"listen": "off"},
            "webhooks": [{"name": "told", "url": self._receiver.url}]})
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(AttributeError):
            self.kill()
        self._nursery.__exit__()
        self._receiver.__exit__()

    # -- the daemon ----------------------------------------------------------------------------------------------------------

    def start(self, wish: str = "") -> None:
        """Start it; with a wish it may be dead before this returns."""
        before = len(self.daemon.text())
        environment = {TESTING: "1", CRASH_AT: wish} if wish else {}
        self.process = process = self._nursery.spawn(self.daemon.config, self.daemon.log, environment)

        def ready() -> bool:
            over = process.poll() is not None  # asked once: it may die at any moment
            if wish and (over or stopped(process.pid)):
                return True
            assert not over, f"the daemon ended with {process.returncode}:\n{self.daemon.text()}"
            return " watches " in self.daemon.text()[before:]

        until(ready, f"the daemon is ready:\n{self.daemon.text()}")

    def spawn(self) -> None:
        """Start it without waiting."""
        self.process = self._nursery.spawn(self.daemon.config, self.daemon.log, {})

    def stop(self) -> None:
        """In good order. One that has not come so far as to listen to SIGTERM dies of it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        assert status in (0, -signal.SIGTERM), f"{status}\n{self.daemon.text()}"
        self.process = None

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(PATIENCE)
            self.process = None

    def ended(self, *, patience: float = 40) -> bool:
        """Whether it dies (or stands still) where it was asked to; False once it rests and has nothing left to do."""
        assert self.process is not None
        process, resting, end = self.process, None, time.monotonic() + patience
        while time.monotonic() < end:
            if process.poll() is not None:
                assert process.returncode == -signal.SIGKILL, f"it ended with {process.returncode}:\n{self.daemon.text()}"
                self.process = None
                return True
            if stopped(process.pid):
                return True
            if not self.at_rest():
                resting = None
            elif resting is None:
                resting = time.monotonic()
            elif time.monotonic() - resting > IDLE:
                return False
            time.sleep(0.02)
        raise AssertionError(f"it neither died nor came to rest: {self._story()}")

    def ask(self, method: str, address: str) -> Any:
        """A question to the daemon. Raises DiedError when it died of it, or stands still where it should."""
        try:
            return self._answer(method, address)
        except (OSError, HTTPException) as error:
            assert self.process is not None
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
            if self.process.poll() is None and not stopped(self.process.pid):
                raise
            raise DiedError from error

    def _answer(self, method: str, address: str) -> Any:
        with closing(_Connection(self.folder / "s")) as connection:
            connection.request(method, address)
            answer = connection.getresponse()
            document = json.loads(answer.read())
            assert answer.status < 400, f"{method} {address}: {document}"
            return document

    def jobs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in count(1):  # a long proof makes more films than one page holds
            answer = self.ask("GET", f"/v1/jobs?limit=500&page={page}")
            found += answer["jobs"]
            if len(found) >= answer["total"] or not answer["jobs"]:
                return found
        raise AssertionError

    def job(self, name: str) -> dict[str, Any]:
        [found] = [job for job in self.jobs() if job["name"] == name]
        return found

    def at_rest(self) -> bool:
        """Whether every film has ended, was put to rest, and everybody was told. False also when nobody answers."""
        if any(files(self.roots["work"])) or any(p for p in files(self.roots["inbox"]) if not self._undone(p)):
            return False
        try:
            status = self._answer("GET", "/v1/status")
        except (OSError, HTTPException, ValueError):
            return False
        counts = status["jobs"]
        return not any(counts[state] for state in State if state not in FINAL) and not any(status["outbox"].values())

    def _undone(self, path: Path) -> bool:
        """Whether it may lie in the inbox for good: put back there, film or sidecar."""
        film = self.films.get(f"{path.name.partition('.')[0]}.mkv")
        return film is not None and State.CANCELLED in film.ends

    def in_flight(self) -> int:
        """How many things lie in the inbox and the work queue."""
        return len(os.listdir(self.roots["inbox"])) + len(os.listdir(self.roots["work"]))

    # -- what is dropped -----------------------------------------------------------------------------------------------------

    def film(self, name: str, *, sidecar: bool = False, ends: frozenset[State] = frozenset({State.COMPLETED}),
             durable: bool = True) -> str:
        """A good film, with its subtitles perhaps."""
        assert len(name) <= len(_ROOM)
        content = self._film.replace(_ROOM, name.encode().rjust(len(_ROOM), b"@"))
        self.films[f"{name}.mkv"] = Film(hashlib.sha256(content).hexdigest(), ends)
        if sidecar:
            self.sidecar(name)
        self._drop(f"{name}.mkv", content, durable=durable)
        return f"{name}.mkv"

    def sidecar(self, name: str, suffix: str = ".en.srt") -> None:
        text = f"1\n00:00:00,100 --> 00:00:00,900\n{name} {suffix}\n".encode()
        self.films[f"{name}.mkv"].sidecars.append(hashlib.sha256(text).hexdigest())
        self._drop(f"{name}{suffix}", text)

    def bad(self, name: str) -> str:
        text = f"{name} is a text, no film\n".encode() * 20
        self.films[f"{name}.mkv"] = Film(hashlib.sha256(text).hexdigest(), frozenset({State.REJECTED}))
        self._drop(f"{name}.mkv", text)
        return f"{name}.mkv"

    def stranger(self, within: str, text: str, *, library: Path | None = None) -> None:
        """A file of somebody else in the library (which lies at `library` right now): it must be as it is in the end."""
        path = (library or self.roots["library"]) / within
        path.parent.mkdir(exist_ok=True)
        with path.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        for folder in list(path.parents)[:len(Path(within).parts)]:
            fsync_folder(folder)
        self._strangers[self.roots["library"] / within] = text

    def three(self, name: str) -> None:
        """In flight together: one with a sidecar, one plain, one bad."""
        self.film(f"{name} a", sidecar=True)
        self.film(f"{name} b")
        self.bad(f"{name} c")

    def _drop(self, name: str, content: bytes, *, durable: bool = True) -> None:
        """As `mv` does it; `durable`: and the sender's machine has nothing of it in memory alone."""
        aside = self.roots["inbox"].with_name("aside")
        with aside.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        aside.rename(self.roots["inbox"] / name)
        if durable:
            fsync_folder(self.roots["inbox"])

    # -- the question --------------------------------------------------------------------------------------------------------

    def all_is_well(self) -> None:
        """Started as it is now, the daemon brings everything to its end, and everything is in exactly one known place."""
        self.start()
        self.ask("POST", "/v1/resume")
        for job in self.jobs():  # whoever waits for something goes on now
            if State(job["state"]) not in FINAL:
                with suppress(AssertionError):  # it has ended meanwhile
                    self.ask("POST", f"/v1/jobs/{job['id']}/retry")
        try:
            until(self.at_rest, "everything comes to its end")
        except AssertionError as error:
            raise AssertionError(self._story()) from error
        jobs = [self.ask("GET", f"/v1/jobs/{job['id']}") for job in self.jobs()]
        self.stop()
        self._rows(jobs)
        self._disk({job["name"]: job for job in jobs})
        self._told(jobs)
        assert not [child for job in jobs for child in children_of_job(job["id"])]

    def _story(self) -> str:
        assert self.process is not None
        self.process.send_signal(signal.SIGUSR1)  # it tells where its threads are
        time.sleep(0.5)
        return f"{self.jobs()} {[files(root) for root in self.roots.values()]}\n{self.daemon.text()}"

    def _rows(self, jobs: list[dict[str, Any]]) -> None:
        assert sorted(job["name"] for job in jobs) == sorted(self.films), self._log()
        for job in jobs:
            film = self.films[job["name"]]
            assert State(job["state"]) in film.ends, f"{job}\n{self._log()}"
            arrived = [step["to_state"] for step in job["history"]].count("COMPLETED")
            assert arrived == (job["state"] == "COMPLETED") or film.redone or film.ends != {State.COMPLETED}, \
                f"published {arrived} times: {job['history']}\n{self._log()}"

    def _disk(self, jobs: Mapping[str, dict[str, Any]]) -> None:
        lies: dict[str, dict[str, list[Path]]] = {root: {} for root in self.roots}
        for name, root in self.roots.items():
            for path in files(root):
                lies[name].setdefault(sha256(path), []).append(path)
        assert lies["work"] == {} and not list(self.roots["work"].iterdir()), f"{lies['work']}\n{self._log()}"
        known = set(self._strangers)
        for path, text in self._strangers.items():
            assert path.read_text() == text
        for name, film in self.films.items():
            job = jobs[name]
            undone = job["cause"] == "undone_by_user"
            rests = "inbox" if undone else "originals" if job["state"] == "COMPLETED" else "rejected"
            for content in (film.sha256, *film.sidecars):
                found = [path for root in lies if root not in _PUBLISHED for path in lies[root].get(content, ())]
                assert len(found) == 1, f"{name} is in {len(found)} places: {found}; {job}\n{self._log()}"
                assert found[0].is_relative_to(self.roots[rests] if undone else self.roots[rests] / job["id"]), f"{found} {job}"
                known.add(found[0])
            if job["state"] != "COMPLETED":
                continue
            assert {output["role"] for output in job["outputs"]} >= self._roles
            for output in job["outputs"]:
                path = Path(output["path"])
                if "files" in output:
                    assert contents_of(path).sha256 == output["sha256"], f"{output} of {name} is not whole\n{self._log()}"
                    known.update(files(path))
                    continue
                assert path in lies["library"].get(output["sha256"], ()), f"{output} of {name} is not there\n{self._log()}"
                known.add(path)
            came = [output["sha256"] for output in job["outputs"] if "from" in output]
            assert sorted(came) == sorted(film.sidecars), f"{job['outputs']}\n{self._log()}"
        replaced = [self.roots["originals"] / jobs[name]["id"] / ".replaced" for name, film in self.films.items() if film.redone]
        strangers = [path for root in lies for paths in lies[root].values() for path in paths
                     if path not in known and not _our_note(path) and not any(path.is_relative_to(folder) for folder in replaced)]
        assert not strangers, f"nobody knows {strangers}\n{self._log()}"

    def _told(self, jobs: list[dict[str, Any]]) -> None:
        """Every event has come at least once, the end of a job as one event, and never before its beginning."""
        heard: dict[str, list[str]] = {}
        for message in self._receiver.received:
            line = heard.setdefault(message.json["data"]["job"], [])
            if (said := f"{message.json['type']} {message.id}") not in line:  # at least once: the same one may come again
                line.append(said)
        for job in jobs:
            kinds = [said.split()[0] for said in heard.get(job["id"], [])]
            assert kinds[:1] == ["job.accepted"], f"{job['name']} was told as {kinds}\n{self._log()}"
            assert kinds[-1] == f"job.{job['state'].lower()}" or self.films[job["name"]].redone, f"{job['name']}: {kinds}"
            if self.films[job["name"]].ends == {State.COMPLETED} and not self.films[job["name"]].redone:
                assert Counter(kinds)["job.completed"] == 1, f"{job['name']}: {kinds}\n{self._log()}"

    def _log(self) -> str:
        return self.daemon.text()


class _Connection(HTTPConnection):
    """To the daemon's socket; closed also when nobody is there."""

    def __init__(self, path: Path) -> None:
        super().__init__("pectin", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.sock.close()
            raise


def stopped(pid: int) -> bool:
    """Whether a process stands still by SIGSTOP."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def files(root: Path) -> list[Path]:
    """Every file below a folder, without falling over what goes away meanwhile."""
    return [Path(folder, name) for folder, _, names in os.walk(root) for name in names]


def _our_note(path: Path) -> bool:
    return path.name.endswith(".why.txt") or path.name == ".job.json"
