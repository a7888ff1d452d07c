"""HLS from the finished renditions: cut without encoding again, judged, and handed over as one folder."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path

from pectin.encoding import hls as commands
from pectin.linux.finish import finished
from pectin.model.errors import Cause, PectinError
from pectin.model.output import Home, Output
from pectin.model.plan import AudioTarget, Plan, StreamDecision, VideoTarget
from pectin.model.rendition import Hls, Made
from pectin.model.reports import Progress
from pectin.pipeline import hls_judging, hls_texts, hls_ts
from pectin.pipeline.hls_labels import AAC, KNOWN, Labels, heard
from pectin.pipeline.omitting import omit
from pectin.pipeline.proving import Work
from pectin.publishing import codecs, cuts, playlists, segments, webvtt
from pectin.publishing.cuts import Piece
from pectin.publishing.mp4_tracks import VIDEO, Track
from pectin.publishing.place import explained
from pectin.publishing.playlists import Alternative, Variant
from pectin.publishing.segments import Cut
from pectin.publishing.subtitle_formats import read as read_text

ROLE = FOLDER = "hls"
_REST = 0.2       # seconds between two looks whether a paused job may go on
_STEP = 10        # segments that are cut before somebody may stop or pause the job: a second on a slow disk
_LONGEST = 2 * cuts.SEGMENT  # seconds a segment may have where only the source's own key frames are there
_WEB_SOUNDS = frozenset({"aac", "opus", "libopus"})  # as ffmpeg calls them: hls_labels.KNOWN
_HDR = {"smpte2084": "PQ", "arib-std-b67": "HLG"}


@dataclass(frozen=True, slots=True)
class _Picture:
    """A version of the picture, as it was cut."""

    made: Made
    variant: Variant
    cut: Cut
    end: Fraction


@dataclass(frozen=True, slots=True)
class _Sound:
    """A sound track: `number` among those of `file`, a name in the job's folder. `cut` None: it is in the pictures' segments."""

    file: str
    number: int
    one: Alternative
    cut: Cut | None


@dataclass(frozen=True, slots=True)
class _Set:
    """What is in the folder so far."""

    work: Work
    folder: Path
    plan: Plan
    pictures: list[_Picture] = field(default_factory=list)
    sounds: list[_Sound] = field(default_factory=list)
    texts: list[Alternative] = field(default_factory=list)

    @property
    def ts(self) -> bool:
        return self.plan.hls is Hls.TS

    @property
    def within(self) -> _Sound | None:
        """The sound that is in the pictures' segments."""
        return next((sound for sound in self.sounds if sound.cut is None), None)


async def package(work: Work, plan: Plan, made: Sequence[Made], texts: Sequence[Output]) -> list[Output]:
    """One folder with the master playlist and all that belongs to it; none where the plan wants none. Raises PectinError."""
    if plan.hls is Hls.NONE:
        return []
    if not made:
        raise PectinError(Cause.OUTPUT_WRONG, "there is no rendition to cut")
    folder = work.scratch / FOLDER
    try:
        with explained(folder):
            folder.mkdir()
        await _make(_Set(work, folder, plan), made, texts)
    except PectinError:
        await finished(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
        raise
    finally:
        for passing in {_as_mp4(one) for one in made} - {one.file for one in made}:
            (work.scratch / passing).unlink(missing_ok=True)
    return [Output(role=ROLE, file=FOLDER, home=Home.RENDITIONS, name=FOLDER, tree=True)]


async def _make(whole: _Set, made: Sequence[Made], texts: Sequence[Output]) -> None:
    chosen = _chosen(made)
    speaking = max(made, key=lambda one: sum(map(_is_aac, one.rendition.streams)))  # of several the first, which is the largest
    for one in dict.fromkeys((speaking, *chosen)):
        file, tracks = await _tracks(whole.work, one)
        if one is speaking:
            await _add_sounds(whole, one, file, tracks)
        if one in chosen:
            await _add_picture(whole, one, file, tracks)
    await _add_texts(whole, await hls_texts.gather(whole.work, whole.plan, made[0], texts))
    await finished(asyncio.to_thread(_write_playlists, whole))
    files = [_as_mp4(picture.made) for picture in whole.pictures]
    if whole.ts:
        await hls_judging.judge_ts(whole.work, whole.folder, whole.plan, files=files, sound=_as_mp4(speaking),
                                   codec=whole.pictures[0].variant.codecs[0][:4])
    else:
        await hls_judging.judge(whole.work, whole.folder, whole.plan, files=files,
                                pictures=[picture.cut.digest for picture in whole.pictures],
                                sounds=[sound.cut.digest for sound in whole.sounds if sound.cut is not None])


def _chosen(made: Sequence[Made]) -> list[Made]:
    return [one for one in made if one.aligned] or list(made[:1])


def _is_aac(stream: StreamDecision) -> bool:
    return stream.kind == "audio" and _coding(stream) == "aac"


def _coding(stream: StreamDecision) -> str:
    return stream.target.codec if isinstance(stream.target, AudioTarget) else stream.codec


def _sounds(made: Made) -> list[StreamDecision]:
    """Those in its file once it is MP4, in their order."""
    sounds = [stream for stream in made.rendition.streams if stream.kind == "audio"]
    return sounds if made.file == _as_mp4(made) else [stream for stream in sounds if _coding(stream) in _WEB_SOUNDS]


def _as_mp4(made: Made) -> str:
    """Its name in the job's folder, once it is MP4."""
    return made.file if made.file.endswith(".mp4") else f"hls-{made.rendition.name}.mp4"


async def _tracks(work: Work, made: Made) -> tuple[Path, list[Track]]:
    """Of a rendition, which first becomes MP4 where it is none."""
    file = work.scratch / _as_mp4(made)
    if not file.exists():
        sounds = [stream for stream in made.rendition.streams if stream.kind == "audio"]
        fitting = [number for number, stream in enumerate(sounds) if _coding(stream) in _WEB_SOUNDS]
        await work.run(commands.as_mp4(str(work.encoding.tools.ffmpeg), made.file, file.name, fitting),
                       seconds=work.media.duration, failure=Cause.OUTPUT_WRONG)
    return file, await asyncio.to_thread(segments.open_tracks, file)


async def _add_picture(whole: _Set, made: Made, file: Path, tracks: Sequence[Track]) -> None:
    track = next((track for track in tracks if track.kind == VIDEO and len(track)), None)
    name = made.rendition.name
    if track is None:
        raise PectinError(Cause.OUTPUT_WRONG, f"there is no picture in {name}")
    within = whole.within
    if whole.ts:
        cut = await hls_ts.cut(whole.work, track, whole.folder / name, picture=file.name,
                               sound=(within.file, within.number) if within is not None else None)
    else:
        cut = await _cut(whole, file, track, name)
    wrong = _misfit(whole, cut, track)
    if wrong is not None:
        await finished(asyncio.to_thread(shutil.rmtree, whole.folder / name))
        error = PectinError(Cause.OUTPUT_WRONG, wrong)
        if not whole.pictures:
            raise error
        omit(whole.work, ROLE, f"{name} in HLS", error)
        return
    target = cuts.target_duration(cut.pieces)
    width, height = codecs.size(track)
    stills = [Piece(still.seconds, still.size) for still in cut.stills]
    variant = Variant(
        folder=name, codecs=(codecs.codec(track), *([within.one.codec] if within is not None else [])),
        width=width, height=height, rate=cuts.frame_rate(track),
        range=_range(track, made), peak=cuts.peak_rate(cut.pieces, target), average=cuts.average_rate(cut.pieces),
        stills=(cuts.peak_rate(stills, cuts.target_duration(stills)), cuts.average_rate(stills)) if stills else None)
    whole.pictures.append(_Picture(made, variant, cut, Fraction(track.end, track.timescale)))


def _misfit(whole: _Set, cut: Cut, track: Track) -> str | None:
    """Why this version cannot stand beside the others."""
    if not whole.pictures:
        longest = max(cut.pieces, key=lambda piece: piece.seconds).seconds
        return f"its key frames are {float(longest):.1f} s apart" if longest > _LONGEST else None
    others = whole.pictures[0].cut.starts
    frame = max(1 / cuts.frame_rate(track), 1 / whole.pictures[0].variant.rate)
    if len(others) != len(cut.starts) or any(abs(a - b) > frame for a, b in zip(others, cut.starts, strict=True)):
        return "its key frames are not where those of the other versions are"
    return None


def _range(track: Track, made: Made) -> str:
    target = made.rendition.streams[0].target if made.rendition.streams else None
    return codecs.picture_range(track) or (_HDR.get(target.transfer, "SDR") if isinstance(target, VideoTarget) else "SDR")


async def _add_sounds(whole: _Set, made: Made, file: Path, tracks: Sequence[Track]) -> None:
    labels = Labels()
    found = heard(tracks, _sounds(made), (AAC,) if whole.ts else KNOWN)
    default = next((at for at, (_, _, stream) in enumerate(found) if stream.default), 0)
    for at, (number, track, stream) in enumerate(found):
        folder, cut = f"audio-{at + 1}", None
        if not whole.ts:
            cut = await _cut(whole, file, track, folder)
        elif at != default:
            cut = await hls_ts.cut(whole.work, track, whole.folder / folder, picture=None, sound=(file.name, number))
        pieces = cut.pieces if cut is not None else ()
        target, channels = cuts.target_duration(pieces), codecs.channels(track)
        whole.sounds.append(_Sound(file.name, number, Alternative(
            name=labels.sound(stream, channels), folder=folder if cut is not None else None, default=at == default,
            language=labels.language(stream.language), describes=stream.visual_impaired, channels=channels,
            codec=codecs.codec(track), peak=cuts.peak_rate(pieces, target), average=cuts.average_rate(pieces)), cut))


async def _add_texts(whole: _Set, texts: Sequence[hls_texts.Text]) -> None:
    seconds = max(picture.end for picture in whole.pictures)
    labels, begins = Labels(), commands.TS_BEGINS * webvtt.CLOCK if whole.ts else 0
    for number, (words, stream) in enumerate(texts, 1):
        folder = f"text-{number}"
        pieces = await finished(asyncio.to_thread(_write_text, words, whole.folder / folder, seconds, begins))
        whole.texts.append(Alternative(
            name=labels.subtitle(stream), folder=folder, language=labels.language(stream.language),
            default=stream.default and not stream.forced, forced=stream.forced, hearing_impaired=stream.hearing_impaired,
            peak=cuts.peak_rate(pieces, cuts.target_duration(pieces)), average=cuts.average_rate(pieces)))


def _write_text(words: str, folder: Path, seconds: Fraction, begins: int) -> list[Piece]:
    """Blocks. Raises PectinError."""
    pieces, names, cues = [], [], read_text(words)
    with explained(folder):
        folder.mkdir()
        for number, (lasting, text) in enumerate(webvtt.pieces(cues, seconds, film_begins=begins)):
            names.append(f"{number:05}.vtt")
            content = text.encode()
            (folder / names[-1]).write_bytes(content)
            pieces.append(Piece(lasting, len(content)))
        (folder / playlists.INDEX).write_text(playlists.media(names, pieces, target=cuts.target_duration(pieces)), "utf-8")
    return pieces


async def _cut(whole: _Set, file: Path, track: Track, folder: str) -> Cut:
    """In steps, so that the job can be paused and stopped."""
    running = whole.work.running
    steps = segments.cut(file, track, whole.folder / folder)

    def some() -> Cut | None:
        return next(reversed(list(islice(steps, _STEP))), None)

    cut = None
    while (step := await finished(asyncio.to_thread(some))) is not None:
        cut = step
        running.progressed(Progress(fraction=len(cut.pieces) / len(cut.segments)))
        while running.suspended:  # noqa: ASYNC110 - a job tells nobody when it goes on: its children are woken by a signal
            await asyncio.sleep(_REST)
    assert cut is not None  # noqa: S101 - there is always a segment
    return cut


def _write_playlists(whole: _Set) -> None:
    """Blocks. Raises PectinError."""
    all_cuts = [*((picture.variant.folder, picture.cut) for picture in whole.pictures),
                *((sound.one.folder or "", sound.cut) for sound in whole.sounds if sound.cut is not None)]
    target = max(cuts.target_duration(cut.pieces) for _, cut in all_cuts)
    initial = None if whole.ts else playlists.INIT
    with explained(whole.folder):
        for folder, cut in all_cuts:
            place = whole.folder / folder
            (place / playlists.INDEX).write_text(playlists.media(cut.names, cut.pieces, target=target, initial=initial), "ascii")
            if cut.stills:
                (place / playlists.STILLS).write_text(playlists.stills(cut.names, cut.stills, initial=initial), "ascii")
        (whole.folder / playlists.MASTER).write_text(playlists.master(
            [picture.variant for picture in whole.pictures], [sound.one for sound in whole.sounds], whole.texts,
            version=playlists.STILLS_VERSION if whole.ts else playlists.WITH_MAP), "utf-8")
