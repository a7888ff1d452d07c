"""Holds what was made against what was planned and against the source, before anything gets a name in a library.

Exit status 0 proves nothing and a header may lie. So the output was probed (its headers) AND decoded to its end (what is
really there), and both are compared with the plan, the source, and the figures of the run that made it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from pectin.model.media import AudioStream, MediaInfo, Stream, VideoStream
from pectin.model.plan import AudioTarget, Plan, StreamAction, StreamDecision, SubtitleTarget, VideoTarget
from pectin.model.profile import Verify
from pectin.model.reports import Proofs, RunReport
from pectin.publishing.lengths import GUESSED, MEASURED, SURE, frame_seconds, lengths, source_stream
from pectin.publishing.mismatch import Mismatch, MismatchKind
from pectin.publishing.proofs import copies, ends, offsets, one_shape, unfit

_FORMATS: Mapping[str, str] = MappingProxyType({"mp4": "mp4", "mkv": "matroska", "webm": "webm"})  # container -> ffprobe's name
NO_PROOFS = Proofs()
_CODECS = {"libx264": "h264", "libx265": "hevc", "libfdk_aac": "aac", "libopus": "opus"}  # encoder -> codec, where they differ


def compare(plan: Plan, source: MediaInfo, output: MediaInfo, encoded: RunReport, decoded: RunReport,
            proofs: Proofs = NO_PROOFS) -> tuple[Mismatch, ...]:
    """All mismatches; none means the output may be published. `output` is the probed main output, `encoded` the run that
    made it, `decoded` a run that decoded its picture and sound to the depth of `proofs` (frames passed through, none made up)."""
    found = [
        *_finished(output, encoded, decoded),
        *_streams(plan, source, output),
        *lengths(plan, source, output, encoded),
        *_content(plan, output, encoded, decoded, proofs.depth),
        *ends(output, proofs),
        *copies(proofs),
        *one_shape(plan, proofs),
        *offsets(plan, proofs),
        *unfit(plan, proofs),
    ]
    return tuple(found)


def counting_helps(plan: Plan, mismatches: Collection[Mismatch]) -> bool:
    """Whether the packets of the source should be counted and all be compared again: its length, which is all that is wrong, was
    only guessed, or is a tag that says less than there is. Elsewhere a count would excuse a source that was cut short of the
    length that it states."""
    kinds = {m.kind for m in mismatches}
    return ((plan.source_format in GUESSED and kinds == {MismatchKind.TOO_SHORT})
            or (plan.source_format not in MEASURED and kinds == {MismatchKind.TOO_LONG}))


def _finished(output: MediaInfo, encoded: RunReport, decoded: RunReport) -> Iterator[Mismatch]:
    if not output.size:
        yield Mismatch(MismatchKind.EMPTY, "the output is empty")
    if not encoded.ended:
        yield Mismatch(MismatchKind.UNFINISHED, "ffmpeg did not come to the end of its work")
    if not decoded.ended:
        yield Mismatch(MismatchKind.UNFINISHED, "decoding the output did not come to its end")


def _streams(plan: Plan, source: MediaInfo, output: MediaInfo) -> Iterator[Mismatch]:
    if _FORMATS.get(plan.container, plan.container) not in output.formats:
        yield Mismatch(MismatchKind.CONTAINER, f"planned was {plan.container}, found {', '.join(output.formats) or 'nothing'}")
    if plan.chapters and not output.chapters:
        yield Mismatch(MismatchKind.CHAPTERS, f"the {source.chapters} chapters are lost")
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
        yield Mismatch(MismatchKind.CODEC, f"{name} should be {codec}, but is {stream.codec or 'unknown'}", decision.index)
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
        return decision.target.codec.value
    if isinstance(decision.target, AudioTarget):
        return _CODECS.get(decision.target.codec, decision.target.codec)
    if isinstance(decision.target, SubtitleTarget):
        return decision.target.codec
    copied = source_stream(decision, source)
    return decision.codec if copied is None else copied.codec


def _planned_size(decision: StreamDecision, source: MediaInfo) -> tuple[int, int] | None:
    if isinstance(decision.target, VideoTarget):
        return decision.target.width, decision.target.height
    copied = source_stream(decision, source)
    if isinstance(copied, VideoStream) and copied.width is not None and copied.height is not None:
        return copied.width, copied.height
    return None


def _content(plan: Plan, output: MediaInfo, encoded: RunReport, decoded: RunReport, depth: Verify) -> Iterator[Mismatch]:
    """What is really in the file against what its header says, and against what was put into it."""
    if not output.video:
        return
    picture = output.video[0]
    if depth is Verify.QUICK:
        if not decoded.frames:
            yield Mismatch(MismatchKind.FRAMES, "no frame of the output could be decoded")
        elif _encoded(plan) and picture.packets is not None and encoded.frames not in (None, picture.packets):
            yield Mismatch(MismatchKind.FRAMES, f"ffmpeg wrote {encoded.frames} frames, but {picture.packets} are there")
        return
    if output.duration is None or decoded.out_seconds is None:
        yield Mismatch(MismatchKind.LYING_HEADER, "the output's length could not be found out")
    elif abs(_shown(plan, output) - decoded.out_seconds) > max(SURE, 2 * frame_seconds(plan, picture)):
        yield Mismatch(MismatchKind.LYING_HEADER,
                       f"the output's header says {_shown(plan, output):.2f} s, but {decoded.out_seconds:.2f} s are in it")
    if not decoded.frames:
        yield Mismatch(MismatchKind.FRAMES, "no frame of the output could be decoded")
    elif _encoded(plan):
        # One frame in, one frame out, whatever the rate: ours has no leading frames that cannot be decoded.
        for count, whose in ((encoded.frames, "ffmpeg wrote"), (picture.packets, "the header says")):
            if count is not None and count != decoded.frames:
                yield Mismatch(MismatchKind.FRAMES, f"{whose} {count} frames, but {decoded.frames} can be decoded")


def _shown(plan: Plan, output: MediaInfo) -> float:
    """When picture and sound end. Subtitles and chapters in the same file may go on for longer, and nobody decodes them
    here."""
    ended = [stream.duration + max(stream.start_time or 0.0, 0.0) for stream in (*output.video, *output.audio)
             if stream.duration is not None]
    whole = output.duration or 0.0
    outlasted = plan.chapters or any(d.kind == "subtitle" for d in plan.kept)
    return min(whole, max(ended, default=whole)) if outlasted else whole


def _encoded(plan: Plan) -> bool:
    return any(d.kind == "video" and d.action is StreamAction.ENCODE for d in plan.kept)
