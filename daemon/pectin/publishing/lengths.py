"""Whether an output is as long as it should be: each picture and sound track against its source's.

What a source says of its length is believed as far as its format deserves."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from pectin.model.media import MediaInfo, Stream, VideoStream
from pectin.model.plan import AudioTarget, Plan, StreamDecision, VideoTarget
from pectin.model.reports import RunReport
from pectin.publishing.mismatch import Mismatch, MismatchKind

SURE = 0.5             # seconds a picture may differ from a length that is known well
UNSURE = 1.0           # seconds, where lengths are only somebody's word, and for sound (frames and priming are added) ...
UNSURE_SHARE = 0.01    # ... or this share: a container may outlast its picture by the last subtitle or a long track
LAST_STILL = 5.0       # seconds: where frames last differently long, ffmpeg 5.1 forgets how long the last one was shown
LOST_FRAMES = 2        # a picture cut out of a broadcast begins with frames that cannot be decoded
LOST_SHARE = 0.002
# What a stream's own duration is worth. In these it is measured from tables;
MEASURED = frozenset({"mov", "avi", "flv", "asf"})
# in these it is a guess from the first and the last timestamp, wrong by hours where a recording was cut or joined;
GUESSED = frozenset({"mpegts", "mpeg", "mpegvideo", "wtv"})
# in the rest (Matroska) it is a tag: believed, unless it outlasts its file or a count of the frames says otherwise.


def lengths(plan: Plan, source: MediaInfo, output: MediaInfo, encoded: RunReport) -> Iterator[Mismatch]:
    """Each picture and sound track against its source's. What the source says is believed as far as its format deserves; a
    count of its frames that all came out weighs more than a guess or a tag."""
    kinds: tuple[tuple[str, tuple[Stream, ...]], ...] = (("video", output.video), ("audio", output.audio))
    for kind, streams in kinds:
        planned = [decision for decision in plan.kept if decision.kind == kind]
        for number, (decision, made) in enumerate(zip(planned, streams, strict=False)):
            original = source_stream(decision, source)
            if original is None:
                continue
            if kind == "video" or _states_its_length(plan, original, source):
                yield from _length(f"{kind} stream {number + 1}", plan, decision, original=(original, source),
                                   made=(made, output), encoded=encoded)


def _length(name: str, plan: Plan, decision: StreamDecision, *, original: tuple[Stream, MediaInfo],
            made: tuple[Stream, MediaInfo], encoded: RunReport) -> Iterator[Mismatch]:
    theirs, ours = _span(*original), _span(*made)
    if ours is None:
        yield Mismatch(MismatchKind.LYING_HEADER, f"{name} of the output has no length", decision.index)
        return
    if theirs is None:
        return
    close = isinstance(made[0], VideoStream) and _states_its_length(plan, *original)
    tolerance = max(SURE, 2 * frame_seconds(plan, made[0])) if close else max(UNSURE, UNSURE_SHARE * theirs[1])
    # Encoded sound that begins late is filled with silence from the beginning.
    filled = _late(*original) if isinstance(decision.target, AudioTarget) else 0.0
    short, long = theirs[0] - tolerance - ours[1], ours[0] - tolerance - theirs[1] - filled
    facts = f"{name} lasts {ours[1]:.2f} s, the source's {theirs[1]:.2f} s"
    if short > 0 and not _short_but_complete(plan, decision, original[0], encoded, short):
        yield Mismatch(MismatchKind.TOO_SHORT, f"{facts}: something is missing", decision.index)
    if long > 0 and not (_long_for_a_reason(plan, decision, original[0], encoded) or _within_picture(plan, *made)):
        yield Mismatch(MismatchKind.TOO_LONG, f"{facts}: something was added", decision.index)


def _short_but_complete(plan: Plan, decision: StreamDecision, original: Stream, encoded: RunReport, missing: float) -> bool:
    if not all_frames(decision, original, encoded):
        return False
    return plan.source_format not in MEASURED or (missing <= LAST_STILL and _variable(original))


def _long_for_a_reason(plan: Plan, decision: StreamDecision, original: Stream, encoded: RunReport) -> bool:
    """Nothing is lost in an output that goes on longer than a guess: that alone is no reason to refuse it."""
    if plan.source_format in GUESSED and original.packets is None:
        return True
    return plan.source_format not in MEASURED and all_frames(decision, original, encoded)


def _within_picture(plan: Plan, sound: Stream, output: MediaInfo) -> bool:
    """Sound that ends with its picture is as long as it should be, whatever a tag says."""
    picture = max((stream.duration or 0.0 for stream in output.video), default=0.0)
    heard = not isinstance(sound, VideoStream) and plan.source_format not in MEASURED
    return heard and (sound.duration or 0.0) <= picture + UNSURE


def _span(stream: Stream, media: MediaInfo) -> tuple[float, float] | None:
    """How long a stream lasts, in two readings (shortest, longest): for a stream that begins late MP4 states its length, but
    Matroska the time of its end (also where all of them do: a piece cut out of a film with its times). Without a word of its
    own (or with one that outlasts its file, which is stale): the file's."""
    duration = stream.duration
    if duration is None or (media.duration is not None and duration > media.duration + UNSURE):
        duration = media.duration
    if duration is None:
        return None
    begin = min(stream.start_time or 0.0, media.start_time or 0.0)
    if "matroska" in media.formats and begin < 0.0:  # of a stream that begins before zero ffprobe may tell the first moment after
        return duration, duration - begin
    late = max(0.0, (stream.start_time or 0.0) - (0.0 if "matroska" in media.formats else media.start_time or 0.0))
    return (duration - late if late < duration else duration), duration  # nothing ends before it begins: then it is its length


def _late(stream: Stream, media: MediaInfo) -> float:
    """By how much a stream begins after its file."""
    return max(0.0, (stream.start_time or 0.0) - (media.start_time or 0.0))


def _states_its_length(plan: Plan, stream: Stream, source: MediaInfo) -> bool:
    """Whether the stream has a duration of its own that can be believed."""
    if stream.duration is None or plan.source_format in GUESSED:
        return False
    return source.duration is None or stream.duration <= source.duration + UNSURE


def _variable(stream: Stream) -> bool:
    return isinstance(stream, VideoStream) and stream.average_frame_rate != stream.real_frame_rate


def all_frames(decision: StreamDecision, original: Stream, encoded: RunReport) -> bool:
    """Whether as many frames came out as the source has, or the share that was planned; an interlaced source may
    have a packet for each field. Sound is not counted."""
    if not isinstance(original, VideoStream) or original.packets is None or encoded.frames is None:
        return False
    share: float = 1.0
    target = decision.target
    if isinstance(target, VideoTarget) and (target.frame_rate is not None or target.detelecine):
        rate = original.frame_rate
        if rate is None or _variable(original):
            return False
        # Of a steady rate, every second or third frame is left, or four of five.
        share = float((target.frame_rate or target.nominal_frame_rate) / rate)
    packets_per_frame = (1,) if original.field_order in (None, "progressive") else (1, 2)
    return any(abs(original.packets * share / each - encoded.frames) <= max(LOST_FRAMES, LOST_SHARE * encoded.frames)
               for each in packets_per_frame)


def source_stream(decision: StreamDecision, source: MediaInfo) -> Stream | None:
    streams: tuple[Stream, ...] = (*source.video, *source.audio, *source.subtitles)
    return next((stream for stream in streams if stream.index == decision.index), None)


def frame_seconds(plan: Plan, stream: Stream) -> float:
    """How long one frame is shown; a slide show may have one in ten seconds."""
    rate: Fraction | None = stream.frame_rate if isinstance(stream, VideoStream) else None
    planned = next((d.target.nominal_frame_rate for d in plan.kept if isinstance(d.target, VideoTarget)), None)
    slowest = min((float(r) for r in (rate, planned) if r), default=25.0)
    return 1 / slowest
