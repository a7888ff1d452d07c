"""The index of the pictures along a film for web players: WebVTT, a cue for each picture that says where on its sheet it is."""

from __future__ import annotations

INDEX = "sprites.vtt"


def index(*, pictures: int, interval: float, seconds: float, columns: int, rows: int, width: int, height: int) -> str:
    """`interval` seconds from one picture to the next; `width` and `height` of one in pixels. The sheets lie beside the index,
    as `sheet-0.jpg` and so on; the last cue ends with the film."""
    cues = []
    for number in range(pictures):
        on_sheet = number % (columns * rows)
        left, top = on_sheet % columns * width, on_sheet // columns * height
        begin, end = number * interval, min((number + 1) * interval, max(seconds, number * interval + 0.001))
        place = f"sheet-{number // (columns * rows)}.jpg#xywh={left},{top},{width},{height}"
        cues.append(f"{_time(begin)} --> {_time(end)}\n{place}\n")
    return "\n".join(("WEBVTT\n", *cues))


def _time(seconds: float) -> str:
    thousandths = round(seconds * 1000)
    return f"{thousandths // 3_600_000:02}:{thousandths // 60_000 % 60:02}:{thousandths // 1000 % 60:02}.{thousandths % 1000:03}"
