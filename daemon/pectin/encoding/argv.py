"""Turns a plan into ffmpeg's arguments: sums of small tuples, built here and run elsewhere.

Every option that a hostile or odd file could exploit is always given: see the comments. Nothing here decides what to produce."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from pectin.model.media import DEMUXERS
from pectin.model.plan import AudioTarget, Plan, StreamDecision, SubtitleTarget, VideoTarget

Argv = tuple[str, ...]

VIDEO = "video.mp4"  # fixed ASCII names in the child's own folder: no name from outside ever reaches ffmpeg
_MOST_STREAMS = "100"
# How far ffprobe and ffmpeg look for streams: 64 MiB or 60 s. In recordings and on discs (TS, VOB) a stream exists from its
# first packet on, and by default ffmpeg looks at 5 MB only: a film whose sound begins later would come out silent. The same for
# both programs: streams are numbered in the order in which they are found.
_LOOK = ("-probesize", str(64 << 20), "-analyzeduration", "60000000")
_SUBTITLE_ENCODERS = {"srt": "srt", "vtt": "webvtt"}
# Would become Jellyfin's overview or show where the file came from.
_UNWANTED_TAGS = ("comment", "description", "synopsis")
# RFC 7845, section 5.1.1.5: how much of each loudspeaker is heard on the left (the right is its mirror), before both rows are
# scaled to the sum 2. Near and far surround: cos and sin of 30 degrees.
_HALF, _NEAR, _FAR, _REAR = math.sqrt(1 / 2), math.sqrt(3 / 4), 1 / 2, math.sqrt(3 / 8)
_DOWNMIX: dict[int, tuple[str, dict[str, float]]] = {
    5: ("5.0", {"FL": 1, "FC": _HALF, "BL": _NEAR, "BR": _FAR}),
    6: ("5.1", {"FL": 1, "FC": _HALF, "BL": _NEAR, "BR": _FAR, "LFE": _HALF}),
    7: ("6.1", {"FL": 1, "FC": _HALF, "SL": _NEAR, "SR": _FAR, "BC": _REAR, "LFE": _HALF}),
    8: ("7.1", {"FL": 1, "FC": _HALF, "SL": _NEAR, "SR": _FAR, "BL": _NEAR, "BR": _FAR, "LFE": _HALF}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`argv` to run in an empty folder; `video` and the names in `subtitles` are the files it leaves there."""

    argv: Argv
    video: str
    subtitles: tuple[tuple[StreamDecision, str], ...]


def build(plan: Plan, *, ffmpeg: str, source: str, threads: int, max_pixels: int) -> Command:
    """The command that carries out `plan`. `source` is what stands behind -i, e.g. `file:/proc/self/fd/7`; it must carry its
    protocol. Progress comes on stdout; `threads` bounds every pool ffmpeg has."""
    subtitles = tuple((text, f"sub{number}.{_subtitle(text).extension}") for number, text in enumerate(plan.extracted))
    argv = (
        *_always(ffmpeg), "-y",
        "-filter_threads", str(threads), "-filter_complex_threads", str(threads),
        *_input(plan, source, threads, max_pixels),
        *_pictures(plan),
        *_main_output(plan, threads),
        *(argument for decision, name in subtitles for argument in _subtitle_output(decision, name, threads)),
    )
    return Command(argv=argv, video=VIDEO, subtitles=subtitles)


def probe_argv(ffprobe: str, source: str, *, max_pixels: int | None = None, count: bool = False) -> Argv:
    """ffprobe's arguments for what planning/probe.py reads: JSON on stdout. With `max_pixels` a larger picture is not even
    decoded for probing: ffprobe then fails with "exceeds specified max pixel count" on stderr. `count`: read the file to its
    end and count the packets of each stream."""
    pixels = () if max_pixels is None else ("-max_pixels", str(max_pixels))
    return (ffprobe, "-hide_banner", "-v", "error", "-threads", "1", "-protocol_whitelist", "file",
            "-format_whitelist", ",".join(DEMUXERS), "-max_streams", _MOST_STREAMS, *_LOOK, *pixels,
            *(("-count_packets",) if count else ()), "-of", "json", "-show_format", "-show_streams", "-show_chapters", source)


def decode_argv(ffmpeg: str, source: str, threads: int) -> Argv:
    """Decodes all of a finished MP4 and writes nothing: exit status 0 and the frames of the last progress block are the
    proof that it plays. The first error ends it (-xerror).

    The deblocking filter is left out: it only smooths finished pixels and cannot fail, and what is read from the file does not
    depend on pixels. That saves a fifth of the time; 150 damaged files got the same verdict with it and without (5.1.9)."""
    return (*_always(ffmpeg), "-xerror", "-filter_threads", str(threads), "-threads", str(threads), "-skip_loop_filter", "all",
            "-protocol_whitelist", "file", "-f", "mov", "-i", source, "-map", "0:v:0", "-map", "0:a?", "-fps_mode", "passthrough",
            "-threads", str(threads), "-f", "null", "-")


def _always(ffmpeg: str) -> Argv:
    return (ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-nostats", "-progress", "pipe:1", "-stats_period", "0.5")


def _input(plan: Plan, source: str, threads: int, max_pixels: int) -> Argv:
    return ("-threads", str(threads),  # the decoder's
            "-protocol_whitelist", "file", "-f", plan.source_format,  # a playlist in disguise opens nothing
            "-max_streams", _MOST_STREAMS, *_LOOK, "-max_pixels", str(max_pixels),
            # Text that is not UTF-8 goes over as it is (Jellyfin finds out its encoding); else ffmpeg leaves such lines out.
            *(("-sub_charenc_mode", "ignore") if plan.extracted else ()),
            "-i", source)


def _pictures(plan: Plan) -> Argv:
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


def _main_output(plan: Plan, threads: int) -> Argv:
    kept = plan.kept
    video = tuple(stream for stream in kept if stream.kind == "video")
    sound = tuple(stream for stream in kept if stream.kind == "audio")
    maps = tuple(argument for stream in kept for argument in ("-map", _map(stream)))
    return (
        *maps,
        "-map_metadata", "0", "-map_chapters", "0" if plan.chapters else "-1",
        *(argument for tag in _UNWANTED_TAGS for argument in ("-metadata", f"{tag}=")),
        *(argument for number, stream in enumerate(video) for argument in _video(number, stream)),
        *(argument for number, stream in enumerate(sound) for argument in _sound(number, stream)),
        "-threads", str(threads),
        "-max_muxing_queue_size", "4096",  # sound that begins late must not end the run
        "-movflags", "+faststart", "-f", plan.container, VIDEO,
    )


def _map(stream: StreamDecision) -> str:
    return "[picture]" if isinstance(stream.target, VideoTarget) else f"0:{stream.index}"


def _video(number: int, stream: StreamDecision) -> Argv:
    of = f"v:{number}"
    names = ("-tag:" + of, "avc1", *_labels(of, stream, "VideoHandler"))
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


def _sound(number: int, stream: StreamDecision) -> Argv:
    of = f"a:{number}"
    names = _labels(of, stream, "SoundHandler")
    target = stream.target
    if not isinstance(target, AudioTarget):
        return ("-c:" + of, "copy", *names)
    profile = ("-profile:" + of, "aac_low") if target.codec == "aac" else ()
    return ("-filter:" + of, ",".join(audio_filters(target)), "-c:" + of, target.codec, *profile, "-b:" + of, str(target.bitrate),
            "-ar:" + of, str(target.sample_rate), *names)


def audio_filters(target: AudioTarget) -> tuple[str, ...]:
    """To the layout of the target. The layout is always named: ffmpeg 5.1's AAC encoder turns 5.1(side) into a layout that
    players do not know."""
    if target.channels == 1:
        return ("aformat=channel_layouts=mono",)
    if target.channels > 2:
        return ("aformat=channel_layouts=5.1",)
    if target.source_channels not in _DOWNMIX:
        return ("aformat=channel_layouts=stereo",)
    layout, weights = _DOWNMIX[target.source_channels]
    scale = 2 / sum(weights.values())
    left = "+".join(f"{weight * scale:.6f}*{speaker}" for speaker, weight in weights.items())
    right = "+".join(f"{weight * scale:.6f}*{_mirrored(speaker)}" for speaker, weight in weights.items())
    return (f"aformat=channel_layouts={layout}", f"pan=stereo|FL={left}|FR={right}")


def _mirrored(speaker: str) -> str:
    return speaker if speaker in ("FC", "BC", "LFE") else speaker[:-1] + {"L": "R", "R": "L"}[speaker[-1]]


def _labels(of: str, stream: StreamDecision, handler: str) -> Argv:
    """Language, title and flags. MP4 has no title: Jellyfin reads handler_name, except ffmpeg's own default names."""
    flags = [name for name, is_set in (("default", stream.default), ("forced", stream.forced), ("comment", stream.comment),
                                       ("hearing_impaired", stream.hearing_impaired)) if is_set]
    return (f"-metadata:s:{of}", f"language={stream.language or 'und'}", f"-metadata:s:{of}", "title=",
            f"-metadata:s:{of}", f"handler_name={stream.title or handler}", "-disposition:" + of, "+".join(flags) or "0")


def _subtitle(stream: StreamDecision) -> SubtitleTarget:
    return stream.target if isinstance(stream.target, SubtitleTarget) else SubtitleTarget(suffix="")


def _subtitle_output(stream: StreamDecision, name: str, threads: int) -> Argv:
    encoder = _SUBTITLE_ENCODERS[_subtitle(stream).extension]
    return ("-map", f"0:{stream.index}", "-map_metadata", "-1", "-map_chapters", "-1", "-c:s:0", encoder,
            "-threads", str(threads), "-f", encoder, name)


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
