"""One source by the shortest way: probed, looked at, planned and encoded by the real ffmpeg, without a daemon."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from needs import need_program
from pectin.encoding import argv, looking, tools
from pectin.model.measured import Measured
from pectin.model.media import MediaInfo, VideoStream
from pectin.model.plan import Plan, StreamDecision, VideoTarget
from pectin.model.profile import Profile
from pectin.planning import plan, probe, questions

_FOUND: list[tools.Tools] = []  # asked once: what it can do takes ffmpeg half a second to tell


@dataclass(frozen=True)
class Filmed:
    """What became of it. `picture` is the output's, as ffprobe sees it."""

    source: MediaInfo
    measured: Measured
    plan: Plan
    file: Path

    @property
    def decision(self) -> StreamDecision:
        return next(stream for stream in self.plan.kept if stream.kind == "video")

    @property
    def target(self) -> VideoTarget:
        found = self.decision.target
        assert isinstance(found, VideoTarget), self.decision.sentence
        return found

    @property
    def picture(self) -> VideoStream:
        return probed(self.file).video[0]


def probed(file: Path) -> MediaInfo:
    """As the daemon sees it."""
    return probe.parse(json.loads(run(*argv.probe_argv("ffprobe", f"file:{file}", count=True))))


def run(program: str, *arguments: str, cwd: Path | None = None) -> bytes:
    done = subprocess.run([need_program(program, "ffmpeg"), *arguments], capture_output=True, check=False, cwd=cwd, timeout=120)
    assert done.returncode == 0, f"{done.args}\n{done.stderr.decode(errors='replace')}"
    return done.stdout


async def filmed(source: Path, profile: Profile, folder: Path, *, threads: int = 1) -> Filmed:
    """Encode `source` into the empty `folder`."""
    if not _FOUND:
        _FOUND.append(await tools.find("ffmpeg"))
    found = _FOUND[0]
    media = probed(source)
    with source.open("rb") as opened:  # it is walled in: it sees what it is handed, and no name
        measured = await looking.look(questions.ask(media, profile), media, tools=found,
                                      source=f"file:/proc/self/fd/{opened.fileno()}", pass_fds=(opened.fileno(),),
                                      threads=threads, nice=0, cpus=None, job="", stall_timeout=60, monitor=None)
    decided = plan.decide(media, profile, measured)
    command = argv.build(decided, ffmpeg="ffmpeg", source=f"file:{source}", threads=threads, max_pixels=40_000_000)
    run("ffmpeg", *command.argv[1:], cwd=folder)
    return Filmed(source=media, measured=measured, plan=decided, file=folder / command.video)


def pixel(file: Path, *, at: str = "iw/2:ih/2", matrix: str = "bt709") -> tuple[int, int, int]:
    """The colour in one place of the first frame (red, green, blue of 255), as a player shows it."""
    graph = f"crop=2:2:{at}:exact=1,scale=in_color_matrix={matrix},format=rgb24"
    shown = run("ffmpeg", "-v", "error", "-i", str(file), "-frames:v", "1", "-vf", graph, "-f", "rawvideo", "-")
    return shown[0], shown[1], shown[2]


def times(file: Path, *, keys: bool = False) -> list[float]:
    """When each frame is shown, in seconds and in order; `keys`: the key frames only."""
    listed = run("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0",
                 str(file)).decode().split()
    return sorted(float(line.split(",")[0]) for line in listed if not keys or ",K" in line)
