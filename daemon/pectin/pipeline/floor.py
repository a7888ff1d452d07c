"""An alarm for a finished film that looks unlike its source: its SSIM on a few spots, where a profile gives a floor. It is told,
and never a reason to fail: SSIM is too rough a measure to decide anything by."""

from __future__ import annotations

import logging
from dataclasses import replace
from statistics import fmean

from pectin.encoding import glimpses, scores
from pectin.model.errors import MEANINGS, Kind, PectinError
from pectin.model.output import Output
from pectin.model.plan import Plan, VideoTarget
from pectin.pipeline.proving import Work

log = logging.getLogger(__name__)

_SECONDS = 1.0
# A seek may end a frame earlier in one of the two: frames (of the source, of the film) that are left out before.
_SHIFTS = ((0, 0), (1, 0), (0, 1), (2, 0), (0, 2))


async def check(work: Work, film: Output) -> None:
    """Measure `film` (in the job's folder), if it was encoded and its profile asks for it; what is found wrong becomes a note of
    the plan, and `running.below_floor`. Raises PectinError for what concerns the whole job."""
    floor, plan, running = work.profile.quality.floor, work.running.plan, work.running
    if floor is None or plan is None:
        return
    target = next((stream.target for stream in plan.kept if isinstance(stream.target, VideoTarget)), None)
    if target is None:
        return
    found = []
    for place in glimpses.positions(plan.seconds):
        try:
            found.append(await _spot(work, plan, target, film.file, place, floor))
        except PectinError as error:
            if MEANINGS[error.cause].kind in (Kind.RESOURCE, Kind.WISH):
                raise
            log.warning("the quality at %.0f s could not be looked at: %s", place, error.sentence)
    seen = [one for one in found if one is not None]
    if seen and (mean := fmean(seen)) < floor:
        running.below_floor = True
        note = (f"The film looks unlike its source: SSIM {mean:.3f} on {len(seen)} spots, below the floor of {floor:g}. "
                "A lower crf, or a higher max_bitrate, makes it better.")
        log.warning("%s", note)
        running.plan = replace(plan, notes=(*plan.notes, note))


async def _spot(work: Work, plan: Plan, target: VideoTarget, video: str, place: float, floor: float) -> float | None:
    """The best of some shifts: one frame off, a moving picture is unlike itself."""
    frames = max(1, round(_SECONDS * float(target.nominal_frame_rate)))
    best: float | None = None
    for skip in _SHIFTS:
        argv = scores.floor_argv(plan, target, video, place, frames, ffmpeg=str(work.encoding.tools.ffmpeg),
                                 source=work.source.url, threads=work.encoding.threads, max_pixels=work.profile.max_pixels,
                                 skip=skip)
        report = await work.run(argv, seconds=None, with_source=True)
        seen = scores.similarity(report.stderr)
        best = seen if best is None else max(best, seen or 0.0)
        if best is not None and best >= floor:
            break
    return best
