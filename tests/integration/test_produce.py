"""What becomes of one source, for real: taken over whole, remuxed, encoded, mended, or refused with the reason."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from clips import Clips
from needs import need_program
from pectin.model.errors import Cause, PectinError
from pectin.model.plan import Method, Reason, StreamAction
from pectin.model.profile import AudioCodec, Container, Damaged, Profile, Verify, VideoCodec
from producing import QUICKLY, produced

FASTSTART = ("-movflags", "+faststart")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def probed(film: Path, *entries: str) -> dict[str, object]:
    command = [need_program("ffprobe", "ffmpeg"), "-v", "error", "-show_entries", ":".join(entries), "-of", "json", str(film)]
    found: dict[str, object] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    return found


def decodes(film: Path) -> bool:
    command = [need_program("ffmpeg", "ffmpeg"), "-v", "error", "-xerror", "-i", str(film), "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


def flipped(film: Path, target: Path, bits: int) -> Path:
    """So many single bits turned over, behind the first fifth, where the headers stand."""
    content, chance = bytearray(film.read_bytes()), random.Random(7)
    for _ in range(bits):
        content[chance.randrange(len(content) // 5, len(content))] ^= 1 << chance.randrange(8)
    target.write_bytes(content)
    return target


async def test_a_film_that_is_already_what_would_be_made_of_it_is_taken_over_byte_by_byte(clips: Clips, tmp_path: Path) -> None:
    source = clips.film("film.mp4", extra=FASTSTART)
    before = source.stat()
    done = await produced(source, tmp_path)
    assert done.plan.method is Method.FILE
    assert hashlib.sha256(done.film.read_bytes()).digest() == hashlib.sha256(source.read_bytes()).digest()
    assert not done.film.samefile(source), "a link would let a change of the one change the other"
    assert source.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("extra", [
    (),
    (*FASTSTART, "-metadata", "comment=downloaded"),
    ("-movflags", "+frag_keyframe+empty_moov"),
    (*FASTSTART, "-disposition:a:0", "0", "-metadata:s:v:0", "language=ger", "-tag:v", "avc3"),
], ids=["index behind", "comment", "fragments", "headers in the stream"])
async def test_a_film_with_something_to_mend_in_its_container_is_remuxed(clips: Clips, tmp_path: Path,
                                                                         extra: tuple[str, ...]) -> None:
    done = await produced(clips.film("film.mp4", extra=extra), tmp_path)
    assert done.plan.method is Method.REMUX
    again = await produced(done.film, tmp_path / "scratch")
    assert again.plan.method is Method.FILE, "what Pectin makes needs nothing more"


async def test_the_original_profile_takes_any_film_as_it_is(clips: Clips, tmp_path: Path) -> None:
    original = Profile(name="original", video=VideoCodec.COPY, audio=AudioCodec.COPY, container=Container.SOURCE)
    source = clips.film("old.avi", video=("-c:v", "mpeg4"), audio=("-c:a", "libmp3lame"))
    done = await produced(source, tmp_path, original)
    assert (done.plan.method, done.film.suffix) == (Method.FILE, ".avi")
    assert done.film.read_bytes() == source.read_bytes()


@pytest.mark.parametrize(("profile", "formats"), [
    (replace(QUICKLY, container=Container.MKV), "matroska,webm"),
    (replace(QUICKLY, container=Container.MKV, verify=Verify.QUICK), "matroska,webm"),
    (Profile(name="web", video=VideoCodec.VP9, audio=AudioCodec.OPUS, container=Container.WEBM, preset="5"), "matroska,webm"),
    (replace(QUICKLY, verify=Verify.QUICK), "mov,mp4,m4a,3gp,3g2,mj2"),
], ids=["mkv", "mkv quick", "webm", "mp4 quick"])
async def test_other_containers_pass_the_same_proof(clips: Clips, tmp_path: Path, profile: Profile, formats: str) -> None:
    source = clips.film("old.avi", video=("-c:v", "mpeg4"), audio=("-c:a", "libmp3lame"))
    done = await produced(source, tmp_path, profile)
    assert probed(done.film, "format=format_name")["format"] == {"format_name": formats}
    assert decodes(done.film)
    assert sorted(path.name for path in done.folder.iterdir()) == [done.film.name], "nothing else is left there"


async def test_matroska_has_its_index_in_front(clips: Clips, tmp_path: Path) -> None:
    done = await produced(clips.film("film.mp4"), tmp_path, replace(QUICKLY, container=Container.MKV))
    content = done.film.read_bytes()
    assert content.index(b"\x1c\x53\xbb\x6b") < content.index(b"\x1f\x43\xb6\x75"), "Cues stand before the first Cluster"


@pytest.mark.parametrize("container", [Container.MKV, Container.MP4])
async def test_tags_that_are_about_another_file_stay_behind(clips: Clips, tmp_path: Path, container: Container) -> None:
    tags = {"": ("title=Film", "comment=downloaded", "description=from", "synopsis=there"), ":s:v": ("NUMBER_OF_FRAMES=9",),
            ":s:a": ("BPS=9", "language=ger")}
    given = tuple(word for of, texts in tags.items() for text in texts for word in (f"-metadata{of}", text))
    source = clips.film("film.mkv", extra=given)
    done = await produced(source, tmp_path, replace(QUICKLY, container=container))
    found = probed(done.film, "format_tags", "stream_tags")
    written = json.dumps(found).lower()
    assert '"film"' in written
    assert '"ger"' in written or '"deu"' in written
    assert not [word for word in ("downloaded", "from", "there", "number_of_frames", "bps") if f'"{word}' in written]


async def test_a_copied_broadcast_has_the_packets_it_had_before(clips: Clips, tmp_path: Path) -> None:
    done = await produced(clips.film("film.ts", audio=("-c:a", "ac3", "-ac", "2")), tmp_path)
    assert done.plan.kept[0].action is StreamAction.COPY
    assert done.plan.method is Method.ENCODE  # only the sound


async def test_chapters_that_go_on_after_the_film_are_left_out_and_others_kept(clips: Clips, tmp_path: Path) -> None:
    words = tmp_path / "chapters"
    for name, seconds, kept in (("good", 1, True), ("bad", 60, False)):
        words.write_text(";FFMETADATA1\n" + "".join(f"[CHAPTER]\nTIMEBASE=1/1\nSTART={start}\nEND={start + 1}\ntitle=some\n"
                                                    for start in (0, seconds)))
        film = tmp_path / f"{name}.mkv"
        subprocess.run([need_program("ffmpeg", "ffmpeg"), "-v", "error", "-i", str(clips.film()), "-f", "ffmetadata", "-i",
                        str(words), "-map", "0", "-map_chapters", "1", "-c", "copy", str(film)], check=True, timeout=60)
        (tmp_path / name).mkdir()
        done = await produced(film, tmp_path / name)
        assert len(probed(done.film, "chapter=start")["chapters"]) == (2 if kept else 0)  # type: ignore[arg-type]
        assert any("chapters" in note for note in done.plan.notes) is not kept


async def test_a_timecode_track_and_an_attachment_are_left_out_with_a_reason(clips: Clips, tmp_path: Path) -> None:
    film = clips.film("camera.mov", extra=("-timecode", "01:00:00:00"))
    done = await produced(film, tmp_path)
    assert [(s.kind, s.reason) for s in done.plan.dropped] == [("data", Reason.DATA)]
    assert {s["codec_type"] for s in probed(done.film, "stream=codec_type")["streams"]} == {"video", "audio"}  # type: ignore[attr-defined,index]


async def test_a_flipped_bit_costs_nobody_the_film_and_no_player_meets_it(clips: Clips, tmp_path: Path) -> None:
    source = clips.film("long.mp4", seconds=8, rate="50", extra=FASTSTART)
    damaged = next(film for number in range(1, 30)
                   if not decodes(film := flipped(source, tmp_path / f"{number}.mp4", 1 + number // 8)))
    done = await produced(damaged, tmp_path)
    assert done.first.method is Method.FILE
    assert Reason.DAMAGED in {stream.reason for stream in done.plan.streams}
    assert decodes(done.film)


async def test_a_film_of_which_much_is_damaged_is_refused_or_published_with_a_note(clips: Clips, tmp_path: Path) -> None:
    source = flipped(clips.film("hevc.mkv", seconds=3, video=("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv422p")),
                     tmp_path / "flipped.mkv", 60)
    with pytest.raises(PectinError) as refused:
        await produced(source, tmp_path)
    assert refused.value.cause is Cause.DAMAGED_SOURCE
    assert "%" in refused.value.detail or "lasts" in refused.value.detail
    (tmp_path / "again").mkdir()
    done = await produced(source, tmp_path / "again", replace(QUICKLY, damaged_source=Damaged.PUBLISH))
    assert any("damaged" in note for note in done.plan.notes)
    assert decodes(done.film)


async def test_a_damaged_film_that_may_not_be_encoded_is_copied_with_a_note_or_refused(clips: Clips, tmp_path: Path) -> None:
    copy = Profile(name="copy", video=VideoCodec.COPY, audio=AudioCodec.COPY)
    source = clips.film("gop.mkv", seconds=4, video=(*H264, "-g", "25"))
    little = next(film for bits in range(1, 9) if not decodes(film := flipped(source, tmp_path / f"{bits}.mkv", bits)))
    done = await produced(little, tmp_path, copy)
    assert done.plan.method is Method.REMUX
    assert any("damaged" in note for note in done.plan.notes)
    much = flipped(source, tmp_path / "much.mkv", 60)
    for name, profile in (("refused", copy), ("published", replace(copy, damaged_source=Damaged.PUBLISH))):
        (tmp_path / name).mkdir()
        if profile is copy:
            with pytest.raises(PectinError) as refused:
                await produced(much, tmp_path / name, profile)
            assert refused.value.cause is Cause.DAMAGED_SOURCE
            assert "%" in refused.value.detail
        else:
            done = await produced(much, tmp_path / name, profile)
            assert any("damaged" in note for note in done.plan.notes)


async def test_a_broadcast_that_changes_its_size_is_encoded_to_one(clips: Clips, tmp_path: Path) -> None:
    pieces = (clips.film("one.ts", seconds=1, video=H264), clips.film("two.ts", seconds=1, size="256x144", video=H264,
                                                                      extra=("-output_ts_offset", "1")))
    source = tmp_path / "changes.ts"
    source.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    done = await produced(source, tmp_path)
    assert done.first.kept[0].action is StreamAction.COPY
    assert done.plan.kept[0].action is StreamAction.ENCODE
    (tmp_path / "copied").mkdir()
    copied = await produced(source, tmp_path / "copied", Profile(name="copy", video=VideoCodec.COPY, audio=AudioCodec.COPY))
    assert copied.plan.kept[0].action is StreamAction.COPY
    (tmp_path / "steady").mkdir()
    assert (await produced(pieces[0], tmp_path / "steady")).plan.method is Method.REMUX


async def test_a_broadcast_whose_sound_is_too_damaged_to_be_copied_is_encoded(clips: Clips, tmp_path: Path) -> None:
    whole = clips.film("film.ts", seconds=3).read_bytes()
    packets = [whole[at:at + 188] for at in range(0, len(whole), 188)]
    sound = [number for number, packet in enumerate(packets) if packet[1:3] in (b"\x01\x01", b"\x41\x01")]
    source = tmp_path / "damaged.ts"
    source.write_bytes(b"".join(packet for number, packet in enumerate(packets) if number not in sound[10::9]))
    done = await produced(source, tmp_path)
    assert [s.reason for s in done.plan.kept] == [Reason.FITS, Reason.DAMAGED]
    assert decodes(done.film)


@pytest.mark.parametrize(("name", "extra"), [("cut.mp4", FASTSTART), ("cut.mkv", ()), ("cut.avi", ())])
async def test_what_there_is_of_a_film_cut_short_is_published_for_who_wants_it(clips: Clips, tmp_path: Path, name: str,
                                                                               extra: tuple[str, ...]) -> None:
    content = clips.film(name, seconds=4, extra=extra).read_bytes()
    source = tmp_path / name
    source.write_bytes(content[:len(content) * 6 // 10])
    done = await produced(source, tmp_path, as_it_is=True)
    assert any("cut short" in note for note in done.plan.notes)
    assert decodes(done.film)
    assert 1 < float(probed(done.film, "format=duration")["format"]["duration"]) < 3.5  # type: ignore[index]


async def test_an_output_larger_than_its_source_gives_way_to_a_copy(clips: Clips, tmp_path: Path) -> None:
    source = clips.film("small.mp4", video=("-c:v", "libx264", "-crf", "45", "-pix_fmt", "yuv420p"), extra=FASTSTART)
    hevc = Profile(name="hevc", video=VideoCodec.HEVC, preset="ultrafast", crf=4)
    done = await produced(source, tmp_path, hevc)
    assert done.first.kept[0].action is StreamAction.ENCODE
    assert (done.plan.kept[0].action, done.plan.kept[0].reason) == (StreamAction.COPY, Reason.LARGER)
    assert done.film.stat().st_size <= source.stat().st_size * 1.1


def noisy(clips: Clips, name: str, *tracks: str) -> Path:
    """A film with these sound tracks; those behind a `!` are nothing but noise where their packets should be."""
    tone = ("-f", "lavfi", "-i", "sine=duration=2:sample_rate=48000")
    arguments = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=2", *(word for _ in tracks for word in tone)]
    arguments += [word for number in range(len(tracks) + 1) for word in ("-map", str(number))]
    arguments += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-strict", "-2"]
    for number, codec in enumerate(tracks):
        arguments += [f"-c:a:{number}", codec.lstrip("!"), f"-metadata:s:a:{number}", f"language={('eng', 'ger', 'fre')[number]}"]
        arguments += [f"-bsf:a:{number}", "noise=amount=1"] if codec.startswith("!") else []
    return clips.make(name, arguments)


@pytest.mark.parametrize("codec", ["flac", "dca", "truehd"])
async def test_a_side_track_that_breaks_the_run_is_dropped_and_the_film_filed(clips: Clips, tmp_path: Path, codec: str) -> None:
    done = await produced(noisy(clips, "film.mkv", "aac", f"!{codec}", "ac3"), tmp_path)
    assert {stream.language for stream in done.plan.kept if stream.kind == "audio"} == {"eng", "fre"}
    assert [stream.index for stream in done.plan.dropped if stream.reason is Reason.UNDECODABLE] == [2]


async def test_a_film_without_any_sound_that_can_be_decoded_is_refused_unless_a_person_wants_it_silent(
        clips: Clips, tmp_path: Path) -> None:
    source = noisy(clips, "film.mkv", "!flac")
    with pytest.raises(PectinError) as refused:
        await produced(source, tmp_path)
    assert refused.value.cause is Cause.NO_SOUND
    (tmp_path / "again").mkdir()
    done = await produced(source, tmp_path / "again", as_it_is=True)
    assert [stream.kind for stream in done.plan.kept] == ["video"]


async def test_a_picture_that_cannot_be_decoded_is_the_sources_fault(clips: Clips, tmp_path: Path) -> None:
    source = clips.film("noise.mkv", video=("-c:v", "mpeg4", "-bsf:v", "noise=amount=1"))
    with pytest.raises(PectinError) as refused:
        await produced(source, tmp_path)
    assert refused.value.cause is Cause.DAMAGED_SOURCE
