"""Measures what is promised in figures and prints the table: `make bench`. Exit status 1 when a bound is missed.

The measurements run one after the other. Give them a machine that does nothing else: they take about seventeen minutes."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("whole_job", "cap", "pickup", "intake_latency", "burst", "large_inbox", "clients", "idle", "decision", "pictures",
         "quality", "ladder", "suite")
sys.path.insert(0, str(ROOT / "tests"))

# The folder of the tests is known only from here on.
from bench import (  # noqa: E402
    burst,
    cap,
    clients,
    decision,
    idle,
    intake_latency,
    ladder,
    large_inbox,
    pickup,
    pictures,
    quality,
    suite,
    whole_job,
)
from bench.table import Row, as_json, exit_status, markdown  # noqa: E402
from clips import Clips  # noqa: E402
from pectin.encoding.tools import find  # noqa: E402


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="run everything briefly and judge nothing: to see that it works")
    options.add_argument("--suite", action="store_true", help="also time `make test`")
    options.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    options.add_argument("--folder", type=Path, help="where to work, on the disk to be measured (default: the temporary folder)")
    options.add_argument("--only", nargs="+", metavar="NAME", choices=NAMES, help=f"only these of {', '.join(NAMES)}")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="pectin-bench-", dir=chosen.folder) as folder:
        rows = []
        for row in _measured(Path(folder), chosen):
            print(f"  {row.figure}: {row.measured} ({row.verdict})", file=sys.stderr, flush=True)  # a later one may fail
            rows.append(row)
        machine = _machine()
    print((as_json if chosen.json else markdown)(rows, machine))
    return exit_status(rows)


def _measured(folder: Path, chosen: argparse.Namespace) -> Iterator[Row]:
    quick, clips = chosen.quick, Clips(folder / "clips")

    def wanted(name: str) -> bool:
        if name not in (chosen.only or NAMES):
            return False
        print(f"measuring: {name} ...", file=sys.stderr, flush=True)
        return True

    if wanted("whole_job"):
        yield whole_job.measure(clips, folder / "w", seconds=2 if quick else 32, pairs=1 if quick else 5, judged=not quick)
    if wanted("cap"):
        yield from cap.measure(clips, folder / "x", seconds=0.2 if quick else 8, pairs=1 if quick else 7, judged=not quick)
    if wanted("pickup"):
        yield pickup.measure(clips, folder / "p", drops=2 if quick else 40, judged=not quick)
    if wanted("intake_latency"):
        yield from intake_latency.measure(clips, folder / "c", drops=4 if quick else 250, judged=not quick)
    if wanted("burst"):
        yield from burst.measure(clips, folder / "b", folders=3 if quick else 100, films=5 if quick else 100, judged=not quick)
    if wanted("large_inbox"):
        yield from large_inbox.measure(clips, folder / "l", folders=120 if quick else 20_000, films=10 if quick else 9_000,
                                       starts=1 if quick else 3, seconds=1 if quick else 60, judged=not quick)
    if wanted("clients"):
        yield clients.measure(clips, folder / "m", run=not quick)
    if wanted("idle"):
        yield from idle.measure(clips, folder / "i", seconds=2 if quick else 60, judged=not quick)
    if wanted("decision"):
        yield from decision.decisions(rounds=1 if quick else 15, judged=not quick)
        yield decision.large_file(clips, folder / "d", size=10**8 if quick else 10**10, hours=0.01 if quick else 2,
                                  heavy=0 if quick else 130, looks=1 if quick else 7, judged=not quick)
    if wanted("pictures"):
        yield from pictures.measure(clips, folder / "a", seconds=2 if quick else 120, rounds=1 if quick else 5, judged=not quick)
    if wanted("quality"):
        yield from quality.measure(clips, folder / "q", seconds=4 if quick else 1200, size="160x90" if quick else "640x360",
                                   judged=not quick)
    if wanted("ladder"):
        yield from ladder.measure(clips, folder / "r", seconds=1 if quick else 20, pairs=1 if quick else 5, judged=not quick)
    if wanted("suite"):
        yield from suite.measure(ROOT, unit=not quick, whole=chosen.suite)


def _machine() -> Mapping[str, str]:
    ffmpeg = asyncio.run(find("auto")).version_text
    return {"CPUs": str(len(os.sched_getaffinity(0))), "processor": _processor(), "kernel": platform.release(),
            "Python": platform.python_version(), "ffmpeg": ffmpeg, "load before": f"{_LOAD:.1f}"}


def _processor() -> str:
    """Its name, on x86; the architecture elsewhere."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


_LOAD = os.getloadavg()[0]

if __name__ == "__main__":
    sys.exit(main())
