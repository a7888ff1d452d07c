"""`make demo`: the main job before your eyes. A real daemon, a real film, a real webhook; nothing is left running."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePath
from types import FrameType
from typing import Any

import httpx
from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests" / "fakes"))  # the receiver that the tests use too

import demo_film  # noqa: E402  (the path had to be known first)
from demo_folder import DemoError, Folder, lay_out  # noqa: E402
from demo_view import Bar, View  # noqa: E402
from receiver import Received, Receiver  # noqa: E402

from pectin.cli.client import Client, CommandError  # noqa: E402
from pectin.encoding import tools  # noqa: E402
from pectin.intake.names import NameAction, judge_name  # noqa: E402
from pectin.model.errors import PectinError  # noqa: E402

_PATIENCE = 60.0    # seconds for what takes a moment: the start, a claim, a delivery. Never for the encode itself.
_STOP_GRACE = 20.0  # seconds the daemon has to stop in good order; it needs less than one
_LOOK = 0.2         # seconds between two looks at the daemon
_LOG_TAIL = 12      # lines of the daemon's log that are shown when something went wrong

# What systemd says to its own children, in case we are one: none of it is meant for this daemon.
_NOT_OURS = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "WATCHDOG_USEC", "JOURNAL_STREAM")


def main() -> int:
    arguments = _arguments()
    view = View(Console(highlight=False))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        _demo(view, arguments.folder, arguments.source)
    except DemoError as error:
        log = arguments.folder / "daemon.log"
        view.failure(error.sentence, error.next_step, _tail(log) if isinstance(error, DaemonError) else ())
        return 1
    except (CommandError, httpx.HTTPError) as error:
        view.failure(str(error), "see the daemon's last words above", _tail(arguments.folder / "daemon.log"))
        return 1
    except BrokenPipeError:  # whoever read what we say has had enough (`make demo | head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        view.failure(f"{error.filename or arguments.folder}: {error.strerror}", "look at the rights and the free space there")
        return 1
    except KeyboardInterrupt:
        view.headline("Stopped. Nothing is left running.")
        return 130
    return 0


class DaemonError(DemoError):
    """Trouble about which the daemon's log can tell more."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Shows the main job with a real daemon, in a folder of its own.")
    from_make = os.environ.get("PECTIN_DEMO_SOURCE")
    parser.add_argument("--source", type=_person_path, default=_person_path(from_make) if from_make else None,
                        help="your film; it is copied (default: a film made here)")
    parser.add_argument("--folder", type=_person_path, default=ROOT / "demo", help="where everything lies (default: demo/)")
    return parser.parse_args()


def _person_path(text: str) -> Path:
    """make does not expand ~ in SOURCE=~/film.mkv, nor do all shells."""
    return Path(text).expanduser()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _demo(view: View, path: Path, source: Path | None) -> None:
    name = source.name if source else demo_film.NAME
    if source:
        demo_film.check(source)
        verdict = judge_name(PurePath(name))
        if verdict.action is not NameAction.TAKE:
            raise DemoError(f"{name}: {verdict.sentence}", "use a video file such as film.mkv or film.mp4")
    found = _ffmpeg()
    with ExitStack() as stack:
        folder = lay_out(path, source)
        job: dict[str, Any] = {}
        stack.callback(lambda: folder.remember(name, job or None))
        stack.callback(folder.close)
        if folder.kept:
            view.step(f"{folder.path} has been used since the last demo: nothing there is removed")
        if source is None:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pectin-demo-")))
            view.step("making a film no browser plays (HEVC, AC-3 5.1, subtitles)")
            demo_film.make(str(found.ffmpeg), scratch / name)
        receiver = stack.enter_context(Receiver(secret=folder.secret))
        folder.configure(receiver.url)
        with _daemon(folder) as process:
            client = Client(folder.socket)
            alive = _Alive(process)
            _until(lambda: _answers(client), alive, "the daemon to answer")
            view.step(f"the daemon runs (pid {process.pid}) and watches {folder.inbox}")
            view.step(f"dropping {name} into the inbox")
            known = {entry["id"] for entry in client.get("/v1/jobs", limit=500)["jobs"]}
            with view.progress() as bar:
                size = (source or scratch / name).stat().st_size
                demo_film.copy(source or scratch / name, folder.inbox, lambda there: bar.copying(there, size))
                _follow(client, alive, lambda: _ours(client, known, name), bar, job)
            message = _told(client, alive, receiver, job)
            metrics = httpx.get(f"http://127.0.0.1:{folder.metrics_port}/metrics", timeout=_PATIENCE,
                                trust_env=False).text
        seconds = job["finished_at"] - job["created_at"]
        view.step(f"filed in the library {seconds:.0f} s after it was taken; the daemon is stopped again")
        view.summary(folder, job, message, metrics)


def _ffmpeg() -> tools.Tools:
    try:
        return asyncio.run(tools.find("auto"))
    except PectinError as error:
        raise DemoError(error.sentence, error.meaning.next_step) from error


@contextmanager
def _daemon(folder: Folder) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon for as long as the block lasts. In a session of its own: Ctrl-C is ours, and we stop it in good order.
    setpriv lets the kernel stop it should we be killed."""
    chain = [setpriv, "--pdeathsig", "TERM", "--"] if (setpriv := shutil.which("setpriv")) else []
    environment = {key: value for key, value in os.environ.items() if key not in _NOT_OURS}
    with folder.log.open("ab") as log:
        process = subprocess.Popen([*chain, sys.executable, "-m", "pectin", "run", "--config", str(folder.config)], stdout=log,
                                   stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, env=environment)
    try:
        yield process
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # impatience must not leave the daemon behind
            signal.signal(number, signal.SIG_IGN)
        process.terminate()
        try:
            process.wait(_STOP_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class _Alive:
    """Raises DaemonError when the daemon has ended by itself."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def __call__(self) -> None:
        if (status := self._process.poll()) is not None:
            raise DaemonError(f"the daemon ended with exit status {status}", "see its last words above")


def _answers(client: Client) -> bool:
    try:
        client.get("/v1/status")
    except CommandError:
        return False
    return True


def _until(condition: Callable[[], Any], alive: _Alive, what: str) -> Any:
    """The first true value of `condition`. Raises DaemonError when it takes too long."""
    end = time.monotonic() + _PATIENCE
    while not (value := condition()):
        alive()
        if time.monotonic() > end:
            raise DaemonError(f"waited {_PATIENCE:g} s for {what}", "see the daemon's last words above")
        time.sleep(_LOOK)
    return value


def _ours(client: Client, known: set[str], name: str) -> dict[str, Any] | None:
    """The job of our film: of that name, and not there before."""
    shown = os.fsencode(name).decode("utf-8", "replace")
    for entry in client.get("/v1/jobs", limit=500)["jobs"]:
        if entry["id"] not in known and entry["name"] == shown:
            return dict(client.get(f"/v1/jobs/{entry['id']}"))
    return None


def _follow(client: Client, alive: _Alive, ours: Callable[[], dict[str, Any] | None], bar: Bar, job: dict[str, Any]) -> None:
    """Show the film's way until it is in the library; `job` is filled. Raises DaemonError when it does not get there."""
    end = time.monotonic() + _PATIENCE
    while job.get("state") != "COMPLETED":
        alive()
        status = client.get("/v1/status")
        if (seen := ours()) is None:
            why = [waiting["sentence"] for waiting in status["waiting"]]
            bar.show("in the inbox", facts=why[0] if why else "noticed in a moment")
            if time.monotonic() > end:
                raise DaemonError(f"the film was not taken from the inbox: {why[0] if why else 'it was not noticed'}",
                                  "see the daemon's last words above")
        else:
            job.update(seen)
            # a retry is the daemon's way on its own; here somebody looks on, who can mend it now
            if seen["state"] in ("FAILED", "REJECTED", "CANCELLED") or (seen["state"] == "PENDING" and seen["message"]):
                raise DaemonError(f"{seen['name']}: {seen['message']}", seen["next_step"] or "see the daemon's last words above")
            running = [entry for entry in status["running"] if entry["id"] == seen["id"]]
            if running:
                bar.running(running[0])
            elif seen["state"] == "PENDING":
                bar.show("in the queue")
        time.sleep(_LOOK)
    bar.show("in the library", 1.0)


def _told(client: Client, alive: _Alive, receiver: Receiver, job: dict[str, Any]) -> Received:
    """The webhook of the completed job, once everything that follows a publication is done too."""
    def arrived() -> Received | None:
        for message in list(receiver.received):
            if message.json["type"] == "job.completed" and message.json["data"]["job"] == job["id"]:
                return message
        return None

    def settled() -> bool:
        job.update(client.get(f"/v1/jobs/{job['id']}"))
        return f"/originals/{job['id']}/" in (job["source_now"] or "") and not any(client.get("/v1/status")["outbox"].values())

    message: Received = _until(arrived, alive, "the webhook")
    _until(settled, alive, "the original to be put away")
    return message


def _tail(log: Path) -> list[str]:
    if not log.exists():
        return []
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL:]


if __name__ == "__main__":
    sys.exit(main())
