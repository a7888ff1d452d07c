"""Pictures of finished films, for real: never black or in a flash, as many as the film is long, in the film's shape and colours;
and what cannot be made costs only itself."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from clips import Clips
from pectin.encoding import shown, stills
from pectin.model.artifact import Moment, Pictures, Preview
from pectin.model.output import Home
from pectin.model.profile import Container, Hdr, Profile, VideoCodec
from producing import QUICKLY, Produced, produced

QUICK = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
ALONG = replace(QUICKLY, pictures=Pictures(trickplay=True, sprite=True))
POSTER = replace(QUICKLY, pictures=Pictures(poster=Moment()))


def brightness(picture: Path, place: str = "iw:ih:0:0") -> float:
    """The mean of a part of a picture, 0 to 255."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", str(picture), "-vf",
                           f"crop={place},scale=16:16:flags=area:out_range=pc,format=gray", "-frames:v", "1",
                           "-f", "rawvideo", "-"], capture_output=True, check=True)
    assert len(done.stdout) == 256
    return sum(done.stdout) / 256


def facts(file: Path) -> tuple[str, int, int, int]:
    """Codec, width, height and number of frames."""
    done = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(file)],
                          capture_output=True, check=True)
    stream = json.loads(done.stdout)["streams"][0]
    return stream["codec_name"], stream["width"], stream["height"], int(stream["nb_read_frames"])


def made(film: Produced, role: str) -> Path:
    return film.folder / next(output.file for output in film.outputs if output.role == role)


def roles(film: Produced) -> list[str]:
    return [output.role for output in film.outputs]


@pytest.mark.parametrize(("name", "arguments", "pictures"), [
    ("five frames", ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=0.2"], 1),
    ("four seconds", ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=4"], 1),
    ("eleven seconds", ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=11"], 2),
    ("frames of any length", ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=4,setpts=PTS*(1+N/20)",
                              "-fps_mode", "vfr", "-enc_time_base", "1/1000"], 3),
    ("a gap of fifty minutes", ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=1,setpts=PTS+gt(N\\,12)*3000/TB",
                                "-fps_mode", "vfr"], 301)])
async def test_a_film_has_a_picture_for_every_ten_seconds(clips: Clips, tmp_path: Path, name: str, arguments: list[str],
                                                          pictures: int) -> None:
    film = await produced(clips.make("film.mkv", [*arguments, *QUICK]), tmp_path, ALONG)
    assert film.plan.notes == (), name
    folder, sprites = made(film, "trickplay") / "160 - 10x10", made(film, "sprite")
    sheets = [f"{number}.jpg" for number in range(-(-pictures // 100))]
    assert sorted(file.name for file in folder.iterdir()) == sheets
    assert all(facts(folder / sheet)[1:3] == (1600, 1200) for sheet in sheets)
    assert (sprites / "sprites.vtt").read_text().count(" --> ") == pictures
    assert (sprites / "sheet-0.jpg").read_bytes() == (folder / "0.jpg").read_bytes()
    assert sorted(path.name for path in film.folder.iterdir()) == ["sprites", "trickplay", "video.mp4"]


async def test_a_film_with_one_key_frame_has_different_pictures(clips: Clips, tmp_path: Path) -> None:
    parts = [word for grey in ("303030", "808080", "e0e0e0")
             for word in ("-f", "lavfi", "-i", f"color=0x{grey}:s=64x48:r=5:d=10")]
    source = clips.make("grey.mkv", [*parts, "-filter_complex", "concat=n=3", *QUICK, "-g", "9999", "-sc_threshold", "0"])
    film = await produced(source, tmp_path, replace(ALONG, video=VideoCodec.COPY, container=Container.MKV))
    sheet = made(film, "trickplay") / "64 - 10x10" / "0.jpg"
    seen = [brightness(sheet, f"48:32:{64 * number + 8}:8") for number in range(4)]
    assert seen == pytest.approx([48, 128, 224, 0], abs=16)


@pytest.fixture
def moody(clips: Clips) -> Path:
    """Black, then a slow fade in, with a white flash in the middle of what is left."""
    return clips.make("moody.mkv", [
        "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=8,fade=t=in:st=2:d=2,"
                             "drawbox=t=fill:color=white:enable='between(t,5.9,6.3)'", *QUICK, "-g", "25"])


async def test_a_poster_is_no_frame_that_is_black_white_or_fading(moody: Path, tmp_path: Path) -> None:
    asked = Pictures(poster=Moment(), fanart=Moment(), thumb=Moment())
    film = await produced(moody, tmp_path, replace(QUICKLY, pictures=asked))
    assert roles(film) == ["poster", "fanart", "thumb", "video"]
    pictures = [made(film, role) for role in ("poster", "fanart", "thumb")]
    assert [(output.suffix, output.extension, output.home) for output in film.outputs[:3]] == [
        ("-poster", "jpg", Home.LIBRARY), ("-fanart", "jpg", Home.LIBRARY), ("-thumb", "jpg", Home.LIBRARY)]
    assert all(90 < brightness(picture) < 160 for picture in pictures)
    assert all(facts(picture)[1:] == (160, 120, 1) for picture in pictures)
    assert len({picture.read_bytes() for picture in pictures}) > 1  # not the same one three times


async def test_a_moment_is_taken_as_chosen_and_one_that_is_not_there_costs_only_itself(moody: Path, tmp_path: Path) -> None:
    chosen = Pictures(poster=Moment(seconds=1), fanart=Moment(fraction=1.0), thumb=Moment(seconds=3600))
    film = await produced(moody, tmp_path, replace(QUICKLY, pictures=chosen))
    assert roles(film) == ["poster", "fanart", "video"]
    assert brightness(made(film, "poster")) < 10  # it was wanted
    assert 90 < brightness(made(film, "fanart")) < 160
    assert film.plan.notes == (
        "Without the thumb: the film has no such moment: the thumb is wanted at 1:00:00, and the film lasts 8.0 s.",)


async def test_a_black_film_has_black_pictures(clips: Clips, tmp_path: Path) -> None:
    black = clips.make("black.mkv", ["-f", "lavfi", "-i", "color=black:size=160x120:rate=5:duration=2", *QUICK])
    film = await produced(black, tmp_path, replace(QUICKLY, pictures=Pictures(poster=Moment(), trickplay=True)))
    assert (roles(film), film.plan.notes) == (["poster", "trickplay", "video"], ())


async def test_a_picture_that_comes_out_black_is_not_published(moody: Path, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt(film: shown.Shown, width: int, height: int, colours: str) -> tuple[str, ...]:
        return (*shown.small(film, width, height, colours), *(("lutyuv=y=0:u=128:v=128",) if colours == "yuvj420p" else ()))

    monkeypatch.setattr(stills, "small", spoilt)
    film = await produced(moody, tmp_path, POSTER)
    assert roles(film) == ["video"]
    assert film.plan.notes[0].startswith("Without the poster: ")
    assert "the picture is black, and the film is not" in film.plan.notes[0]
    assert [file.name for file in film.folder.iterdir()] == ["video.mp4"]


async def test_pictures_are_upright_and_in_the_films_shape(clips: Clips, tmp_path: Path) -> None:
    wide = clips.make("wide.mkv", ["-f", "lavfi", "-i", "testsrc2=size=180x144:rate=25:duration=0.4,setsar=64/45", *QUICK])
    asked = Pictures(poster=Moment(), trickplay=True)
    film = await produced(wide, tmp_path, replace(QUICKLY, pictures=asked, video=VideoCodec.COPY, container=Container.MKV))
    assert facts(made(film, "poster"))[1:3] == (256, 144)
    (tmp_path / "tall").mkdir()
    tall = clips.film("tall.mkv", seconds=0.4, size="90x160", audio=())
    film = await produced(tall, tmp_path / "tall", replace(QUICKLY, pictures=asked))
    assert facts(made(film, "poster"))[1:3] == (90, 160)
    assert [folder.name for folder in made(film, "trickplay").iterdir()] == ["90 - 10x10"]


async def test_the_pictures_of_a_film_that_stays_hdr_are_tone_mapped(clips: Clips, tmp_path: Path) -> None:
    white = "nullsrc=size=160x120:rate=25:duration=0.2,format=yuv420p10le,geq=lum=572:cb=512:cr=512"  # white of HDR is 58 % of PQ
    source = clips.make("hdr.mkv", ["-f", "lavfi", "-i", white, "-c:v", "ffv1", "-color_primaries", "bt2020", "-color_trc",
                                    "smpte2084", "-colorspace", "bt2020nc", "-color_range", "tv"])
    kept = Profile(preset="ultrafast", video=VideoCodec.HEVC, hdr=Hdr.KEEP, pictures=Pictures(poster=Moment(seconds=0)))
    assert 140 <= brightness(made(await produced(source, tmp_path, kept), "poster")) <= 235


@pytest.mark.parametrize(("kind", "codec"), [(Preview.GIF, "gif"), (Preview.MP4, "h264"), (Preview.WEBP, None)])
async def test_a_preview_shows_the_chosen_seconds(moody: Path, tmp_path: Path, kind: Preview, codec: str | None) -> None:
    asked = Pictures(preview=kind, preview_at=(Moment(seconds=4.5), Moment(seconds=7)), preview_seconds=1.0, preview_width=80)
    film = await produced(moody, tmp_path, replace(QUICKLY, pictures=asked))
    assert film.plan.notes == ()
    output = film.outputs[0]
    assert (output.role, output.name, output.home) == ("preview", f"preview.{kind.value}", Home.RENDITIONS)
    if codec is not None:  # ffmpeg 5.1 does not read what it writes as WebP
        assert facts(film.folder / output.file) == (codec, 80, 60, 10)
        assert 90 < brightness(film.folder / output.file) < 160


async def test_what_came_with_the_film_is_not_made(moody: Path, tmp_path: Path) -> None:
    (tmp_path / "sidecars").mkdir()
    for name in ("poster.jpg", "moody.nfo"):
        (tmp_path / "sidecars" / name).write_bytes(b"theirs")
    asked = replace(QUICKLY, nfo=True, pictures=Pictures(poster=Moment(), thumb=Moment()))
    film = await produced(moody, tmp_path, asked)
    assert roles(film) == ["thumb", "video"]
    assert film.plan.notes == ("No .nfo file is made: one came with the film.", "No poster is made: one came with the film.")
