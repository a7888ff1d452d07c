"""By which device or the CPU a film's picture would be made, for `pectin plan`."""

from __future__ import annotations

from pathlib import Path

from pectin.encoding import known_devices
from pectin.encoding.hardware import candidates
from pectin.model.hardware import Why, Wish
from pectin.model.media import MediaInfo
from pectin.model.plan import Plan
from pectin.planning.hardware import ladder
from pectin.settings.sections import Encoder


def device_way(plan: Plan, media: MediaInfo, encoder: Encoder, state: Path) -> str:
    """A sentence, as far as devices were tried out before. `state`: the daemon's folder."""
    usable = {node for _, node in candidates(encoder.hardware, str(encoder.device))}
    devices = [one for one in known_devices.everything(state) if one.encodes and one.node in usable]
    none = ((Why.SWITCHED_OFF, "encoder.hardware is cpu") if encoder.hardware is Wish.CPU else
            (Why.NO_DEVICE, "the video hardware has not been tried out" if usable else "there is no video hardware here"))
    return ladder(plan, media, devices, why_none=none)[0].sentence
