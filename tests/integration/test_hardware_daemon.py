"""A daemon with a video card: what people see of it, in status, log, metrics, `pectin show` and `pectin doctor`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx

from clips import Clips
from harness import Daemon, daemon, until
from pectin.encoding import known_devices
from pectin.model.hardware import Picture
from videocard import NODE, Card

ENCODER = {"threads": 1, "hardware": "vaapi", "device": NODE}


def wide(folder: Path) -> dict[str, Any]:
    """Its own profile: raw macroblocks take much, and universal keeps to what every client plays."""
    return {"profiles": {"wide": {"preset": "ultrafast", "max_bitrate": "200M"}},
            "routes": [{"name": "films", "inbox": str(folder / "inbox"), "library": str(folder / "library"), "profile": "wide"}]}


def metric(running: Daemon, name: str, **labels: str) -> float:
    page = httpx.get(f"http://127.0.0.1:{running.metrics_port}/metrics", trust_env=False).text
    wanted = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    found = re.search(rf"^{name}{{{re.escape(wanted)}}} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else 0.0


def made(running: Daemon, film: Path, name: str) -> str:
    """How a film was made; it must be COMPLETED."""
    running.drop(film, name)
    figures = running.job(name, "COMPLETED", "FAILED", "REJECTED", "CANCELLED")
    assert figures["state"] == "COMPLETED", figures["message"]
    return str(figures["figures"]["made_by"])


def test_a_card_that_begins_to_fail_is_left_alone_and_every_film_is_completed(clips: Clips, common: Path, tmp_path: Path) -> None:
    card = Card(common, tmp_path / "card")
    film = clips.make("hd.mkv", ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=0.6", "-c:v", "mpeg2video",
                                 "-color_range", "tv", "-colorspace", "bt709", "-q:v", "5"])
    sections = {**wide(tmp_path / "daemon"), "encoder": {**ENCODER, "ffmpeg": str(card.ffmpeg)}}
    card.known_now(tmp_path / "daemon" / "state", Picture("mpeg2video", 8))
    with daemon(tmp_path / "daemon", sections) as running:
        assert made(running, film, "first.mkv") == f"decoded, filtered and encoded on {NODE}"
        assert metric(running, "pectin_hardware_available", codec="h264 8 bit", device=f"vaapi:{NODE}") == 1
        assert f"decoded, filtered and encoded on {NODE}" in running.cli("plan", str(film)).stdout
        card.fault(full="crash:2", hybrid="createcontext")
        for number in range(3):
            assert made(running, film, f"{number}.mkv").startswith("on the CPU: the device has failed (full failed: ")
        assert metric(running, "pectin_hardware_fallbacks_total", **{"from": "hybrid", "to": "cpu", "reason": "start"}) == 3
        until(lambda: metric(running, "pectin_hardware_available", codec="h264 8 bit", device=f"vaapi:{NODE}") == 0, "it rests")
        assert made(running, film, "last.mkv") == "on the CPU: the device has failed several films in a row and rests"
        assert "has failed several films in a row (hybrid): it rests" in running.text()
        (device,) = running.client().get("/v1/status")["hardware"]
        assert (device["device"], device["resting"]) == (f"vaapi:{NODE}", ["full", "hybrid"])
        assert "films are encoded on the CPU: the device has failed several films in a row" in running.cli("status").stdout
        assert "on the CPU: the device has failed" in running.cli("show", running.job("0.mkv", "COMPLETED")["id"]).stdout
        assert f"FAIL hardware: vaapi:{NODE}" in running.cli("doctor").stdout
        card.fault()
        running.client().post("/v1/reload")  # looks at the devices again
        assert made(running, film, "again.mkv") == f"decoded, filtered and encoded on {NODE}"


def test_doctor_tries_the_hardware_out_and_keeps_what_it_saw(common: Path, tmp_path: Path) -> None:
    card = Card(common, tmp_path / "card")
    here = Daemon(tmp_path / "daemon", {"encoder": {**ENCODER, "ffmpeg": str(card.ffmpeg)}})
    (here.folder / "state").mkdir()
    card.fault(trials="end")
    failed = here.cli("doctor", "--hardware")
    assert failed.returncode == 1
    assert f"FAIL hardware: vaapi:{NODE} (fake software test driver): " in failed.stdout
    assert "fake software test driver" in (here.folder / "state" / known_devices.FILE).read_text()


def test_without_hardware_films_are_encoded_on_the_cpu_and_doctor_says_so(tmp_path: Path) -> None:
    here = Daemon(tmp_path, {"encoder": {"threads": 1, "hardware": "vaapi", "device": "/dev/dri/renderD255"}})
    assert "there is no such device" in here.cli("doctor", "--hardware").stdout
    here.write({"encoder": {"hardware": "cpu", "device": "auto"}})
    assert "OK   hardware: encoder.hardware is cpu" in here.cli("doctor", "--hardware").stdout
