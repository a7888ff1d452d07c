"""Takes the pictures of a finished film and judges each: that it decodes, has its size, and shows something.

Always from the finished film (or a smaller finished rendition, where the picture is small): it is upright, progressive and in the
colours of every screen already, and it is whole. Its key frames cost no more than a branch of the encode itself would: 0.5 % of
an encode of 1080p with preset medium, 1.3 % of one of 720p with veryfast; the branch takes 2 % (ffmpeg 5.1.9, 20 s of film)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pectin.encoding import argv, checks, previews, shown, stills, trickplay
from pectin.encoding.labels import Argv
from pectin.encoding.shown import Shown
from pectin.encoding.stills import Look
from pectin.model.artifact import Artifact, Moment, Pictures, Preview
from pectin.model.errors import Cause, PectinError
from pectin.model.output import Home, Output
from pectin.model.plan import Plan
from pectin.model.rendition import Made
from pectin.pipeline.proving import Work
from pectin.planning.artifacts import BOXES, WORDS, chosen, seconds_of, told
from pectin.planning.probe import parse
from pectin.publishing import sprites
from pectin.publishing.place import explained

_TRIES = 3  # another frame, when one turns out to be poor
_FOLDER = "trickplay", "sprites"
_CHECKED = "checked.raw"


async def filmed(work: Work, plan: Plan, film: Output, made: Sequence[Made] = (), width: int = 0) -> Shown:
    """The film that pictures are taken from: the smallest of the finished ones that is at least `width` pixels wide. Raises
    PectinError."""
    # One that is not aligned is a copy of the source's picture, which may lie on its side or be HDR.
    fitting = [one for one in made if one.aligned and one.rendition.width >= width]
    smallest = min(fitting, key=lambda one: one.rendition.width * one.rendition.height, default=None)
    file, container = (smallest.file, smallest.rendition.container) if smallest is not None else (film.file, plan.container)
    demuxer = checks.DEMUXER.get(container, plan.source_format)
    found = parse(await work.probe(argv.probe_argv(str(work.encoding.tools.ffprobe), f"file:{file}",
                                                   max_pixels=work.profile.max_pixels)))
    seen = shown.seen(file, demuxer, found)
    if seen is None:
        raise PectinError(Cause.OUTPUT_WRONG, "its length or its size is not known")
    await _run(work, shown.keys_argv(seen))
    listed = await asyncio.to_thread(_taken, work.scratch / shown.KEYS)
    return replace(seen, keys=await asyncio.to_thread(shown.keys_in, listed.decode("ascii", "replace").splitlines()))


async def looked(work: Work, film: Shown) -> tuple[Look, ...]:
    """The best frame of each place that was looked at, the best of all first. Raises PectinError."""
    places = stills.places(film)
    command, names = stills.look_argv(film, places)
    await _run(work, command)

    def judged() -> tuple[Look, ...]:
        return stills.best([tuple(stills.looks(at, _taken(work.scratch / name))) for at, name in zip(places, names, strict=True)])

    return await asyncio.to_thread(judged)


async def still(work: Work, film: Shown, artifact: Artifact, good: Sequence[Look]) -> Output:
    """One picture, `good` being the frames that may be taken where none is chosen, the best first. Raises PectinError."""
    moment, kind = artifact.moment or Moment(), artifact.kind
    size, file = film.fitted(BOXES[kind], BOXES[kind]), f"{kind.value}.jpg"
    wanted = [_within(film, moment, WORDS[kind])] if chosen(moment) else [look.at for look in good[:_TRIES]] or [0.0]
    dark = all(look.poor for look in good)
    for at in wanted:
        await _taken_at(work, film, at, size, file)
        if await _shows(work, file, size) or chosen(moment) or dark:
            return Output(role=kind.value, file=file, suffix=f"-{kind.value}", extension="jpg")
    raise PectinError(Cause.OUTPUT_WRONG, "the picture is black, and the film is not")


async def sheets(work: Work, film: Shown) -> trickplay.Grid:
    """The pictures along the film, as sheets in the job's folder. Raises PectinError."""
    pictures = trickplay.grid(film.seconds, film.width, film.height)
    if pictures.pictures > trickplay.MOST:
        raise PectinError(Cause.OUTPUT_WRONG, f"there would be {pictures.pictures} of them")
    await _run(work, trickplay.sheets_argv(film, pictures, work.encoding.threads), seconds=film.seconds)
    await _run(work, trickplay.check_argv(_CHECKED))
    means = await asyncio.to_thread(lambda: trickplay.means(_taken(work.scratch / _CHECKED)))
    fault = trickplay.wrong(means, pictures) or await asyncio.to_thread(_mis_sized, work.scratch, pictures)
    if not fault and trickplay.all_black(means, pictures) and not all(look.poor for look in await looked(work, film)):
        fault = "they are black, and the film is not"
    if fault:
        raise PectinError(Cause.OUTPUT_WRONG, fault)
    return pictures


def as_trickplay(scratch: Path, pictures: trickplay.Grid) -> Output:
    """Their folder for Jellyfin. Blocks. Raises PectinError."""
    folder = scratch / _FOLDER[0] / pictures.folder
    with explained(folder):
        folder.mkdir(parents=True)
        for number in range(pictures.sheets):
            shutil.copyfile(scratch / trickplay.sheet(number), folder / f"{number}.jpg")
    return Output(role="trickplay", file=_FOLDER[0], extension="trickplay", tree=True)


def as_sprites(scratch: Path, pictures: trickplay.Grid, seconds: float) -> Output:
    """Their folder for web players. Blocks. Raises PectinError."""
    folder = scratch / _FOLDER[1]
    index = sprites.index(pictures=pictures.pictures, interval=trickplay.INTERVAL, seconds=seconds, columns=trickplay.COLUMNS,
                          rows=trickplay.ROWS, width=pictures.width, height=pictures.height)
    with explained(folder):
        folder.mkdir()
        for number in range(pictures.sheets):
            shutil.copyfile(scratch / trickplay.sheet(number), folder / trickplay.sheet(number))
        (folder / sprites.INDEX).write_text(index, encoding="utf-8")
    return Output(role="sprite", file=_FOLDER[1], home=Home.RENDITIONS, name=_FOLDER[1], tree=True)


def without_sheets(scratch: Path) -> None:
    """What is in no folder of its own is no output. Blocks."""
    for file in scratch.glob("sheet-*.jpg"):
        file.unlink()


async def preview(work: Work, film: Shown, wanted: Pictures) -> Output:
    """Raises PectinError."""
    moments = [_within(film, moment, "preview") for moment in wanted.preview_at]
    scenes = previews.scenes(film, wanted.preview_seconds, moments)
    command, file = previews.argv(film, scenes, wanted.preview, wanted.preview_width, work.encoding.threads)
    await _run(work, command)
    size = film.fitted(wanted.preview_width, wanted.preview_width * 4)
    fault = await _preview_fault(work, file, wanted.preview, size)
    if fault:
        (work.scratch / file).unlink(missing_ok=True)
        raise PectinError(Cause.OUTPUT_WRONG, fault)
    return Output(role="preview", file=file, home=Home.RENDITIONS, name=file)


async def _preview_fault(work: Work, file: str, kind: Preview, size: tuple[int, int]) -> str:
    data = await asyncio.to_thread(_content, work.scratch / file)
    if kind is Preview.WEBP:
        whole = previews.webp_frames(data)
        return "" if whole is not None and whole[:2] == size else "it is no whole moving picture of its size"
    if kind is Preview.GIF and previews.gif_size(data) != size:
        return "it is not whole, or has another size"
    report = await _run(work, previews.check_argv(file, kind))
    return "" if report else "there is no frame in it"


def _within(film: Shown, moment: Moment, what: str) -> float:
    at = seconds_of(moment, film.seconds)
    if at > film.seconds:
        raise PectinError(Cause.NO_SUCH_MOMENT, f"the {what} is wanted {told(moment)}, and the film lasts {film.seconds:.1f} s")
    return at


async def _taken_at(work: Work, film: Shown, at: float, size: tuple[int, int], file: str) -> None:
    """The frame at this moment; behind the last one there is that."""
    threads = work.encoding.threads
    with suppress(PectinError):  # nothing to encode is an error for newer versions
        await _run(work, stills.still_argv(film, at, *size, file, threads))
    if not (work.scratch / file).exists():
        await _run(work, stills.last_argv(film, at, *size, file, threads))


async def _shows(work: Work, file: str, size: tuple[int, int]) -> bool:
    """Raises PectinError when it is broken."""
    found = stills.jpeg_size(await asyncio.to_thread(_content, work.scratch / file))
    if found != size:
        raise PectinError(Cause.OUTPUT_WRONG, "there is no picture" if found is None else f"it has {found[0]}x{found[1]} pixels")
    await _run(work, stills.check_argv(file, _CHECKED))
    return not stills.shows_nothing(await asyncio.to_thread(_taken, work.scratch / _CHECKED))


def _mis_sized(scratch: Path, pictures: trickplay.Grid) -> str:
    for number in range(pictures.sheets):
        size = stills.jpeg_size(_content(scratch / trickplay.sheet(number)))
        if size != pictures.sheet_size:
            return f"sheet {number} has {size} pixels instead of {pictures.sheet_size}"
    return ""


async def _run(work: Work, what: Argv, seconds: float | None = None) -> int:
    """Gives the number of frames that were written."""
    threads = str(work.encoding.threads)
    command = (*argv.always(str(work.encoding.tools.ffmpeg)), "-y", "-filter_threads", threads,
               "-filter_complex_threads", threads, *what)
    return (await work.run(command, seconds=seconds)).frames or 0


def _taken(file: Path) -> bytes:
    """Read and remove: what is left in the folder goes to the library's side."""
    content = _content(file)
    file.unlink(missing_ok=True)
    return content


def _content(file: Path) -> bytes:
    """Nothing of a file that is not there. Raises PectinError."""
    with explained(file), suppress(FileNotFoundError):
        return file.read_bytes()
    return b""
