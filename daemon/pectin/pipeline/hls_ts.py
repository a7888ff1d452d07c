"""Segments of MPEG-TS for old players: ffmpeg cuts, and what it cut is held against the tables of the film it was cut from.

The film's first sound is in the segments of each version: these players are the ones that know no sound apart from the picture.
Other languages are lists of their own, for those that do."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pectin.encoding import hls as commands
from pectin.linux.finish import finished
from pectin.model.errors import Cause, PectinError
from pectin.pipeline.proving import Work
from pectin.publishing import codecs, cuts, ts_stills
from pectin.publishing.cuts import Piece
from pectin.publishing.mp4_tracks import VIDEO, Track
from pectin.publishing.place import explained
from pectin.publishing.playlists import Still
from pectin.publishing.segments import Cut

_STEM = "hls-part"
_PICTURES = ("avc1", "hvc1")


async def cut(work: Work, track: Track, folder: Path, *, picture: str | None, sound: tuple[str, int] | None) -> Cut:
    """Into `folder`, which is made: the `track` of `picture` (a file in the job's folder) with a `sound` (a file, and its number
    there) beside it, or a sound alone, which is then the track. Raises PectinError."""
    if picture is not None and not (name := codecs.codec(track)).startswith(_PICTURES):
        raise PectinError(Cause.OUTPUT_WRONG, f"MPEG-TS cannot hold {name}")
    await work.run(commands.cut_ts(str(work.encoding.tools.ffmpeg), picture, sound, _STEM), seconds=work.media.duration,
                   failure=Cause.OUTPUT_WRONG)
    return await finished(asyncio.to_thread(_gathered, work.scratch, track, folder))


def _gathered(scratch: Path, track: Track, folder: Path) -> Cut:
    """ffmpeg can write in the job's own folder only. Blocks. Raises PectinError."""
    done = Cut(track, cuts.segments(track))
    with explained(folder):
        (scratch / f"{_STEM}.m3u8").unlink()
        folder.mkdir()
        for number, file in enumerate(sorted(scratch.glob(f"{_STEM}-*.ts"))):
            done.names.append(f"{number:05}.ts")
            place = folder / done.names[-1]
            file.rename(place)
            content = place.read_bytes()
            if track.kind == VIDEO:
                # How long each is shown is told when all are found.
                done.stills += [Still(number, at, size, cuts.NO_TIME) for at, size in ts_stills.stills(content)]
            if number < len(done.segments):
                done.pieces.append(Piece(done.segments[number].seconds, len(content)))
    if len(done.names) != len(done.segments):
        raise PectinError(Cause.OUTPUT_WRONG, f"HLS: ffmpeg has cut {len(done.names)} segments, not {len(done.segments)}")
    waits = cuts.still_seconds(track)
    if track.kind == VIDEO and len(waits) != len(done.stills):
        raise PectinError(Cause.OUTPUT_WRONG, f"HLS: {len(done.stills)} of {len(waits)} key frames were found in the segments")
    done.stills = [Still(still.segment, still.place, still.size, seconds)
                   for still, seconds in zip(done.stills, waits, strict=False)]
    return done
