"""Sound stays with the picture, copied and encoded, late, early and full of holes: measured with films that flash and beep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clips import Clips
from pectin.model.plan import Reason
from pectin.model.profile import AudioCodec, Container, Profile, Surround, VideoCodec
from soundrun import filed
from syncing import TOLERANCE, flash_and_beep, offsets

FAST = Profile(preset="ultrafast")
B_FRAMES = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-pix_fmt", "yuv420p")


def codec(name: str) -> dict[str, Any]:
    return {"audio": ("-c:a", name)}


@pytest.mark.parametrize(
    ("name", "film", "done"),
    [
        ("copied.ts", {"video": B_FRAMES}, ("copy", Reason.FITS)),
        ("copied.mp4", {"video": B_FRAMES}, ("copy", Reason.FITS)),
        ("encoded.ts", {"video": B_FRAMES, **codec("ac3")}, ("encode", Reason.CODEC)),
        ("encoded.avi", codec("pcm_s16le"), ("encode", Reason.CODEC)),
        ("resampled.flv", {"audio": ("-c:a", "libmp3lame", "-ar", "44100")}, ("encode", Reason.CODEC)),
        ("late-encoded.mkv", {"audio_offset": 0.3, **codec("ac3")}, ("encode", Reason.CODEC)),
        ("very-late.mkv", {"audio_offset": 5}, ("encode", Reason.LATE)),
        ("very-late.ts", {"audio_offset": 5}, ("encode", Reason.LATE)),
        ("very-late.mp4", {"audio_offset": 5, **codec("ac3")}, ("encode", Reason.CODEC)),
        ("early.mp4", {"audio_offset": -0.3}, ("copy", Reason.FITS)),
        ("early-encoded.mp4", {"audio_offset": -0.3, **codec("ac3")}, ("encode", Reason.CODEC)),
        ("picture-late.mkv", {"video_offset": 0.48, **codec("ac3")}, ("encode", Reason.CODEC)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sound_keeps_its_distance_to_the_picture(clips: Clips, tmp_path: Path, name: str, film: dict[str, Any],
                                                 done: tuple[str, Reason]) -> None:
    path = flash_and_beep(clips, name, **film)
    found = filed(path, tmp_path, FAST)
    assert found.sound[0][1:] == (done[0], done[1].value)
    assert offsets(found.file) == pytest.approx(offsets(path), abs=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "holes"),
    [
        ("short.mkv", "aselect='not(between(t,1.4,1.46))'"),
        ("long.mkv", "aselect='not(between(t,1.3,1.8))'"),
        ("many.mkv", "asetnsamples=n=480,aselect='not(between(mod(t,0.1),0.05,0.055))'"),
        ("drift.mkv", "asetpts=PTS*1.003"),
        ("ends-early.mkv", "atrim=end=2.5"),
    ],
)
def test_holes_in_the_sound_become_silence(clips: Clips, tmp_path: Path, name: str, holes: str) -> None:
    path = flash_and_beep(clips, name, audio=("-af", holes, "-c:a", "pcm_s16le"))
    found = filed(path, tmp_path, FAST)
    assert offsets(found.file) == pytest.approx(offsets(path), abs=TOLERANCE)


def test_a_timestamp_gone_wild_makes_no_hours_of_silence(clips: Clips, tmp_path: Path) -> None:
    path = flash_and_beep(clips, "wild.mkv", audio=("-af", "asetpts=PTS+gte(T\\,3)*36000/TB", "-c:a", "pcm_s16le"))
    found = filed(path, tmp_path, FAST)
    assert (found.output.audio[0].duration or 0) < 4
    assert len(offsets(found.file)) == 2


@pytest.mark.parametrize("container", [Container.MKV, Container.WEBM])
def test_opus_is_in_sync(clips: Clips, tmp_path: Path, container: Container) -> None:
    path = flash_and_beep(clips, "vp8.webm", video=("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
                          audio=("-c:a", "libvorbis", "-ar", "32000"))
    found = filed(path, tmp_path, Profile(container=container, video=VideoCodec.VP9, audio=AudioCodec.OPUS, preset="5", crf=40))
    assert found.sound == [("vorbis", "encode", "sample_rate")]
    assert offsets(found.file) == pytest.approx(offsets(path), abs=TOLERANCE)


def test_a_broadcast_that_changes_from_stereo_to_surround_is_heard_to_its_end(clips: Clips, tmp_path: Path) -> None:
    parts = [flash_and_beep(clips, name, at=(1.0,), seconds=2.0, channels=channels, audio=("-c:a", "ac3"))
             for name, channels in (("spot.ts", 2), ("film.ts", 6))]
    path = clips.make("both.ts", ["-i", "concat:" + "|".join(str(part) for part in parts), "-c", "copy"])
    found = filed(path, tmp_path, Profile(preset="ultrafast", surround=Surround.NONE))
    assert [(s.codec, s.channels) for s in found.output.audio] == [("aac", 2)]
    assert offsets(found.file) == pytest.approx(offsets(path), abs=TOLERANCE)
    assert len(offsets(found.file)) == 2
