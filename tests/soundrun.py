"""Takes a film through probe, plan and ffmpeg as a job does, without a daemon: for tests of what comes out."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from needs import need_program
from pectin.encoding import argv
from pectin.model.measured import Measured
from pectin.model.media import MediaInfo
from pectin.model.plan import Plan
from pectin.model.profile import Profile
from pectin.planning import plan, probe

PIXELS = 40_000_000


@dataclass(frozen=True)
class Filed:
    """A film that went the whole way."""

    source: MediaInfo
    plan: Plan
    output: MediaInfo
    file: Path

    @property
    def sound(self) -> list[tuple[str, str, str]]:
        """Of every kept sound track its codec in the source, what was done, and why."""
        return [(s.codec, s.action.value, s.reason.value) for s in self.plan.kept if s.kind == "audio"]


def probed(path: Path) -> MediaInfo:
    made = subprocess.run(argv.probe_argv(need_program("ffprobe", "ffmpeg"), f"file:{path}", max_pixels=PIXELS),
                          capture_output=True, text=True, check=False, timeout=60)
    assert made.returncode == 0, made.stderr
    return probe.parse(json.loads(made.stdout))


def filed(path: Path, folder: Path, profile: Profile, measured: Measured | None = None) -> Filed:
    """The output lies in `folder`. Planned again, it must need nothing more: then it plays everywhere by our own rules."""
    source = probed(path)
    decided = plan.decide(source, profile, measured or Measured())
    command = argv.build(decided, ffmpeg=need_program("ffmpeg", "ffmpeg"), source=f"file:{path}", threads=1, max_pixels=PIXELS)
    made = subprocess.run(command.argv, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert made.returncode == 0, made.stderr
    output = probed(folder / command.video)
    again = plan.decide(output, profile)
    assert {s.action.value for s in again.streams if s.kind == "audio"} <= {"copy"}, [s.sentence for s in again.streams]
    return Filed(source, decided, output, folder / command.video)


def peaks(path: Path, track: int = 0) -> list[float]:
    """The highest sample of each channel, as a part of full scale."""
    meter = "aformat=sample_fmts=flt,astats=measure_overall=none:measure_perchannel=Peak_level"
    ran = subprocess.run([need_program("ffmpeg", "ffmpeg"), "-nostdin", "-hide_banner", "-i", str(path), "-map", f"0:a:{track}",
                          "-af", meter, "-f", "null", "-"], capture_output=True, text=True, check=True, timeout=60)
    return [0.0 if found == "-inf" else 10 ** (float(found) / 20) for found in re.findall(r"Peak level dB: (\S+)", ran.stderr)]
