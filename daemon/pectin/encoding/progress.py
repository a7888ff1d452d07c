"""Understands what ffmpeg writes with `-progress pipe:1`: bytes in, Progress values out."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pectin.model.reports import Progress

ALMOST = 0.999       # the most a run can show before progress=end: ffmpeg's own last figures are a frame or two short
LONGEST_LINE = 4096  # bytes; ffmpeg's lines have about 30, so what is longer is no line of ours and is not kept


class Parser:
    """Feed it the bytes as they come, cut anywhere. `total_seconds` and `total_frames` are the expected length of the
    OUTPUT, None where it is not known; frames are the better measure (a file's stated duration may lie, and times may begin
    below zero), so give them only when as many come out as are counted. Where neither is known, the share of the input that has
    been read must do."""

    def __init__(self, total_seconds: float | None = None, total_frames: int | None = None) -> None:
        self._seconds = total_seconds if total_seconds and math.isfinite(total_seconds) and total_seconds > 0 else None
        self._frames = total_frames if total_frames and total_frames > 0 else None
        self._rest = b""
        self._block: dict[str, str] = {}
        self._fraction: float | None = None

    def feed(self, data: bytes, *, read: float | None = None, active: float = 1.0) -> list[Progress]:
        """The blocks that are complete now, oldest first. `read`: the share of the input that has been read, 0 to 1; `active`:
        the share of the time since the start in which it was not paused, for ffmpeg's own speed counts the pauses."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            self._rest = self._rest[-LONGEST_LINE:]
        found = []
        for line in lines:
            key, equals, value = line.decode("ascii", "replace").partition("=")
            if not equals:
                continue
            if key.strip() != "progress":
                self._block[key.strip()] = value.strip()
                continue
            found.append(self._progress(self._block, read, active, ended=value.strip() == "end"))
            self._block = {}
        return found

    def _progress(self, block: Mapping[str, str], read: float | None, active: float, *, ended: bool) -> Progress:
        frame = _whole(block.get("frame"))
        microseconds = _number(block.get("out_time_us"))
        # -copyts and edit lists make it start below zero: nothing is done then, not less than nothing.
        seconds = None if microseconds is None else max(0.0, microseconds / 1_000_000)
        return Progress(frame=frame, out_seconds=seconds, total_size=_whole(block.get("total_size")),
                        fps=_faster(_positive(block.get("fps")), active),
                        speed=_faster(_positive((block.get("speed") or "").rstrip("x")), active),
                        fraction=self._advance(frame, seconds, read, ended=ended), ended=ended)

    def _advance(self, frame: int | None, seconds: float | None, read: float | None, *, ended: bool) -> float | None:
        """The share that is done; it never goes back, and is 1 only at progress=end."""
        now: float | None = None
        if ended:
            now = 1.0
        elif self._frames is not None and frame is not None:
            now = min(ALMOST, frame / self._frames)
        elif self._seconds is not None and seconds is not None:
            now = min(ALMOST, seconds / self._seconds)
        elif self._frames is None and self._seconds is None and read is not None:
            now = min(ALMOST, read)
        if now is not None:
            self._fraction = max(now, self._fraction or 0.0)
        return self._fraction


def _number(text: str | None) -> float | None:
    """None for `N/A`, nothing, and what is no finite number."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _positive(text: str | None) -> float | None:
    value = _number(text)
    return None if value is None or value < 0 else value


def _faster(value: float | None, active: float) -> float | None:
    return value / active if value is not None and active > 0 else None


def _whole(text: str | None) -> int | None:
    value = _positive(text)
    return None if value is None else int(value)
