"""The film of the demo: yours as it is, or one made by ffmpeg that no browser would play."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from demo_folder import DemoError

NAME = "A Demo Film (2026).mkv"
_SECONDS = 20
_CHORD = (220.0, 277.2, 329.6, 55.0, 440.0, 554.4)  # Hz, one per loudspeaker: A major, so that nobody's ears hurt
_WORDS = ("Drop a film into the inbox,", "and Pectin makes it play everywhere.", "Even these subtitles.")
_CHUNK = 1 << 20  # bytes copied between two looks at the progress bar


def check(source: Path) -> None:
    """Raises DemoError unless `source` is a file that can be read."""
    try:
        with source.open("rb"):
            pass
    except FileNotFoundError:
        raise DemoError(f"SOURCE={source} does not exist", f"check the path; a relative one begins in {Path.cwd()}") from None
    except IsADirectoryError:
        raise DemoError(f"SOURCE={source} is a folder", "name one video file in it") from None
    except OSError as error:
        raise DemoError(f"SOURCE={source} cannot be read: {error.strerror}", "use a file that you may read") from None


def make(ffmpeg: str, film: Path) -> None:
    """HEVC picture, 5.1 sound in AC-3, text subtitles, in Matroska: as films often come, and what browsers cannot play.
    An ffmpeg without x265 makes MPEG-4 instead. Raises DemoError."""
    with tempfile.TemporaryDirectory(prefix="pectin-demo-") as scratch:
        words = Path(scratch) / "words.srt"
        words.write_text("".join(f"{n + 1}\n00:00:{5 * n + 1:02},000 --> 00:00:{5 * n + 5:02},000\n{line}\n\n"
                                 for n, line in enumerate(_WORDS)), encoding="utf-8")
        sound = "|".join(f"0.1*sin(2*PI*{hertz}*t)" for hertz in _CHORD)
        inputs = ["-f", "lavfi", "-t", str(_SECONDS), "-i", "testsrc2=size=854x480:rate=24",
                  "-f", "lavfi", "-t", str(_SECONDS), "-i", f"aevalsrc='{sound}':channel_layout=5.1:sample_rate=48000",
                  "-i", str(words), "-map", "0", "-map", "1", "-map", "2", "-pix_fmt", "yuv420p", "-c:a", "ac3", "-c:s", "srt",
                  "-metadata:s:a:0", "language=eng", "-metadata:s:s:0", "language=eng"]
        picture = (("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"), ("-c:v", "mpeg4", "-q:v", "4"))
        for codec in picture:
            made = subprocess.run([ffmpeg, "-nostdin", "-v", "error", "-y", *inputs, *codec, "-f", "matroska", str(film)],
                                  capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, check=False)
            if made.returncode == 0:
                return
    raise DemoError(f"ffmpeg could not make the demo's film: {made.stderr.strip()[-300:]}",
                    "use a film of your own: make demo SOURCE=/path/to/film.mkv")


def copy(source: Path, inbox: Path, told: Callable[[int], None]) -> None:
    """Copy a film into the inbox as a person would: the source stays as it is. `told` hears how many bytes are there.
    Raises DemoError."""
    size, free = source.stat().st_size, shutil.disk_usage(inbox).free
    if size > free / 2:  # the copy and what is made of it
        raise DemoError(f"{source.name} has {size >> 20} MiB, and {inbox} has only {free >> 20} MiB of space",
                        "free some space, or use a smaller film")
    with source.open("rb") as original, (inbox / source.name).open("xb") as target:
        while chunk := original.read(_CHUNK):
            target.write(chunk)
            told(target.tell())
