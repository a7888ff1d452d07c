"""Every shipped profile made for real: verified, filed, and played directly by as many clients as Pectin says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from clips import Clips
from harness import Daemon, daemon, sha256
from needs import need_program, shared
from pectin.model.profile import VideoCodec
from pectin.planning.reach import reach
from pectin.settings.sections import Settings
from pectin.settings.values import profiles

QUICK = {"universal": {"preset": "ultrafast", "extra": ["-tune:v", "animation"]},
         "universal-hevc": {"preset": "ultrafast"}, "archive-av1": {"preset": 12}}
PROFILES = profiles(Settings())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("shipped")
    routes = [{"name": name, "profile": name, "inbox": str(folder / "inboxes" / name),
               "library": str(folder / "libraries" / name)} for name in PROFILES]
    for route in routes:
        for key in ("inbox", "library"):
            Path(route[key]).mkdir(parents=True)
    with daemon(folder, {"routes": routes, "profiles": QUICK}) as made:
        yield made


def film(clips: Clips, name: str) -> Path:
    """At 1080p, so that levels are what they are for films. What is to be encoded is in a codec that nobody would rather copy."""
    copied = ("-c:v", "libx264", "-preset", "ultrafast", "-level", "4.1", "-refs", "4", "-pix_fmt", "yuv420p", "-b:v", "3M",
              "-maxrate", "4M", "-bufsize", "1M")
    return clips.film("film.mkv", seconds=0.5, size="1920x1080", rate="24",
                      video=copied if PROFILES[name].video is VideoCodec.COPY else ("-c:v", "mpeg4", "-q:v", "4"))


def test_an_avi_with_reordered_pictures_is_only_copied(running: Daemon, clips: Clips) -> None:
    """AVI does not say when a picture is shown: shown as they are stored, some would go back in time."""
    running.inbox = running.folder / "inboxes" / "copy"
    source = clips.film("divx.avi", seconds=1, video=("-c:v", "mpeg4", "-bf", "2", "-vtag", "DX50"), audio=("-c:a", "libmp3lame"))
    running.drop(source, "DivX.avi")
    job = running.job("DivX.avi", "COMPLETED", "FAILED", "REJECTED")
    assert job["state"] == "COMPLETED", job["message"]
    said = subprocess.run([need_program("ffprobe", "ffmpeg"), "-v", "error", "-select_streams", "v", "-show_entries",
                           "packet=pts_time,dts_time", "-of", "csv=p=0", job["outputs"][0]["path"]],
                          capture_output=True, text=True, check=True)
    times = [line.split(",")[:2] for line in said.stdout.split()]
    assert any(float(shown) > float(decoded) + 0.1 for shown, decoded in times), times


@pytest.mark.parametrize("name", PROFILES)
def test_a_shipped_profile_plays_on_as_many_clients_as_it_says(running: Daemon, clips: Clips, name: str) -> None:
    inbox = running.folder / "inboxes" / name / f"{name}.mkv"
    running.inbox = inbox.parent
    source = film(clips, name)
    running.drop(source, inbox.name)
    job = running.job(inbox.name, "COMPLETED", "FAILED", "REJECTED")
    assert job["state"] == "COMPLETED", job["message"]
    made = Path(job["outputs"][0]["path"])
    container = PROFILES[name].container.value
    assert made.suffix == (".mkv" if container == "source" else f".{container}")
    if container == "source":
        assert sha256(made) == sha256(source)
        return
    answer = subprocess.run([sys.executable, shared("oracle/directplay_oracle.py"), "--probe", made, "--json"],
                            capture_output=True, text=True, check=False)
    playing = sum(device["direct_play"] for device in json.loads(answer.stdout).values())
    expected = reach(PROFILES[name]).clients
    # A bit rate below the profile's most, and SDR, reach some more.
    assert playing >= expected
    if name != "archive-av1":
        assert playing == expected
