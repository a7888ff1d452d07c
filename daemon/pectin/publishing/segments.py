"""Cuts a finished MP4 into the segments of HLS, without encoding: each packet goes over as it is. One segment a step, so that
whoever asks can stop in between."""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from pectin.model.errors import Cause, PectinError
from pectin.publishing import cuts, mp4_fragments
from pectin.publishing.cuts import Piece, Segment
from pectin.publishing.mp4_tracks import VIDEO, Track, read_tracks
from pectin.publishing.place import explained
from pectin.publishing.playlists import INIT, Still


@dataclass(slots=True)
class Cut:
    """What has become of a track, as far as it was cut. `starts`: when each segment begins, in seconds. `digest`: MD5 of all its
    packets behind each other, as ffmpeg's streamhash has it. `stills` of a picture only."""

    track: Track
    segments: list[Segment]
    names: list[str] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    stills: list[Still] = field(default_factory=list)
    digest: str = ""

    @property
    def starts(self) -> list[Fraction]:
        return [segment.start for segment in self.segments]


def open_tracks(film: Path) -> list[Track]:
    """Those of a file. Blocks. Raises PectinError."""
    with explained(film), film.open("rb") as file:
        fd = file.fileno()
        return read_tracks(lambda offset, length: os.pread(fd, length, offset), os.fstat(fd).st_size)


def cut(film: Path, track: Track, folder: Path) -> Iterator[Cut]:
    """Write the segments of a track of `film` into `folder`, which is made; the same Cut after each of them. Blocks. Raises
    PectinError."""
    done, times = Cut(track, cuts.segments(track)), mp4_fragments.decoding_times(track)
    waits = iter(cuts.still_seconds(track)) if track.kind == VIDEO else iter(())
    digest, number = hashlib.md5(usedforsecurity=False), 0
    with explained(folder), film.open("rb") as source:
        folder.mkdir()
        (folder / INIT).write_bytes(mp4_fragments.initialisation(track))
        for at, segment in enumerate(done.segments):
            name = f"{at:05}.m4s"
            with (folder / name).open("xb") as file:
                file.write(mp4_fragments.SEGMENT_MARK)
                for part in cuts.parts(track, segment):
                    number, place = number + 1, file.tell()
                    file.write(mp4_fragments.fragment(track, times, part, number=number))
                    for content in _packets(source.fileno(), track, part):
                        digest.update(content)
                        file.write(content)
                    if track.kind == VIDEO and _is_key(track, part):
                        done.stills.append(Still(at, place, file.tell() - place, next(waits)))
                size = file.tell()
            done.names.append(name)
            done.pieces.append(Piece(segment.seconds, size))
            if at + 1 < len(done.segments):
                yield done
    done.digest = digest.hexdigest()
    yield done


def _is_key(track: Track, part: range) -> bool:
    keys = track.keys or ()
    at = bisect_left(keys, part.start)
    return len(part) == 1 and at < len(keys) and keys[at] == part.start


def _packets(source: int, track: Track, part: range) -> Iterator[bytes]:
    """Their bytes; what lies behind each other is read at once."""
    place, length = track.places[part.start], 0
    for packet in (*part, None):
        if packet is not None and track.places[packet] == place + length:
            length += track.sizes[packet]
            continue
        content = os.pread(source, length, place)
        if len(content) != length:
            raise PectinError(Cause.OUTPUT_WRONG, "a finished film became shorter while it was cut")
        yield content
        if packet is not None:
            place, length = track.places[packet], track.sizes[packet]
