"""What a job does with the subtitles inside its film: takes them out before the film is made, turns text into UTF-8 SubRip, and
lays pictures of text beside the original. A track that breaks is left out with the reason; it never costs the film."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pectin.encoding import captions, ffmpeg, tracks
from pectin.linux.child import Child
from pectin.linux.finish import finished
from pectin.model.errors import Cause, PectinError
from pectin.model.media import MediaInfo
from pectin.model.plan import Plan, Reason, StreamAction, StreamDecision, SubtitleTarget
from pectin.model.reports import Progress
from pectin.pipeline.examine import OpenSource
from pectin.pipeline.policy import Encoding
from pectin.pipeline.running import RunningJob
from pectin.publishing.place import explained
from pectin.publishing.sidecars import with_original
from pectin.publishing.subtitle_text import LARGEST, TOO_LARGE, to_subrip

log = logging.getLogger(__name__)

_CLUSTER = b"\x1f\x43\xb6\x75"  # Matroska: without one there is nothing but headers
_HEADERS = 1 << 20              # bytes in which the first one must come
_NO_TEXT = "there is no line of text in it"
# The track's own fault; anything else (a full disk, a kill) is the job's.
_ITS_OWN = frozenset({Cause.FFMPEG_FAILED, Cause.NO_DECODER})


@dataclass(frozen=True, slots=True)
class Prepared:
    """`plan` says of each track what has come of it. `embedded`: files for the film itself, by the source's stream index;
    `files`: those for the library. All are names in the scratch folder."""

    plan: Plan
    embedded: Mapping[int, str]
    files: tuple[tuple[str, SubtitleTarget], ...]


async def prepare(running: RunningJob, source: OpenSource, media: MediaInfo, plan: Plan, *, scratch: Path, encoding: Encoding,
                  max_pixels: int) -> Prepared:
    """Take out and convert all that `plan` wants of the source's subtitles. May be called again in the same folder. Raises
    PectinError, but for no fault of a track."""
    run = _Run(running, source, plan, scratch, encoding, max_pixels)
    wanted = [stream for stream in plan.streams if isinstance(stream.target, SubtitleTarget)]
    inside = [stream for stream in wanted if stream.kind == "subtitle"]
    failed = await run.take_out(inside) if inside else {}
    embedded: dict[int, str] = {}
    files: list[tuple[str, SubtitleTarget]] = []
    lost: dict[StreamDecision, StreamDecision] = {}
    for track in wanted:
        target = track.target
        if not isinstance(target, SubtitleTarget):
            continue
        if track.kind == "captions":
            why = await run.caption()
            name, shift = captions.FILE, -_start(media, plan)
        else:
            why, name, shift = failed.get(track), tracks.file_name(track), 0.0
        if why is not None:
            lost[track] = _dropped(track, Reason.UNDECODABLE, f"ffmpeg could not take it out ({why}); it stays in the original")
        elif target.with_original:
            if not await finished(asyncio.to_thread(_lay_aside, scratch, name, target)):
                lost[track] = _dropped(track, Reason.EMPTY_TRACK, "there is no picture of text in it")
        elif (nothing := await finished(asyncio.to_thread(
                _convert, scratch / name, track, media, shift, None if target.codec is None else plan.seconds))) is not None:
            lost[track] = _dropped(track, Reason.EMPTY_TRACK, nothing)
        elif target.codec is not None:
            embedded[track.index] = name
        else:
            files.append((name, target))
    for was, now in lost.items():
        log.info("subtitle stream %d (%s, %s): %s", was.index, was.codec, was.language or "language unknown", now.sentence)
    running.plan = replace(plan, streams=(*(stream for stream in plan.streams if stream not in lost), *lost.values()))
    return Prepared(running.plan, embedded, tuple(files))


def _dropped(track: StreamDecision, reason: Reason, why: str) -> StreamDecision:
    return replace(track, action=StreamAction.DROP, reason=reason, target=None, sentence=f"Dropped: {why}.")


def _start(media: MediaInfo, plan: Plan) -> float:
    """Where the film's time begins, in the source's seconds: as ffmpeg counts it for the main run."""
    kept = {stream.index for stream in plan.kept}
    starts = [stream.start_time for stream in (*media.video, *media.audio)
              if stream.index in kept and stream.start_time is not None]
    return min(starts, default=media.start_time or 0.0)


def _convert(file: Path, track: StreamDecision, media: MediaInfo, shift: float, until: float | None) -> str | None:
    """In place; why nothing is left of it, None: something is. Inside a film, what is said after its end (`until`, in seconds)
    would make it as long as that. Blocks. Raises PectinError."""
    with explained(file):
        if not file.is_file() or file.stat().st_size == 0:
            return _NO_TEXT
        if file.stat().st_size > LARGEST:
            file.unlink()
            return f"{TOO_LARGE}; it stays in the original"
        rate = next((float(stream.frame_rate) for stream in media.video if stream.frame_rate), None)
        text = to_subrip(file.read_bytes(), language=track.language, frame_rate=rate, shift=shift,
                         until=until, plain=not tracks.is_raw(track))
        if text is None:
            return _NO_TEXT
        file.write_bytes(text)
    return None


def _lay_aside(scratch: Path, name: str, target: SubtitleTarget) -> bool:
    """Where sidecars.keep_with_original finds it when the film is verified. False when it is empty. Blocks. Raises
    PectinError."""
    file = scratch / name
    with explained(file):
        if not file.is_file() or file.stat().st_size == 0:
            return False
        if target.extension == "mks":
            with file.open("rb") as opened:
                if _CLUSTER not in opened.read(_HEADERS):
                    return False
        place = with_original(scratch, target.suffix, target.extension)
        place.parent.mkdir(exist_ok=True)
        file.replace(place)
    return True


@dataclass(frozen=True, slots=True)
class _Run:
    """ffmpeg's runs for one plan."""

    running: RunningJob
    source: OpenSource
    plan: Plan
    scratch: Path
    encoding: Encoding
    max_pixels: int

    async def take_out(self, wanted: Sequence[StreamDecision]) -> dict[StreamDecision, str]:
        """All in one run, and the reasons of those that came to nothing. Where the run breaks, its halves are tried: that finds
        the track that breaks it, mostly before anything was read."""
        command = tracks.build(wanted, self.plan, ffmpeg=str(self.encoding.tools.ffmpeg), source=self.source.url,
                               threads=self.encoding.threads, max_pixels=self.max_pixels)
        why = await self._ends(command)
        if why is None:
            return {}
        if len(wanted) == 1:
            return {wanted[0]: why}
        half = len(wanted) // 2
        return await self.take_out(wanted[:half]) | await self.take_out(wanted[half:])

    async def caption(self) -> str | None:
        """Why the captions could not be taken out; None when they were."""
        path = Path(self.source.url.removeprefix("file:"))
        return await self._ends(captions.build(ffmpeg=str(self.encoding.tools.ffmpeg), source=path, threads=self.encoding.threads,
                                               source_format=self.plan.source_format))

    async def _ends(self, command: Sequence[str]) -> str | None:
        try:
            await ffmpeg.run(command, cwd=self.scratch, pass_fds=(self.source.fd,), nice=self.encoding.nice,
                             cpus=self.running.allowed, job=self.running.job.id, total_seconds=self.plan.seconds,
                             total_frames=None, stall_timeout=self.encoding.stall_timeout, monitor=_Quiet(self.running),
                             sandbox=self.encoding.sandbox, time_limit=self.encoding.time_limit)
        except PectinError as error:
            if error.cause not in _ITS_OWN:
                raise
            said = error.detail.splitlines()
            return said[1] if len(said) > 2 else said[0] if said else error.sentence  # what happened, ffmpeg's words, the command
        return None


@dataclass(frozen=True, slots=True)
class _Quiet:
    """Its child is the job's, its progress is not: the bar belongs to the film."""

    running: RunningJob

    @property
    def suspended(self) -> bool:
        return self.running.suspended

    def child_started(self, child: Child) -> None:
        self.running.child_started(child)

    def child_ended(self) -> None:
        self.running.child_ended()

    def progressed(self, progress: Progress) -> None:  # noqa: ARG002  (nobody is told)
        self.running.child_speaks()
