"""How long it takes to decide: from ffprobe's words to ffmpeg's arguments, and until a large file has been looked into."""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bench.table import Row, spread
from clips import Clips
from needs import need_program
from pectin.encoding import argv, tools
from pectin.model.profile import Profile
from pectin.pipeline.examine import cut_short, look_into, measure, opened
from pectin.pipeline.policy import Encoding
from pectin.planning import plan, probe, questions, rules
from pectin.settings.sections import Settings
from pectin.settings.values import profiles
from sources.catalogue import SOURCES
from sources.deciding import PROBES

DECISION_BOUND = 1.0  # milliseconds
PROBING_BOUND = 0.3   # seconds
_CLIP = 2.0           # seconds, repeated
_SEGMENT = b"\x18\x53\x80\x67"
_PAGE = 4096          # bytes


def decisions(*, rounds: int, judged: bool) -> Iterator[Row]:
    """Every kept probe under every shipped profile, `rounds` times each; of those rounds the median counts, since what another
    program takes from us in between is no decision."""
    kept = [(source, json.loads((PROBES / f"{source.name}.json").read_text(encoding="utf-8"))) for source in SOURCES]
    shipped = profiles(Settings()).values()
    times = []
    for source, document in kept:
        for profile in shipped:
            if probe_refused(document, profile):
                continue
            took = []
            for _ in range(rounds):
                began = time.perf_counter()
                media = probe.parse(document)
                rules.refusals(media, profile)
                questions.ask(media, profile)
                decided = plan.decide(media, profile, source.measured)
                if not decided.whole_file:
                    words = {stream.index: "words.srt" for stream in decided.kept if stream.kind == "subtitle"}
                    argv.build(decided, ffmpeg="ffmpeg", source="file:/proc/self/fd/9", threads=2,
                               max_pixels=profile.max_pixels, texts=words)
                took.append(1000 * (time.perf_counter() - began))
            times.append(spread(took).median)
    seen = spread(times)
    notes = f"{len(kept)} probes under {len(shipped)} profiles, {rounds} rounds; parsing, rules, questions, plan and arguments"
    for name, figure, measured in (("decision", "From ffprobe's words to ffmpeg's arguments, median", seen.median),
                                   ("decision_p99", "The same, 99th percentile", seen.p99)):
        yield Row(name=name, figure=figure, measured=measured, bound=DECISION_BOUND, unit="ms", digits=2, judged=judged,
                  notes=notes if name == "decision" else f"the slowest takes {seen.most:.2f} ms")


def probe_refused(document: dict[str, object], profile: Profile) -> bool:
    """Nothing is decided then."""
    return bool(rules.refusals(probe.parse(document), profile))


def large_file(clips: Clips, folder: Path, *, size: int, hours: float, heavy: float, looks: int, judged: bool) -> Row:
    """`size` in bytes; the first `heavy` seconds have as many bits as a film has. The slower of Matroska and MP4 counts."""
    folder.mkdir()
    # The first minutes are looked at. Behind them little happens: only the index has to be that of a long film, and the rest is
    # room (see _grow).
    parts = [_clip(clips, "light.mkv", "")] * round(hours * 3600 / _CLIP)
    if count := round(heavy / _CLIP):
        parts[:count] = [_clip(clips, "heavy.mkv", ",noise=alls=9:allf=t")] * count
    playlist = folder / "parts"
    playlist.write_text("ffconcat version 1.0\n" + "".join(f"file {part}\n" for part in parts), encoding="utf-8")
    slowest, notes = 0.0, []
    for extension in ("mkv", "mp4"):
        film = folder / f"film.{extension}"
        subprocess.run([need_program("ffmpeg", "ffmpeg"), "-nostdin", "-v", "error", "-safe", "0", "-f", "concat", "-i",
                        str(playlist), "-c", "copy", str(film)], check=True)
        _grow(film, size)
        seen = spread([asyncio.run(_look_into(film)) for _ in range(looks)])
        film.unlink()
        slowest = max(slowest, seen.median)
        notes.append(f"{extension} {seen.median:.2f} s")
    return Row(name="probe_large_file", figure="Looking into a film of 10 GB", measured=slowest, bound=PROBING_BOUND, unit="s",
               digits=2, judged=judged,
               notes=f"{', '.join(notes)}, with everything up to the plan; {hours:g} hours of film, medians of {looks} looks")


def _clip(clips: Clips, name: str, more: str) -> Path:
    """Both in the same way, so that they can be joined."""
    return clips.make(name, [
        "-f", "lavfi", "-i", f"testsrc=size=1920x1080:rate=24:duration={_CLIP}{more}", "-f", "lavfi", "-i",
        f"sine=frequency=440:sample_rate=48000:duration={_CLIP}", "-c:v", "libx264", "-preset", "superfast", "-crf", "24",
        "-level", "4.1", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2", "-b:a", "64k"])


def _grow(film: Path, size: int) -> None:
    """Make a finished file so large in a moment: with room that its format allows (a Void element at the end of the segment, a
    free box before the index), of which the file system keeps nothing but the last page."""
    with film.open("r+b") as file:
        content = film.stat().st_size
        room = size - content
        if film.suffix == ".mkv":
            head = file.read(4096)
            segment = head.index(_SEGMENT) + len(_SEGMENT)
            assert head[segment] == 1, "the size has eight bytes"
            whole = int.from_bytes(head[segment + 1:segment + 8], "big")
            file.seek(segment + 1)
            file.write((whole + room).to_bytes(7, "big"))
            at, moved = content, b""
            header = b"\xec\x01" + (room - 9).to_bytes(7, "big")
        else:
            at = 0
            while (kind := _box(file, at))[1] != b"moov":
                at += kind[0]
            file.seek(at)
            moved = file.read()
            header = b"\0\0\0\1free" + room.to_bytes(8, "big")
        file.seek(at)
        file.write(header)
        file.seek(at + room - _PAGE)
        file.write(b"\xff" * _PAGE + moved)  # a film that ends in zeros has never arrived


def _box(file: BinaryIO, at: int) -> tuple[int, bytes]:
    """Size and name of the box there."""
    file.seek(at)
    size, kind, wide = struct.unpack(">I4sQ", file.read(16))
    return wide if size == 1 else size, kind


async def _look_into(film: Path) -> float:
    """Seconds from the open file to its plan, as a job spends them."""
    found = await tools.find("auto")
    encoding = Encoding(tools=found, threads=1, cpus=(None,), nice=0, stall_timeout=60, probe_timeout=60)
    profile = Profile()
    with opened(film, film.parent) as source:
        began = time.perf_counter()
        assert cut_short(source) is None
        media = await look_into(source, found, timeout=60, max_pixels=profile.max_pixels)
        plan.decide(media, profile, await measure(source, media, profile, encoding))
        return time.perf_counter() - began
