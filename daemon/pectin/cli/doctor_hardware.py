"""The part of `pectin doctor` about video hardware: what the daemon has found out, or, with --hardware, all of it tried anew."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pectin.cli.findings import Finding, fail, ok, warn
from pectin.encoding import hardware, tools
from pectin.linux.trial import choose
from pectin.model.errors import PectinError
from pectin.model.hardware import Device, Wish
from pectin.settings.load import ConfigError, find, load
from pectin.settings.sections import Settings

_SWITCHED_OFF = ok("hardware: encoder.hardware is cpu: no device is used")


def hardware_findings(settings: Settings, status: Mapping[str, Any] | None) -> Iterator[Finding]:
    """`status` is the daemon's answer to GET /v1/status, None when it does not run or may not be asked: then only device files
    are looked for."""
    encoder = settings.encoder
    if encoder.hardware is Wish.CPU:
        yield _SWITCHED_OFF
        return
    there = hardware.candidates(encoder.hardware, str(encoder.device))
    if not there:
        yield _none(settings)
    elif status is None:
        yield warn(f"hardware: {', '.join(node for _, node in there)}: what it can do was not tried",
                   "sudo pectin doctor --hardware")
    for device in (status or {}).get("hardware", ()):
        yield from _daemons(device)


def try_out(config: Path | None) -> list[Finding]:
    """`pectin doctor --hardware`: every device is tried with the caller's rights, and the result kept for the daemon where the
    caller may. Takes up to a minute for each device."""
    try:
        settings = load(find(config)).settings
    except ConfigError as error:
        return [fail(f"configuration: {p.sentence}", "`pectin config check` lists all of it") for p in error.problems]
    encoder = settings.encoder
    if encoder.hardware is Wish.CPU:
        return [_SWITCHED_OFF]
    if not hardware.candidates(encoder.hardware, str(encoder.device)):
        return [_none(settings)]
    try:
        devices = asyncio.run(_found(settings))
    except PectinError as error:
        return [fail(error.sentence, error.meaning.next_step)]
    found = [finding for device in devices for finding in _seen(device)]
    return [*found, warn("the daemon takes this up when it looks at its devices again", "pectin reload")]


async def _found(settings: Settings) -> Sequence[Device]:
    encoder = settings.encoder
    walls = await asyncio.to_thread(choose, encoder.sandbox, None)
    bench = hardware.Bench(tools=await tools.find(encoder.ffmpeg, walls), sandbox=walls)
    return await hardware.find_out(encoder.hardware, str(encoder.device), bench, state=settings.paths.state, anew=True)


def _none(settings: Settings) -> Finding:
    if settings.encoder.hardware is Wish.AUTO and settings.encoder.device == "auto":
        return ok("hardware: there is none here that encodes video; films are encoded on the CPU")
    return fail(f"hardware: encoder.hardware is {settings.encoder.hardware}, but there is no such device here",
                "ls -l /dev/dri shows the devices; encoder.hardware: auto takes what is there; a container must be given it")


def _seen(device: Device) -> Iterator[Finding]:
    what = f"hardware: {device.label}" + (f" ({device.name})" if device.name else "")
    if device.trouble:
        yield fail(f"{what}: {device.trouble}", _mend(device.trouble))
    for picture, modes in device.encodes.items():
        yield ok(f"{what} encodes {picture}: {', '.join(map(str, modes))}")
    if device.encodes:
        yield ok(f"{what} decodes {', '.join(map(str, sorted(device.decodes))) or 'nothing: the CPU does'}")
        yield ok(f"{what} filters: {', '.join(sorted(device.filters)) or 'none: the CPU does'}")


def _daemons(device: Mapping[str, Any]) -> Iterator[Finding]:
    what = f"hardware: {device['device']}" + (f" ({device['name']})" if device["name"] else "")
    if device["sentence"]:
        yield fail(f"{what}: {device['sentence']}", _mend(device["sentence"]))
    if device["encodes"]:
        yield ok(f"{what} encodes {', '.join(device['encodes'])}; decodes {', '.join(device['decodes']) or 'nothing'}; "
                 f"filters: {', '.join(device['filters']) or 'none'}")


def _mend(trouble: str) -> str:
    if "may not open" in trouble:
        return "sudo usermod -aG render,video pectin && sudo systemctl restart pectin"
    if "failed several" in trouble:
        return "`journalctl -u pectin` has ffmpeg's words, `journalctl -k` the kernel's; a newer driver, or encoder.hardware: cpu"
    return ("install the card's driver (intel-media-va-driver, mesa-va-drivers, NVIDIA's); `vainfo` tells more; or "
            "encoder.hardware: cpu")
