"""A real browser plays what Pectin packages: hls.js in headless Chromium plays, switches versions, seeks, changes the sound,
shows subtitles and reaches the end, without one error event."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from clips import Clips
from pectin.model.rendition import Hls
from streaming import Rung, packaging, rung, text_of
from system.browser import hls_js, visit

SRT = "1\n00:00:06,500 --> 00:00:09,500\n<i>Hört</i> ihr mich?\n\n"


async def _packaged(rungs: list[Rung], folder: Path, kind: Hls) -> Path:
    async with packaging(rungs, folder, kind=kind, texts=[(text_of(".ger", "ger"), SRT)]) as job:
        await job.package()
        return job.folder


@pytest.mark.parametrize("kind", [Hls.FMP4, Hls.TS])
def test_a_browser_plays_switches_seeks_and_shows_subtitles(kind: Hls, clips: Clips, common: Path, tmp_path: Path) -> None:
    script = hls_js(common)
    rungs = [rung(clips, height, seconds=20, sounds=2) for height in (270, 180, 120)]
    told = visit(asyncio.run(_packaged(rungs, tmp_path, kind)), tmp_path / "browser", script)
    assert "failed" not in told, told
    # In MPEG-TS pictures are decoded before the film begins, and hls.js counts from there: the first is shown that much later.
    assert [error for error in told["errors"] if kind is Hls.FMP4 or error["details"] != "bufferSeekOverHole"] == [], told
    assert sorted(level["height"] for level in told["levels"]) == [120, 180, 270]
    assert [(sound["name"], sound["lang"]) for sound in told["sounds"]] == [("English", "en"), ("German", "de")]
    assert told["duration"] == pytest.approx(20, abs=0.2)
    [cue] = told["shown"]
    assert cue["text"] == "<i>Hört</i> ihr mich?"
    assert (cue["start"], cue["end"]) == (pytest.approx(6.5, abs=0.1), pytest.approx(9.5, abs=0.1))
    assert told["frames"] > 50
