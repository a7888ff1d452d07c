"""Several versions of a film in one command: the source is decoded and repaired once, each version is scaled from the next
larger one, and each is encoded by itself.

One run of four heights took 0.68 of the CPU seconds of four runs (ffmpeg 5.1.9, 1080p24 at 10 Mb/s, x264 veryfast); with each
scaled from the source 0.69. Memory grows with the versions: 233 MB for 1080p alone, 367 MB for four with one thread, 549 MB with
two. One output that fails ends all: pipeline/renditions.py."""

from __future__ import annotations

from collections.abc import Sequence

from pectin.encoding import accelerators, pictures
from pectin.encoding.labels import Argv
from pectin.model.hardware import Rung, Way, takes
from pectin.model.plan import Plan, VideoTarget
from pectin.model.rendition import Rendition

FILM = "[picture]"


def label(rendition: Rendition) -> str:
    """What -map takes for its picture."""
    return f"[of{rendition.name}]"


def graph(plan: Plan, rungs: Sequence[Rendition], way: Way | None) -> Argv:
    """The filter graph of the film, if its picture is encoded, and of these renditions, largest first."""
    film = plan.kept[0]
    targets = [(FILM, film.target)] if isinstance(film.target, VideoTarget) else []
    targets += [(label(rung), _target(rung)) for rung in rungs]
    pieces = []
    for number, (name, target) in enumerate(targets):
        begin = f"[0:{film.index}]" if number == 0 else f"[below{number}]"
        work = _from_source(target, way) if number == 0 else ",".join(_smaller(target, way))
        last = ",".join(_handed_over(target, way))
        if number + 1 == len(targets):
            pieces.append(",".join(filter(None, (begin + work, last))) + name)
        elif last:
            pieces += [f"{begin}{work},split[here{number}][below{number + 1}]", f"[here{number}]{last}{name}"]
        else:
            pieces.append(f"{begin}{work},split{name}[below{number + 1}]")
    return ("-filter_complex", ";".join(pieces)) if pieces else ()


def on_device(target: VideoTarget, way: Way | None) -> Way | None:
    """The way of this picture; None: the CPU encodes it, for it is too small for devices."""
    return way if way is not None and takes(target.codec, target.width, target.height) else None


def way_of(rung: Rendition, way: Way | None) -> Way | None:
    """How its picture is encoded in a run that goes this way."""
    return on_device(_target(rung), way)


def _target(rung: Rendition) -> VideoTarget:
    target = rung.streams[0].target
    if not isinstance(target, VideoTarget):
        raise TypeError(f"{rung.name} is not encoded")
    return target


def _from_source(target: VideoTarget, way: Way | None) -> str:
    return accelerators.chain(way, target) if way is not None and _stays(way) else pictures.chain(target)


def _smaller(target: VideoTarget, way: Way | None) -> tuple[str, ...]:
    return accelerators.smaller(way, target) if way is not None and _stays(way) else pictures.smaller(target)


def _handed_over(target: VideoTarget, way: Way | None) -> tuple[str, ...]:
    """From where the frames are to where they are encoded."""
    if way is None:
        return ()
    here = on_device(target, way)
    if _stays(way):
        return () if here is not None else accelerators.download(way, target)
    return accelerators.upload(way) if here is not None else ()


def _stays(way: Way | None) -> bool:
    """Whether frames stay in the device's memory."""
    return way is not None and way.rung is Rung.FULL
