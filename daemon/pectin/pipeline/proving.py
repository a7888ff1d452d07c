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
from pectin.model.media import MediaInfo, Stream
from pectin.model.plan import Plan, StreamDecision, VideoTarget
from pectin.model.profile import AudioCodec, Container, Profile, Surround, Verify, VideoCodec
from pectin.model.rendition import Hls, Rendition
from pectin.model.reports import Proofs, RunReport
from pectin.pipeline.examine import OpenSource
from pectin.pipeline.policy import Encoding
from pectin.pipeline.running import RunningJob
from pectin.planning.amends import NO_AMENDS, Amends
from pectin.planning.plan import decide
from pectin.planning.probe import parse
from pectin.publishing import moments
from pectin.publishing.mismatch import Mismatch
from pectin.publishing.rungs import limits
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
    proofs = await _proofs(work, plan, amends, command.video, command.copied, found, await _heads(work, plan))
    mismatches = compare(plan, work.media, found, encoded, decoded, proofs)
    if counting_helps(plan, mismatches):
        # A recording with a gap claims to last from its first to its last moment: how many pictures it has decides.
        counted = await work.count_packets()
        mismatches = compare(plan, replace(work.media, video=counted.video), found, encoded, decoded, proofs)
    return mismatches


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A film that was made and verified, as its renditions are held against it. `media`: as it was probed, with its packets
    counted; `head`: its first packets, as ffprobe lists them."""

    media: MediaInfo
    demuxer: str
    head: Mapping[str, Any]


async def look_at(work: Work, plan: Plan, file: str) -> Film:
    """Raises PectinError."""
    program, url = str(work.encoding.tools.ffprobe), f"file:{file}"
    demuxer = checks.DEMUXER.get(plan.container, plan.source_format)
    counted = argv.probe_argv(program, url, count=True)
    head = checks.head_argv(program, url, demuxer=demuxer, seconds=_HEAD)
    return Film(media=parse(await work.probe(counted, whole=True)), demuxer=demuxer, head=await work.probe(head))


async def prove_rendition(work: Work, plan: Plan, rendition: Rendition, film: Film) -> tuple[Mismatch, ...]:
    """All that is wrong with an encoded one. It is held against the film, which is what the source could give: as long, with the
    same frames where the film was encoded too, with its sound where the film has it. Raises PectinError."""
    url, program = f"file:{rendition.file}", str(work.encoding.tools.ffprobe)
    of_film = _of_film(argv.alone(plan, rendition), plan, film)
    found = parse(await work.probe(argv.probe_argv(program, url, count=True), whole=True))
    decoded = await decode(work, of_film, rendition.file, found.duration)
    like = film.media if isinstance(plan.kept[0].target, VideoTarget) else found  # of a copied film some may be undecodable
    frames = like.video[0].packets if like.video else None
    encoded = RunReport(frames=frames, out_seconds=None, ended=True, stderr="", wall_seconds=0.0)
    profile = _profile_of(rendition, work.profile)
    proofs = await _proofs(replace(work, profile=profile), of_film, NO_AMENDS, rendition.file, (), found, film.head)
    return (*compare(of_film, film.media, found, encoded, decoded, replace(proofs, within_bitrate=True, shapes=1)),
            *limits(rendition, found))


async def prove_copy(work: Work, plan: Plan, copied: RunReport, command: argv.Command) -> tuple[Mismatch, ...]:
    """The same of one whose picture is the source's own: by the rules of a profile that copies. Raises PectinError."""
    profile = replace(work.profile, video=VideoCodec.COPY, audio=AudioCodec.AAC, surround=Surround.NONE, container=Container.MP4)
    return await prove(replace(work, profile=profile), plan, NO_AMENDS, copied, command)


def _of_film(of_rendition: Plan, plan: Plan, film: Film) -> Plan:
    """The rendition as if it had been made of the film."""
    kinds: tuple[tuple[str, tuple[Stream, ...]], ...] = (("video", film.media.video), ("audio", film.media.audio))
    places: dict[int, int] = {}
    for kind, found in kinds:
        kept = [decision for decision in plan.kept if decision.kind == kind]
        for decision, stream in zip(kept, found, strict=False):
            places.setdefault(decision.index, stream.index)  # stereo and surround of one track: the first is the stereo
    streams = tuple(replace(stream, index=places.get(stream.index, -1)) for stream in of_rendition.streams)
    return replace(of_rendition, streams=streams, source_format=film.demuxer)


def _profile_of(rendition: Rendition, profile: Profile) -> Profile:
    """The rules for it: what of the profile concerns every version."""
    target = rendition.streams[0].target
    codec = target.codec if isinstance(target, VideoTarget) else VideoCodec.COPY
    return replace(profile, video=codec, audio=AudioCodec.AAC, surround=Surround.NONE, container=Container.MP4,
                   max_width=max(profile.max_width, rendition.width), max_height=max(profile.max_height, rendition.height),
                   renditions=(), original=False, hls=Hls.NONE)


async def _heads(work: Work, plan: Plan) -> Mapping[str, Any]:
    """The first packets of the source."""
    return await work.probe(checks.head_argv(str(work.encoding.tools.ffprobe), work.source.url, demuxer=plan.source_format,
                                             seconds=_HEAD, options=argv.missing_times(plan)), of_source=True)


async def _proofs(work: Work, plan: Plan, amends: Amends, file: str, copied: tuple[StreamDecision, ...], found: MediaInfo,
                  theirs: Mapping[str, Any]) -> Proofs:
    """`theirs`: the first packets of what it was made of."""
    program, demuxer, url = str(work.encoding.tools.ffprobe), checks.DEMUXER[plan.container], f"file:{file}"
    tail = max(0.0, (found.duration or 0.0) - checks.LAST_SECONDS)

    ended = await work.probe(checks.tail_argv(program, url, demuxer=demuxer, start=tail))
    begun = await work.probe(checks.head_argv(program, url, demuxer=demuxer, seconds=_HEAD))
    here = [await asyncio.to_thread(_hashes, work.scratch / name) for name in (checks.SOURCE_HASHES, checks.OUTPUT_HASHES)]
    shapes = checks.shapes(await asyncio.to_thread(_taken, work.scratch / checks.OUTPUT_SHAPES))
    if work.profile.video is VideoCodec.COPY:
        shapes = 1  # it is taken as it is
    again = decide(found, work.profile, amends=Amends(copy_picture=amends.copy_picture))
    # Frames that cannot be decoded are missing from a count of all, and from the last moment.
    depth = Verify.QUICK if work.tolerant else work.profile.verify
    return Proofs(depth=depth, copied=copied, source_hashes=here[0], output_hashes=here[1],
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
