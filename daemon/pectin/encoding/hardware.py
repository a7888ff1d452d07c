"""Finds out what devices really do: each kind of work is tried for a second and the result held against the CPU's."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pectin.encoding import accelerators, known_devices, trials
from pectin.encoding.exits import last_words
from pectin.encoding.labels import Argv
from pectin.encoding.tools import Tools
from pectin.linux.child import spawn
from pectin.linux.launch import Confinement
from pectin.linux.sandbox import Sandbox
from pectin.model.hardware import Api, Device, Driver, Filter, Mode, Picture, Way, Wish

log = logging.getLogger(__name__)

NODES = Path("/dev")
TRIAL_TIMEOUT = 20.0  # seconds for work that takes a tenth of one: what takes longer hangs
_WORDS = 300          # characters of ffmpeg's that are kept as the reason
# What says nothing of the reason: libva's steps on the way, and what follows from the one line that counts.
_NOISE = ("libva: ", "Failed to set value", "Error parsing global options", "Trying to use DRM", "Trying to use X11")
_NVIDIA = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where trials run: with which program, behind which walls, on which CPUs (None: all)."""

    tools: Tools
    sandbox: Sandbox
    cpus: Collection[int] | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    status: int
    out: str
    words: str


class HungError(Exception):
    """A trial did not end: nothing else is tried on that device."""


def candidates(wish: Wish, node: str) -> tuple[tuple[Api, str], ...]:
    """What there is to try, from the device files alone. `node`: `auto`, or the one to take. For `auto` an Intel card is tried by
    VAAPI first and by QSV only if that gives nothing."""
    if wish is Wish.CPU:
        return ()
    found: list[tuple[Api, str]] = []
    if wish in (Wish.AUTO, Wish.NVENC):
        found += [(Api.NVENC, card) for card in _nodes(node, "nvidia[0-9]*")]
    if wish in (Wish.AUTO, Wish.VAAPI, Wish.QSV):
        api = Api.QSV if wish is Wish.QSV else Api.VAAPI
        found += [(api, card) for card in _nodes(node, "dri/renderD*")]
    return tuple(found)


def beside(device: Device | Way | None) -> tuple[Path, ...]:
    """The device files that ffmpeg must be able to open for it; none for the CPU."""
    if device is None:
        return ()
    more = [path for path in _NVIDIA if os.path.exists(path)] if device.api is Api.NVENC else []
    return tuple(Path(path) for path in (device.node, *more))


async def find_out(wish: Wish, node: str, bench: Bench, *, state: Path | None, anew: bool = False) -> tuple[Device, ...]:
    """All devices, the most able first; those of no use say why. What was found out before about the same driver, program, kernel
    and card is read from `state` (a folder), unless it is to be found out `anew`. Takes up to a minute for a device not seen
    before; raises nothing: a device that cannot be tried is one of no use."""
    found = []
    for api, path in candidates(wish, node):
        device = await known_or_tried(Device(api=api, node=path), bench, state=state, anew=anew)
        if wish is Wish.AUTO and api is Api.VAAPI and not device.encodes and device.driver in (Driver.IHD, Driver.I965):
            other = await known_or_tried(Device(api=Api.QSV, node=path), bench, state=state, anew=anew)
            device = other if other.encodes else device
        found.append(device)
    return tuple(sorted(found, key=lambda d: (-len(d.encodes), -len(d.decodes), -len(d.filters), d.node)))


async def known_or_tried(device: Device, bench: Bench, *, state: Path | None, anew: bool) -> Device:
    """What is remembered of it, else what is seen now."""
    try:
        return await _known_or_tried(device, bench, state=state, anew=anew)
    except HungError as error:
        return replace(device, trouble=str(error))
    except OSError as error:  # there is no room for the trials: the daemon lives on without the device
        return replace(device, trouble=f"it could not be tried: {error.strerror or error}")


async def _known_or_tried(device: Device, bench: Bench, *, state: Path | None, anew: bool) -> Device:
    """Raises HungError, OSError."""
    with tempfile.TemporaryDirectory(prefix="pectin-trials-") as scratch:
        attempts = _Attempts(bench, device, Path(scratch))
        device = await attempts.introduce()
        if device.trouble:
            return device  # may be otherwise at the next start: it is not remembered
        key = known_devices.key(device, ffmpeg=bench.tools.version_text, kernel=os.uname().release, card=_card(device.node))
        if not anew and state is not None and (known := known_devices.recall(state, key)) is not None:
            return known
        log.info("%s (%s) is tried out", device.label, device.name)
        device = await attempts.everything(device)
    if state is not None:
        known_devices.remember(state, key, device)
    return device


class _Attempts:
    """The trials of one device, in a folder of their own."""

    def __init__(self, bench: Bench, device: Device, scratch: Path) -> None:
        self._bench = bench
        self._ffmpeg = str(bench.tools.ffmpeg)
        self._scratch = scratch
        self._walls = Confinement(sandbox=bench.sandbox, own=(scratch,), devices=beside(device), cpu_seconds=2 * TRIAL_TIMEOUT)
        self._device = device
        self._why = ""  # the first reason that an encoder is of no use

    async def introduce(self) -> Device:
        """Whose it is; with its trouble when it cannot even be opened."""
        device = self._device
        if not os.access(device.node, os.R_OK | os.W_OK):
            if not os.path.exists(device.node):
                return replace(device, trouble="there is no such device")
            return replace(device, trouble="we may not open it: add the daemon's user to its group (often render or video)")
        said = await self._run(trials.introduce(self._ffmpeg, device))
        if said.status != 0:
            words = [re.sub(r"^\[\S+ @ 0x[0-9a-f]+\] ", "", line) for line in said.words.splitlines()
                     if not any(noise in line for noise in _NOISE)]
            return replace(device, trouble=last_words("\n".join(words), lines=2, characters=_WORDS) or "it cannot be opened")
        driver, name = trials.driver_of(device.api, said.words)
        return replace(device, driver=driver, name=name)

    async def everything(self, device: Device) -> Device:
        """With all that was seen to work. Raises HungError."""
        encodes = {picture: modes for picture in trials.WANTED if (modes := await self._modes(device, picture))}
        device = replace(device, encodes=encodes)
        if not encodes:
            return replace(device, trouble=self._why or "none of its encoders gives the right picture")
        decodes, hdr = set(), False
        for picture in trials.SAMPLES:
            name = f"{picture.codec}-{picture.bits}.mkv"
            if (await self._run(trials.sample(self._ffmpeg, picture, name), on_device=False)).status != 0:
                continue  # this ffmpeg makes no such sample: then the CPU decodes such films
            hdr = hdr or picture == Picture("hevc", 10)
            if await self._alike(trials.decode(self._ffmpeg, device, picture, name), trials.ENCODED_LEAST):
                decodes.add(picture)
        filters = {work for work in (Filter.SCALE, Filter.DEINTERLACE)
                   if await self._alike(trials.work(self._ffmpeg, device, work), trials.FILTERED_LEAST)}
        if hdr and await self._alike(trials.tone_map(self._ffmpeg, device, "hevc-10.mkv"), trials.TONE_MAPPED_LEAST):
            filters.add(Filter.TONEMAP)
        return replace(device, decodes=frozenset(decodes), filters=frozenset(filters))

    async def _modes(self, device: Device, picture: Picture) -> tuple[Mode, ...]:
        """The modes of one encoder that gave the test picture back."""
        way = trials.through(device, picture)
        if accelerators.encoder(device.api, way.codec) is None:
            return ()
        found = []
        for mode in accelerators.modes(device.api, device.driver):
            said = await self._run(trials.encode(self._ffmpeg, replace(way, mode=mode)))
            if said.status == 0:
                if await self._alike(trials.judge(self._ffmpeg), trials.ENCODED_LEAST, on_device=False):
                    found.append(mode)
                else:
                    self._why = f"its {picture} in mode {mode} is not the picture it was given"
            elif trials.hopeless(said.words):
                break
            elif not self._why:
                self._why = last_words(said.words, lines=2, characters=_WORDS)
        return tuple(found)

    async def _alike(self, argv: Argv, least: float, *, on_device: bool = True) -> bool:
        said = await self._run(argv, on_device=on_device)
        return said.status == 0 and trials.likeness(said.out) >= least

    async def _run(self, argv: Argv, *, on_device: bool = True) -> _Said:
        """Raises HungError. A program that cannot be started is a failed trial."""
        walls = self._walls if on_device else replace(self._walls, devices=())
        try:
            async with (asyncio.timeout(TRIAL_TIMEOUT),
                        spawn(argv, cwd=self._scratch, cpus=self._bench.cpus, term_grace=1.0, confinement=walls) as child):
                out = await child.stdout.read()
                return _Said(await child.wait(), out.decode("utf-8", "replace"), child.stderr_tail())
        except TimeoutError:
            if on_device:
                raise HungError(f"its driver hung for {TRIAL_TIMEOUT:g} s") from None
            return _Said(-1, "", "")
        except OSError as error:
            return _Said(-1, "", str(error))


def _nodes(wish: str, pattern: str) -> Sequence[str]:
    """Those of one kind; a named one is taken for whatever was asked for."""
    if wish == "auto":
        return sorted(str(path) for path in NODES.glob(pattern) if path.name.removeprefix("nvidia").isdigit()
                      or path.name.startswith("renderD"))
    is_nvidia = Path(wish).name.startswith("nvidia")
    return [wish] if is_nvidia == pattern.startswith("nvidia") else []


def _card(node: str) -> str:
    """Vendor, device and revision of the card, as the kernel has them; empty where it tells none."""
    facts: Mapping[str, Path] = {name: Path("/sys/class/drm") / Path(node).name / "device" / name
                                 for name in ("vendor", "device", "revision")}
    try:
        return ":".join(path.read_text(encoding="ascii").strip() for path in facts.values())
    except OSError:
        return ""
