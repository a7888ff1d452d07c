"""Test films, made here by ffmpeg from its own test sources and kept for the session."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from needs import need_program


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """One process at a time for a place that the workers of one test run share. The lock lies beside it, as `place.lock`."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Clips:
    """Makes each film once, also for several processes with the same folder. `make("a.mkv", [...])` runs `ffmpeg <args> a.mkv`
    and returns the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str, arguments: Sequence[str]) -> Path:
        ffmpeg = need_program("ffmpeg", "ffmpeg")
        key = hashlib.sha256("\0".join([name, *arguments]).encode()).hexdigest()[:12]
        place = self.folder / key
        with alone(place):
            if not place.exists():
                # A film that failed half way must not be found by the next test.
                unfinished = place.with_name(f"{key}.unfinished")
                unfinished.mkdir(exist_ok=True)
                made = subprocess.run([ffmpeg, "-nostdin", "-v", "error", "-y", *arguments, str(unfinished / name)],
                                      capture_output=True, text=True, check=False)
                assert made.returncode == 0, f"{made.args}: {made.stderr}"
                unfinished.rename(place)
        return place / name

    def film(self, name: str = "film.mkv", *, seconds: float = 2, size: str = "320x240", rate: str = "25",
             video: Sequence[str] = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
             audio: Sequence[str] = ("-c:a", "aac", "-ac", "2"), extra: Sequence[str] = ()) -> Path:
        """A moving test picture with a tone. `audio=()` makes a silent film."""
        sound = ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}"] if audio else []
        return self.make(name, ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}", *sound,
                                *video, *audio, *extra])
