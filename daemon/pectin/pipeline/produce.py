"""From a plan to verified files: run ffmpeg, then prove that what it wrote is what was planned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pectin.encoding import argv, ffmpeg
from pectin.model.errors import Cause, PectinError
from pectin.model.job import Stage
from pectin.model.media import MediaInfo
from pectin.model.plan import Plan, SubtitleTarget
from pectin.model.reports import RunReport
from pectin.pipeline.examine import OpenSource
from pectin.pipeline.policy import Encoding
from pectin.pipeline.running import RunningJob
from pectin.planning.probe import parse
from pectin.publishing.verify import compare, counting_helps

SLOWEST_DISK = 5_000_000  # bytes per second that any disk reads: how long counting a whole file may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One finished file in the job's folder: `suffix` stands between the film's stem and the extension."""

    role: str
    file: str
    suffix: str
    extension: str


async def produce(running: RunningJob, source: OpenSource, media: MediaInfo, plan: Plan, *, scratch: Path,
                  encoding: Encoding, max_pixels: int) -> list[Output]:
    """Encode into `scratch` and verify; sidecars first, the video last. Raises PectinError."""
    command = argv.build(plan, ffmpeg=str(encoding.tools.ffmpeg), source=source.url, threads=encoding.threads,
                         max_pixels=max_pixels)
    running.enter(Stage.ENCODING)
    encoded = await _run(running, command.argv, scratch, encoding, seconds=plan.seconds, pass_fds=(source.fd,))
    running.enter(Stage.VERIFYING)
    await _verify(running, source, media, plan, encoded, command.video, scratch, encoding, max_pixels)
    outputs = [Output(role="subtitle", file=name, suffix=decision.target.suffix, extension=decision.target.extension)
               for decision, name in command.subtitles
               # A text track without a single line makes an empty file: nothing to show, so nothing to publish.
               if isinstance(decision.target, SubtitleTarget) and (scratch / name).stat().st_size > 0]
    return [*outputs, Output(role="video", file=command.video, suffix="", extension=plan.container)]


async def _run(running: RunningJob, arguments: tuple[str, ...], scratch: Path, encoding: Encoding, *,
               seconds: float | None, pass_fds: tuple[int, ...] = (), failure: Cause = Cause.FFMPEG_FAILED) -> RunReport:
    return await ffmpeg.run(arguments, cwd=scratch, pass_fds=pass_fds, nice=encoding.nice, cpus=encoding.cpus[running.slot],
                            job=running.job.id, total_seconds=seconds, total_frames=None,
                            stall_timeout=encoding.stall_timeout, monitor=running, failure=failure)


async def _verify(running: RunningJob, source: OpenSource, media: MediaInfo, plan: Plan, encoded: RunReport, video: str,
                  scratch: Path, encoding: Encoding, max_pixels: int) -> None:
    """ffmpeg's word is no proof: probe what it wrote, decode all of it, compare with the plan and the source."""
    url = f"file:{video}"
    found = parse(await ffmpeg.probe(argv.probe_argv(str(encoding.tools.ffprobe), url, max_pixels=max_pixels),
                                     cwd=scratch, timeout=encoding.probe_timeout))
    decoding = argv.decode_argv(str(encoding.tools.ffmpeg), url, threads=encoding.threads)
    decoded = await _run(running, decoding, scratch, encoding, seconds=found.duration, failure=Cause.OUTPUT_WRONG)
    mismatches = compare(plan, media, found, encoded, decoded)
    if counting_helps(plan, mismatches):
        # A recording with a gap claims to last from its first to its last moment: how many pictures it has decides.
        counting = argv.probe_argv(str(encoding.tools.ffprobe), source.url, max_pixels=max_pixels, count=True)
        counted = parse(await ffmpeg.probe(counting, pass_fds=(source.fd,), job=running.job.id,
                                           timeout=encoding.probe_timeout + source.size / SLOWEST_DISK))
        mismatches = compare(plan, replace(media, video=counted.video), found, encoded, decoded)
    if mismatches:
        raise PectinError(Cause.OUTPUT_WRONG, "; ".join(m.sentence for m in mismatches))
