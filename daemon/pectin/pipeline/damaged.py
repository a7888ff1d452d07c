"""A source that is cut short or damaged: how much of it is there, and whether that is published."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace

from pectin.encoding import checks
from pectin.encoding.exits import last_words
from pectin.model.errors import Cause, PectinError
from pectin.model.plan import Plan, StreamAction, StreamDecision
from pectin.model.profile import Container, Damaged
from pectin.model.reports import RunReport
from pectin.pipeline.proving import Work
from pectin.planning.damage import Damage, damage
from pectin.planning.rules import main_video
from pectin.publishing.lengths import GUESSED, LOST_FRAMES, all_frames, source_stream
from pectin.publishing.mismatch import Mismatch, MismatchKind

log = logging.getLogger(__name__)

_DECODERS = {"av1": "libdav1d", "vp8": "libvpx", "vp9": "libvpx-vp9"}  # where ffmpeg's decoder has another name


def borne(work: Work, facts: str) -> None:
    """Damage that is more than a film may have: published with a note if the profile or a person wants what there is. Raises
    PectinError(DAMAGED_SOURCE) otherwise."""
    if work.profile.damaged_source is Damaged.REJECT and not work.running.as_it_is:
        raise PectinError(Cause.DAMAGED_SOURCE, facts)
    note(work, facts)


def note(work: Work, facts: str) -> None:
    """Keep something with the job that a person should know."""
    log.warning("the source is damaged: %s", facts)
    work.running.damaged = True
    plan = work.running.plan
    if plan is not None and (sentence := f"The source is damaged: {facts}.") not in plan.notes:
        work.running.plan = replace(plan, notes=(*plan.notes, sentence))


async def count(work: Work, plan: Plan, encoded: RunReport) -> None:
    """Where the decoder has complained about the picture, count what is wrong with it: two decodes of the source, without which
    nobody knows whether it was one bit or half of the film. Raises PectinError(DAMAGED_SOURCE)."""
    picture = plan.kept[0]
    if picture.action is not StreamAction.ENCODE or not any(_about(line, picture, plan) for line in encoded.stderr.splitlines()):
        return
    found = await _counted(work, plan)
    if found is not None:
        (borne if found.too_much else note)(work, found.sentence)


async def accept_copy(work: Work, plan: Plan) -> None:
    """A copy does not play to its end, and this profile encodes nothing: the film is as good as its source. Raises
    PectinError(DAMAGED_SOURCE)."""
    found = await _counted(work, plan)
    if found is None:
        note(work, "some of its sound cannot be decoded")
    else:
        (borne if found.too_much else note)(work, found.sentence)


async def contradicted_times(work: Work) -> None:
    """An MP4 that says two things about its length: what lies behind the end it shows would be left out without a word. Raises
    PectinError(DAMAGED_SOURCE)."""
    layout = work.media.layout
    if layout is None or layout.times_agree or work.profile.container is Container.SOURCE:
        return
    counted = await work.count_packets()
    listed = {stream.index: stream.packets or 0 for stream in (*work.media.video, *work.media.audio)}
    read = {stream.index: stream.packets or 0 for stream in (*counted.video, *counted.audio)}
    lost = {index: number - read.get(index, 0) for index, number in listed.items()}
    worst = max(lost, key=lambda index: lost[index], default=0)
    if lost and lost[worst] > LOST_FRAMES:
        borne(work, f"its index contradicts itself about times, and of stream {worst} only {read.get(worst, 0)} of "
                    f"{listed[worst]} packets can be shown")


async def _counted(work: Work, plan: Plan) -> Damage | None:
    """None: there is no fault in the picture, or nobody knows."""
    shown, faultless = [await _frames(work, plan, plan.kept[0], strict=strict) for strict in (False, True)]
    if shown is None or faultless is None:
        return None
    return damage(stated=_stated(work, plan), shown=shown, faultless=faultless)


async def source_is_to_blame(work: Work, plan: Plan, encoded: RunReport, mismatches: Collection[Mismatch]) -> bool:
    """Whether an output is too short only because its source is: ffmpeg has complained about that, or all that can be read of it
    came out."""
    if {m.kind for m in mismatches} != {MismatchKind.TOO_SHORT}:
        return False
    if last_words(encoded.stderr):
        return True
    counted = await work.count_packets()
    picture = plan.kept[0]
    original = source_stream(picture, counted)
    return original is not None and all_frames(picture, original, encoded)


def _about(line: str, picture: StreamDecision, plan: Plan) -> bool:
    """Whether a line of ffmpeg's stderr complains about the source's picture or its container: encoders and muxers talk there
    too."""
    who = line[1:].partition(" @")[0] if line.startswith("[") else ""
    names = {picture.codec, _DECODERS.get(picture.codec, ""), plan.source_format, "NULL"} - {""}
    return who.partition(",")[0] in names or f"#0:{picture.index}" in line


async def _frames(work: Work, plan: Plan, picture: StreamDecision, *, strict: bool) -> int | None:
    """None: the decoder itself has died over it, and nobody knows."""
    command = checks.count_argv(str(work.encoding.tools.ffmpeg), work.source.url, demuxer=plan.source_format, index=picture.index,
                                strict=strict)
    try:
        return (await work.run(command, seconds=plan.seconds, with_source=True)).frames or 0
    except PectinError as error:
        if error.cause is not Cause.FFMPEG_FAILED:
            raise
        return None if error.detail.startswith("killed") else 0  # otherwise there was not a single frame


def _stated(work: Work, plan: Plan) -> float | None:
    stream = main_video(work.media)
    rate = stream.frame_rate if stream else None
    if stream is None or not stream.duration or rate is None or plan.source_format in GUESSED:
        return None
    late = max(0.0, stream.start_time or 0.0) if "matroska" in work.media.formats else 0.0
    return max(0.0, stream.duration - late) * float(rate)
