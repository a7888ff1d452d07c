"""The direct-play oracle, asked for many files: one child judges them all, since its start costs more than a verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from needs import SHARED, need_program, shared

_ORACLE = "oracle/directplay_oracle.py"
SERVERS = ("10.11", "12")
# What `--probe FILE --server S` does, for every line on stdin; its exit status 0 is an empty list here.
_CHILD = """
import json, sys
import directplay_oracle as oracle
profiles = oracle.all_profiles()
for line in sys.stdin:
    asked = json.loads(line)
    report = oracle.report(oracle.from_ffprobe(asked["probe"], asked["subtitles"], asked["server"]), profiles)
    print(json.dumps([f"{name}: {'+'.join(r['reasons'])}" for name, r in report.items() if not r["direct_play"]]), flush=True)
"""


def described(film: Path) -> dict[str, Any]:
    """What ffprobe says of it, asked as Jellyfin and the oracle ask (and for its chapters)."""
    command = [need_program("ffprobe", "ffmpeg"), "-v", "error", "-of", "json", "-show_format", "-show_streams", "-show_chapters",
               f"file:{film}"]
    said: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    return said


class Oracle:
    """`transcodes(described(film))` tells who would not play it as it is."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def transcodes(self, probe: Mapping[str, Any], subtitles: Sequence[Path] = ()) -> dict[str, list[str]]:
        """For each server's version the clients that would make it transcode, with their reasons. Nobody: no entry. `probe` is
        what `described` says."""
        found = {server: self._ask({"probe": probe, "subtitles": [str(path) for path in subtitles], "server": server})
                 for server in SERVERS}
        return {server: clients for server, clients in found.items() if clients}

    def _ask(self, question: dict[str, Any]) -> list[str]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(question) + "\n")
        self._child.stdin.flush()
        answer: list[str] = json.loads(self._child.stdout.readline())
        return answer


def oracle_is_here() -> bool:
    return (SHARED / _ORACLE).exists()


@contextmanager
def oracle() -> Iterator[Oracle]:
    """A skip where there is none."""
    place = shared(_ORACLE).parent
    with subprocess.Popen([sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          cwd=place) as child:
        try:
            yield Oracle(child)
        finally:
            assert child.stdin is not None
            child.stdin.close()
            child.wait(60)
