"""Makes the sources of the catalogue with ffmpeg, each once per test run."""

from __future__ import annotations

import re
from pathlib import Path

from clips import Clips, alone
from sources import kit
from sources.catalogue import BY_NAME
from sources.doctoring import DOCTORS
from sources.phrases import SECONDS, X264, Source, picture
from subtitlemaker import captioned

_OTHER = re.compile(r"\{film:([^}]+)\}")


class Workshop:
    """`make(source)` gives the finished file."""

    def __init__(self, clips: Clips) -> None:
        self._clips = clips
        self._kit = clips.folder.parent / "kit"
        with alone(self._kit):
            if not self._kit.exists():
                unfinished = self._kit.with_name("kit.unfinished")
                kit.write(unfinished)
                for name in ("cover.png", "cover.jpg"):
                    cover = clips.make(name, ["-f", "lavfi", "-i", "testsrc=size=64x64", "-frames:v", "1", "-update", "1"])
                    (unfinished / name).write_bytes(cover.read_bytes())
                plain = clips.make("plain.h264", f"{picture(seconds=3)} {X264} -bf 0 -x264-params aud=1".split())
                captions = captioned(plain.read_bytes(), [(0.2, "JELLY"), (1.2, "QUINCE"), (2.2, "")], 25)
                (unfinished / "captions.h264").write_bytes(captions)
                unfinished.rename(self._kit)

    def make(self, source: Source, *, seconds: float = SECONDS) -> Path:
        """`seconds` for a source of the usual length."""
        text = source.arguments.replace("{kit}", str(self._kit)).replace(f"={SECONDS}", f"={seconds:g}")
        arguments = [_OTHER.sub(lambda found: str(self.make(BY_NAME[found[1]])), word) for word in text.split()]
        made = self._clips.make(source.name, arguments)
        return self._doctored(source, made) if source.doctor else made

    def _doctored(self, source: Source, made: Path) -> Path:
        place = made.parent / source.doctor / source.name
        with alone(place.parent):
            if not place.exists():
                place.parent.mkdir(exist_ok=True)
                unfinished = place.with_suffix(".unfinished")
                unfinished.write_bytes(DOCTORS[source.doctor](made.read_bytes()))
                unfinished.rename(place)
        return place
