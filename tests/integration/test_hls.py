"""HLS from real renditions: every promise of its playlists is held against the bytes of its segments, and ffmpeg's own demuxer
reads it without a warning."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from clips import Clips
from needs import need_program
from pectin.model.errors import Cause, PectinError
from pectin.model.output import Home
from pectin.model.profile import AudioCodec, Container
from pectin.model.rendition import Hls
from pectin.pipeline import hls_judging
from producing import QUICKLY, produced
from streaming import ALIGNED, X264, Rung, packaging, rung, text_of

FRAME = Fraction(1001, 24000)
SRT = "1\n00:00:01,000 --> 00:00:03,000\n<i>Ein</i> Satz & <mehr>\n\n2\n00:00:05,500 --> 00:00:07,000\nNoch einer\n\n"


def probed(playlist: Path, *words: str) -> dict[str, Any]:
    run = subprocess.run([need_program("ffprobe", "ffmpeg"), "-v", "warning", "-of", "json", *words, str(playlist)],
                         capture_output=True, text=True, check=True)
    assert not [line for line in run.stderr.splitlines() if "support the subtitle" not in line]  # it knows none in HLS
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def attributes(line: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', line.partition(":")[2])}


def lines(text: str, tag: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(tag + ":")]


def durations(playlist: Path) -> list[float]:
    return [float(line[8:-1]) for line in lines(playlist.read_text(), "#EXTINF")]


@pytest.fixture(scope="module")
def three(clips: Clips) -> list[Rung]:
    return [rung(clips, 180, sounds=2), rung(clips, 120), rung(clips, 90, sounds=0)]


@pytest.fixture(scope="module")
def film(three: list[Rung], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(_packaged(three, tmp_path_factory.mktemp("hls")))


async def _packaged(rungs: list[Rung], folder: Path) -> Path:
    texts = [(text_of(".ger", "ger"), SRT), (text_of(".eng.forced", "eng", forced=True), SRT),
             (text_of(".eng.sdh", "eng", impaired=True), SRT)]
    async with packaging(rungs, folder, texts=texts) as job:
        [output] = await job.package()
        assert (output.role, output.home, output.tree, output.name) == ("hls", Home.RENDITIONS, True, "hls")
        assert not job.work.running.omissions
        assert {place.name for place in job.work.scratch.iterdir()} == {"hls", *(one.file for one in job.made),
                                                                        *(text.file for text in job.texts)}
        return job.folder


def test_the_master_playlist_says_what_is_in_the_segments(film: Path) -> None:
    master = (film / "master.m3u8").read_text()
    variants = [attributes(line) for line in lines(master, "#EXT-X-STREAM-INF")]
    assert [variant["RESOLUTION"] for variant in variants] == ["320x180", "212x120", "160x90"]
    for variant in variants:
        assert re.fullmatch(r"avc1\.64[0-9a-f]{4},mp4a\.40\.2", variant["CODECS"])
        assert variant["FRAME-RATE"] == "23.976"
        assert (variant["VIDEO-RANGE"], variant["CLOSED-CAPTIONS"]) == ("SDR", "NONE")
        assert (variant["AUDIO"], variant["SUBTITLES"]) == ("audio", "text")
        assert int(variant["BANDWIDTH"]) >= int(variant["AVERAGE-BANDWIDTH"])
    sounds = [attributes(line) for line in lines(master, "#EXT-X-MEDIA") if "TYPE=AUDIO" in line]
    assert [(one["NAME"], one["LANGUAGE"], one["DEFAULT"], one["CHANNELS"]) for one in sounds] == [
        ("English", "en", "YES", "2"), ("German", "de", "NO", "2")]
    texts = [attributes(line) for line in lines(master, "#EXT-X-MEDIA") if "TYPE=SUBTITLES" in line]
    assert [(one["NAME"], one["LANGUAGE"], one["FORCED"]) for one in texts] == [
        ("German", "de", "NO"), ("English (forced)", "en", "YES"), ("English (SDH)", "en", "NO")]
    assert "CHARACTERISTICS" in texts[2]
    assert not re.search(r"/work|/tmp|rendition-|://", master)


def test_bandwidth_is_the_rate_of_the_most_expensive_segments(film: Path) -> None:
    master = (film / "master.m3u8").read_text()
    sounds = max(_rates(film / f"audio-{number}")[0] for number in (1, 2))
    texts = max(_rates(place)[0] for place in film.glob("text-*"))
    folders = re.findall(r"^(\w+)/index.m3u8", master, re.MULTILINE)
    for line, folder in zip(lines(master, "#EXT-X-STREAM-INF"), folders, strict=True):
        peak, average = _rates(film / folder)
        said = attributes(line)
        assert int(said["BANDWIDTH"]) == pytest.approx(peak + sounds + texts, abs=4)
        assert average < int(said["AVERAGE-BANDWIDTH"]) <= int(said["BANDWIDTH"])


def _rates(folder: Path) -> tuple[float, float]:
    """Of segments of at least three seconds, and of all."""
    sizes = [place.stat().st_size * 8 for place in sorted(folder.glob("0*"))]
    lasting = durations(folder / "index.m3u8")
    windows = [(sizes[a:b], lasting[a:b]) for a in range(len(sizes)) for b in range(a + 1, len(sizes) + 1)]
    fitting = [sum(s) / sum(d) for s, d in windows if 3 <= sum(d) <= 9] or [sum(sizes) / sum(lasting)]
    return max(fitting), sum(sizes) / sum(lasting)


def test_segments_last_six_seconds_and_begin_together_in_all_versions(film: Path) -> None:
    for folder in ("180p", "120p", "90p"):
        lasting = durations(film / folder / "index.m3u8")
        assert len(lasting) == 3
        assert all(abs(seconds - 6) <= FRAME for seconds in lasting[:-1])
        assert sum(lasting) == pytest.approx(13 , abs=float(FRAME))
        assert "#EXT-X-TARGETDURATION:6\n" in (film / folder / "index.m3u8").read_text()
    assert len({tuple(durations(film / folder / "index.m3u8")) for folder in ("180p", "120p", "90p")}) == 1
    for number in (1, 2):
        lasting = durations(film / f"audio-{number}" / "index.m3u8")
        assert all(abs(seconds - 6) <= 1024 / 48000 for seconds in lasting[:-1])


@pytest.mark.parametrize("folder", ["180p", "audio-1"])
def test_a_segment_lasts_as_long_as_its_list_says(film: Path, folder: str) -> None:
    said, begin = durations(film / folder / "index.m3u8"), 0.0
    packets = probed(film / folder / "index.m3u8", "-show_entries", "packet=pts_time,duration_time,flags")["packets"]
    shown = sorted(float(packet["pts_time"]) for packet in packets)
    assert shown[0] >= 0
    keys = [float(packet["pts_time"]) for packet in packets if "K" in packet["flags"]]
    for seconds in said[:-1]:
        begin += seconds
        assert min(abs(moment - begin) for moment in keys) < 1e-4
    run_in = 0 if folder == "180p" else 1
    assert len(packets) + run_in == int(probed(film.parent / "rendition-0.mp4", "-count_packets", "-select_streams",
                                      "v" if folder == "180p" else "a:0", "-show_entries",
                                      "stream=nb_read_packets")["streams"][0]["nb_read_packets"])


@pytest.mark.parametrize("folder", ["180p", "120p", "90p", "audio-1", "audio-2"])
def test_pictures_and_sound_keep_their_moments_without_edit_lists(film: Path, folder: str) -> None:
    rendition, stream = {"180p": (0, "v"), "120p": (1, "v"), "90p": (2, "v"),
                         "audio-1": (0, "a:0"), "audio-2": (0, "a:1")}[folder]
    want = ("-show_entries", "packet=pts_time", "-select_streams")
    before, after = ([float(packet["pts_time"]) for packet in probed(place, *want, part)["packets"]] for place, part in (
        (film.parent / f"rendition-{rendition}.mp4", stream), (film / folder / "index.m3u8", "0")))
    assert [moment for moment in before if moment >= 0] == pytest.approx(after, abs=1e-4)
    assert b"elst" not in (film / folder / "init.mp4").read_bytes()


def test_a_picture_of_the_still_list_is_fetched_and_decoded_by_itself(film: Path, tmp_path: Path) -> None:
    text = (film / "180p" / "iframes.m3u8").read_text()
    ranges = re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)\n(\S+)", text)
    assert len(ranges) == 7
    for number, (size, place, name) in enumerate(ranges):
        alone = tmp_path / "one.mp4"
        alone.write_bytes((film / "180p" / "init.mp4").read_bytes()
                          + (film / "180p" / name).read_bytes()[int(place):int(place) + int(size)])
        seen = probed(alone, "-count_frames", "-show_entries", "stream=nb_read_frames:frame=pict_type,pts_time")
        assert seen["streams"][0]["nb_read_frames"] == "1"
        assert seen["frames"][0]["pict_type"] == "I"
        assert float(seen["frames"][0]["pts_time"]) == pytest.approx(2 * number, abs=float(FRAME) + 1e-4)
    assert sum(durations(film / "180p" / "iframes.m3u8")) == pytest.approx(13, abs=float(FRAME))


def test_subtitles_stand_in_pieces_with_the_films_times(film: Path) -> None:
    text = (film / "text-1" / "00000.vtt").read_text()
    assert text.startswith("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n")
    assert "00:00:01.000 --> 00:00:03.000\n<i>Ein</i> Satz &amp; &lt;mehr&gt;\n" in text
    assert sum(durations(film / "text-1" / "index.m3u8")) == pytest.approx(13, abs=0.1)


async def test_the_same_renditions_give_the_same_bytes(film: Path, three: list[Rung], tmp_path: Path) -> None:
    async with packaging(three, tmp_path) as job:
        await job.package()
        for place in sorted(job.folder.rglob("*0*.m4s")):
            assert place.read_bytes() == (film / place.relative_to(job.folder)).read_bytes()


async def test_a_version_whose_key_frames_lie_elsewhere_is_left_out_with_the_reason(clips: Clips, tmp_path: Path) -> None:
    good, other = rung(clips, 180), rung(clips, 120, name="odd", keys=("-g", "70", "-keyint_min", "70", "-sc_threshold", "0"))
    async with packaging([good, other], tmp_path) as job:
        await job.package()
        [omission] = job.work.running.omissions
        assert omission.sentence.startswith("Without odd in HLS:")
        assert "key frames are not where" in omission.sentence
        assert not (job.folder / "odd").exists()
        assert (job.folder / "master.m3u8").read_text().count("#EXT-X-STREAM-INF") == 1


async def test_what_breaks_leaves_nothing_behind(clips: Clips, tmp_path: Path) -> None:
    async with packaging([rung(clips, 180)], tmp_path) as job:
        file = job.work.scratch / job.made[0].file
        file.write_bytes(file.read_bytes()[:-2000])
        with pytest.raises(PectinError) as raised:
            await job.package()
        assert raised.value.cause is Cause.OUTPUT_WRONG
        assert not job.folder.exists()


async def _one(rungs: list[Rung], folder: Path, kind: Hls = Hls.FMP4) -> tuple[Path, list[str]]:
    async with packaging(rungs, folder, kind=kind) as job:
        await job.package()
        return job.folder, [omission.sentence for omission in job.work.running.omissions]


def _moments(place: Path, stream: str) -> list[float]:
    packets = probed(place, "-select_streams", stream, "-show_entries", "packet=pts_time")["packets"]
    return sorted(float(packet["pts_time"]) for packet in packets)


@pytest.mark.parametrize(("name", "facts", "codec"), [
    ("hevc", {"video": ("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-pix_fmt", "yuv420p10le", "-x265-params",
                        "log-level=error:scenecut=0:open-gop=0:keyint=50:min-keyint=50"), "keys": (), "rate": "25"},
     r"hvc1\.2\.4\.L\d+\.90"),
    ("av1", {"video": ("-c:v", "libsvtav1", "-preset", "10", "-g", "50", "-pix_fmt", "yuv420p"), "keys": (), "rate": "25"},
     r"av01\.0\.\d\dM\.08"),
    ("vp9", {"video": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "50", "-keyint_min", "50"),
             "keys": (), "rate": "25"}, r"vp09\.00\.\d\d\.08"),
    ("opus", {"sound": ("-c:a", "libopus"), "suffix": "mkv"}, r"avc1\.64[0-9a-f]{4},opus"),
    ("silent", {"sounds": 0}, r"avc1\.64[0-9a-f]{4}"),
    ("short", {"seconds": 1.2}, r"avc1\.64[0-9a-f]{4},mp4a\.40\.2"),
    ("uneven", {"filters": ",select=not(mod(n\\,7))+not(mod(n\\,5))", "rate": "30"}, r"avc1\.64[0-9a-f]{4},mp4a\.40\.2"),
    ("ntsc", {"rate": "60000/1001"}, r"avc1\.64[0-9a-f]{4},mp4a\.40\.2"),
])
async def test_films_of_every_kind_are_packaged(name: str, facts: dict[str, Any], codec: str, clips: Clips,
                                                tmp_path: Path) -> None:
    one = rung(clips, 90, **({"seconds": 7, "name": name} | facts))
    folder, omissions = await _one([one], tmp_path)
    assert omissions == []
    [line] = lines((folder / "master.m3u8").read_text(), "#EXT-X-STREAM-INF")
    said = attributes(line)
    assert re.fullmatch(codec + (r",mp4a\.40\.2" if name in ("hevc", "av1", "vp9") else ""), said["CODECS"])
    assert ("AUDIO" in said) is (name != "silent")
    assert _moments(folder / name / "index.m3u8", "0") == pytest.approx(_moments(one.film, "v"), abs=2e-3)
    assert sum(durations(folder / name / "index.m3u8")) == pytest.approx(facts.get("seconds", 7), abs=0.2)


async def test_sound_that_begins_late_keeps_its_moment(clips: Clips, tmp_path: Path) -> None:
    film = clips.make("late.mp4", [
        "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=8",
        "-itsoffset", "1.5", "-f", "lavfi", "-i", "sine=duration=6", *X264, *ALIGNED, "-c:a", "aac"])
    folder, _ = await _one([Rung(film, "90p", 160, 90)], tmp_path)
    assert _moments(folder / "audio-1" / "index.m3u8", "0")[0] == pytest.approx(_moments(film, "a")[0], abs=0.03)
    assert durations(folder / "audio-1" / "index.m3u8")[0] == pytest.approx(6, abs=0.03)


async def test_ts_segments_hold_the_first_sound_and_begin_together(three: list[Rung], tmp_path: Path) -> None:
    folder, omissions = await _one(three, tmp_path, Hls.TS)
    assert omissions == []
    master = (folder / "master.m3u8").read_text()
    sounds = [attributes(line) for line in lines(master, "#EXT-X-MEDIA")]
    assert [("URI" in one, one["NAME"]) for one in sounds] == [(False, "English"), (True, "German")]
    assert len({tuple(durations(folder / name / "index.m3u8")) for name in ("180p", "120p", "90p")}) == 1
    for name in ("180p", "90p"):
        assert _moments(folder / name / "index.m3u8", "v")[0] == 10
        assert _moments(folder / name / "index.m3u8", "a")[0] == pytest.approx(10 - 1024 / 48000, abs=1e-4)
    assert _moments(folder / "audio-2" / "index.m3u8", "a")[0] == pytest.approx(10 - 1024 / 48000, abs=1e-4)
    text = (folder / "120p" / "iframes.m3u8").read_text()
    ranges = re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)\n(\S+)", text)
    assert len(ranges) == 7
    size, place, name = ranges[4]
    alone = tmp_path / "one.ts"
    alone.write_bytes((folder / "120p" / name).read_bytes()[int(place):int(place) + int(size)])
    [frame] = probed(alone, "-select_streams", "v", "-show_entries", "frame=pict_type,pts_time")["frames"]
    assert (frame["pict_type"], float(frame["pts_time"])) == ("I", pytest.approx(18, abs=float(FRAME) + 1e-4))


async def test_ts_refuses_what_it_cannot_hold(clips: Clips, tmp_path: Path) -> None:
    one = rung(clips, 90, seconds=7, name="av1", video=("-c:v", "libsvtav1", "-preset", "10", "-g", "50", "-pix_fmt", "yuv420p"),
               keys=(), rate="25")
    with pytest.raises(PectinError, match="MPEG-TS cannot hold av01"):
        await _one([one], tmp_path, Hls.TS)


async def test_a_film_with_few_key_frames_alone_is_refused_with_the_reason(clips: Clips, tmp_path: Path) -> None:
    one = rung(clips, 90, seconds=16, name="rare", keys=("-g", "100000", "-sc_threshold", "0"))
    with pytest.raises(PectinError, match=r"its key frames are 16\.\d s apart"):
        await _one([replace(one, aligned=False)], tmp_path)


@pytest.mark.parametrize("kind", [Hls.FMP4, Hls.TS])
async def test_a_job_makes_its_set_from_the_ladder_it_has_encoded(kind: Hls, clips: Clips, tmp_path: Path) -> None:
    subtitle = tmp_path / "words.srt"
    subtitle.write_text(SRT, "utf-8")
    source = clips.film("web.mkv", seconds=9, size="384x216", rate="30000/1001", video=("-c:v", "mpeg4", "-q:v", "6"))
    film = tmp_path / "film.mkv"
    subprocess.run([need_program("ffmpeg", "ffmpeg"), "-v", "error", "-i", str(source), "-i", str(subtitle),
                    "-map", "0", "-map", "1", "-c", "copy", "-metadata:s:s:0", "language=ger",
                    "-metadata:s:a:0", "language=eng", str(film)], check=True)
    made = await produced(film, tmp_path, replace(QUICKLY, renditions=(144,), hls=kind))
    assert [note for note in made.plan.notes if note.startswith("Without")] == []
    assert [output.name for output in made.outputs if output.role == "hls"] == ["hls"]
    master = (made.folder / "hls" / "master.m3u8").read_text()
    variants = [attributes(line) for line in lines(master, "#EXT-X-STREAM-INF")]
    assert [variant["RESOLUTION"] for variant in variants] == ["384x216", "256x144"]
    assert {variant["FRAME-RATE"] for variant in variants} == {"29.970"}
    assert 'NAME="German"' in master
    assert durations(made.folder / "hls" / "144p" / "index.m3u8")[0] == pytest.approx(6, abs=1001 / 30000)


async def test_a_film_that_is_copied_is_encoded_once_for_the_set(clips: Clips, tmp_path: Path) -> None:
    source = clips.film("fits.mp4", seconds=4, size="320x180", extra=("-movflags", "+faststart"))
    made = await produced(source, tmp_path, replace(QUICKLY, hls=Hls.FMP4))
    assert [note for note in made.plan.notes if note.startswith("Without")] == []
    [line] = lines((made.folder / "hls" / "master.m3u8").read_text(), "#EXT-X-STREAM-INF")
    assert attributes(line)["RESOLUTION"] == "320x180"
    assert {output.role for output in made.outputs} == {"hls", "video"}
    assert {place.name for place in made.folder.iterdir()} == {output.file for output in made.outputs}


async def test_a_set_with_a_fault_is_not_handed_over(clips: Clips, tmp_path: Path) -> None:
    async with packaging([rung(clips, 120)], tmp_path) as job:
        await job.package()
        segment, stray = job.folder / "120p" / "00001.m4s", job.folder / "120p" / "stray"

        async def verdict() -> str:
            with pytest.raises(PectinError) as raised:
                await hls_judging.judge(job.work, job.folder, job.plan, files=[job.made[0].file], pictures=[], sounds=[])
            assert raised.value.cause is Cause.OUTPUT_WRONG
            return raised.value.detail

        assert "not find the same pictures" in await verdict()  # all is there, but not what is said to have been written
        stray.touch()
        assert await verdict() == "HLS: 120p/stray is there and not listed"
        stray.unlink()
        whole = segment.read_bytes()
        segment.write_bytes(whole[:-1000])
        assert "ffmpeg" in await verdict()
        segment.unlink()
        assert await verdict() == "HLS: 120p/00001.m4s is listed and not there"


@pytest.mark.parametrize("kind", [Hls.FMP4, Hls.TS])
async def test_a_film_with_late_pictures_and_pcm_is_packaged_with_all_its_words(kind: Hls, clips: Clips,
                                                                                       tmp_path: Path) -> None:
    """PCM, which no MP4 holds; sound that comes before the picture; a text that came with the film."""
    source = clips.make("recorded.mkv", [
        "-f", "lavfi", "-i", "sine=duration=9", "-itsoffset", "1.5",
        "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=8",
        "-map", "1:v", "-map", "0:a", "-c:v", "mpeg4", "-c:a", "pcm_s16le"])
    beside = tmp_path / "sidecars" / f"{source.stem}.de.forced.srt"
    beside.parent.mkdir()
    beside.write_text(SRT, "utf-8")
    made = await produced(source, tmp_path, replace(QUICKLY, renditions=(144,), hls=kind, container=Container.MKV,
                                                    audio=AudioCodec.COPY))
    assert [omission.sentence for omission in made.omissions] == []
    folder = made.folder / "hls"
    assert 'NAME="German (forced)",LANGUAGE="de"' in (folder / "master.m3u8").read_text()
    assert "Noch einer" in (folder / "text-1" / "00000.vtt").read_text("utf-8")
    assert durations(folder / "144p" / "index.m3u8") == durations(folder / "180p" / "index.m3u8")
    assert durations(folder / "180p" / "index.m3u8")[0] == pytest.approx(6, abs=0.05)
