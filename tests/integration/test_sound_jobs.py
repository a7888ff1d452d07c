"""Sound in a real daemon: a wanted loudness reaches the library, and a broken track costs itself only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from clips import Clips
from harness import Daemon, daemon
from soundrun import probed


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    sections = {"profiles": {"even": {"preset": "ultrafast", "loudness": -23}}}
    folder = tmp_path_factory.mktemp("daemon")
    route = {"name": "films", "inbox": str(folder / "inbox"), "library": str(folder / "library"), "profile": "even"}
    with daemon(folder, {**sections, "routes": [route]}) as made:
        yield made


PINK = "anoisesrc=color=pink:seed=1:duration=3:amplitude=0.5"


def film(clips: Clips, name: str, codecs: Sequence[str], *, broken: Sequence[int] = ()) -> Path:
    """One track per codec; of the broken ones every packet is noise."""
    tracks = [argument for number, (codec, language) in enumerate(zip(codecs, ("eng", "ger"), strict=False))
              for argument in ("-map", "1", f"-c:a:{number}", codec, f"-metadata:s:a:{number}", f"language={language}")]
    whole = clips.make(f"whole-{name}", ["-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=3", "-f", "lavfi", "-i", PINK,
                                         "-map", "0", *tracks, "-ac", "2", "-c:v", "libx264", "-preset", "ultrafast",
                                         "-pix_fmt", "yuv420p"])
    noise = [argument for number in broken for argument in (f"-bsf:a:{number}", "noise=amount=1")]
    return clips.make(name, ["-i", str(whole), "-map", "0", "-c", "copy", *noise])


def published(running: Daemon, clips: Clips, name: str, codecs: Sequence[str], broken: Sequence[int] = (),
              ) -> tuple[list[str | None], list[tuple[str, str]]]:
    """The languages of the published sound, and what became of each track."""
    running.drop(film(clips, name, codecs, broken=broken))
    job = running.job(name, "COMPLETED", "FAILED", "REJECTED")
    assert job["state"] == "COMPLETED", job
    output = probed(Path(job["outputs"][-1]["path"]))
    return ([s.language for s in output.audio],
            [(s["action"], s["reason"]) for s in job["plan"]["streams"] if s["kind"] == "audio"])


def test_a_copy_that_is_too_loud_is_encoded_as_loud_as_is_wanted(running: Daemon, clips: Clips) -> None:
    assert published(running, clips, "loud.mkv", ("aac",)) == (["eng"], [("encode", "loudness")])


@pytest.mark.parametrize("codec", ["ac3", "flac"])
def test_a_broken_track_is_dropped_and_the_others_are_published(running: Daemon, clips: Clips, codec: str) -> None:
    languages, tracks = published(running, clips, f"broken-{codec}.mkv", (codec, "ac3"), broken=(0,))
    assert languages == ["ger"]
    assert tracks[-1] == ("drop", "undecodable")


def test_a_film_whose_only_sound_is_broken_is_set_aside(running: Daemon, clips: Clips) -> None:
    running.drop(film(clips, "mute.mkv", ("ac3",), broken=(0,)))
    job = running.job("mute.mkv", "COMPLETED", "FAILED", "REJECTED")
    assert (job["state"], job["cause"]) == ("REJECTED", "no_sound"), job
