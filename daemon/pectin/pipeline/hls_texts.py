"""The words of a set for web players: the film's own subtitles, whether they stand beside it or inside it, and those that came
with it. Trouble with one costs only that one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path, PurePath

from pectin.encoding import hls as commands
from pectin.linux.finish import finished
from pectin.linux.pathtext import printable
from pectin.model.errors import Cause, PectinError
from pectin.model.output import Output
from pectin.model.plan import Plan, Reason, StreamAction, StreamDecision
from pectin.model.rendition import Made
from pectin.model.sidecar import SUBTITLES, kind_of
from pectin.pipeline.hls_labels import subtitles
from pectin.pipeline.omitting import omit
from pectin.pipeline.proving import Work
from pectin.planning import languages
from pectin.publishing import sidecars, subtitle_names
from pectin.publishing.place import explained

Text = tuple[str, StreamDecision]  # in a format that publishing/subtitle_formats.py knows, and what it is
_SUBRIP = "srt"


async def gather(work: Work, plan: Plan, film: Made, beside: Sequence[Output]) -> list[Text]:
    """All of them. `film` is the film itself, which may hold some; `beside`: the files that were taken out of its source. Raises
    PectinError for what concerns the whole job."""
    found = [(await asyncio.to_thread(_read, work.scratch / text.file), stream) for text, stream in subtitles(beside, plan)]
    for number, stream in enumerate(one for one in film.rendition.streams if one.kind == "subtitle"):
        try:
            found.append((await _inside(work, film, number), stream))
        except PectinError as error:
            omit(work, "hls", "a subtitle in HLS", error)
    return [*found, *await _came(work)]


async def _inside(work: Work, film: Made, number: int) -> str:
    await work.run(commands.take_text(str(work.encoding.tools.ffmpeg), film.file, number), seconds=None,
                   failure=Cause.OUTPUT_WRONG)
    file = work.scratch / commands.TEXT
    words = await asyncio.to_thread(_read, file)
    await finished(asyncio.to_thread(file.unlink))
    return words


async def _came(work: Work) -> list[Text]:
    """Those that lie beside the source: what they are in the library they are here."""
    folder, film = work.scratch.parent / "sidecars", PurePath(work.running.job.relative.name)
    rate = next((float(stream.frame_rate) for stream in work.media.video if stream.frame_rate), None)
    found: list[Text] = []
    for sidecar in await asyncio.to_thread(_listed, folder):
        try:
            fate = await asyncio.to_thread(sidecars.fate_of, sidecar, film, folder / sidecar, frame_rate=rate)
            if not fate.why_not and fate.extension == _SUBRIP:
                words = fate.text.decode() if fate.text is not None else await asyncio.to_thread(_read, folder / sidecar)
                found.append((words, _described(fate.suffix)))
        except PectinError as error:
            omit(work, "hls", f"{printable(sidecar)} in HLS", error)
    return found


def _listed(folder: Path) -> list[PurePath]:
    """The subtitles below it. Blocks."""
    with explained(folder):
        return sorted(PurePath(path.relative_to(folder)) for path in folder.rglob("*")
                      if kind_of(path.name) in SUBTITLES and path.is_file())


def _described(suffix: str) -> StreamDecision:
    """What its name in the library says of it."""
    words = set(suffix.split("."))
    return StreamDecision(index=-1, kind="subtitle", codec="subrip", action=StreamAction.EXTRACT, reason=Reason.TEXT_SUBTITLE,
                          sentence="It came with the film.", language=languages.normalise(subtitle_names.language_in(suffix)),
                          forced="forced" in words, hearing_impaired=bool(words & {"sdh", "cc", "hi"}),
                          comment="commentary" in words)


def _read(file: Path) -> str:
    with explained(file):
        return file.read_text("utf-8", "replace")
