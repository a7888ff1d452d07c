"""An inbox with very many folders: what they cost at the start and at rest, and whether films are found after the kernel dropped
their events."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from bench.books import INTAKE, metric
from bench.films import tiny_film
from bench.table import Row, spread
from clips import Clips
from harness import Daemon, daemon, until

START_BOUND = 3.0  # seconds
CPU_BOUND = 0.2    # per cent of one core, as for an empty inbox
FOUND_BOUND = 5.0  # seconds
SETTINGS: Mapping[str, Mapping[str, float]] = {"intake": INTAKE}
PATIENCE = 120.0   # seconds until a film that is not found is a failure
ASK = 0.2          # seconds between two questions: each costs the daemon time
OVERFLOWS = "pectin_watcher_overflows_total"
_QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")


def measure(clips: Clips, folder: Path, *, folders: int, films: int, starts: int, seconds: float, judged: bool) -> list[Row]:
    """`starts` of a daemon with `folders` in its inbox and with none, in turns; rest for `seconds`; then `films` come in while
    it does not read its events. A judged run makes sure that events really got lost."""
    empty = Daemon(folder / "e", SETTINGS)
    large = Daemon(folder / "l", SETTINGS)
    places = _make_folders(large.inbox, folders)
    slower = spread([_start_time(large) - _start_time(empty) for _ in range(starts)])
    with daemon(folder / "l", SETTINGS) as running:
        running.client().post("/v1/pause")
        time.sleep(min(seconds, 5))
        resting = _rest(running, folders, seconds, judged=judged)
        found = _overflow(running, places, tiny_film(clips).read_bytes(), films, judged=judged)
    return [
        Row(name="start_scan", figure=f"{folders} folders in the inbox: start takes longer by", measured=slower.median,
            bound=START_BOUND, unit="s", digits=2, judged=judged,
            notes=f"from the start of the process until it watches and has scanned, less the same with an empty inbox; median of "
                  f"{starts} pairs, {slower.least:.2f} to {slower.most:.2f} s; the folders are in the kernel's cache"),
        resting, found]


def _make_folders(inbox: Path, folders: int) -> list[Path]:
    """On two levels: folders with 99 in each, until there are enough."""
    made = []
    for number in range(folders):
        outer, inner = divmod(number, 100)
        made.append(inbox / f"{outer:03}" / f"{inner:02}" if inner else inbox / f"{outer:03}")
        made[-1].mkdir()
    return made


def _start_time(stopped: Daemon) -> float:
    """Seconds until the daemon says that it watches: by then the scan at the start is over. To 50 ms."""
    began = time.monotonic()
    stopped.start()
    lasted = time.monotonic() - began
    assert stopped.stop() == 0, stopped.text()
    return lasted


def _rest(running: Daemon, folders: int, seconds: float, *, judged: bool) -> Row:
    assert running.process is not None
    process = psutil.Process(running.process.pid)
    walks, began, before = metric(running, "pectin_rescans_total"), time.monotonic(), process.cpu_times()
    time.sleep(seconds)
    after, lasted = process.cpu_times(), time.monotonic() - began
    walks = metric(running, "pectin_rescans_total") - walks
    return Row(name="large_idle_cpu", figure=f"{folders} folders in the inbox: CPU at rest, of one core", bound=CPU_BOUND,
               measured=100 * (sum(after[:2]) - sum(before[:2])) / lasted, unit="%", digits=3, judged=judged,
               notes=f"user and system over {lasted:.0f} s, to 10 ms; default settings, {walks:.0f} walks through the inbox in "
                     f"that time; resident memory {process.memory_info().rss / 2**20:.0f} MiB")


def _overflow(running: Daemon, places: list[Path], content: bytes, films: int, *, judged: bool) -> Row:
    """Films in folders that are watched already, two events each, so that more come than the kernel keeps."""
    assert running.process is not None
    running.process.send_signal(signal.SIGSTOP)
    try:
        for number in range(films):
            (places[number * len(places) // films] / f"Film {number:05}.mkv").write_bytes(content)
        os.sync()
    finally:
        running.process.send_signal(signal.SIGCONT)
    began = time.monotonic()
    while (known := _known(running)) != films:
        assert time.monotonic() - began < PATIENCE, f"{known} of {films} films are known:\n{running.text()[-2000:]}"
        time.sleep(ASK)
    lasted = time.monotonic() - began
    if judged:  # the metrics follow within some seconds
        until(lambda: metric(running, OVERFLOWS), f"events get lost; {_QUEUE} is {_QUEUE.read_text().strip()}")
    return Row(name="overflow_found", figure="Events lost: until all films are found", measured=lasted, bound=FOUND_BOUND,
               unit="s", digits=1, judged=judged,
               notes=f"{films} films written into these folders while the daemon was stopped by SIGSTOP; claimed or known to "
                     f"`pectin status` after SIGCONT, to {ASK:g} s; {OVERFLOWS} {metric(running, OVERFLOWS):.0f}")


def _known(running: Daemon) -> int:
    status = running.client().get("/v1/status")
    return int(status["waiting_total"] + sum(status["jobs"].values()))
