"""The picture's part of the command: the filter graph that makes every repair, and the stream's options."""

from __future__ import annotations

from fractions import Fraction

from pectin.encoding import encoders
from pectin.encoding.labels import Argv, labels
from pectin.model.plan import Plan, StreamDecision, VideoTarget

_HDR_WHITE = 0.58  # where PQ and HLG both have the white of subtitles, about 200 cd/m2 (ITU-R BT.2408: 0.58 and 0.75)


def graph(plan: Plan) -> Argv:
    """The filter graph. A complex one even for one picture: with -vf, ffmpeg 5.1 hands the source's side data (HDR mastering,
    Dolby Vision) on to the output, which no longer is what they say."""
    return tuple(argument for stream in plan.kept if isinstance(stream.target, VideoTarget)
                 for argument in ("-filter_complex", f"[0:{stream.index}]{chain(stream.target)}[picture]"))


def video_filters(target: VideoTarget) -> tuple[str, ...]:
    """All repairs. Upright comes first and by itself (ffmpeg rotates); then borders, whole frames, fewer frames, size, colours,
    square pixels."""
    return (*_frames(target), *_colours(target), *marks(target))


def options(number: int, stream: StreamDecision, *, container: str, threads: int) -> Argv:
    """For the picture as output stream `number` of its kind."""
    of = f"v:{number}"
    target = stream.target
    codec = target.codec.value if isinstance(target, VideoTarget) else stream.codec
    tag = encoders.MP4_TAGS.get(codec) if container == "mp4" else None
    return (*(encoders.options(target, of, threads) if isinstance(target, VideoTarget) else ("-c:" + of, "copy")),
            *(("-tag:" + of, tag) if tag else ()), *labels(of, stream, "VideoHandler", container))


def chain(target: VideoTarget) -> str:
    """From the source's frames to finished ones."""
    if target.burn is None:
        return ",".join(video_filters(target))
    # The words are laid over the finished picture: sharp, and in colours that nothing changes any more.
    fitted = ":force_original_aspect_ratio=decrease" if target.burn_fitted else ""
    words = [f"scale={target.width}:{target.height}:flags=bicubic:out_color_matrix={_matrix(target)}{fitted}",
             f"format={target.pixel_format.replace('yuv', 'yuva')}"]
    if target.transfer != "bt709":
        words.append(f"lutyuv=y=val*{_HDR_WHITE}")  # the brightest code value of HDR would blind
    return (f"{','.join((*_frames(target), *_colours(target)))}[below];[0:{target.burn}]{','.join(words)}[words];[below][words]"
            f"overlay=x=(main_w-overlay_w)/2:y=(main_h-overlay_h)/2:eof_action=pass:format=auto,{','.join(marks(target))}")


def _frames(target: VideoTarget) -> tuple[str, ...]:
    filters: list[str] = []
    if target.crop is not None:
        box = target.crop
        filters.append(f"crop={box.width}:{box.height}:{box.x}:{box.y}:exact=1")
    if target.top_first is not None and (target.deinterlace or target.detelecine):
        filters.append(f"setfield={'tff' if target.top_first else 'bff'}")  # as was seen: the flag may be missing, or lie
    if target.detelecine:
        # decimate counts frames and knows no time: without fps every frame that a broadcast lost would shift the sound.
        # It also keeps the clock it is given: settb is one that can tell both rates. What fieldmatch cannot make whole (titles
        # in video) it marks as interlaced.
        film = target.nominal_frame_rate
        filters += [f"fps={_ratio(film * 5 / 4)}", f"settb={_ratio(1 / (film * 5))}", "fieldmatch=combmatch=full",
                    "bwdif=mode=send_frame:deint=interlaced", "decimate"]
    elif target.deinterlace:
        filters.append("bwdif=mode=send_frame:deint=all")  # all: many files flag the stream but not its frames
    if target.frame_step > 1:
        filters.append(f"framestep={target.frame_step}")  # keeps the times as they are
    elif target.frame_rate is not None and not target.detelecine:
        filters.append(f"fps={_ratio(target.frame_rate)}")
    return tuple(filters)


def _colours(target: VideoTarget) -> tuple[str, ...]:
    if target.tonemap:
        matrix = "gbr" if target.source_matrix == "gbr" else "bt2020nc"
        # HDR is always BT.2020, but its tags are often left out, and zscale would find "no path between colorspaces". Scaled
        # before all else: tone mapping works in floats and is the dearest step.
        return (f"setparams=color_primaries=bt2020:color_trc={target.source_transfer}:colorspace={matrix}",
                f"zscale=w={target.width}:h={target.height}:t=linear:npl=100",
                "format=gbrpf32le", "zscale=p=bt709", "tonemap=tonemap=hable:desat=0",
                "zscale=t=bt709:m=bt709:r=tv", f"format={target.pixel_format}", "sidedata=mode=delete")
    matrix = _matrix(target) if target.source_matrix == "gbr" else target.source_matrix  # RGB has none to undo
    finished = (f"scale={target.width}:{target.height}:flags=bicubic:in_color_matrix={matrix}:out_color_matrix={_matrix(target)}"
                ":out_range=tv", f"format={target.pixel_format}")
    # Newer versions would hand Dolby Vision on to the encoder; the mastering data are its options already.
    return finished if target.transfer == "bt709" else (*finished, "sidedata=mode=delete")


def smaller(target: VideoTarget) -> tuple[str, ...]:
    """From the finished frames of a larger version: only the size is left to do."""
    return (f"scale={target.width}:{target.height}:flags=bicubic", *marks(target))


def marks(target: VideoTarget) -> tuple[str, ...]:
    """What the frames say of themselves. Whole frames: Matroska would take over the flag of a source that lied."""
    matrix, primaries = ("bt709", "bt709") if target.transfer == "bt709" else ("bt2020nc", "bt2020")
    return ("setsar=1", f"setparams=field_mode=prog:range=tv:color_primaries={primaries}:color_trc={target.transfer}"
                        f":colorspace={matrix}")


def _matrix(target: VideoTarget) -> str:
    """The output's matrix, as swscale calls it."""
    return "bt709" if target.transfer == "bt709" else "bt2020"


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
