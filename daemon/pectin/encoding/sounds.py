"""The sound's part of the command: the filters of each track, and its encoder's options."""

from __future__ import annotations

import math

from pectin.encoding.labels import Argv, labels
from pectin.model.plan import AudioTarget, StreamDecision

# RFC 7845, section 5.1.1.5: how much of each loudspeaker is heard on the left (the right is its mirror), before both rows are
# scaled to the sum 2. Near and far surround: cos and sin of 30 degrees.
_HALF, _NEAR, _FAR, _REAR = math.sqrt(1 / 2), math.sqrt(3 / 4), 1 / 2, math.sqrt(3 / 8)
_DOWNMIX: dict[int, tuple[str, dict[str, float]]] = {
    5: ("5.0", {"FL": 1, "FC": _HALF, "BL": _NEAR, "BR": _FAR}),
    6: ("5.1", {"FL": 1, "FC": _HALF, "BL": _NEAR, "BR": _FAR, "LFE": _HALF}),
    7: ("6.1", {"FL": 1, "FC": _HALF, "SL": _NEAR, "SR": _FAR, "BC": _REAR, "LFE": _HALF}),
    8: ("7.1", {"FL": 1, "FC": _HALF, "SL": _NEAR, "SR": _FAR, "BL": _NEAR, "BR": _FAR, "LFE": _HALF}),
}



def options(number: int, stream: StreamDecision) -> Argv:
    of = f"a:{number}"
    names = labels(of, stream, "SoundHandler")
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
