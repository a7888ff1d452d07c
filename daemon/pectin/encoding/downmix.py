"""How many loudspeakers become fewer: which channel of the source is heard how loudly in which channel of the output."""

from __future__ import annotations

from collections.abc import Mapping

# RFC 7845, section 5.1.1.5, lists the weights of seven layouts. They follow from where a loudspeaker stands, so all others are
# mixed by the same rule. Of each: how loudly it is heard on the left, and on the right; its mirror image is the other way round.
_HALF = 0.5**0.5
_SURROUND = (0.75**0.5, 0.5)  # cos and sin of 30 degrees
_BETWEEN = (0.923880, 0.382683)  # cos and sin of 22.5 degrees: half way from a front loudspeaker to the centre
_HEARD: Mapping[str, tuple[float, float]] = {
    "FL": (1.0, 0.0), "FC": (_HALF, _HALF), "LFE": (_HALF, _HALF), "SL": _SURROUND, "BL": _SURROUND,
    "BC": (0.375**0.5, 0.375**0.5), "FLC": _BETWEEN,
}
_MIRRORED = {"FR": "FL", "SR": "SL", "BR": "BL", "FRC": "FLC"}
# ffmpeg's names (`ffmpeg -layouts`, 5.1.9), in the order of their channels.
LAYOUTS: Mapping[str, tuple[str, ...]] = {name: tuple(channels.split()) for name, channels in {
    "mono": "FC", "stereo": "FL FR", "2.1": "FL FR LFE", "3.0": "FL FR FC", "3.0(back)": "FL FR BC",
    "4.0": "FL FR FC BC", "quad": "FL FR BL BR", "quad(side)": "FL FR SL SR", "3.1": "FL FR FC LFE",
    "5.0": "FL FR FC BL BR", "5.0(side)": "FL FR FC SL SR", "4.1": "FL FR FC LFE BC",
    "5.1": "FL FR FC LFE BL BR", "5.1(side)": "FL FR FC LFE SL SR", "6.0": "FL FR FC BC SL SR",
    "6.0(front)": "FL FR FLC FRC SL SR", "hexagonal": "FL FR FC BL BR BC", "6.1": "FL FR FC LFE BC SL SR",
    "6.1(back)": "FL FR FC LFE BL BR BC", "6.1(front)": "FL FR LFE FLC FRC SL SR", "7.0": "FL FR FC BL BR SL SR",
    "7.0(front)": "FL FR FC FLC FRC SL SR", "7.1": "FL FR FC LFE BL BR SL SR", "7.1(wide)": "FL FR FC LFE BL BR FLC FRC",
    "7.1(wide-side)": "FL FR FC LFE FLC FRC SL SR", "octagonal": "FL FR FC BL BR BC SL SR",
}.items()}
# What ffmpeg takes for granted where a file names no layout.
_ASSUMED = {3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


def layout(channels: int, name: str | None) -> str | None:
    """The layout to mix from: the one the file names, if it has as many channels, else what ffmpeg assumes. None: there
    is nothing to mix (up to two channels), or nobody knows how."""
    if channels <= 2:
        return None
    return name if name is not None and len(LAYOUTS.get(name, ())) == channels else _ASSUMED.get(channels)


def to_stereo(name: str) -> str:
    """The `pan` filter for a layout of LAYOUTS with more than two channels. As in RFC 7845 the weights of a side add up to 1 for
    three and four channels, and to 2 beyond: what happens on all sides at once may then be too loud, and needs a limiter."""
    heard = [(channel, _heard(channel)) for channel in LAYOUTS[name]]
    scale = (2 if len(heard) > 4 else 1) / sum(left for _, (left, _) in heard)
    left, right = ([(channel, weights[side]) for channel, weights in heard] for side in (0, 1))
    return f"pan=stereo|FL={_sum(left, scale)}|FR={_sum(right, scale)}"


def to_five_one(name: str) -> str | None:
    """The `pan` filter from six and more channels to 5.1; None: ffmpeg's own conversion changes no level. (From 6.0 on it makes
    the whole track 4.6 dB quieter, or 6 dB: measured with 5.1.9.) Two loudspeakers that become one keep their power."""
    channels = LAYOUTS[name]
    if len(channels) < 6 or name in ("5.1", "5.1(side)"):
        return None
    parts = []
    for side in "LR":
        behind = [channel for channel in (f"B{side}", f"S{side}") if channel in channels]
        parts.append((f"F{side}", [(f"F{side}", 1.0), (f"F{side}C", _BETWEEN[0])]))
        parts.append((f"B{side}", [*((channel, 1.0 if len(behind) == 1 else _HALF) for channel in behind), ("BC", _HALF)]))
    parts.append(("FC", [("FC", 1.0), ("FLC", _BETWEEN[1]), ("FRC", _BETWEEN[1])]))
    parts.append(("LFE", [("LFE", 1.0)]))
    present = ((output, [(channel, weight) for channel, weight in made if channel in channels]) for output, made in parts)
    return "pan=5.1|" + "|".join(f"{output}={_sum(made, 1)}" for output, made in present if made)


def _heard(channel: str) -> tuple[float, float]:
    if channel in _MIRRORED:
        right, left = _HEARD[_MIRRORED[channel]]
        return left, right
    return _HEARD[channel]


def _sum(made: list[tuple[str, float]], scale: float) -> str:
    return "+".join(f"{weight * scale:.6f}*{channel}" for channel, weight in made if weight)
