"""Gathers all that is needed to judge an output, and has it judged: ffmpeg's own word for what it wrote is no proof."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pectin.encoding import argv, checks, ffmpeg
from pectin.encoding.labels import Argv
from pectin.model.errors import Cause
from pectin.model.media import MediaInfo
from pectin.model.plan import Plan, StreamDecision
from pectin.model.profile import Profile, Verify, VideoCodec
from pectin.model.reports import Proofs, RunReport
from pectin.pipeline.examine import OpenSource
from pectin.pipeline.policy import Encoding
from pectin.pipeline.running import RunningJob
from pectin.planning.amends import Amends
from pectin.planning.plan import decide
from pectin.planning.probe import parse
from pectin.publishing import moments
from pectin.publishing.mismatch import Mismatch
from pectin.publishing.verify import compare, counting_helps

SLOWEST_DISK = 5_000_000  # bytes per second that any disk reads: how long counting a whole file may take
_HEAD = 5.0  # seconds of a film in which its sound and its picture have begun, or their distance is nobody's concern here


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One source on its way to an output: what every step needs. `tolerant`: it is known that what is copied has faults."""

    running: RunningJob
    source: OpenSource
    media: MediaInfo
    profile: Profile
    scratch: Path
    encoding: Encoding
    tolerant: bool = False

    async def run(self, arguments: tuple[str, ...], *, seconds: float | None, with_source: bool = False,
                  failure: Cause = Cause.FFMPEG_FAILED, devices: Sequence[Path] = ()) -> RunReport:
        encoding, running = self.encoding, self.running
        fds = (self.source.fd,) if with_source else ()
        return await ffmpeg.run(arguments, cwd=self.scratch, pass_fds=fds, nice=encoding.nice,
                                cpus=running.allowed, job=running.job.id, total_seconds=seconds, total_frames=None,
                                stall_timeout=encoding.stall_timeout, monitor=running, failure=failure,
                                sandbox=encoding.sandbox, time_limit=encoding.time_limit, devices=devices)

    async def count_packets(self) -> MediaInfo:
        """The source with the packets of each stream counted: it is read to its end."""
        counting = argv.probe_argv(str(self.encoding.tools.ffprobe), self.source.url, max_pixels=self.profile.max_pixels,
                                   count=True)
        return parse(await self.probe(counting, of_source=True, whole=True))

    async def probe(self, arguments: Argv, *, of_source: bool = False, whole: bool = False) -> Mapping[str, Any]:
        """Of the output, or of the source; `whole`: one that reads all of the file."""
        encoding, running = self.encoding, self.running
        return await ffmpeg.probe(arguments, cwd=None if of_source else self.scratch,
                                  pass_fds=(self.source.fd,) if of_source else (), nice=encoding.nice, cpus=running.allowed,
                                  timeout=encoding.probe_timeout + (self.source.size / SLOWEST_DISK if whole else 0.0),
                                  job=running.job.id, sandbox=encoding.sandbox, monitor=running)


async def decode(work: Work, plan: Plan, file: str, seconds: float | None,
                 copied: tuple[tuple[int, StreamDecision], ...] = ()) -> RunReport:
    """Decode a film in the job's folder as deep as the profile says. Raises PectinError(OUTPUT_WRONG) when it does not."""
    decoding = checks.decode_argv(str(work.encoding.tools.ffmpeg), f"file:{file}", work.encoding.threads,
                                  demuxer=checks.DEMUXER.get(plan.container, plan.source_format), depth=work.profile.verify,
                                  copied=copied, strict=not work.tolerant)
    return await work.run(decoding, seconds=seconds, failure=Cause.OUTPUT_WRONG)


async def prove(work: Work, plan: Plan, amends: Amends, encoded: RunReport, command: argv.Command) -> tuple[Mismatch, ...]:
    """All that is wrong with the output of `command`; nothing: it may be published. Raises PectinError."""
    url, encoding = f"file:{command.video}", work.encoding
    found = parse(await work.probe(
        argv.probe_argv(str(encoding.tools.ffprobe), url, max_pixels=work.profile.max_pixels, count=True), whole=True))
    positions = {(kept.index, kept.codec): number for number, kept in enumerate(plan.kept) if kept in command.copied}
    copied = tuple((positions[stream.index, stream.codec], stream) for stream in command.copied)
    decoded = await decode(work, plan, command.video, found.duration, copied)
    proofs = await _proofs(work, plan, amends, command, found)
    mismatches = compare(plan, work.media, found, encoded, decoded, proofs)
    if counting_helps(plan, mismatches):
        # A recording with a gap claims to last from its first to its last moment: how many pictures it has decides.
        counted = await work.count_packets()
        mismatches = compare(plan, replace(work.media, video=counted.video), found, encoded, decoded, proofs)
    return mismatches


async def _proofs(work: Work, plan: Plan, amends: Amends, command: argv.Command, found: MediaInfo) -> Proofs:
    program, demuxer, url = str(work.encoding.tools.ffprobe), checks.DEMUXER[plan.container], f"file:{command.video}"
    starts_of_source = checks.head_argv(program, work.source.url, demuxer=plan.source_format, seconds=_HEAD,
                                        options=argv.missing_times(plan))
    tail = max(0.0, (found.duration or 0.0) - checks.LAST_SECONDS)

    ended = await work.probe(checks.tail_argv(program, url, demuxer=demuxer, start=tail))
    begun = await work.probe(checks.head_argv(program, url, demuxer=demuxer, seconds=_HEAD))
    theirs = await work.probe(starts_of_source, of_source=True)
    here = [await asyncio.to_thread(_hashes, work.scratch / name) for name in (checks.SOURCE_HASHES, checks.OUTPUT_HASHES)]
    shapes = checks.shapes(await asyncio.to_thread(_taken, work.scratch / checks.OUTPUT_SHAPES))
    if work.profile.video is VideoCodec.COPY:
        shapes = 1  # it is taken as it is
    again = decide(found, work.profile, amends=Amends(copy_picture=amends.copy_picture))
    # Frames that cannot be decoded are missing from a count of all, and from the last moment.
    depth = Verify.QUICK if work.tolerant else work.profile.verify
    return Proofs(depth=depth, copied=command.copied, source_hashes=here[0], output_hashes=here[1],
                  tail_start=tail, ends=moments.ends(ended), source_starts=moments.starts(theirs),
                  output_starts=moments.starts(begun), again=again,
                  within_bitrate=(found.bit_rate or 0) <= work.profile.max_bitrate, shapes=shapes)


def _hashes(file: Path) -> tuple[str, ...]:
    return checks.hashes(_taken(file).decode("ascii", "replace"))


def _taken(file: Path) -> bytes:
    """Read and remove: what is left in the folder goes to the library's side."""
    if not file.exists():
        return b""
    content = file.read_bytes()
    file.unlink()
    return content
