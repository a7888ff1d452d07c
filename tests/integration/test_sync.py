"""Sound and picture belong together after whatever was done to a film, as well as they did before: within 20 ms."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from clips import Clips
from needs import need_program
from pectin.model.plan import Method
from pectin.model.profile import Container
from producing import QUICKLY, Produced, produced
from sources.doctoring import pieced
from syncing import TOLERANCE, flash_and_beep, flashes, offsets, sources

B_FRAMES = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-pix_fmt", "yuv420p")
MPEG4 = ("-c:v", "mpeg4", "-q:v", "3")
AC3 = ("-c:a", "ac3")
Maker = Callable[[Clips], Path]


def made(name: str, **how: object) -> Maker:
    return lambda clips: flash_and_beep(clips, name, **how)  # type: ignore[arg-type]


def again(name: str, first: Maker, *arguments: str, before: Sequence[str] = ()) -> Maker:
    """`first` through ffmpeg once more."""
    return lambda clips: clips.make(name, [*before, "-i", str(first(clips)), "-map", "0", *arguments])


def interlaced(clips: Clips) -> Path:
    picture, sound = sources(rate="50")
    fields = f"{picture},scale=720:576,interlace,setsar=64/45"
    return clips.make("fields.ts", ["-f", "lavfi", "-i", fields, "-f", "lavfi", "-i", sound, "-c:v", "mpeg2video", "-b:v", "3M",
                                    "-flags", "+ilme+ildct", "-c:a", "mp2"])


def cut_in_the_middle(clips: Clips) -> Path:
    """An edit list hides what lies between two pieces, a flash with its beep among it."""
    whole = flash_and_beep(clips, "whole.mp4", seconds=6, at=(1, 3, 5), video=(*B_FRAMES, "-g", "25"))
    cut = whole.with_name("cut-in-the-middle.mp4")
    cut.write_bytes(pieced(whole.read_bytes(), [(0, 1.6), (4.2, 1.8)]))
    return cut


def hdr(clips: Clips) -> Path:
    picture, sound = sources()
    tags = ("-color_trc", "smpte2084", "-color_primaries", "bt2020", "-colorspace", "bt2020nc")
    return clips.make("hdr.mkv", ["-f", "lavfi", "-i", f"{picture},format=yuv420p10le", "-f", "lavfi", "-i", sound,
                                  "-c:v", "ffv1", *tags, "-c:a", "flac"])


COPY = ("-c", "copy")
# name, the film, what becomes of the picture, and what of the (first) sound
FILMS = [
    ("whole file", made("film.mp4", video=B_FRAMES, extra=("-movflags", "+faststart")), "file", "file"),
    ("remux mkv", made("film.mkv", video=B_FRAMES), "copy", "copy"),
    ("remux ts", made("film.ts", video=B_FRAMES), "copy", "copy"),
    ("remux mov", made("film.mov", video=B_FRAMES), "copy", "copy"),
    ("encode mkv", made("mpeg4.mkv", video=MPEG4, audio=AC3), "encode", "encode"),
    ("encode avi", made("mpeg4.avi", video=MPEG4, audio=AC3), "encode", "encode"),
    ("encode ts", made("mpeg2.ts", video=("-c:v", "mpeg2video", "-bf", "2"), audio=AC3), "encode", "encode"),
    ("encode mpg", made("mpeg2.mpg", video=("-c:v", "mpeg2video", "-bf", "2"), audio=("-c:a", "mp2")), "encode", "encode"),
    ("copied picture, encoded sound", made("ac3.mkv", video=B_FRAMES, audio=AC3), "copy", "encode"),
    ("encoded picture, copied sound", made("aac.mkv", video=MPEG4), "encode", "copy"),
    ("deinterlaced", interlaced, "encode", "encode"),
    ("tone mapped", hdr, "encode", "encode"),
    ("every second frame", made("fast.mkv", rate="100", video=B_FRAMES), "encode", "copy"),
    ("sound late, copied picture", made("late.mkv", audio_offset=0.45, video=B_FRAMES, audio=AC3), "copy", "encode"),
    ("sound late, copied", made("late.mp4", audio_offset=0.45, video=B_FRAMES), "copy", "copy"),
    ("sound late, ts", made("late.ts", audio_offset=0.45, video=B_FRAMES), "copy", "copy"),
    ("sound late, encoded", made("late.avi", audio_offset=0.45, video=MPEG4, audio=AC3), "encode", "encode"),
    ("picture late, copied", made("early.mkv", video_offset=0.45, video=B_FRAMES), "copy", "copy"),
    ("picture late, encoded", made("early.mp4", video_offset=0.45, video=MPEG4), "encode", None),
    ("cut out with an edit list, copied",
     again("cut.mp4", made("gop.mp4", video=(*B_FRAMES, "-g", "25")), *COPY, before=("-ss", "0.7")), None, None),
    ("cut out with an edit list, encoded",
     again("cut4.mp4", made("gop4.mp4", video=(*MPEG4, "-g", "25"), audio=AC3), *COPY, before=("-ss", "0.7")), "encode",
     "encode"),
    ("put together from pieces by an edit list", cut_in_the_middle, "encode", "encode"),
    ("begins before zero", again("negative.mkv", made("film.mkv", video=B_FRAMES), *COPY, "-output_ts_offset", "-0.4",
                                 "-avoid_negative_ts", "disabled"), "copy", "copy"),
    ("begins after an hour", again("hour.ts", made("film.ts", video=B_FRAMES), *COPY, "-output_ts_offset", "3600"), "copy",
     "copy"),
    ("begins in the middle of a group", again("middle.ts", made("groups.ts", video=(*B_FRAMES, "-g", "25")), *COPY, "-copyinkf",
                                              before=("-ss", "0.3")), None, None),
]


def joined(*pieces: Maker) -> Maker:
    """Pieces put behind each other byte by byte, as recorders and `cat` do it: the time jumps back in the middle."""
    def make(clips: Clips) -> Path:
        files = [piece(clips) for piece in pieces]
        together = files[0].with_name(f"joined{files[0].suffix}")
        together.write_bytes(b"".join(file.read_bytes() for file in files))
        return together
    return make


@pytest.mark.parametrize(("name", "video", "audio"), [
    ("piece.mpg", ("-c:v", "mpeg2video", "-bf", "2"), ("-c:a", "mp2")),
    ("piece.ts", B_FRAMES, ("-c:a", "aac")),
])
async def test_short_pieces_that_were_joined_keep_every_picture_and_stay_in_sync(
        clips: Clips, tmp_path: Path, name: str, video: Sequence[str], audio: Sequence[str]) -> None:
    piece = made(name, video=video, audio=audio)
    done = await produced(joined(piece, piece, piece)(clips), tmp_path)
    asking = [need_program("ffprobe", "ffmpeg"), "-v", "error", "-select_streams", "v", "-show_entries",
              "stream=nb_frames,duration", "-of", "csv=p=0", str(done.film)]
    shown = subprocess.run(asking, capture_output=True, text=True, check=True, timeout=60).stdout.strip().split(",")
    assert (float(shown[0]), int(shown[1])) == (pytest.approx(3 * 4.4, abs=0.2), 3 * 110)
    heard = offsets(done.film)
    assert len(heard) == 9
    assert heard == pytest.approx([0.0] * 9, abs=TOLERANCE * 2)  # pictures and sound of a piece are not equally long


def action(done: Produced, kind: str) -> str:
    if done.plan.method is Method.FILE:
        return "file"
    return next(stream.action for stream in done.plan.kept if stream.kind == kind).value


@pytest.mark.parametrize(("make", "picture", "sound"), [film[1:] for film in FILMS], ids=[film[0] for film in FILMS])
async def test_a_film_stays_in_sync(clips: Clips, tmp_path: Path, make: Maker, picture: str | None, sound: str | None) -> None:
    source = make(clips)
    done = await produced(source, tmp_path)
    assert picture in (None, action(done, "video")), [s.sentence for s in done.plan.streams]
    assert sound in (None, action(done, "audio")), [s.sentence for s in done.plan.streams]
    before, after = offsets(source), offsets(done.film)
    assert before
    assert len(flashes(done.film)) == len(flashes(source)), "what was hidden stays hidden"
    assert after == pytest.approx(before, abs=TOLERANCE)


async def test_matroska_as_a_target_stays_in_sync(clips: Clips, tmp_path: Path) -> None:
    source = flash_and_beep(clips, "late.mp4", audio_offset=0.45, video=B_FRAMES)
    done = await produced(source, tmp_path, replace(QUICKLY, container=Container.MKV))
    assert offsets(done.film) == pytest.approx(offsets(source), abs=TOLERANCE)
