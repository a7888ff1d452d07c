"""The picture's part of the command: the filter graph that makes every repair, and the encoder's options."""

from __future__ import annotations

import math
from fractions import Fraction

from pectin.encoding.labels import Argv, labels
from pectin.model.plan import Plan, StreamDecision, VideoTarget


def graph(plan: Plan) -> Argv:
    """The filter graph. A complex one even for one picture: with -vf, ffmpeg 5.1 hands the source's side data (HDR mastering,
    Dolby Vision) on to the output, which no longer is what they say."""
    return tuple(argument for stream in plan.kept if isinstance(stream.target, VideoTarget)
                 for argument in ("-filter_complex", f"[0:{stream.index}]{','.join(video_filters(stream.target))}[picture]"))


def video_filters(target: VideoTarget) -> tuple[str, ...]:
    """Upright comes first and by itself (ffmpeg rotates); then whole frames, fewer frames, size, colours, square pixels."""
    filters: list[str] = []
    if target.deinterlace:
        filters.append("bwdif=mode=send_frame:deint=all")  # all: many files flag the stream but not its frames
    if target.frame_rate is not None:
        filters.append(f"fps={_ratio(target.frame_rate)}")
    if target.tonemap:
        matrix = "gbr" if target.source_matrix == "gbr" else "bt2020nc"
        # HDR is always BT.2020, but its tags are often left out, and zscale would find "no path between colorspaces". Scaled
        # before all else: tone mapping works in floats and is the dearest step.
        filters += [f"setparams=color_primaries=bt2020:color_trc={target.source_transfer}:colorspace={matrix}",
                    f"zscale=w={target.width}:h={target.height}:t=linear:npl=100",
                    "format=gbrpf32le", "zscale=p=bt709", "tonemap=tonemap=hable:desat=0",
                    "zscale=t=bt709:m=bt709:r=tv", "format=yuv420p", "sidedata=mode=delete"]
    else:
        matrix = "bt709" if target.source_matrix == "gbr" else target.source_matrix  # RGB has none to undo
        size = f"scale={target.width}:{target.height}:flags=bicubic"
        filters += [f"{size}:in_color_matrix={matrix}:out_color_matrix=bt709:out_range=tv", "format=yuv420p"]
    return (*filters, "setsar=1", "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709")


def options(number: int, stream: StreamDecision) -> Argv:
    of = f"v:{number}"
    names = ("-tag:" + of, "avc1", *labels(of, stream, "VideoHandler"))
    target = stream.target
    if not isinstance(target, VideoTarget):
        return ("-c:" + of, "copy", *names)
    frames = math.ceil(target.nominal_frame_rate * target.keyframe_seconds) + 1  # only where the clock below has gaps
    return (
        "-c:" + of, "libx264", "-preset:" + of, target.preset, "-crf:" + of, f"{target.crf:g}",
        "-profile:" + of, "high", "-level:" + of, target.level, "-pix_fmt:" + of, "yuv420p",
        "-refs:" + of, str(target.reference_frames),
        "-maxrate:" + of, str(target.max_bitrate), "-bufsize:" + of, str(target.buffer_bits),
        "-g:" + of, str(frames),
        # By the clock, not by counting: right for variable frame rates and for a picture that begins late.
        "-force_key_frames:" + of, f"expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+{target.keyframe_seconds}))",
        "-fps_mode:" + of, "vfr",  # 5.1 would fill gaps with copies, without end in a hostile file
        "-color_range:" + of, "tv", "-colorspace:" + of, "bt709", "-color_primaries:" + of, "bt709", "-color_trc:" + of, "bt709",
        *names,
    )


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
