"""The sound's part of the command: the filters of each track, and its encoder's options."""

from __future__ import annotations

from pectin.encoding import downmix
from pectin.encoding.labels import Argv, labels
from pectin.model.plan import LONGEST_SILENCE, AudioTarget, StreamDecision

# Sound is moved where its timestamps are off by more than this (seconds): rounded timestamps are off by a millisecond, and nobody
# hears less than twenty.
_MOVED_FROM = 0.01
# dB below full scale. Loudspeakers add up when they are mixed: what is then too loud is held back.
_MIX_LIMIT = -1.0
# The same for a wanted loudness, where more is held back: half a decibel is left for what the encoder adds to true peaks.
_GAIN_LIMIT = -1.5
_PEAK_RATE = 192_000  # Hz at which the peaks between the samples show: ITU-R BS.1770-4, annex 2


def options(number: int, stream: StreamDecision, container: str = "mp4") -> Argv:
    """The options of sound track `number` of the output."""
    of = f"a:{number}"
    names = labels(of, stream, "SoundHandler", container)
    target = stream.target
    if not isinstance(target, AudioTarget):
        return ("-c:" + of, "copy", *names)
    return ("-filter:" + of, ",".join(audio_filters(target)), "-c:" + of, target.codec, *_own_options(of, target),
            "-b:" + of, str(target.bitrate), "-ar:" + of, str(target.sample_rate), *names)


def _own_options(of: str, target: AudioTarget) -> Argv:
    if target.codec == "aac":
        return ("-profile:" + of, "aac_low")
    if target.codec == "libopus" and target.channels > 2:
        return ("-mapping_family:" + of, "1")  # else no player knows which loudspeaker is which
    return ()


def audio_filters(target: AudioTarget) -> tuple[str, ...]:
    """Loudspeakers, then time, then loudness. Each step keeps the moment of every sample."""
    mixed = mix(target)
    begin = ":first_pts=0" if target.fill else ""
    filters = (
        f"aselect='isnan(t)+isnan(prev_selected_t)+lt(t-prev_selected_t,{LONGEST_SILENCE})'",
        *mixed,
        # Gaps become silence and what overlaps is cut, so that the sound stays with the picture.
        f"aresample={target.sample_rate}:async=1:min_hard_comp={_MOVED_FROM}{begin}",
    )
    if target.gain is not None:
        return (*filters, f"volume={target.gain:.2f}dB", f"aresample={_PEAK_RATE}", _limiter(_GAIN_LIMIT),
                f"aresample={target.sample_rate}")
    return (*filters, _limiter(_MIX_LIMIT)) if len(mixed) > 1 else filters


def mix(target: AudioTarget) -> tuple[str, ...]:
    """To the layout of the target. It is always named: ffmpeg 5.1's AAC encoder turns 5.1(side) into a layout that players do not
    know. So is the source's before it is mixed: a broadcast may change from 5.1 to stereo in the middle."""
    wanted = {1: "mono", 2: "stereo"}.get(target.channels, "5.1")
    source = downmix.layout(target.source_channels, target.source_layout)
    pan = None
    if source is not None and target.channels != 1:
        pan = downmix.to_stereo(source) if target.channels == 2 else downmix.to_five_one(source)
    # In floats nothing is too loud on the way to the limiter.
    return (_format(wanted),) if pan is None or source is None else (_format(source), pan)


def _format(layout: str) -> str:
    return f"aformat=sample_fmts=fltp:channel_layouts={layout}"


def _limiter(decibels: float) -> str:
    """Holds back what is louder. Without `level=0` it would make all the rest louder, and without `latency=1` 5 ms late."""
    return f"alimiter=limit={10 ** (decibels / 20):.4f}:level=0:latency=1"
