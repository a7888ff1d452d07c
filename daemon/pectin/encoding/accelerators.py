"""A picture's way through a device as ffmpeg's arguments: one table for all kinds of devices. Nothing here decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from pectin.encoding import nvenc, pictures, qsv, vaapi
from pectin.encoding.encoders import MP4_TAGS
from pectin.encoding.labels import Argv, labels
from pectin.model.hardware import Api, Driver, Mode, Rung, Way
from pectin.model.plan import Plan, StreamDecision, VideoTarget
from pectin.model.profile import VideoCodec


class _Kind(Protocol):
    """What each kind's module has."""

    @property
    def ENCODERS(self) -> Mapping[VideoCodec, str]: ...

    def device(self, way: Way) -> Argv: ...
    def decoding(self, way: Way) -> Argv: ...
    def filters(self, way: Way, target: VideoTarget) -> tuple[str, ...]: ...
    def upload(self, way: Way) -> tuple[str, ...]: ...
    def options(self, way: Way, of: str, target: VideoTarget) -> Argv: ...


_KINDS: Mapping[Api, _Kind] = {Api.VAAPI: vaapi, Api.QSV: qsv, Api.NVENC: nvenc}
_END = "[picture]"


def modes(api: Api, driver: Driver) -> tuple[Mode, ...]:
    """Which modes of an encoder are worth trying, the best first."""
    if api is Api.VAAPI:
        return vaapi.MODES.get(driver, vaapi.MODES_ELSE)
    return qsv.MODES if api is Api.QSV else nvenc.MODES


def encoder(api: Api, codec: VideoCodec) -> str | None:
    """ffmpeg's name; None: that kind of device has none."""
    return _KINDS[api].ENCODERS.get(codec)


def device(way: Way | None) -> Argv:
    """Among the first arguments."""
    return () if way is None else _KINDS[way.api].device(way)


def decoding(way: Way | None) -> Argv:
    """Before -i."""
    return _KINDS[way.api].decoding(way) if way is not None and way.rung is Rung.FULL else ()


def filters(way: Way, target: VideoTarget) -> tuple[str, ...]:
    """All of a device's own work on pictures."""
    return _KINDS[way.api].filters(way, target)


def smaller(way: Way, target: VideoTarget) -> tuple[str, ...]:
    """From the finished frames of a larger version on the device: only the size is left to do."""
    plain = replace(target, deinterlace=False, frame_step=1, frame_rate=None, tonemap=False)
    return (*filters(replace(way, source=way.target), plain), *pictures.marks(target))


def download(way: Way, target: VideoTarget) -> tuple[str, ...]:
    """The device's frames for one of the CPU's encoders."""
    return ("hwdownload", f"format={'p010le' if way.target.bits == 10 else 'nv12'}", f"format={target.pixel_format}")


def upload(way: Way) -> tuple[str, ...]:
    """The last of the CPU's filters: its pictures go to the device."""
    return _KINDS[way.api].upload(way)


def graph(way: Way | None, plan: Plan, on_cpu: Argv) -> Argv:
    """The filter graph: the device's own, or the CPU's (`on_cpu`, which ends at [picture]) with its frames sent to the device."""
    if way is None:
        return on_cpu
    if way.rung is Rung.FULL:
        return tuple(argument for stream in plan.kept if isinstance(stream.target, VideoTarget)
                     for argument in ("-filter_complex", f"[0:{stream.index}]{chain(way, stream.target)}{_END}"))
    return tuple(f"{word.removesuffix(_END)},{','.join(upload(way))}{_END}" if word.endswith(_END) else word for word in on_cpu)


def chain(way: Way, target: VideoTarget) -> str:
    """From the source's frames to finished ones, on the device."""
    return ",".join((*filters(way, target), *pictures.marks(target)))


def options(number: int, stream: StreamDecision, way: Way, container: str) -> Argv:
    """The encoder's options and the labels of the stream."""
    of, target = f"v:{number}", stream.target
    tag = MP4_TAGS.get(way.codec) if container == "mp4" else None
    names = (*(("-tag:" + of, tag) if tag else ()), *labels(of, stream, "VideoHandler", container))
    if not isinstance(target, VideoTarget):
        return ("-c:" + of, "copy", *names)
    return (*_KINDS[way.api].options(way, of, target), *names)
