"""A video card in software: the driver of tests/fakes/fakeva behind the real ffmpeg, with faults wherever a test wants one."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from clips import alone
from needs import missing, need_program
from pectin.encoding import hardware, known_devices, tools
from pectin.encoding.hardware import Bench
from pectin.encoding.tools import Tools
from pectin.linux.trial import offered
from pectin.model.hardware import Api, Device, Picture

NODE = "/dev/null"  # passes for a render node
NAME = "fake software test driver"
_SOURCES = Path(__file__).parent / "fakes" / "fakeva"
_LIBRARIES = {"fake_drv_video.c": "fake_drv_video.so", "fake_drm.c": "libfakedrm.so"}
_REAL: list[Tools] = []


def built(common: Path) -> Path:
    """The folder with the driver, made once for all tests."""
    compiler = need_program("gcc", "gcc")
    if not Path("/usr/include/va/va.h").exists():
        missing("va/va.h", "apt-get install libva-dev")
    folder = common / "fakeva"
    with alone(folder):
        if not folder.exists():
            unfinished = folder.with_name("fakeva.unfinished")
            unfinished.mkdir(exist_ok=True)
            for source, library in _LIBRARIES.items():
                made = subprocess.run([compiler, "-O2", "-shared", "-fPIC", str(_SOURCES / source),
                                       "-o", str(unfinished / library)], capture_output=True, text=True, check=False)
                assert made.returncode == 0, made.stderr
            unfinished.rename(folder)
    return folder


class Card:
    """`ffmpeg` is a program that sees the card. A fault is the driver's word for it (see fake_drv_video.c), apart for trials and
    for the two rungs of jobs; it may be changed between two runs."""

    def __init__(self, common: Path, folder: Path, *, vendor: str = "") -> None:
        self._common = common
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._vendor = vendor
        self.ffmpeg = folder / "ffmpeg"
        for library in _LIBRARIES.values():  # beside the program: what is elsewhere, the sandbox hides
            shutil.copyfile(built(common) / library, folder / library)
        probe = folder / "ffprobe"
        probe.unlink(missing_ok=True)
        probe.symlink_to(need_program("ffprobe", "ffmpeg"))
        self.fault()

    def fault(self, *, trials: str = "", full: str = "", hybrid: str = "") -> None:
        aside = self.folder / "ffmpeg.new"
        aside.write_text(
            "#!/bin/sh\n"
            f"export LIBVA_DRIVER_NAME=fake LIBVA_DRIVERS_PATH={self.folder} LD_PRELOAD={self.folder}/libfakedrm.so\n"
            + (f"export FAKE_VA_VENDOR='{self._vendor}'\n" if self._vendor else "") +
            'case " $* " in\n'
            f"    *' lavfi '*) FAKE_VA_FAIL='{trials}' ;;\n"
            f"    *' -hwaccel '*) FAKE_VA_FAIL='{full}' ;;\n"
            f"    *) FAKE_VA_FAIL='{hybrid}' ;;\n"
            "esac\n"
            f'export FAKE_VA_FAIL\nexec {need_program("ffmpeg", "ffmpeg")} "$@"\n')
        aside.chmod(0o755)
        aside.rename(self.ffmpeg)

    async def bench(self) -> Bench:
        """As a daemon would have it; what its ffmpeg is, is asked of the one behind it, and once."""
        if not _REAL:
            _REAL.append(await tools.find(need_program("ffmpeg", "ffmpeg")))
        return Bench(tools=replace(_REAL[0], ffmpeg=self.ffmpeg, ffprobe=self.folder / "ffprobe"), sandbox=offered())

    async def known(self, state: Path, *decodes: Picture) -> Device:
        """What trials find out about the card (made once for all tests), remembered in `state` as a daemon would. `decodes`: what
        it is said to decode besides; it does not, and ffmpeg's own frames come, as with a real device that changes its mind."""
        bench = await self.bench()
        key = known_devices.key(Device(api=Api.VAAPI, node=NODE, name=NAME), ffmpeg=bench.tools.version_text,
                                kernel=os.uname().release, card="")
        with alone(self._common / "fakeva.seen"):
            seen = known_devices.recall(self._common, key)
            if seen is None:
                seen = await hardware.known_or_tried(Device(api=Api.VAAPI, node=NODE), bench, state=self._common, anew=False)
        device = replace(seen, decodes=seen.decodes | frozenset(decodes))
        state.mkdir(parents=True, exist_ok=True)
        known_devices.remember(state, key, device)
        return device

    def known_now(self, state: Path, *decodes: Picture) -> Device:
        return asyncio.run(self.known(state, *decodes))
