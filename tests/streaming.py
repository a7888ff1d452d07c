"""Packages HLS as a job does, from films that ffmpeg has made as the ladder makes them; without a daemon and a library."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from clips import Clips
from pectin.encoding import tools
from pectin.encoding.tools import Tools
from pectin.model.job import Job, State
from pectin.model.output import Output
from pectin.model.plan import Plan, Reason, StreamAction, StreamDecision, SubtitleTarget
from pectin.model.profile import Profile
from pectin.model.rendition import Hls, Made, Rendition
from pectin.pipeline import hls
from pectin.pipeline.examine import look_into, opened
from pectin.pipeline.policy import Encoding
from pectin.pipeline.proving import Work
from pectin.pipeline.running import RunningJob
from pectin.planning.plan import decide

ALIGNED = ("-force_key_frames", "expr:gte(t,n_forced*2)", "-sc_threshold", "0", "-g", "100000")
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
_JOB = f"{os.getpid():09d}"[-9:] + "3"  # of this process alone: several run tests at the same time
_TOOLS: dict[str, Tools] = {}


@dataclass(frozen=True, slots=True)
class Rung:
    """A finished version: `film` is a file, `languages` those of its sound tracks."""

    film: Path
    name: str
    width: int
    height: int
    aligned: bool = True
    languages: tuple[str | None, ...] = ("eng",)


def rung(clips: Clips, height: int, *, seconds: float = 13, rate: str = "24000/1001", keys: Sequence[str] = ALIGNED,
         video: Sequence[str] = X264, sounds: int = 1, name: str | None = None, suffix: str = "mp4", sound: Sequence[str] = (),
         filters: str = "", source: str = "testsrc2") -> Rung:
    """Made of ffmpeg's test picture, all of the same length with the same moments."""
    width = height * 16 // 9 // 2 * 2
    tones = [word for number in range(sounds) for word in (
        "-f", "lavfi", "-i", f"sine=frequency={440 * (number + 1)}:sample_rate=48000:duration={seconds}")]
    maps = ["-map", "0:v", *(word for number in range(sounds) for word in ("-map", f"{number + 1}:a"))]
    film = clips.make(f"{name or height}.{suffix}", [
        "-f", "lavfi", "-i", f"{source}=size={width}x{height}:rate={rate}:duration={seconds}{filters}", *tones, *maps, *video,
        *keys, *(sound or ("-c:a", "aac", "-ac", "2")), "-fps_mode", "vfr"])
    return Rung(film, name or f"{height}p", width, height, languages=("eng", "ger", "fre")[:sounds])


def sound_of(number: int, language: str | None) -> StreamDecision:
    return StreamDecision(index=number + 1, kind="audio", codec="aac", action=StreamAction.COPY, reason=Reason.FITS,
                          sentence="Copied.", language=language, default=number == 0)


def text_of(suffix: str, language: str, *, forced: bool = False, impaired: bool = False) -> StreamDecision:
    return StreamDecision(index=9, kind="subtitle", codec="subrip", action=StreamAction.EXTRACT, reason=Reason.TEXT_SUBTITLE,
                          sentence="Taken out.", language=language, forced=forced, hearing_impaired=impaired,
                          target=SubtitleTarget(suffix=suffix))


@dataclass(frozen=True, slots=True)
class Bench:
    """A job that has its renditions."""

    work: Work
    plan: Plan
    made: list[Made]
    texts: list[Output]

    @property
    def folder(self) -> Path:
        return self.work.scratch / "hls"

    async def package(self) -> list[Output]:
        """Raises PectinError."""
        return await hls.package(self.work, self.plan, self.made, self.texts)


@asynccontextmanager
async def packaging(rungs: Sequence[Rung], folder: Path, *, kind: Hls = Hls.FMP4,
                    texts: Sequence[tuple[StreamDecision, str]] = ()) -> AsyncIterator[Bench]:
    """`texts`: tracks with their SubRip."""
    if (found := _TOOLS.get("auto")) is None:
        found = _TOOLS["auto"] = await tools.find("auto")
    source = rungs[0].film
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    made, files = [], []
    for number, one in enumerate(rungs):
        file = f"rendition-{number}{one.film.suffix}"
        (scratch / file).write_bytes(one.film.read_bytes())
        picture = StreamDecision(index=0, kind="video", codec="h264", action=StreamAction.COPY, reason=Reason.FITS,
                                 sentence="Copied.")
        streams = (picture, *(sound_of(at, language) for at, language in enumerate(one.languages)))
        made.append(Made(rendition=Rendition(name=one.name, streams=streams, width=one.width, height=one.height, sentence="."),
                         file=file, aligned=one.aligned))
    for number, (stream, text) in enumerate(texts):
        assert isinstance(stream.target, SubtitleTarget)
        (scratch / f"text-{number}.srt").write_text(text, "utf-8")
        files.append(Output(role="subtitle", file=f"text-{number}.srt", suffix=stream.target.suffix, extension="srt"))
    encoding = Encoding(tools=found, threads=2, cpus=(None,), nice=0, stall_timeout=60, probe_timeout=60)
    job = Job(id=_JOB, state=State.PROCESSING, route="films", profile="web", inbox_path=source, relative=PurePath(source.name),
              size=source.stat().st_size, created_at=1.0, updated_at=1.0)
    running = RunningJob(job=job, slot=0)
    with opened(source, source.parent) as opening:
        media = await look_into(opening, found, timeout=60, max_pixels=40_000_000)
        plan = decide(media, Profile())
        plan = running.plan = replace(plan, hls=kind, streams=(*plan.streams, *(stream for stream, _ in texts)))
        work = Work(running=running, source=opening, media=media, profile=Profile(), scratch=scratch, encoding=encoding)
        yield Bench(work, plan, made, files)
