"""Profiles with other codecs, for real: what comes out has the right name, key frames, depth and rate, and fits its profile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clips import Clips
from filmed import filmed, probed, run, times
from pectin.encoding.encoders import MP4_TAGS
from pectin.model.plan import Reason, StreamAction
from pectin.model.profile import Container, Profile, VideoCodec
from pectin.planning import plan

FAST = {VideoCodec.H264: Profile(preset="superfast"),
        VideoCodec.HEVC: Profile(video=VideoCodec.HEVC, preset="ultrafast"),
        VideoCodec.AV1: Profile(video=VideoCodec.AV1, preset="12", crf=35),
        VideoCodec.VP9: Profile(video=VideoCodec.VP9, preset="8", crf=33)}
DEPTHS = {VideoCodec.H264: 8, VideoCodec.HEVC: 8, VideoCodec.AV1: 10, VideoCodec.VP9: 8}
PLACES = [(codec, container) for codec in FAST for container in (Container.MP4, Container.MKV)]
PLACES += [(VideoCodec.AV1, Container.WEBM), (VideoCodec.VP9, Container.WEBM)]


def source(clips: Clips) -> Path:
    moving = "testsrc2=size=96x80:rate=25:duration=4.4,scroll=h=0.01"
    return clips.make("source.mkv", ["-f", "lavfi", "-i", moving, "-c:v", "ffv1"])


@pytest.mark.parametrize(("codec", "container"), PLACES)
async def test_the_film_is_what_its_profile_says_and_would_not_be_encoded_again(clips: Clips, tmp_path: Path, codec: VideoCodec,
                                                                                container: Container) -> None:
    profile = replace(FAST[codec], container=container)
    film = await filmed(source(clips), profile, tmp_path, threads=2)
    video = film.picture
    assert (video.codec, video.bit_depth, video.packets) == (codec.value, DEPTHS[codec], 110)
    assert container is not Container.MP4 or video.codec_tag == MP4_TAGS.get(codec, video.codec_tag)
    assert video.color_range == "tv"
    assert {video.color_space, video.color_primaries, video.color_transfer} == {"bt709"}
    assert times(film.file, keys=True) == pytest.approx([0, 2, 4], abs=0.01)
    assert film.file.suffix == f".{container}"
    again = plan.decide(probed(film.file), profile).kept[0]
    assert (again.action, again.reason) == (StreamAction.COPY, Reason.FITS), again.sentence


@pytest.mark.parametrize("codec", FAST)
async def test_a_film_cut_at_a_key_frame_needs_nothing_from_before(clips: Clips, tmp_path: Path, codec: VideoCodec) -> None:
    film = await filmed(source(clips), replace(FAST[codec], container=Container.MKV), tmp_path)
    cut = tmp_path / "cut.mkv"
    run("ffmpeg", "-v", "error", "-ss", "2.2", "-i", str(film.file), "-c", "copy", str(cut))
    assert hashes(cut) == hashes(film.file)[50:]


def hashes(file: Path) -> list[bytes]:
    """Of every decoded frame."""
    listed = run("ffmpeg", "-v", "error", "-xerror", "-i", str(file), "-map", "0:v", "-f", "framemd5", "-").splitlines()
    return [line.split(b",")[-1] for line in listed if not line.startswith(b"#")]


# libvpx keeps to its rate over minutes only.
@pytest.mark.parametrize("codec", [VideoCodec.H264, VideoCodec.HEVC, VideoCodec.AV1])
async def test_even_noise_stays_below_the_profiles_rate(clips: Clips, tmp_path: Path, codec: VideoCodec) -> None:
    noise = "testsrc2=size=160x120:rate=25:duration=3,noise=alls=100:allf=t"
    made = clips.make("noise.mkv", ["-f", "lavfi", "-i", noise, "-c:v", "mpeg4", "-q:v", "2"])
    film = await filmed(made, replace(FAST[codec], max_bitrate=500_000), tmp_path)
    assert film.file.stat().st_size * 8 / 3 <= 500_000


async def test_a_picture_too_small_for_av1_is_enlarged(clips: Clips, tmp_path: Path) -> None:
    tiny = clips.make("tiny.mkv", ["-f", "lavfi", "-i", "testsrc2=size=60x40:rate=25:duration=0.2", "-c:v", "ffv1"])
    video = (await filmed(tiny, FAST[VideoCodec.AV1], tmp_path)).picture
    assert (video.width, video.height) == (96, 64)


async def test_a_profile_that_copies_encodes_no_picture(clips: Clips, tmp_path: Path) -> None:
    film = await filmed(source(clips), Profile(video=VideoCodec.COPY, container=Container.MKV), tmp_path)
    assert (film.decision.reason, film.picture.codec) == (Reason.COPY_ONLY, "ffv1")
    assert hashes(film.file) == hashes(source(clips))
