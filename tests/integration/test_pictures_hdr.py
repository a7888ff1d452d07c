"""HDR, for real: tone-mapped so that it looks right on every screen, or kept whole where the profile wants it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from clips import Clips
from filmed import filmed, pixel, run
from pectin.model import mastering
from pectin.model.mastering import ContentLight, MasteringDisplay
from pectin.model.plan import Reason, StreamAction
from pectin.model.profile import Container, Hdr, Profile, VideoCodec

SDR = Profile(preset="superfast")
KEEP = {VideoCodec.HEVC: Profile(preset="ultrafast", video=VideoCodec.HEVC, hdr=Hdr.KEEP),
        VideoCodec.AV1: Profile(preset="10", crf=30, video=VideoCodec.AV1, hdr=Hdr.KEEP)}
# Grey of 203 cd/m2, the white of HDR (ITU-R BT.2408): 58 % of PQ, 75 % of HLG. In 10 bits, limited range: 64 + 876 * share.
WHITE = {"smpte2084": 572, "arib-std-b67": 721}
SCREEN = ("log-level=none:hdr10=1:max-cll=1000,400:"
          "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)")


def patch(luma: int, blue: int = 512, red: int = 512) -> str:
    return f"nullsrc=size=320x240:rate=25:duration=0.2,format=yuv420p10le,geq=lum={luma}:cb={blue}:cr={red}"


def tagged(transfer: str, codec: str) -> list[str]:
    return [*codec.split(), "-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc", "-color_range", "tv"]


def hdr10(clips: Clips) -> Path:
    """HDR10 as most encoders leave it: what it says of its screen stands in the frames only."""
    return clips.make("hdr10.mkv", [
        "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=0.4",
        *tagged("smpte2084", f"-pix_fmt yuv420p10le -c:v libx265 -preset ultrafast -x265-params {SCREEN}")])


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
async def test_the_white_of_hdr_becomes_bright_grey_and_stays_grey(clips: Clips, tmp_path: Path, transfer: str) -> None:
    source = clips.make("white.mkv", ["-f", "lavfi", "-i", patch(WHITE[transfer]), *tagged(transfer, "-c:v ffv1")])
    film = await filmed(source, SDR, tmp_path)
    assert film.target.tonemap
    red, green, blue = pixel(film.file)
    assert 140 <= green <= 235
    assert max(abs(red - green), abs(blue - green)) <= 4
    assert (film.picture.color_transfer, film.picture.pixel_format) == ("bt709", "yuv420p")


async def test_pq_without_any_other_tag_has_no_green_cast(clips: Clips, tmp_path: Path) -> None:
    arguments = ["-f", "lavfi", "-i", patch(WHITE["smpte2084"]), "-c:v", "ffv1", "-color_trc", "smpte2084"]
    film = await filmed(clips.make("bare.mkv", arguments), SDR, tmp_path)
    red, green, blue = pixel(film.file)
    assert max(abs(red - green), abs(blue - green)) <= 4


async def test_red_stays_red_through_tone_mapping(clips: Clips, tmp_path: Path) -> None:
    source = clips.make("red.mkv", ["-f", "lavfi", "-i", patch(420, 470, 600), *tagged("smpte2084", "-c:v ffv1")])
    red, green, blue = pixel((await filmed(source, SDR, tmp_path)).file)
    assert red > 1.5 * max(green, blue)
    assert abs(green - blue) < red / 3


def told(file: Path) -> tuple[MasteringDisplay | None, ContentLight | None]:
    """What the first frame says of the screen."""
    shown = run("ffprobe", "-v", "error", "-show_frames", "-read_intervals", "%+#1", "-of", "json", str(file))
    return mastering.read(json.loads(shown)["frames"][0].get("side_data_list"))


@pytest.mark.parametrize("codec", KEEP)
async def test_hdr10_that_is_kept_says_all_it_said(clips: Clips, tmp_path: Path, codec: VideoCodec) -> None:
    source = clips.make("bright.mkv", ["-i", str(hdr10(clips)), "-c", "copy"])
    profile = replace(KEEP[codec], max_height=120)  # else HEVC would only be copied
    film = await filmed(source, profile, tmp_path)
    video = film.picture
    assert (video.codec, video.pixel_format, video.height) == (codec.value, "yuv420p10le", 120)
    assert (video.color_transfer, video.color_space, video.color_primaries) == ("smpte2084", "bt2020nc", "bt2020")
    screen, light = told(film.file)
    assert light == film.target.light == ContentLight(pixel=1000, frame=400)
    assert screen is not None
    places = (*screen.red, *screen.green, *screen.blue, *screen.white)
    assert [float(place) for place in places] == pytest.approx([0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329], abs=0.001)
    assert (float(screen.brightest), float(screen.darkest)) == pytest.approx((1000, 0.005), rel=0.01)


@pytest.mark.parametrize("codec", KEEP)
async def test_hlg_that_is_kept_stays_hlg(clips: Clips, tmp_path: Path, codec: VideoCodec) -> None:
    source = clips.make("hlg.mkv", ["-f", "lavfi", "-i", patch(WHITE["arib-std-b67"]), *tagged("arib-std-b67", "-c:v ffv1")])
    film = await filmed(source, KEEP[codec], tmp_path)
    video = film.picture
    assert (video.color_transfer, video.color_primaries, video.pixel_format) == ("arib-std-b67", "bt2020", "yuv420p10le")
    luma = run("ffmpeg", "-v", "error", "-i", str(film.file), "-frames:v", "1", "-vf", "crop=2:2,extractplanes=y",
               "-f", "rawvideo", "-")
    assert int.from_bytes(luma[:2], "little") == pytest.approx(WHITE["arib-std-b67"], abs=8)


async def test_hdr_that_fits_is_copied_with_all_it_says(clips: Clips, tmp_path: Path) -> None:
    film = await filmed(hdr10(clips), replace(KEEP[VideoCodec.HEVC], container=Container.MKV), tmp_path)
    assert film.decision.action is StreamAction.COPY
    assert told(film.file) == told(hdr10(clips))


async def test_the_same_film_is_tone_mapped_where_hdr_is_not_wanted(clips: Clips, tmp_path: Path) -> None:
    film = await filmed(hdr10(clips), replace(KEEP[VideoCodec.HEVC], hdr=Hdr.TONEMAP), tmp_path)
    assert (film.decision.reason, film.picture.color_transfer, film.picture.pixel_format) == (Reason.HDR, "bt709", "yuv420p")
    assert told(film.file) == (None, None)
