"""Holds what was made against what was planned and against the source, before anything gets a name in a library.

Exit status 0 proves nothing and a header may lie. So the output was probed (its headers) AND decoded to its end (what is
really there), and both are compared with the plan, the source, and the figures of the run that made it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from pectin.model.media import AudioStream, MediaInfo, Stream, VideoStream
from pectin.model.plan import AudioTarget, Plan, StreamAction, StreamDecision, VideoTarget
from pectin.model.reports import RunReport

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
_CODECS = {"libx264": "h264", "libx265": "hevc", "libfdk_aac": "aac", "libopus": "opus"}  # encoder -> codec, where they differ


class MismatchKind(StrEnum):
    """What is wrong with an output. The value may become a metric label."""

    EMPTY = "empty"
    UNFINISHED = "unfinished"
    CONTAINER = "container"
    STREAMS = "streams"
    CODEC = "codec"
    LANGUAGE = "language"
    DEFAULT = "default"
    PICTURE_SIZE = "picture_size"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    LYING_HEADER = "lying_header"
    FRAMES = "frames"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is wrong, with a sentence for a person."""

    kind: MismatchKind
    sentence: str


def compare(plan: Plan, source: MediaInfo, output: MediaInfo, encoded: RunReport, decoded: RunReport) -> tuple[Mismatch, ...]:
    """All mismatches; none means the output may be published. `output` is the probed main output, `encoded` the run that
    made it, `decoded` a run that decoded its picture and sound to the end (frames passed through, none made up)."""
    found = [
        *_finished(output, encoded, decoded),
        *_streams(plan, source, output),
        *_lengths(plan, source, output, encoded),
        *_content(plan, output, encoded, decoded),
    ]
    return tuple(found)


def counting_helps(plan: Plan, mismatches: Collection[Mismatch]) -> bool:
    """Whether the packets of the source should be counted and all be compared again: its length, which is all that is wrong, was
    only guessed. Elsewhere a count would excuse a source that was cut short of the length that it states."""
    return plan.source_format in GUESSED and {m.kind for m in mismatches} == {MismatchKind.TOO_SHORT}


def _finished(output: MediaInfo, encoded: RunReport, decoded: RunReport) -> Iterator[Mismatch]:
    if not output.size:
        yield Mismatch(MismatchKind.EMPTY, "the output is empty")
    if not encoded.ended:
        yield Mismatch(MismatchKind.UNFINISHED, "ffmpeg did not come to the end of its work")
    if not decoded.ended:
        yield Mismatch(MismatchKind.UNFINISHED, "decoding the output did not come to its end")


def _streams(plan: Plan, source: MediaInfo, output: MediaInfo) -> Iterator[Mismatch]:
    if plan.container not in output.formats:
        yield Mismatch(MismatchKind.CONTAINER, f"planned was {plan.container}, found {', '.join(output.formats) or 'nothing'}")
    found: dict[str, tuple[Stream, ...]] = {"video": output.video, "audio": output.audio, "subtitle": output.subtitles}
    for kind, streams in found.items():
        planned = [decision for decision in plan.kept if decision.kind == kind]
        if len(planned) != len(streams):
            yield Mismatch(MismatchKind.STREAMS, f"planned were {len(planned)} {kind} streams, found {len(streams)}")
            continue
        for number, (decision, stream) in enumerate(zip(planned, streams, strict=True)):
            name = f"{kind} stream {number + 1}"
            yield from _stream(name, decision, stream, source)
            yield from _flag(name, number, decision, stream, any(other.default for other in planned))


def _stream(name: str, decision: StreamDecision, stream: Stream, source: MediaInfo) -> Iterator[Mismatch]:
    codec = _planned_codec(decision, source)
    if stream.codec != codec:
        yield Mismatch(MismatchKind.CODEC, f"{name} should be {codec}, but is {stream.codec or 'unknown'}")
    language = decision.language or ""
    # MP4 holds three small letters or nothing: any other code can only come out as undetermined.
    planned = language if len(language) == 3 and language.isascii() and language.islower() and language != "und" else None
    there = None if stream.language in (None, "", "und") else stream.language
    if planned != there:
        yield Mismatch(MismatchKind.LANGUAGE, f"{name} should have the language {planned or 'und'}, but has {there or 'und'}")
    if isinstance(stream, VideoStream):
        size = _planned_size(decision, source)
        if size is not None and size != (stream.width, stream.height):
            yield Mismatch(MismatchKind.PICTURE_SIZE,
                           f"the picture should be {size[0]}x{size[1]}, but is {stream.width}x{stream.height}")


def _flag(name: str, number: int, decision: StreamDecision, stream: Stream, one_planned: bool) -> Iterator[Mismatch]:
    """Who is switched on by itself. A container switches the first track of a kind on where nobody is said to be; of pictures
    there is one. Subtitles get no such excuse: everyone would see them."""
    if isinstance(stream, VideoStream) or stream.disposition.default == decision.default:
        return
    excused = isinstance(stream, AudioStream) and number == 0 and not one_planned
    if not excused:
        should, found = ("be", "is not") if decision.default else ("not be", "is")
        yield Mismatch(MismatchKind.DEFAULT, f"{name} should {should} the default, but {found}")


def _planned_codec(decision: StreamDecision, source: MediaInfo) -> str | None:
    if isinstance(decision.target, VideoTarget):
        return "h264"
    if isinstance(decision.target, AudioTarget):
        return _CODECS.get(decision.target.codec, decision.target.codec)
    copied = _source_stream(decision, source)
    return decision.codec if copied is None else copied.codec


def _planned_size(decision: StreamDecision, source: MediaInfo) -> tuple[int, int] | None:
    if isinstance(decision.target, VideoTarget):
        return decision.target.width, decision.target.height
    copied = _source_stream(decision, source)
    if isinstance(copied, VideoStream) and copied.width is not None and copied.height is not None:
        return copied.width, copied.height
    return None


def _source_stream(decision: StreamDecision, source: MediaInfo) -> Stream | None:
    streams: tuple[Stream, ...] = (*source.video, *source.audio, *source.subtitles)
    return next((stream for stream in streams if stream.index == decision.index), None)


def _lengths(plan: Plan, source: MediaInfo, output: MediaInfo, encoded: RunReport) -> Iterator[Mismatch]:
    """Each picture and sound track against its source's. What the source says is believed as far as its format deserves; a
    count of its frames that all came out weighs more than a guess or a tag."""
    kinds: tuple[tuple[str, tuple[Stream, ...]], ...] = (("video", output.video), ("audio", output.audio))
    for kind, streams in kinds:
        planned = [decision for decision in plan.kept if decision.kind == kind]
        for number, (decision, made) in enumerate(zip(planned, streams, strict=False)):
            original = _source_stream(decision, source)
            if original is None:
                continue
            if kind == "video" or _states_its_length(plan, original, source):
                yield from _length(f"{kind} stream {number + 1}", plan, decision, original=(original, source),
                                   made=(made, output), encoded=encoded)


def _length(name: str, plan: Plan, decision: StreamDecision, *, original: tuple[Stream, MediaInfo],
            made: tuple[Stream, MediaInfo], encoded: RunReport) -> Iterator[Mismatch]:
    theirs, ours = _span(*original), _span(*made)
    if ours is None:
        yield Mismatch(MismatchKind.LYING_HEADER, f"{name} of the output has no length")
        return
    if theirs is None:
        return
    close = isinstance(made[0], VideoStream) and _states_its_length(plan, *original)
    tolerance = max(SURE, 2 * _frame_seconds(plan, made[0])) if close else max(UNSURE, UNSURE_SHARE * theirs[1])
    short, long = theirs[0] - tolerance - ours[1], ours[0] - tolerance - theirs[1]
    facts = f"{name} lasts {ours[1]:.2f} s, the source's {theirs[1]:.2f} s"
    if short > 0 and not _short_but_complete(plan, decision, original[0], encoded, short):
        yield Mismatch(MismatchKind.TOO_SHORT, f"{facts}: something is missing")
    if long > 0 and not _long_for_a_reason(plan, decision, original[0], encoded):
        yield Mismatch(MismatchKind.TOO_LONG, f"{facts}: something was added")


def _short_but_complete(plan: Plan, decision: StreamDecision, original: Stream, encoded: RunReport, missing: float) -> bool:
    if not _all_frames(decision, original, encoded):
        return False
    return plan.source_format not in MEASURED or (missing <= LAST_STILL and _variable(original))


def _long_for_a_reason(plan: Plan, decision: StreamDecision, original: Stream, encoded: RunReport) -> bool:
    """Nothing is lost in an output that goes on longer than a guess: that alone is no reason to refuse it."""
    if plan.source_format in GUESSED and original.packets is None:
        return True
    return plan.source_format not in MEASURED and _all_frames(decision, original, encoded)


def _span(stream: Stream, media: MediaInfo) -> tuple[float, float] | None:
    """How long a stream lasts, in two readings (shortest, longest): for a stream that begins late MP4 states its length, but
    Matroska the time of its end (also where all of them do: a piece cut out of a film with its times). Without a word of its
    own (or with one that outlasts its file, which is stale): the file's."""
    duration = stream.duration
    if duration is None or (media.duration is not None and duration > media.duration + UNSURE):
        duration = media.duration
    if duration is None:
        return None
    beginning = 0.0 if "matroska" in media.formats else media.start_time or 0.0
    late = max(0.0, (stream.start_time or 0.0) - beginning)
    return (duration - late if late < duration else duration), duration  # nothing ends before it begins: then it is its length


def _states_its_length(plan: Plan, stream: Stream, source: MediaInfo) -> bool:
    """Whether the stream has a duration of its own that can be believed."""
    if stream.duration is None or plan.source_format in GUESSED:
        return False
    return source.duration is None or stream.duration <= source.duration + UNSURE


def _variable(stream: Stream) -> bool:
    return isinstance(stream, VideoStream) and stream.average_frame_rate != stream.real_frame_rate


def _all_frames(decision: StreamDecision, original: Stream, encoded: RunReport) -> bool:
    """Whether as many frames came out as the source has, or the share that was planned; an interlaced source may
    have a packet for each field. Sound is not counted."""
    if not isinstance(original, VideoStream) or original.packets is None or encoded.frames is None:
        return False
    share: float = 1.0
    if isinstance(decision.target, VideoTarget) and decision.target.frame_rate is not None:
        rate = original.frame_rate
        if rate is None or _variable(original):
            return False
        share = float(decision.target.frame_rate / rate)  # of a steady rate, every second or third frame is left
    packets_per_frame = (1,) if original.field_order in (None, "progressive") else (1, 2)
    return any(abs(original.packets * share / each - encoded.frames) <= max(LOST_FRAMES, LOST_SHARE * encoded.frames)
               for each in packets_per_frame)


def _content(plan: Plan, output: MediaInfo, encoded: RunReport, decoded: RunReport) -> Iterator[Mismatch]:
    """What is really in the file against what its header says, and against what was put into it."""
    if not output.video:
        return
    picture = output.video[0]
    if output.duration is None or decoded.out_seconds is None:
        yield Mismatch(MismatchKind.LYING_HEADER, "the output's length could not be found out")
    elif abs(output.duration - decoded.out_seconds) > max(SURE, 2 * _frame_seconds(plan, picture)):
        yield Mismatch(MismatchKind.LYING_HEADER,
                       f"the output's header says {output.duration:.2f} s, but {decoded.out_seconds:.2f} s are in it")
    if not decoded.frames:
        yield Mismatch(MismatchKind.FRAMES, "no frame of the output could be decoded")
    elif any(d.kind == "video" and d.action is StreamAction.ENCODE for d in plan.kept):
        # One frame in, one frame out, whatever the rate: ours has no leading frames that cannot be decoded.
        for count, whose in ((encoded.frames, "ffmpeg wrote"), (picture.packets, "the header says")):
            if count is not None and count != decoded.frames:
                yield Mismatch(MismatchKind.FRAMES, f"{whose} {count} frames, but {decoded.frames} can be decoded")


def _frame_seconds(plan: Plan, stream: Stream) -> float:
    """How long one frame is shown; a slide show may have one in ten seconds."""
    rate: Fraction | None = stream.frame_rate if isinstance(stream, VideoStream) else None
    planned = next((d.target.nominal_frame_rate for d in plan.kept if isinstance(d.target, VideoTarget)), None)
    slowest = min((float(r) for r in (rate, planned) if r), default=25.0)
    return 1 / slowest
