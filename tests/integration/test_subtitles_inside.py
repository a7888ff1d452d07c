"""Subtitles inside a film: text comes out as UTF-8 SubRip whatever it was, pictures stay with the original, no job breaks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import pytest

from clips import Clips
from needs import missing, need_program
from pectin.encoding import captions, tools
from pectin.encoding.tools import Tools
from pectin.model.job import Job, State
from pectin.model.measured import Measured
from pectin.model.media import MediaInfo
from pectin.model.plan import Plan, Reason, StreamAction, SubtitleTarget
from pectin.model.profile import Container, ImageSubtitles, Profile, TextSubtitles
from pectin.pipeline.examine import look_into, opened
from pectin.pipeline.policy import Encoding
from pectin.pipeline.running import RunningJob
from pectin.pipeline.subtitles import Prepared, prepare
from pectin.planning.plan import decide
from pectin.publishing.cues import tidy
from pectin.publishing.sidecars import ASIDE, keep_with_original
from pectin.publishing.subtitle_formats import read
from subtitlemaker import captioned, pgs, teletext
from working import ONE

PLAIN = Profile()
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=2")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@dataclass(frozen=True)
class Found:
    """What came out of a source before its film is made."""

    media: MediaInfo
    planned: Plan
    prepared: Prepared
    folder: Path

    def texts(self) -> dict[str, str]:
        """The files for the library, by suffix."""
        return {target.suffix: (self.folder / name).read_text(encoding="utf-8") for name, target in self.prepared.files}

    def aside(self) -> list[str]:
        return sorted(path.name for path in (self.folder / ASIDE).glob("*"))

    def reasons(self) -> list[tuple[StreamAction, Reason]]:
        return [(s.action, s.reason) for s in self.prepared.plan.streams if s.kind in ("subtitle", "captions")]


def a_job(name: str = "Film.mkv") -> RunningJob:
    return RunningJob(slot=0, job=Job(id=ONE, state=State.PROCESSING, route="films", profile="universal", size=1,
                                      inbox_path=Path("in", name), relative=PurePath(name), created_at=1.0, updated_at=1.0))


FOUND: list[Tools] = []


async def ffmpeg_tools() -> Tools:
    """Looked for once: that starts ffmpeg several times."""
    if not FOUND:
        FOUND.append(await tools.find("auto"))
    return FOUND[0]


async def taken_out(film: Path, folder: Path, profile: Profile = PLAIN, measured: Measured | None = None,
                    change: Any = lambda plan: plan) -> Found:
    found = await ffmpeg_tools()
    encoding = Encoding(tools=found, threads=1, cpus=(None,), nice=0, stall_timeout=60, probe_timeout=60)
    folder.mkdir(exist_ok=True)
    with opened(film, film.parent) as source:
        media = await look_into(source, found, timeout=60, max_pixels=profile.max_pixels)
        planned = change(decide(media, profile, measured or Measured()))
        prepared = await prepare(a_job(), source, media, planned, scratch=folder, encoding=encoding,
                                 max_pixels=profile.max_pixels)
    return Found(media, planned, prepared, folder)


def cue(words: str, start: str = "00:00:00,200", end: str = "00:00:01,000") -> str:
    return f"1\n{start} --> {end}\n{words}\n\n"


def with_texts(tmp_path: Path, name: str, texts: Sequence[tuple[str, bytes, str]], arguments: Sequence[str]) -> Path:
    """A film with these text files (extension, content, options of the stream) as tracks."""
    inputs: list[str] = []
    for number, (extension, content, _) in enumerate(texts):
        file = tmp_path / f"{number}.{extension}"
        file.write_bytes(content)
        inputs += ["-i", str(file)]
    maps = [word for number in range(len(texts) + 1) for word in ("-map", str(number))]
    labels = [word for number, (_, _, options) in enumerate(texts) for word in options.format(n=f"s:{number}").split()]
    film = tmp_path / name
    subprocess.run([need_program("ffmpeg", "ffmpeg"), "-v", "error", "-y", *PICTURE, *inputs, *maps, *X264, *arguments, *labels,
                    str(film)], check=True)
    return film


ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, Italic, Alignment
Style: Default,Arial,20,0,2

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:02.00,0:00:02.50,Default,,0,0,0,,{\\pos(10,10)\\fs30}Later
Dialogue: 0,0:00:00.50,0:00:01.50,Default,,0,0,0,,{\\i1}Thought{\\i0},\\Nspoken
Dialogue: 0,0:00:01.50,0:00:01.90,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}
"""


async def test_text_of_every_kind_and_encoding_comes_out_as_utf_8_subrip(tmp_path: Path) -> None:
    film = with_texts(tmp_path, "texts.mkv", [
        ("srt", cue("Schöne Grüße").encode(), "-metadata:s:{n} language=ger"),
        ("srt", cue("Привет, как дела? Не знаю.").encode("cp1251"), "-metadata:s:{n} language=rus -disposition:{n} forced"),
        ("ass", ASS.encode(), "-metadata:s:{n} language=eng -disposition:{n} hearing_impaired"),
        ("srt", cue("こんにちは、元気ですか。").encode("cp932"), "-metadata:s:{n} language=jpn"),
    ], ["-c:s", "copy"])
    found = await taken_out(film, tmp_path / "out")
    assert found.texts() == {
        ".ger": cue("Schöne Grüße"), ".rus.forced": cue("Привет, как дела? Не знаю."), ".jpn": cue("こんにちは、元気ですか。"),
        ".eng.sdh": "1\n00:00:00,500 --> 00:00:01,500\n<i>Thought</i>,\nspoken\n\n"
                    "2\n00:00:02,000 --> 00:00:02,500\nLater\n\n"}
    assert found.prepared.plan.streams == found.planned.streams


@pytest.mark.parametrize(("name", "codec"), [("film.mp4", "mov_text"), ("film.webm", "webvtt"), ("film.mkv", "webvtt")])
async def test_text_of_other_containers_comes_out_the_same(tmp_path: Path, name: str, codec: str) -> None:
    video = ("-c:v", "libvpx", "-deadline", "realtime") if name.endswith("webm") else ()
    film = with_texts(tmp_path, name, [("srt", cue("<i>Größe</i> &amp; mehr").encode(), "")], [*video, "-c:s", codec])
    found = await taken_out(film, tmp_path / "out")
    assert found.media.subtitles[0].codec == codec
    [text] = found.texts().values()
    assert "<i>Größe</i>" in text
    assert text.startswith("1\n00:00:00,200 --> 00:00:01,000\n")


async def test_times_count_from_the_films_own_start(tmp_path: Path) -> None:
    """A transport stream begins at 1.4 s, and a film cut from a longer one anywhere."""
    film = with_texts(tmp_path, "film.mkv", [("srt", cue("Hello").encode(), "")],
                      ["-c:s", "copy", "-output_ts_offset", "7"])
    found = await taken_out(film, tmp_path / "out")
    assert found.media.start_time == pytest.approx(7, abs=0.1)
    assert found.texts()[""].startswith("1\n00:00:00,200 -->")


async def test_a_track_without_a_line_is_dropped_and_told(tmp_path: Path) -> None:
    film = with_texts(tmp_path, "film.mkv", [("srt", cue("{\\an8} ").encode(), ""), ("srt", cue("Said").encode(), "")],
                      ["-c:s", "copy"])
    found = await taken_out(film, tmp_path / "out")
    assert list(found.texts().values()) == [cue("Said")]
    assert found.reasons() == [(StreamAction.EXTRACT, Reason.TEXT_SUBTITLE), (StreamAction.DROP, Reason.EMPTY_TRACK)]
    assert "no line" in found.prepared.plan.dropped[-1].sentence


async def test_a_track_that_breaks_ffmpeg_costs_only_itself(tmp_path: Path) -> None:
    """ASS packets cannot be written as anything that wants WebVTT: the run ends, and its halves are tried."""
    film = with_texts(tmp_path, "film.mkv", [("srt", cue(words).encode(), "") for words in ("One", "Two", "Three")],
                      ["-c:s", "copy"])

    def broken(plan: Plan) -> Plan:
        second = next(stream for stream in plan.extracted if stream.index == 2)
        return replace(plan, streams=tuple(replace(s, codec="webvtt") if s is second else s for s in plan.streams))

    found = await taken_out(film, tmp_path / "out", change=broken)
    assert sorted(found.texts().values()) == [cue("One"), cue("Three")]
    [dropped] = [s for s in found.prepared.plan.dropped if s.kind == "subtitle"]
    assert (dropped.index, dropped.reason) == (2, Reason.UNDECODABLE)
    assert "could not take it out" in dropped.sentence


def pictured(tmp_path: Path, name: str = "pictures.mkv", *, forced: bool = False, canvas: tuple[int, int] = (160, 120)) -> Path:
    """A black film with subtitles that are pictures, from 0.5 s to 1.5 s."""
    (tmp_path / "p.sup").write_bytes(pgs([(0.0, 0.2), (0.5, 1.5)], canvas=canvas, box=(80, 16)))
    flags = ["-disposition:s:0", "forced"] if forced else []
    subprocess.run([need_program("ffmpeg", "ffmpeg"), "-v", "error", "-y", "-f", "lavfi", "-i", "color=black:s=160x120:r=25:d=2",
                    "-i", str(tmp_path / "p.sup"), "-map", "0", "-map", "1", *X264, "-c:s", "copy", "-metadata:s:s:0",
                    "language=eng", *flags, str(tmp_path / name)], check=True)
    return tmp_path / name


async def test_pictures_of_text_are_kept_beside_the_original(tmp_path: Path) -> None:
    film = pictured(tmp_path, forced=True)
    found = await taken_out(film, tmp_path / "out")
    assert found.prepared.files == ()
    assert found.aside() == ["film.eng.forced.sup"]
    assert found.reasons() == [(StreamAction.EXTRACT, Reason.IMAGE_SUBTITLE)]
    sidecars = tmp_path / "sidecars"
    kept = (found.folder / ASIDE / "film.eng.forced.sup").read_bytes()
    keep_with_original(found.folder, "My Film", sidecars)
    again = await taken_out(film, tmp_path / "out")  # a second try, after a crash
    keep_with_original(again.folder, "My Film", sidecars)
    assert {path.name: path.read_bytes() for path in sidecars.iterdir()} == {"My Film.eng.forced.sup": kept}
    assert not (found.folder / ASIDE).exists()
    shown = subprocess.run([need_program("ffprobe", "ffmpeg"), "-v", "error", "-show_entries", "stream=codec_name",
                            "-of", "csv=p=0", sidecars / "My Film.eng.forced.sup"], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "hdmv_pgs_subtitle"


async def test_a_file_that_somebody_put_there_is_not_replaced(tmp_path: Path) -> None:
    found = await taken_out(pictured(tmp_path), tmp_path / "out")
    (tmp_path / "sidecars").mkdir()
    (tmp_path / "sidecars/My Film.eng.sup").write_bytes(b"theirs")
    keep_with_original(found.folder, "My Film", tmp_path / "sidecars")
    assert sorted(os.listdir(tmp_path / "sidecars")) == ["My Film.eng (2).sup", "My Film.eng.sup"]
    assert (tmp_path / "sidecars/My Film.eng.sup").read_bytes() == b"theirs"


@pytest.mark.parametrize(("name", "codec"), [("dvd.mkv", "dvdsub"), ("dvb.ts", "dvbsub")])
async def test_other_pictures_of_text_are_kept_as_mks(tmp_path: Path, name: str, codec: str) -> None:
    source = pictured(tmp_path)
    film = tmp_path / name
    subprocess.run([need_program("ffmpeg", "ffmpeg"), "-v", "error", "-y", "-i", str(source), "-map", "0", "-c", "copy",
                    "-c:s", codec, str(film)], check=True)
    found = await taken_out(film, tmp_path / "out")
    [name] = found.aside()
    assert name.endswith(".mks")
    first = (found.folder / ASIDE / name).read_bytes()
    again = await taken_out(film, tmp_path / "again")
    assert (again.folder / ASIDE / name).read_bytes() == first, "the same source gives the same bytes"


async def test_pictures_of_text_may_be_dropped(tmp_path: Path) -> None:
    found = await taken_out(pictured(tmp_path), tmp_path / "out", Profile(image_subtitles=ImageSubtitles.DROP))
    assert found.aside() == []
    assert found.reasons() == [(StreamAction.DROP, Reason.SWITCHED_OFF)]


def caption_film(tmp_path: Path, name: str) -> Path:
    """H.264 with captions in it: HELLO from 0.6 s to 1.6 s."""
    ffmpeg = need_program("ffmpeg", "ffmpeg")
    raw, made = tmp_path / "v.h264", tmp_path / "cc.h264"
    subprocess.run([ffmpeg, "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=30:duration=3", *X264,
                    "-bf", "0", "-x264-params", "aud=1", "-f", "h264", str(raw)], check=True)
    made.write_bytes(captioned(raw.read_bytes(), [(0.2, "HELLO WORLD"), (1.6, "")], 30))
    sound = ["-f", "lavfi", "-i", "sine=duration=3", "-c:a", "aac", "-map", "0", "-map", "1"]
    subprocess.run([ffmpeg, "-v", "error", "-y", "-r", "30", "-f", "h264", "-i", str(made), *sound, "-c:v", "copy",
                    str(tmp_path / name)], check=True)
    return tmp_path / name


@pytest.mark.parametrize("name", ["film.ts", "film.mp4"])
async def test_closed_captions_come_out_as_text(tmp_path: Path, name: str) -> None:
    film = caption_film(tmp_path, name)
    with opened(film, tmp_path) as source:
        found = await ffmpeg_tools()
        media = await look_into(source, found, timeout=60, max_pixels=PLAIN.max_pixels)
        measured = Measured(captions=await captions.seen(media, 0, tools=found, source=source.url, pass_fds=(source.fd,), nice=0,
                                                         cpus=None, job=""))
    assert measured.captions
    out = await taken_out(film, tmp_path / "out", measured=measured)
    [(suffix, text)] = out.texts().items()
    assert suffix == ".cc"
    number, times, words, *rest = text.split("\n")
    assert (number, words, rest) == ("1", "HELLO WORLD", ["", ""])
    picture = out.media.video[0].start_time or 0.0
    later = picture - min(stream.start_time or 0.0 for stream in (*out.media.video, *out.media.audio))
    begins = float(times[6:8]) + float(times[9:12]) / 1000
    assert begins == pytest.approx(0.6 + later, abs=0.07)


async def test_a_film_without_captions_is_not_taken_for_one_with_them(tmp_path: Path, clips: Clips) -> None:
    film = clips.film(seconds=1, size="160x120")
    with opened(film, film.parent) as source:
        found = await ffmpeg_tools()
        media = await look_into(source, found, timeout=60, max_pixels=PLAIN.max_pixels)
        assert await captions.seen(media, 0, tools=found, source=source.url, pass_fds=(source.fd,), nice=0, cpus=None,
                                   job="") is False


SCC = """Scenarist_SCC V1.0

00:00:00:05\t9420 9420 94ae 94ae 9452 9452 97a2 97a2 c845 4c4c 4f20 574f 524c c480 942f 942f

00:00:01:15\t942c 942c

"""


async def test_a_track_of_captions_comes_out_as_text(tmp_path: Path) -> None:
    film = with_texts(tmp_path, "film.mov", [("scc", SCC.encode(), "-metadata:s:{n} language=eng")], ["-c:s", "copy"])
    found = await taken_out(film, tmp_path / "out")
    assert found.media.subtitles[0].codec == "eia_608"
    [(suffix, text)] = found.texts().items()
    assert suffix == ".eng.cc"
    assert "\nHELLO WORLD\n" in text


async def test_teletext_subtitles_come_out_as_text_at_the_right_time(tmp_path: Path) -> None:
    """Counted from the film's start, though the teletext begins later: ffmpeg would count from there. A page is shown when the
    next one begins: that may take a tenth of a second."""
    ffmpeg = need_program("ffmpeg", "ffmpeg")
    if "dvb_teletext" not in ((await ffmpeg_tools()).decoders or ()):
        missing("libzvbi in ffmpeg", "use an ffmpeg that is built with it, as Debian's")
    (tmp_path / "t.ts").write_bytes(teletext([(2.0, 3.0, "Hallo Welt"), (3.5, 4.0, "Noch eins")]))
    film = tmp_path / "film.ts"
    subprocess.run([ffmpeg, "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=4",
                    "-itsoffset", "1", "-i", str(tmp_path / "t.ts"), "-map", "0", "-map", "1", *X264, "-c:s", "copy", str(film)],
                   check=True)
    found = await taken_out(film, tmp_path / "out")
    assert found.media.subtitles[0].codec == "dvb_teletext"
    [(suffix, text)] = found.texts().items()
    assert suffix == ".ger"
    cues = tidy(read(text))
    assert [cue.text for cue in cues] == ["Hallo Welt", "Noch eins"]
    begins = ((found.media.subtitles[0].start_time or 0) - (found.media.video[0].start_time or 0)) * 1000
    assert begins > 300
    assert [(cue.start, cue.end) for cue in cues] == [
        (pytest.approx(begins, abs=120), pytest.approx(begins + 1000, abs=120)),
        (pytest.approx(begins + 1500, abs=120), pytest.approx(begins + 2000, abs=120))]


@pytest.mark.parametrize(("container", "codec"), [
    (Container.MP4, "mov_text"), (Container.MKV, "subrip"), (Container.WEBM, "webvtt")])
async def test_text_goes_into_the_film_where_the_profile_wants_it(
        tmp_path: Path, container: Container, codec: str) -> None:
    film = with_texts(tmp_path, "texts.mkv", [
        ("srt", cue("Привет, как дела?").encode("koi8-r"), "-metadata:s:{n} language=rus -disposition:{n} default"),
        ("srt", cue("Signs").encode(), "-metadata:s:{n} language=eng -disposition:{n} forced")], ["-c:s", "copy"])
    profile = Profile(subtitles=TextSubtitles.EMBED, container=container)
    found = await taken_out(film, tmp_path / "out", profile)
    kept = [s for s in found.prepared.plan.kept if s.kind == "subtitle"]
    assert [s.target.codec for s in kept if isinstance(s.target, SubtitleTarget)] == [codec, codec]
    assert found.prepared.files == ()
    assert {index: (found.folder / name).read_text(encoding="utf-8") for index, name in found.prepared.embedded.items()} == {
        1: cue("Привет, как дела?"), 2: cue("Signs")}
