"""What was found out about devices, kept in a file: trying all of one takes half a minute."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pectin.model.hardware import Api, Device, Driver, Filter, Mode, Picture, RateControl

FILE = "hardware.json"
_FORM = 1  # of the file; another one is not read


def key(device: Device, *, ffmpeg: str, kernel: str, card: str) -> str:
    """Everything that may change what a device does: then it is tried anew."""
    return " | ".join((device.label, card, device.name, f"ffmpeg {ffmpeg}", f"Linux {kernel}"))


def recall(state: Path, wanted: str) -> Device | None:
    """None: nothing is known, or what stands there cannot be understood."""
    entry = _read(state).get(wanted)
    try:
        return None if entry is None else device_from(entry)
    except (KeyError, TypeError, ValueError):
        return None


def everything(state: Path) -> tuple[Device, ...]:
    """All that is remembered of devices that were here once."""
    return tuple(device for key_of_one in _read(state) if (device := recall(state, key_of_one)) is not None)


def remember(state: Path, wanted: str, device: Device) -> None:
    """Beside the others; of the same device only the newest. A folder that cannot be written (a person who only looks has no
    right to) is no trouble: it is found out again."""
    entries = {name: entry for name, entry in _read(state).items() if not name.startswith(f"{device.label} | ")}
    text = json.dumps({"form": _FORM, "devices": {**entries, wanted: as_dict(device)}}, indent=1)
    aside = state / f"{FILE}.new"
    try:
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, state / FILE)
    except OSError:
        return


def _read(state: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((state / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict) or found.get("form") != _FORM or not isinstance(found.get("devices"), dict):
        return {}
    return dict(found["devices"])


def as_dict(device: Device) -> dict[str, Any]:
    """Plain JSON values, also for `--json`."""
    return {
        "api": device.api.value, "node": device.node, "driver": device.driver.value, "name": device.name,
        "encodes": [{"codec": picture.codec, "bits": picture.bits,
                     "modes": [{"rate_control": mode.rate_control.value, "low_power": mode.low_power} for mode in modes]}
                    for picture, modes in device.encodes.items()],
        "decodes": [{"codec": picture.codec, "bits": picture.bits} for picture in sorted(device.decodes)],
        "filters": sorted(work.value for work in device.filters), "trouble": device.trouble,
    }


def device_from(entry: Mapping[str, Any]) -> Device:
    """Raises KeyError, TypeError, ValueError."""
    return Device(
        api=Api(entry["api"]), node=str(entry["node"]), driver=Driver(entry["driver"]), name=str(entry["name"]),
        encodes={_picture(one): tuple(Mode(RateControl(mode["rate_control"]), bool(mode["low_power"])) for mode in one["modes"])
                 for one in entry["encodes"]},
        decodes=frozenset(map(_picture, entry["decodes"])),
        filters=frozenset(Filter(name) for name in entry["filters"]), trouble=str(entry["trouble"]))


def _picture(entry: Mapping[str, Any]) -> Picture:
    return Picture(str(entry["codec"]), int(entry["bits"]))
