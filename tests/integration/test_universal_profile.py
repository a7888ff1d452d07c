"""The default profile, for real: whatever comes in, what comes out plays on every client and fits our own rules."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from clips import Clips
from needs import need_program, shared
from pectin.encoding import argv, checks
from pectin.model.media import MediaInfo
from pectin.model.plan import Method, Plan, Reason
from pectin.model.profile import Profile
from pectin.planning import plan, probe, rules

PROFILE = Profile(preset="veryfast")
TONE = "-f lavfi -i sine=frequency=440:sample_rate=48000:duration=1.2"
SURROUND = "-f lavfi -i aevalsrc=" + "|".join([f"0.1*sin({n}*2*PI*t)" for n in range(200, 500, 50)]) + ":c=5.1:s=48000:d=1.2"
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
X265 = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le"
AAC = "-c:a aac -ac 2"
HDR = (f"{X265} -x265-params log-level=none:hdr10=1:repeat-headers=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:"
       "max-cll=1000,400:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50) "
       "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc")
BARE_HDR = "-c:v ffv1 -color_primaries unknown -colorspace unknown"
INTERLACED = "-f lavfi -i testsrc2=size=720x576:rate=50:duration=1.2 -vf interlace,setsar=64/45 -flags +ilme+ildct"
NOISE = ",noise=alls=100:allf=t"
ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour
Style: Default,Arial,20,&H00FFFFFF

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.20,0:00:00.90,Default,,0,0,0,,Quince
"""
CHAPTERS = """;FFMETADATA1
title=Film
comment=ours
[CHAPTER]
TIMEBASE=1/10
START=0
END=6
[CHAPTER]
TIMEBASE=1/10
START=6
END=12
"""


def picture(size: str = "320x240", rate: str = "25", seconds: float = 1.2, more: str = "") -> str:
    return f"-f lavfi -i testsrc2=size={size}:rate={rate}:duration={seconds}{more}"


@dataclass(frozen=True)
class Filed:
    """A source that went the whole way."""

    source: MediaInfo
    plan: Plan
    output: MediaInfo
    folder: Path
    command: argv.Command

    @property
    def file(self) -> Path:
        return self.folder / self.command.video


Filer = Callable[[Path], Filed]


def probed(path: Path) -> MediaInfo:
    made = subprocess.run(
        argv.probe_argv(need_program("ffprobe", "ffmpeg"), f"file:{path}", max_pixels=PROFILE.max_pixels),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert made.returncode == 0, made.stderr
    return probe.parse(json.loads(made.stdout))


def run_quietly(program: str, arguments: str) -> bytes:
    return subprocess.run([need_program(program, "ffmpeg"), "-v", "error", *arguments.split()], capture_output=True, check=True,
                          timeout=60).stdout


@pytest.fixture
def file_it(tmp_path: Path) -> Filer:
    """Probe, rules, plan, ffmpeg, whole decode, and the output held against our own rules: it must need nothing more."""
    ffmpeg = need_program("ffmpeg", "ffmpeg")

    def run(path: Path) -> Filed:
        source = probed(path)
        assert rules.refusals(source, PROFILE) == ()
        decided = plan.decide(source, PROFILE)
        command = argv.build(decided, ffmpeg=ffmpeg, source=f"file:{path}", threads=2, max_pixels=PROFILE.max_pixels)
        made = subprocess.run(command.argv, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
        assert made.returncode == 0, made.stderr
        assert made.stdout.rstrip().endswith("progress=end")
        file = tmp_path / command.video
        decoded = subprocess.run(
            checks.decode_argv(ffmpeg, f"file:{file}", 2, copied=[(decided.kept.index(c), c) for c in command.copied]),
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        assert decoded.returncode == 0, decoded.stderr
        if command.copied:
            read, written = [(tmp_path / name).read_text() for name in (checks.SOURCE_HASHES, checks.OUTPUT_HASHES)]
            assert checks.hashes(read) == checks.hashes(written)
            assert len(checks.hashes(read)) == len(command.copied)
        output = probed(file)
        assert rules.refusals(output, PROFILE) == ()
        again = plan.decide(output, PROFILE)
        assert again.method is Method.REMUX, [s.sentence for s in again.streams]
        assert [(s.kind, s.codec) for s in again.kept] == [
            (s.kind, s.codec) for s in again.streams if s.kind in ("video", "audio")
        ]
        assert [s.default for s in again.kept] == [s.default for s in decided.kept]
        assert [s.language for s in again.kept if s.kind == "audio"] == [s.language for s in decided.kept if s.kind == "audio"]
        assert (output.bit_rate or 0) <= PROFILE.max_bitrate
        assert (output.video[0].width, output.video[0].height) == (decided.width, decided.height)
        return Filed(source=source, plan=decided, output=output, folder=tmp_path, command=command)

    return run


def plays_everywhere(filed: Filed) -> None:
    """The oracle's word for both servers; a skip where the oracle is not."""
    oracle = shared("oracle/directplay_oracle.py")
    for server in ("10.11", "12"):
        judged = subprocess.run(
            [sys.executable, str(oracle), "--probe", str(filed.file), "--server", server],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert judged.returncode == 0, judged.stdout


@pytest.mark.parametrize("name", ["big-buck-bunny-480p-30s.mp4", "echo-hereweare.webm"])
def test_a_real_clip_plays_on_every_client(file_it: Filer, name: str) -> None:
    plays_everywhere(file_it(shared(f"media/{name}")))


def test_a_rotated_film_comes_out_upright(clips: Clips, file_it: Filer) -> None:
    flat = clips.film("flat.mp4", seconds=1)
    filed = file_it(clips.make("turned.mp4", ["-i", str(flat), "-c", "copy", "-metadata:s:v:0", "rotate=90"]))
    assert filed.plan.kept[0].reason is Reason.ROTATED
    video = filed.output.video[0]
    assert (video.width, video.height, video.rotation) == (240, 320, 0)
    plays_everywhere(filed)


def test_subtitles_and_chapters_and_languages_survive(clips: Clips, file_it: Filer, tmp_path: Path) -> None:
    (tmp_path / "a.ass").write_text(ASS, encoding="utf-8")
    (tmp_path / "a.srt").write_text("1\n00:00:00,100 --> 00:00:00,800\nJelly\n", encoding="utf-8")
    (tmp_path / "chapters").write_text(CHAPTERS, encoding="utf-8")
    filed = file_it(clips.make("rich.mkv", [
        *f"{picture()} {SURROUND} {TONE} {TONE}".split(), "-i", str(tmp_path / "a.ass"), "-i", str(tmp_path / "a.srt"),
        "-f", "ffmetadata", "-i", str(tmp_path / "chapters"),
        *(word for number in range(6) for word in ("-map", str(number))),
        *f"-map_metadata 6 -map_chapters 6 {X264} -c:a aac -c:a:0 flac -c:s copy".split(),
        *["-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "language=eng", "-metadata:s:a:2", "language=eng"],
        *["-metadata:s:s:0", "language=ger", "-metadata:s:s:1", "language=ger", "-disposition:s:1", "forced"],
        "-metadata:s:a:2", "title=Commentary by the cook"]))
    assert [(s.codec, s.channels, s.language, s.disposition.default, s.disposition.comment) for s in filed.output.audio] == [
        ("aac", 2, "ger", True, False), ("ac3", 6, "ger", False, False),
        ("aac", 1, "eng", False, False), ("aac", 1, "eng", False, True)]
    assert filed.output.audio[3].title == "Commentary by the cook"
    assert filed.output.chapters == 2
    assert filed.output.tags["title"] == "Film"
    assert "comment" not in filed.output.tags
    assert [decision.index for decision in filed.plan.extracted] == [4, 5]
    plays_everywhere(filed)


def test_a_variable_frame_rate_keeps_every_frame(clips: Clips, file_it: Filer) -> None:
    uneven = picture("320x240", "30", 3, ",select='lt(t,1)+not(mod(n,3))'")
    filed = file_it(clips.make("variable.mkv", f"{uneven} -fps_mode vfr {X265} -x265-params log-level=none".split()))
    assert filed.output.video[0].packets == 50  # 30 in the first second, 20 in the other two


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 6, 7, 8])
def test_sound_of_any_number_of_channels_becomes_stereo_or_mono(clips: Clips, file_it: Filer, channels: int) -> None:
    tones = "|".join(["0.1*sin(440*2*PI*t)"] * channels)
    arguments = f"{picture()} -f lavfi -i aevalsrc={tones}:s=44100:d=1.2 {X264} -c:a flac"
    filed = file_it(clips.make(f"{channels}.mkv", arguments.split()))
    first, *others = filed.output.audio
    assert (first.codec, first.channels, first.sample_rate) == ("aac", min(channels, 2), 48_000)
    assert first.channel_layout == ("mono" if channels == 1 else "stereo")
    assert [track.codec for track in others] == (["ac3"] if channels >= 5 else [])
    plays_everywhere(filed)


@pytest.mark.parametrize(("name", "arguments"), [
    ("sd.mpg", "-vf scale=out_color_matrix=smpte170m,format=yuv420p -c:v mpeg2video -q:v 2"),
    ("rgb.mkv", "-c:v ffv1 -pix_fmt gbrp"),
    ("full.mkv", "-vf scale=out_color_matrix=bt709:out_range=pc,format=yuv420p -c:v ffv1 -color_range pc -colorspace bt709"),
    ("wide.mkv", "-vf scale=out_color_matrix=bt2020,format=yuv420p10le -c:v ffv1 -colorspace bt2020nc"),
    ("ntsc.mkv", "-vf scale=out_color_matrix=smpte170m,format=yuv422p -c:v ffv1 -colorspace smpte170m"),
])
def test_colours_stay_what_they_were(clips: Clips, file_it: Filer, name: str, arguments: str) -> None:
    orange = "-f lavfi -i color=c=0xC04020:size=320x240:rate=25:duration=0.4,format=gbrp"
    filed = file_it(clips.make(name, f"{orange} {arguments}".split()))
    read = "-vf crop=2:2,scale=in_color_matrix=bt709,format=rgb24 -frames:v 1 -f rawvideo -"
    pixel = run_quietly("ffmpeg", f"-i {filed.file} {read}")
    assert list(pixel[:3]) == pytest.approx([0xC0, 0x40, 0x20], abs=5)


def test_mastering_data_of_hdr_does_not_reach_the_output(clips: Clips, file_it: Filer) -> None:
    filed = file_it(clips.make("hdr10.mkv", f"{picture()} {TONE} {HDR} {AAC}".split()))
    assert "HDR10" in filed.plan.kept[0].sentence
    shown = run_quietly("ffprobe", f"-show_streams {filed.file}")
    assert b"Mastering" not in shown
    assert b"color_transfer=bt709" in shown


def test_keyframes_are_two_seconds_apart_at_most(clips: Clips, file_it: Filer) -> None:
    still = "-f lavfi -i color=c=purple:size=320x240:rate=24000/1001:duration=7 -c:v ffv1"
    filed = file_it(clips.make("still.mkv", still.split()))
    shown = run_quietly("ffprobe", f"-show_entries packet=pts_time,flags -of csv=p=0 {filed.file}").decode()
    times = [float(line.split(",")[0]) for line in shown.split() if ",K" in line]
    assert len(times) == 4
    assert all(later - earlier <= 2 + 1001 / 24000 for earlier, later in itertools.pairwise(times))
