"""What a failed run or a failed proof teaches: which stream is to be treated differently in the next run."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from pectin.model.errors import Cause, PectinError
from pectin.model.plan import Plan, StreamAction
from pectin.planning.amends import Amends
from pectin.publishing.mismatch import Mismatch, MismatchKind

# FFmpeg names a stream of the source as `stream #0:2` (7 and newer: `[aist#0:2/dts @`), one of the output as `in stream #2` or
# `output stream #0:2`.
_OF_SOURCE = re.compile(r"(?<!output )stream #?0:(\d+)|\[\w+#0:(\d+)[/ \]]", re.IGNORECASE)
_OF_OUTPUT = re.compile(r"output stream #?0:(\d+)|in stream #?(\d+)", re.IGNORECASE)
# What brings copied packets into the container's form cannot read them: `[aac_adtstoasc @ 0x...] Error parsing ADTS frame`.
_OF_COPY = re.compile(r"\[(aac|h264|hevc)_\w+ @")
_UNDECODABLE = re.compile(r"Error while decoding stream|Cannot determine format of input|Invalid data found")
_MENDABLE = frozenset({Cause.FFMPEG_FAILED, Cause.NO_DECODER, Cause.FFMPEG_STALLED})
_COPY_AT_FAULT = frozenset({MismatchKind.RULES, MismatchKind.COPY_DIFFERS, MismatchKind.OFFSET, MismatchKind.FRAMES,
                            MismatchKind.TOO_LONG,  # what an edit list of the source hides, a copy in Matroska shows
                            MismatchKind.LYING_HEADER})
_SIDE_TRACK_AT_FAULT = frozenset({MismatchKind.TOO_SHORT, MismatchKind.TOO_LONG, MismatchKind.OFFSET, MismatchKind.CODEC,
                                  MismatchKind.LYING_HEADER})


def after_failed_run(error: PectinError, plan: Plan, amends: Amends) -> Amends:
    """The run broke. Without the sound or the subtitle that ffmpeg names it may go well, or with what is too damaged to be copied
    encoded. Raises what cannot be mended: `error`, or DAMAGED_SOURCE where ffmpeg can make nothing of the picture itself."""
    if error.cause not in _MENDABLE:
        raise error
    words, kept = error.detail.partition("\ncommand: ")[0], plan.kept
    uncopyable = {s.index for s in kept if s.action is StreamAction.COPY and s.codec in _OF_COPY.findall(words)} - amends.encode
    if uncopyable:
        return replace(amends, encode=amends.encode | uncopyable)
    named = _named(words, plan)
    culprits = {stream.index for stream in kept if stream.kind != "video" and stream.index in named} - amends.drop
    if culprits:
        return replace(amends, drop=amends.drop | culprits)
    if kept[0].index in named and _UNDECODABLE.search(words):
        raise PectinError(Cause.DAMAGED_SOURCE, words)
    raise error


def after_failed_decode(plan: Plan, amends: Amends) -> Amends | None:
    """The output does not play to its end. What was copied is as damaged as its source: encoded, it plays. None: nothing was
    copied that could be encoded."""
    copied = {stream.index for stream in plan.kept if stream.action is StreamAction.COPY and stream.kind in ("video", "audio")}
    return replace(amends, encode=amends.encode | copied) if copied - amends.encode else None


def after_mismatches(mismatches: Collection[Mismatch], plan: Plan, amends: Amends, words: str) -> Amends | None:
    """The proof failed; `words` are what ffmpeg said while it made the output. None: it is not for one stream that can be spared
    or encoded."""
    if {mismatch.kind for mismatch in mismatches} == {MismatchKind.STREAMS}:  # a track of which nothing came out is not there
        missing = {s.index for s in plan.kept if s.kind == "audio"} & _named(words, plan) - amends.drop
        return replace(amends, drop=amends.drop | missing) if missing else None
    by_index = {mismatch.index for mismatch in mismatches}
    if None in by_index:
        return None
    blamed = {index for index in by_index if index is not None}
    kinds = {mismatch.kind for mismatch in mismatches}
    copied = {s.index for s in plan.kept if s.action is StreamAction.COPY and s.kind in ("video", "audio")}
    if kinds <= _COPY_AT_FAULT and blamed <= copied - amends.encode:
        return replace(amends, encode=amends.encode | blamed)
    default = next((s.index for s in plan.kept if s.kind == "audio"), None)
    aside = {s.index for s in plan.kept if s.kind in ("audio", "subtitle") and s.index != default}
    if kinds <= _SIDE_TRACK_AT_FAULT and blamed <= aside - amends.drop:
        return replace(amends, drop=amends.drop | blamed)
    return None


def _named(words: str, plan: Plan) -> set[int]:
    """The streams of the source that ffmpeg complains of."""
    kept = plan.kept
    named = {int(found) for pair in _OF_SOURCE.findall(words) for found in pair if found}
    return named | {kept[int(found)].index for pair in _OF_OUTPUT.findall(words) for found in pair
                    if found and int(found) < len(kept)}
