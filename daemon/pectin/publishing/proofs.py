"""What an output's headers and its decode do not tell: whether copies are copies, where streams really end, whether sound and
picture belong together as before, and whether the film keeps the rules it was made for."""

from __future__ import annotations

from collections.abc import Iterator

from pectin.model.media import MediaInfo, VideoStream
from pectin.model.plan import AudioTarget, Plan, Reason, StreamAction, VideoTarget
from pectin.model.profile import VideoCodec
from pectin.model.reports import Proofs
from pectin.publishing.lengths import SURE
from pectin.publishing.mismatch import Mismatch, MismatchKind

IN_SYNC = 0.020       # seconds: what nobody hears or sees
_SOUND_FRAME = 0.064  # seconds: HE-AAC's frames at 32 kHz are the longest. An encoder's first one may lie before the beginning
_AT_ONCE = 0.05       # seconds: sound that begins so early begins with the film


def ends(output: MediaInfo, proofs: Proofs) -> Iterator[Mismatch]:
    """Each picture and sound track: the moment its header promises against its last packet."""
    if proofs.tail_start is None:
        return
    for stream in (*output.video, *output.audio):
        duration = stream.duration if stream.duration is not None else output.duration
        if duration is None:
            continue
        # Matroska states when a stream ends, MP4 how long it is.
        promised = (duration, duration + max(0.0, stream.start_time or 0.0))
        slack = max(SURE, 2 * (1 / float(rate) if isinstance(stream, VideoStream) and (rate := stream.frame_rate) else 0.0))
        end = proofs.ends.get(stream.index)
        kind = "picture" if isinstance(stream, VideoStream) else "sound"
        if end is None:
            if min(promised) > proofs.tail_start + slack:
                yield Mismatch(MismatchKind.LYING_HEADER,
                               f"the {kind} of stream {stream.index} should last until {promised[1]:.2f} s, but ends before "
                               f"{proofs.tail_start:.2f} s")
        elif min(abs(end - moment) for moment in promised) > slack:
            yield Mismatch(MismatchKind.LYING_HEADER,
                           f"the {kind} of stream {stream.index} should last until {promised[1]:.2f} s, but ends at {end:.2f} s")


def copies(proofs: Proofs) -> Iterator[Mismatch]:
    """What was copied has the same packets as its source."""
    for number, decision in enumerate(proofs.copied):
        pair = [found[number] if number < len(found) else "" for found in (proofs.source_hashes, proofs.output_hashes)]
        if pair[0] != pair[1]:
            yield Mismatch(MismatchKind.COPY_DIFFERS,
                           f"the copied {decision.kind} stream {decision.index} is not what was read from the source",
                           decision.index)


def one_shape(plan: Plan, proofs: Proofs) -> Iterator[Mismatch]:
    """A broadcast may change its size or its shape in the middle. MP4 tells it once, in front: many players never look again."""
    if proofs.shapes > 1 and plan.kept and plan.kept[0].action is StreamAction.COPY:
        yield Mismatch(MismatchKind.RULES, "the copied picture changes its size or how it is coded in the middle",
                       plan.kept[0].index)


def offsets(plan: Plan, proofs: Proofs) -> Iterator[Mismatch]:
    """Sound begins as long before or after its picture as it did in the source."""
    kept = plan.kept
    if not kept or not proofs.source_starts:
        return
    picture = kept[0]
    for number, decision in enumerate(kept):
        theirs = _between(proofs.source_starts.get(picture.index), proofs.source_starts.get(decision.index))
        ours = _between(proofs.output_starts.get(0), proofs.output_starts.get(number))
        if decision.kind != "audio" or not theirs or not ours:
            continue
        slack = IN_SYNC
        if isinstance(picture.target, VideoTarget):
            slack += float(1 / picture.target.nominal_frame_rate)
        if isinstance(decision.target, AudioTarget):
            slack += _SOUND_FRAME
            if min(proofs.output_starts[number]) <= _AT_ONCE:
                continue  # filled with silence from the beginning
        if min(ours) - max(theirs) > slack or min(theirs) - max(ours) > slack:
            yield Mismatch(MismatchKind.OFFSET,
                           f"sound stream {decision.index} begins {min(ours):+.3f} s after the picture, in the source it was "
                           f"{min(theirs):+.3f} s", decision.index)


def _between(first: frozenset[float] | None, second: frozenset[float] | None) -> tuple[float, ...]:
    return tuple(b - a for a in first or () for b in second or ())


def unfit(plan: Plan, proofs: Proofs) -> Iterator[Mismatch]:
    """The rules once more, on the output: nothing would have to be changed in it. A user's own options are that user's
    choice."""
    if proofs.again is None or plan.extra:
        return
    kept = plan.kept
    for decision in proofs.again.streams:
        if decision.kind not in ("video", "audio") or decision.action is not StreamAction.ENCODE:
            continue
        made = kept[decision.index] if decision.index < len(kept) else None
        if decision.reason is Reason.BITRATE and made is not None and made.target is not None:
            # What a stream may take of the whole is a guess beforehand; the whole is what players judge by. And libvpx keeps a
            # rate over a film, not over seconds of noise (twice as much was measured).
            vp9 = isinstance(made.target, VideoTarget) and made.target.codec is VideoCodec.VP9
            if proofs.within_bitrate or vp9:
                continue
        yield Mismatch(MismatchKind.RULES, f"the output breaks the profile's rules: {decision.sentence}",
                       None if made is None else made.index)
