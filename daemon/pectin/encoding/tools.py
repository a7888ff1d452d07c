"""Finds ffmpeg and ffprobe, and makes sure that they can do what we need before any job relies on them."""

from __future__ import annotations

import asyncio
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from pectin.encoding.decoders import decodable
from pectin.encoding.exits import last_words
from pectin.linux.child import spawn
from pectin.linux.launch import Confinement
from pectin.linux.sandbox import Sandbox
from pectin.model.errors import Cause, PectinError
from pectin.model.profile import AudioCodec, Container, Profile, VideoCodec
from pectin.model.quality import QualityMode

JELLYFIN_FFMPEG = Path("/usr/lib/jellyfin-ffmpeg/ffmpeg")  # where Jellyfin's own packages put theirs: has the most filters
OLDEST = (5, 1)                  # the first with -fps_mode, and Debian 12's
NEEDED_ENCODERS = ("libx264", "aac")
_PICTURE_ENCODERS = {VideoCodec.H264: "libx264", VideoCodec.HEVC: "libx265", VideoCodec.AV1: "libsvtav1",
                     VideoCodec.VP9: "libvpx-vp9"}
_SOUND_ENCODERS = {AudioCodec.AAC: "aac", AudioCodec.OPUS: "libopus"}
ANSWER_TIMEOUT = 20.0            # seconds for `ffmpeg -version`: it takes 0.05, but a disk may have to spin up


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """`version` is None for a build from git that carries none (accepted); `version_text` is what it calls itself,
    e.g. `5.1.9-0+deb12u1`. `encoders` and `filters` by ffmpeg's names, `decoders` the codecs by ffprobe's; None: nobody asked."""

    ffmpeg: Path
    ffprobe: Path
    version: tuple[int, int] | None
    version_text: str
    encoders: frozenset[str] | None = None
    decoders: frozenset[str] | None = None
    filters: frozenset[str] | None = None

    @property
    def mixed(self) -> bool:
        """Whether ffprobe comes from somewhere else than ffmpeg: it may be of another version."""
        return self.ffprobe.parent not in (self.ffmpeg.parent, self.ffmpeg.resolve().parent)


def parse_version(text: str) -> tuple[int, int] | None:
    """`ffmpeg version 5.1.9-0+deb12u1 Copyright ...`, `ffmpeg version n7.0.2-...`: the two leading numbers. None for builds
    from git (`N-12345-gabcdef`, `git-2023-11-28-...`, `2023-11-28-git-...`)."""
    found = re.match(r"\S+ version n?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


async def find(ffmpeg: str, sandbox: Sandbox | None = None) -> Tools:
    """`auto`: Jellyfin's ffmpeg when it is installed, else the one in PATH; anything else is the path (or name) of the program.
    It is asked behind the walls of `sandbox` (None: behind none): one whose libraries they hide would fail with every film.

    Raises PectinError FFMPEG_MISSING (what was looked for), FFMPEG_TOO_OLD, FFMPEG_UNUSABLE (does not start,
    lacks an encoder)."""
    program = _locate(ffmpeg)
    probe = _beside(program)
    version_text = (await _ask(program, "-version", sandbox)).partition("\n")[0]
    version = parse_version(version_text)
    if version is not None and version < OLDEST:
        raise PectinError(Cause.FFMPEG_TOO_OLD, f"found {version[0]}.{version[1]} at {program}")
    await _ask(probe, "-version", sandbox)
    listed = await _listed(program, "-encoders")
    lacking = [encoder for encoder in NEEDED_ENCODERS if encoder not in listed]
    if lacking:
        raise PectinError(Cause.FFMPEG_UNUSABLE, f"{program} lacks the encoder {' and '.join(lacking)}")
    words = version_text.split()
    return Tools(ffmpeg=program, ffprobe=probe, version=version, version_text=words[2] if len(words) > 2 else "unknown",
                 encoders=listed, decoders=decodable(await _ask(program, "-codecs")), filters=await _listed(program, "-filters"))


async def _listed(program: Path, question: str) -> frozenset[str]:
    """The names in a list that has marks before each."""
    return frozenset(fields[1] for line in (await _ask(program, question)).splitlines() if len(fields := line.split()) > 1)


def lacking(tools: Tools, profile: Profile) -> tuple[str, ...]:
    """The encoders that a profile needs and this ffmpeg has not been built with."""
    encodes_sound = profile.audio is not AudioCodec.COPY and profile.container is not Container.SOURCE
    surround = profile.surround.value if encodes_sound and profile.audio is AudioCodec.AAC else "none"
    needed = (_PICTURE_ENCODERS.get(profile.video), _SOUND_ENCODERS.get(profile.audio) if encodes_sound else None,
              None if surround == "none" else surround)
    return tuple(name for name in needed if name is not None and tools.encoders is not None and name not in tools.encoders)


def lacking_filters(tools: Tools, profile: Profile) -> tuple[str, ...]:
    """The filters that a profile's quality is measured by and this ffmpeg has not been built with."""
    quality = profile.quality
    needed = (quality.metric.filter if quality.mode is QualityMode.TARGET else None,
              "ssim" if quality.floor is not None else None)
    return tuple(name for name in needed if name is not None and tools.filters is not None and name not in tools.filters)


# What to do about it. SSIM would be everywhere: at the same SSIM the VMAF of scenes spreads wider than at the same crf.
FILTER_HINT = ("set encoder.ffmpeg to one that has it (jellyfin-ffmpeg and most static builds do), or quality.mode: fixed, which "
               "is better than looking for a score by SSIM, the only measure that every ffmpeg has")


def _locate(setting: str) -> Path:
    if setting == "auto":
        found = shutil.which(JELLYFIN_FFMPEG) or shutil.which("ffmpeg")
        looked_for = f"neither {JELLYFIN_FFMPEG} nor ffmpeg in PATH is there"
    else:
        found = shutil.which(setting)
        looked_for = f"no executable file at {setting}" if "/" in setting else f"no {setting} in PATH"
    if found is None:
        raise PectinError(Cause.FFMPEG_MISSING, looked_for)
    return Path(found).absolute()


def _beside(ffmpeg: Path) -> Path:
    """The ffprobe of the same build: beside the path given, or beside the file it links to. Some builds come without one: then
    that in PATH, which says the same of a film in all but the newest formats."""
    tried = [place.with_name(place.name.replace("ffmpeg", "ffprobe") if "ffmpeg" in place.name else "ffprobe")
             for place in (ffmpeg, ffmpeg.resolve())]
    for candidate in tried:
        if shutil.which(candidate):
            return candidate
    if found := shutil.which("ffprobe"):
        return Path(found).absolute()
    raise PectinError(Cause.FFMPEG_MISSING, f"no ffprobe at {tried[0]}, nor in PATH")


async def _ask(program: Path, question: str, sandbox: Sandbox | None = None) -> str:
    """What the program prints. -hide_banner would hide the version, so it is not given for that question."""
    command = (str(program), *(() if question == "-version" else ("-hide_banner",)), question)
    walls = Confinement(sandbox=sandbox) if sandbox is not None else None
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT), spawn(command, cwd=None, nice=0, confinement=walls) as child:
            said = await child.stdout.read()
            status = await child.wait()
            if status != 0:
                behind = " in the sandbox" if sandbox is not None and sandbox.parts else ""
                raise PectinError(Cause.FFMPEG_UNUSABLE,
                                  f"{program} {question} ended{behind} with status {status}: {last_words(child.stderr_tail())}")
    except TimeoutError:
        raise PectinError(Cause.FFMPEG_UNUSABLE, f"{program} {question} gave no answer for {ANSWER_TIMEOUT:g} s") from None
    except OSError as error:
        raise PectinError(Cause.FFMPEG_MISSING, f"{program}: {error.strerror}") from error
    return said.decode("utf-8", "replace")
