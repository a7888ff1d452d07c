"""Each fault a picture can have, in a real film, and what becomes of it: the output is looked at, not only its headers."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from clips import Clips
from filmed import filmed, pixel, run, times
from pectin.model.measured import Scan
from pectin.model.plan import Reason, StreamAction
from pectin.model.profile import Crop, FastPictures, Profile

PROFILE = Profile(preset="superfast")
FFV1 = "-c:v ffv1"
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
ORANGE = (0xC0, 0x40, 0x20)


def moving(size: str, rate: str, seconds: float, more: str) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds},scroll=h=0.01:v=0.004,{more}"]


def orders(file: Path) -> dict[str, int]:
    """How many frames lie in which order of fields, by idet."""
    said = run("ffmpeg", "-v", "error", "-i", str(file), "-vf", "idet,metadata=mode=print:file=-", "-f", "null", "-").decode()
    words = [line.partition("=")[2] for line in said.splitlines() if line.startswith("lavfi.idet.multiple.current_frame")]
    return {word: words.count(word) for word in words}


TELECINED = "telecine=pattern=23"
FIELDS = "tinterlace=interleave_{}"
MPEG2 = "-c:v mpeg2video -q:v 3 -flags +ilme+ildct -top {}"


@pytest.mark.parametrize(("name", "rate", "more", "codec", "top"), [
    ("telecined.mpg", "24000/1001", TELECINED, MPEG2.format(1), True),
    ("bottom-first.mpg", "24000/1001", "telecine=pattern=32:first_field=b", MPEG2.format(0), False),
    ("unflagged.mkv", "24000/1001", TELECINED, FFV1, True),
])
async def test_a_telecined_film_gets_its_24_frames_back(clips: Clips, tmp_path: Path, name: str, rate: str, more: str, codec: str,
                                                        top: bool) -> None:
    film = await filmed(clips.make(name, [*moving("720x480", rate, 1.5, more), *codec.split()]), PROFILE, tmp_path)
    assert (film.measured.scan, film.measured.top_first) == (Scan.TELECINED, top)
    assert film.target.detelecine
    assert not orders(film.file).keys() & {"tff", "bff"}
    shown = times(film.file)
    assert all(later - earlier == pytest.approx(1001 / 24000, abs=0.001) for earlier, later in itertools.pairwise(shown))
    assert len(shown) == pytest.approx(36, abs=1)


async def test_a_gap_in_a_telecined_recording_shifts_nothing(clips: Clips, tmp_path: Path) -> None:
    frames = moving("720x480", "24000/1001", 2.5, f"{TELECINED},select='not(between(n,40,59))'")
    source = clips.make("gap.mkv", [*frames, "-fps_mode", "vfr", *FFV1.split()])
    film = await filmed(source, PROFILE, tmp_path)
    assert film.measured.scan is Scan.TELECINED
    assert times(film.file)[-1] == pytest.approx(times(source)[-1], abs=0.1)


@pytest.mark.parametrize(("name", "first", "codec", "sentence"), [
    ("flagged.mpg", "top", MPEG2.format(1), "it is interlaced;"),
    ("unflagged.mkv", "bottom", X264, "it is interlaced, though flagged as progressive"),
    ("wrongly-flagged.mpg", "bottom", MPEG2.format(1), "it is interlaced"),
])
async def test_fields_become_whole_frames_whatever_the_flag_says(clips: Clips, tmp_path: Path, name: str, first: str, codec: str,
                                                                 sentence: str) -> None:
    source = clips.make(name, [*moving("720x480", "60000/1001", 1, FIELDS.format(first)), *codec.split()])
    film = await filmed(source, PROFILE, tmp_path)
    assert (film.measured.scan, film.measured.top_first) == (Scan.INTERLACED, first == "top")
    assert sentence in film.decision.sentence
    assert not orders(film.file).keys() & {"tff", "bff"}
    assert film.picture.field_order in (None, "progressive")
    assert film.picture.packets == film.source.video[0].packets


async def test_whole_frames_that_are_flagged_as_interlaced_are_encoded_but_not_deinterlaced(clips: Clips, tmp_path: Path) -> None:
    arguments = [*moving("720x576", "25", 1, "null"), *f"{X264} -flags +ilme+ildct -x264-params tff=1 -b:v 4M".split()]
    film = await filmed(clips.make("psf.mp4", arguments), PROFILE, tmp_path)
    assert (film.decision.reason, film.measured.scan) == (Reason.WRONG_FLAG, Scan.PROGRESSIVE)
    assert not film.target.deinterlace
    assert film.picture.field_order == "progressive"


async def test_nobody_looks_where_the_picture_must_be_progressive(clips: Clips, tmp_path: Path) -> None:
    source = clips.make("film.mkv", [*moving("1280x720", "25", 1, "null"), *X264.split(), "-b:v", "2M"])
    film = await filmed(source, PROFILE, tmp_path)
    assert film.measured.scan is None
    assert film.decision.action is StreamAction.COPY


# name, what comes behind -i of an orange picture in RGB, the largest difference of a channel
COLOURS = [
    ("rgb.mkv", FFV1 + " -pix_fmt gbrp"),
    ("rgb10.mkv", FFV1 + " -pix_fmt gbrp10le"),
    ("bgr0.mkv", FFV1 + " -pix_fmt bgr0"),
    ("screen.mov", "-c:v qtrle -pix_fmt rgb24"),
    ("bgr24.avi", "-c:v rawvideo -pix_fmt bgr24"),
    ("x264rgb.mkv", "-c:v libx264rgb -crf 1 -preset ultrafast"),
    ("prores.mov", "-vf scale=out_color_matrix=bt709,format=yuv422p10le,setparams=colorspace=bt709 -c:v prores_ks"),
    ("alpha.mov", "-vf scale=out_color_matrix=smpte170m,format=yuva444p10le -c:v prores_ks -profile:v 4"),
    ("camera.avi", "-vf scale=out_color_matrix=bt601:out_range=pc,format=yuvj422p -c:v mjpeg -q:v 1"),
    ("tape.dv", "-vf scale=720:480:out_color_matrix=bt601,format=yuv411p,fps=30000/1001 -c:v dvvideo"),
    ("444.mkv", "-vf scale=out_color_matrix=bt709,format=yuv444p -c:v libx264 -crf 1 -preset ultrafast -colorspace bt709"),
    ("422.mkv", "-vf scale=out_color_matrix=bt709,format=yuv422p10le -c:v libx264 -crf 1 -preset ultrafast -colorspace bt709"),
    ("full.mp4", "-vf scale=out_color_matrix=smpte170m:out_range=pc,format=yuvj420p -c:v libx264 -crf 1 -preset ultrafast"),
    ("old.avi", "-vf scale=out_color_matrix=bt601,format=yuv420p -c:v mpeg4 -q:v 1"),
]


@pytest.mark.parametrize(("name", "arguments"), COLOURS, ids=[name for name, _ in COLOURS])
async def test_a_colour_is_the_same_after_encoding(clips: Clips, tmp_path: Path, name: str, arguments: str) -> None:
    patch = "-f lavfi -i color=c=0xC04020:size=320x240:rate=25:duration=0.2,format=gbrp"
    film = await filmed(clips.make(name, f"{patch} {arguments}".split()), PROFILE, tmp_path)
    assert pixel(film.file) == pytest.approx(ORANGE, abs=6)
    video = film.picture
    assert (video.pixel_format, video.color_range, video.color_space, video.color_transfer, video.color_primaries) == (
        "yuv420p", "tv", "bt709", "bt709", "bt709")


@pytest.mark.parametrize("arguments", ["-pix_fmt gray -c:v ffv1", "-pix_fmt gray10le -c:v ffv1"])
async def test_grey_stays_grey(clips: Clips, tmp_path: Path, arguments: str) -> None:
    grey = "-f lavfi -i color=c=0x808080:size=320x240:rate=25:duration=0.2"
    film = await filmed(clips.make("grey.mkv", f"{grey} {arguments}".split()), PROFILE, tmp_path)
    assert pixel(film.file) == pytest.approx((0x80, 0x80, 0x80), abs=6)


# The upper left quarter is orange, the rest is grey.
QUARTER = "color=c=0x404040:size=320x240:rate=25:duration=0.2,drawbox=0:0:160:120:c=0xC04020:t=fill,format=yuv420p"


@pytest.mark.parametrize(("matrix", "corner", "size"), [
    ((0, 1, -1, 0), "iw*3/4:ih/4", (240, 320)),   # a quarter turn clockwise
    ((-1, 0, 0, -1), "iw*3/4:ih*3/4", (320, 240)),
    ((-1, 0, 0, 1), "iw*3/4:ih/4", (320, 240)),   # mirrored: left and right
    ((1, 0, 0, -1), "iw/4:ih*3/4", (320, 240)),   # mirrored: up and down
])
async def test_what_is_turned_or_mirrored_comes_out_upright(clips: Clips, tmp_path: Path, matrix: tuple[int, int, int, int],
                                                            corner: str, size: tuple[int, int]) -> None:
    flat = clips.make("flat.mp4", ["-f", "lavfi", "-i", QUARTER, *X264.split()])
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(with_matrix(flat.read_bytes(), matrix))
    (tmp_path / "out").mkdir()
    film = await filmed(turned, PROFILE, tmp_path / "out")
    assert film.decision.reason is Reason.ROTATED
    video = film.picture
    assert (video.width, video.height, video.rotation, video.mirrored) == (*size, 0, False)
    assert pixel(film.file, at=corner) == pytest.approx(pixel(flat, at="iw/4:ih/4", matrix="smpte170m"), abs=8)


def with_matrix(film: bytes, matrix: tuple[int, int, int, int]) -> bytes:
    """An MP4 with another display matrix (a b; c d) in its first track's header."""
    start = film.index(b"tkhd") + 4 + 40
    a, b, c, d = (number << 16 for number in matrix)
    fields = [a, b, 0, c, d, 0, 0, 0, 1 << 30]
    return film[:start] + b"".join(field.to_bytes(4, "big", signed=True) for field in fields) + film[start + 36:]


async def test_a_variable_frame_rate_keeps_every_moment(clips: Clips, tmp_path: Path) -> None:
    uneven = "select='lt(t,0.5)+not(mod(n,7))+eq(n,3)'"
    source = clips.make("uneven.mkv", [*moving("320x240", "30", 3, uneven), "-fps_mode", "vfr", *FFV1.split()])
    film = await filmed(source, PROFILE, tmp_path)
    before, after = times(source), times(film.file)
    assert len(after) == len(before)
    assert all(there - after[0] == pytest.approx(here - before[0], abs=0.002) for here, there in zip(before, after, strict=True))


async def test_a_fast_picture_may_lose_lines_rather_than_frames(clips: Clips, tmp_path: Path) -> None:
    source = clips.make("fast.mkv", [*moving("1920x1080", "50", 0.12, "null"), *FFV1.split()])
    halved = await filmed(source, PROFILE, tmp_path)
    (tmp_path / "small").mkdir()
    small = await filmed(source, Profile(preset="superfast", fast_pictures=FastPictures.SHRINK), tmp_path / "small")
    assert [(film.picture.height, film.picture.average_frame_rate) for film in (halved, small)] == [(1080, 25), (720, 50)]
    assert (halved.target.frame_step, halved.picture.packets) == (2, 3)


@pytest.mark.parametrize(("name", "size", "pad", "left"), [
    ("wide.mkv", "640x272", "640:480:0:104", (640, 272)),
    ("narrow.mkv", "480x360", "640:360:80:0", (480, 360)),
    ("thin.mkv", "640x356", "640:360:0:2", None),
    ("lopsided.mkv", "640x300", "640:360:0:0", None),
])
async def test_black_borders_are_cut_off_when_they_are_borders(clips: Clips, tmp_path: Path, name: str, size: str, pad: str,
                                                               left: tuple[int, int] | None) -> None:
    source = clips.make(name, [*moving(size, "24", 1, f"pad={pad}"), *f"{FFV1}".split()])
    film = await filmed(source, Profile(preset="superfast", crop=Crop.AUTO), tmp_path)
    assert (film.target.crop and (film.target.crop.width, film.target.crop.height)) == left
    video = film.picture
    assert (video.width, video.height) == (left or (640, int(pad.split(":")[1])))
    assert ("black borders" in film.decision.sentence) == (left is not None)


async def test_a_dark_film_is_not_cropped(clips: Clips, tmp_path: Path) -> None:
    dark = "-f lavfi -i color=black:size=320x240:rate=24:duration=1,drawbox=100:100:60:40:c=gray:t=fill"
    film = await filmed(clips.make("dark.mkv", f"{dark} {FFV1}".split()), Profile(preset="superfast", crop=Crop.AUTO), tmp_path)
    assert film.target.crop is None
