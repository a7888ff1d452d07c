"""What the daemon costs while nothing happens: memory and CPU, with default settings, the metrics page on, and the watchdog of
systemd as a unit with WatchdogSec=60 sets it."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import psutil

from bench.books import INTAKE
from bench.films import short_films
from bench.table import Row
from clips import Clips
from harness import daemon

MEMORY_BOUND = 80.0  # MiB
CPU_BOUND = 0.2      # per cent of one core
WATCHDOG_SECONDS = 60
# As a person has them who sets nothing; the harness would hurry.
DEFAULTS = {"intake": dict(INTAKE), "encoder": {"threads": "auto"}}


def measure(clips: Clips, folder: Path, *, seconds: float, judged: bool) -> list[Row]:
    """A few jobs, then nothing for twice `seconds`: memory after the first half, CPU over the second."""
    folder.mkdir(parents=True)
    with _Systemd(folder / "n") as systemd:
        environment = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": str(WATCHDOG_SECONDS * 1_000_000)}
        with daemon(folder, DEFAULTS, environment=environment) as running:
            assert running.process is not None
            films = short_films(clips)
            for film in films:
                running.drop(film)
            for film in films:
                running.job(film.name, "COMPLETED")
            process = psutil.Process(running.process.pid)
            time.sleep(seconds)
            memory, children, threads = process.memory_info().rss / 2**20, len(process.children()), process.num_threads()
            beats, began, before = systemd.beats, time.monotonic(), process.cpu_times()
            time.sleep(seconds)
            after, lasted, beats = process.cpu_times(), time.monotonic() - began, systemd.beats - beats
    cpu = 100 * (sum(after[:2]) - sum(before[:2])) / lasted  # user and system
    return [
        Row(name="idle_memory", figure="Idle: resident memory", measured=memory, bound=MEMORY_BOUND, unit="MiB", digits=1,
            judged=judged, notes=f"VmRSS {seconds:g} s after {len(films)} jobs; {children} child processes, {threads} threads"),
        Row(name="idle_cpu", figure="Idle: CPU, of one core", measured=cpu, bound=CPU_BOUND, unit="%", digits=3, judged=judged,
            notes=f"user and system over {lasted:.0f} s, to 10 ms; default settings, {beats} watchdog messages in that time"),
    ]


class _Systemd:
    """Takes what the daemon tells systemd, at once, as systemd does: a full socket would make the daemon wait."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.beats = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> _Systemd:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.path))
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while message := self._socket.recv(65536):
            self.beats += message == b"WATCHDOG=1"
