"""What ffmpeg does not make by itself but takes in: subtitles as text and as pictures, chapters, a cover, a font."""

from __future__ import annotations

from pathlib import Path

from subtitlemaker import pgs, teletext

SRT = """1
00:00:00,100 --> 00:00:00,500
Jelly, GrQQe

2
00:00:00,600 --> 00:00:01,000
Quince
"""
ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour
Style: Default,Arial,20,&H00FFFFFF

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.10,0:00:00.50,Default,,0,0,0,,{\\i1}Jelly{\\i0}\\Nand more
Dialogue: 0,0:00:00.60,0:00:01.00,Default,,0,0,0,,Quince
"""
CHAPTERS = """;FFMETADATA1
title=Quince
[CHAPTER]
TIMEBASE=1/10
START=0
END=6
title=First
[CHAPTER]
TIMEBASE=1/10
START=6
END=12
title=Second
"""


def write(folder: Path) -> None:
    """All of it, but for what ffmpeg has a part in: covers and captions (sources/making.py)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("words.srt", SRT), ("words.ass", ASS), ("chapters", CHAPTERS), ("font.ttf", "font")):
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "words.sup").write_bytes(pgs(((0.1, 0.5), (0.6, 1.0)), canvas=(192, 144), box=(96, 24)))
    (folder / "words.ts").write_bytes(teletext(((0.5, 1.5, "Jelly"), (1.6, 2.0, "Quince"))))
