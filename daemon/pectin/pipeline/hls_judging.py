"""Whether a finished set for web players is whole: nothing listed is missing, nothing is there that no list names, and ffmpeg's
own demuxer finds in it every packet of the files it was cut from."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from pectin.encoding import hls as commands
from pectin.encoding.exits import NOISE
from pectin.encoding.labels import Argv
from pectin.linux.finish import finished
from pectin.model.errors import Cause, PectinError
from pectin.model.plan import Plan
from pectin.pipeline.proving import Work
from pectin.publishing import playlists
from pectin.publishing.place import explained

_NAMED = re.compile(r'^(?:#.*URI="([^"]+)".*|([^#\n].*))$', re.MULTILINE)
_PLAYLIST = ".m3u8"
_CANNOT = "Can't support the subtitle"  # it says so of all subtitles in HLS: ffmpeg reads none there, whoever wrote them
_SHOWN = 600  # characters of what ffmpeg says


async def judge(work: Work, folder: Path, plan: Plan, *, files: Sequence[str], pictures: Sequence[str],
                sounds: Sequence[str]) -> None:
    """`files`: what the pictures were cut from, in the job's folder; `pictures` and `sounds`: the digests of their packets, as
    they were written. Raises PectinError OUTPUT_WRONG."""
    found, cut_from = await _read(work, folder, plan, commands.read_back(
        str(work.encoding.tools.ffmpeg), f"{folder.name}/{playlists.MASTER}", files))
    seen = sorted(found["v"])
    if seen != sorted(pictures) or seen != sorted(cut_from["v"]):
        raise PectinError(Cause.OUTPUT_WRONG, "HLS: ffmpeg does not find the same pictures in it")
    if sorted(found["a"]) != sorted(sounds):
        raise PectinError(Cause.OUTPUT_WRONG, "HLS: ffmpeg does not find the same sound in it")
    await _look_at_stills(work, folder, strict=True)


async def judge_ts(work: Work, folder: Path, plan: Plan, *, files: Sequence[str], sound: str, codec: str) -> None:
    """The same for MPEG-TS; `sound` is the file that all sound was taken from, `codec` how the pictures are coded (`avc1`).
    Raises PectinError OUTPUT_WRONG."""
    found, cut_from = await _read(work, folder, plan, commands.read_back(
        str(work.encoding.tools.ffmpeg), f"{folder.name}/{playlists.MASTER}", files, sound, codec=codec))
    if sorted(found["v"]) != sorted(cut_from["v"]):
        raise PectinError(Cause.OUTPUT_WRONG, "HLS: ffmpeg does not find the same pictures in it")
    if not set(found["a"]) <= set(cut_from["a"]):
        raise PectinError(Cause.OUTPUT_WRONG, "HLS: ffmpeg does not find the same sound in it")
    await _look_at_stills(work, folder, strict=False)


async def _read(work: Work, folder: Path, plan: Plan, command: Argv) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    wrong = await finished(asyncio.to_thread(unlisted_or_missing, folder))
    if wrong:
        raise PectinError(Cause.OUTPUT_WRONG, f"HLS: {wrong}")
    report = await work.run(command, seconds=plan.seconds, failure=Cause.OUTPUT_WRONG)
    _must_be_silent(report.stderr)
    return (await asyncio.to_thread(_hashes, work.scratch / commands.SET_HASHES),
            await asyncio.to_thread(_hashes, work.scratch / commands.MADE_HASHES))


async def _look_at_stills(work: Work, folder: Path, *, strict: bool) -> None:
    lists = sorted(f"{folder.name}/{place.parent.name}/{place.name}" for place in folder.glob(f"*/{playlists.STILLS}"))
    if lists:
        command = commands.look_at_stills(str(work.encoding.tools.ffmpeg), lists, work.encoding.threads, strict=strict)
        looked = await work.run(command, seconds=None, failure=Cause.OUTPUT_WRONG)
        _must_be_silent(looked.stderr)
        if not looked.frames:
            raise PectinError(Cause.OUTPUT_WRONG, "HLS: no picture comes of the list of still pictures")


def unlisted_or_missing(folder: Path) -> str | None:
    """What is wrong with the files below `folder`, held against the playlists; None: nothing. Blocks."""
    with explained(folder):
        there = {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir()}
        named, waiting = {playlists.MASTER}, [playlists.MASTER]
        while waiting:
            playlist = Path(waiting.pop())
            if not (folder / playlist).is_file():
                continue
            for match in _NAMED.finditer((folder / playlist).read_text("utf-8")):
                name = str(playlist.parent / (match[1] or match[2]))
                if name not in named and name.endswith(_PLAYLIST):
                    waiting.append(name)
                named.add(name)
    missing, unlisted = sorted(named - there), sorted(there - named)
    if missing:
        return f"{missing[0]} is listed and not there"
    return f"{unlisted[0]} is there and not listed" if unlisted else None


def _must_be_silent(said: str) -> None:
    odd = "\n".join(line for line in said.splitlines()
                    if line.strip() and line.strip() not in NOISE and _CANNOT not in line)
    if odd:
        raise PectinError(Cause.OUTPUT_WRONG, f"HLS: ffmpeg has read it and says: {odd[:_SHOWN]}")


def _hashes(file: Path) -> dict[str, list[str]]:
    """The digests of the pictures (`v`) and the sounds (`a`); the file is removed. Blocks. Raises PectinError."""
    found: dict[str, list[str]] = {"v": [], "a": []}
    with explained(file):
        for line in file.read_text("ascii", "replace").splitlines():
            _, kind, value = line.split(",", 2)
            found[kind].append(value.partition("=")[2])
        file.unlink()
    return found
