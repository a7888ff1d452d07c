"""What becomes of sound tracks, heard for real: how loud each loudspeaker is, how loud the whole, flags, names, other codecs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from clips import Clips
from needs import need_program
from pectin.encoding import downmix, loudness, sounds, tools
from pectin.model.measured import Loudness, Measured
from pectin.model.media import MediaInfo
from pectin.model.plan import AudioTarget
from pectin.model.profile import AudioCodec, Container, Profile, Surround, VideoCodec
from pectin.planning.loudness import ask
from soundrun import Filed, filed, probed

FAST = Profile(preset="ultrafast")
PICTURE = ("-f", "lavfi", "-i", "color=black:s=64x64:r=5:d={}")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
TURN = 0.05  # seconds each loudspeaker sounds
VOICE = 0.25
DTS = ("-c:a", "dca", "-strict", "-2")


def film(clips: Clips, name: str, sources: Sequence[str], options: Sequence[str], *, seconds: float = 1.0) -> Path:
    """A dark film with these lavfi sounds, one track each."""
    sound = [argument for source in sources for argument in ("-f", "lavfi", "-i", source)]
    maps = [argument for number in range(len(sources) + 1) for argument in ("-map", str(number))]
    return clips.make(name, [*(part.format(seconds) for part in PICTURE), *sound, *maps, *X264, *options])


def in_turn(layout: str) -> str:
    """One loudspeaker after the other, a tone of 440 Hz each."""
    channels = len(downmix.LAYOUTS[layout])
    tones = "|".join(f"{VOICE}*sin(2*PI*440*t)*between(t,{TURN * n:g},{TURN * (n + 1):g})" for n in range(channels))
    return f"aevalsrc='{tones}':c={layout}:s=48000:d={TURN * channels:g}"


def heard(layout: str, target: AudioTarget) -> dict[str, list[float]]:
    """How much of each loudspeaker of the source is in each channel of the output."""
    made = subprocess.run([need_program("ffmpeg", "ffmpeg"), "-nostdin", "-v", "error", "-f", "lavfi", "-i", in_turn(layout),
                           "-af", ",".join(sounds.audio_filters(target)), "-f", "f32le", "-"],
                          capture_output=True, check=True, timeout=60)
    samples = memoryview(made.stdout).cast("f")
    turn = int(TURN * 48_000) * target.channels
    skip = turn // 10  # the limits of a turn are not sharp
    found = {}
    for number, channel in enumerate(downmix.LAYOUTS[layout]):
        part = samples[number * turn + skip:(number + 1) * turn - skip]
        found[channel] = [max(abs(sample) for sample in part[output::target.channels].tolist()) / VOICE
                          for output in range(target.channels)]
    return found


def target(layout: str, channels: int, codec: str) -> AudioTarget:
    return AudioTarget(codec=codec, channels=channels, sample_rate=48_000, bitrate=160_000, source_layout=layout,
                       source_channels=len(downmix.LAYOUTS[layout]))


MANY = [layout for layout, channels in downmix.LAYOUTS.items() if len(channels) > 2]


@pytest.mark.parametrize("layout", MANY)
def test_every_loudspeaker_is_heard_in_stereo_as_loudly_as_it_should(layout: str) -> None:
    wanted: dict[str, list[float]] = {channel: [0.0, 0.0] for channel in downmix.LAYOUTS[layout]}
    for side, row in enumerate(downmix.to_stereo(layout).split("|")[1:]):
        for weight, channel in re.findall(r"([\d.]+)\*([A-Z]+)", row):
            wanted[channel][side] = float(weight)
    found = heard(layout, target(layout, 2, "aac"))
    assert {channel: pytest.approx(levels, abs=0.01) for channel, levels in wanted.items()} == found


FIVE_ONE = {"FL": 0, "FR": 1, "FC": 2, "LFE": 3, "BL": 4, "SL": 4, "BR": 5, "SR": 5}


@pytest.mark.parametrize("layout", [layout for layout in MANY if len(downmix.LAYOUTS[layout]) >= 5])
def test_surround_keeps_its_loudspeakers_at_their_level_in_5_1(layout: str) -> None:
    found = heard(layout, target(layout, 6, "ac3"))
    both = {"BL", "SL"} <= set(found)
    for channel, levels in found.items():
        if channel in FIVE_ONE:
            level = 0.707 if both and FIVE_ONE[channel] > 3 else 1.0
            wanted = [level if output == FIVE_ONE[channel] else 0.0 for output in range(6)]
            assert levels == pytest.approx(wanted, abs=0.01), channel
        else:  # shared by two: as powerful as it was
            assert sum(level**2 for level in levels) == pytest.approx(1.0, abs=0.02), channel


def meter(path: Path, track: int = 0) -> Loudness:
    made = subprocess.run([need_program("ffmpeg", "ffmpeg"), "-nostdin", "-hide_banner", "-i", str(path),
                           "-map", f"0:a:{track}", "-af", "ebur128@track0=peak=true:framelog=verbose", "-f", "null", "-"],
                          capture_output=True, text=True, check=True, timeout=60)
    return loudness.parse(made.stderr)[0]


async def normalised(path: Path, folder: Path, profile: Profile) -> Filed:
    """Both passes, as a job makes them."""
    media = probed(path)
    return filed(path, folder, profile, Measured(loudness=await measured(path, media, ask(media, profile))))


async def measured(path: Path, media: MediaInfo, indexes: Sequence[int]) -> dict[int, Loudness]:
    with path.open("rb") as opened:  # it is walled in: it sees what it is handed, and no name
        return await loudness.measure(indexes, media, tools=await tools.find("auto"), threads=1,
                                      source=f"file:/proc/self/fd/{opened.fileno()}", pass_fds=(opened.fileno(),),
                                      nice=0, cpus=None, job="job", stall_timeout=60, monitor=None)


QUIET = "anoisesrc=color=pink:seed=1:duration=5:amplitude=0.1,aformat=channel_layouts=stereo"
# A quiet voice with a bang in each second: made as loud as is wanted, the bangs would be almost twice full scale.
BANGS = "aevalsrc='(0.12+0.8*between(mod(t\\,1)\\,0.5\\,0.501))*sin(2*PI*500*t)':s=48000:d=5"
HALL = "anoisesrc=color=brown:seed=2:duration=5:amplitude=0.5,aformat=channel_layouts=mono,pan=5.1|" + "|".join(
    f"{channel}={weight}*c0" for channel, weight in (("FL", .5), ("FR", .4), ("FC", .6), ("LFE", .2), ("BL", .3), ("BR", .3)))


@pytest.mark.parametrize(
    ("name", "source", "options", "wanted", "reason"),
    [
        ("fits.mkv", QUIET, ("-c:a", "aac"), -23.0, "loudness"),
        ("bangs.mkv", BANGS, ("-c:a", "flac"), -16.0, "codec"),
        ("hall.mkv", HALL, DTS, -20.0, "stereo_first"),
    ],
)
async def test_a_film_comes_out_as_loud_as_is_wanted(clips: Clips, tmp_path: Path, name: str, source: str, options: Sequence[str],
                                                     wanted: float, reason: str) -> None:
    path = film(clips, name, [source], options, seconds=5)
    found = await normalised(path, tmp_path, Profile(preset="ultrafast", loudness=wanted))
    assert found.sound[0][1:] == ("encode", reason)
    came_out = meter(found.file)
    assert came_out.integrated == pytest.approx(wanted, abs=0.5)
    assert came_out.peak <= -1.0


@pytest.mark.parametrize(("name", "source"), [("silent.mkv", "anullsrc=d=1"), ("short.mkv", "sine=duration=0.2")])
async def test_silence_is_not_made_louder(clips: Clips, tmp_path: Path, name: str, source: str) -> None:
    path = film(clips, name, [source], ("-c:a", "aac"))
    found = await normalised(path, tmp_path, Profile(preset="ultrafast", loudness=-23.0))
    assert found.sound[0][1:] == ("copy", "fits")


async def test_what_cannot_be_decoded_is_not_measured_and_does_not_fail(clips: Clips) -> None:
    whole = film(clips, "whole.mkv", ["sine=duration=1"], ("-c:a", "ac3"))
    noise = clips.make("noise.mkv", ["-i", str(whole), "-c", "copy", "-bsf:a", "noise=amount=1"])
    assert await measured(noise, probed(noise), (1,)) == {}


async def test_this_ffmpeg_tells_what_it_decodes() -> None:
    found = await tools.find("auto")
    assert found.decoders is not None
    assert {"aac", "ac3", "dts", "truehd", "flac", "opus", "vorbis"} <= found.decoders
    assert "mpegh_3d_audio" not in found.decoders


def test_language_name_and_flags_survive(clips: Clips, tmp_path: Path) -> None:
    path = film(clips, "many.mkv", ["sine=duration=1"] * 5, (
        "-c:a", "ac3", "-metadata:s:a:0", "language=de", "-metadata:s:a:0", "title=Deutsch AC3 2.0", "-disposition:a:0", "dub",
        "-metadata:s:a:1", "language=eng", "-disposition:a:1", "default",
        "-metadata:s:a:2", "language=eng", "-disposition:a:2", "comment", "-metadata:s:a:2", "title=Commentary by the cook",
        "-metadata:s:a:3", "language=ger", "-disposition:a:3", "visual_impaired",
        "-metadata:s:a:4", "language=fre", "-disposition:a:4", "hearing_impaired"))
    found = filed(path, tmp_path, Profile(preset="ultrafast", languages=("ger",)))
    assert [(s.language, s.title, s.disposition.default, s.disposition.dub, s.disposition.comment, s.disposition.visual_impaired,
             s.disposition.hearing_impaired) for s in found.output.audio] == [
        ("ger", "Deutsch", True, True, False, False, False),
        ("eng", None, False, False, False, False, False),
        ("fre", None, False, False, False, False, True),
        ("eng", "Commentary by the cook", False, False, True, False, False),
        ("ger", None, False, False, False, True, False),
    ]


@pytest.mark.parametrize(
    ("name", "options", "profile", "tracks"),
    [
        ("dts.mkv", DTS, FAST, [("aac", 2), ("ac3", 6)]),
        ("wide.mkv", ("-c:a", "flac", "-ac", "8"), Profile(preset="ultrafast", surround=Surround.EAC3),
         [("aac", 2), ("eac3", 6)]),
        ("aac.mp4", ("-c:a", "aac"), FAST, [("aac", 2), ("aac", 6)]),
        ("loud.ts", ("-c:a", "eac3"), FAST, [("aac", 2), ("eac3", 6)]),
        ("dts.mkv", DTS, Profile(preset="ultrafast", container=Container.MKV), [("aac", 2), ("dts", 6)]),
        ("dts.mkv", DTS, Profile(preset="5", container=Container.WEBM, video=VideoCodec.VP9, audio=AudioCodec.OPUS),
         [("opus", 2), ("opus", 6)]),
        ("dts.mkv", DTS, Profile(audio=AudioCodec.COPY), [("dts", 6)]),
    ],
)
def test_surround_comes_second(clips: Clips, tmp_path: Path, name: str, options: Sequence[str], profile: Profile,
                               tracks: list[tuple[str, int]]) -> None:
    tones = "|".join(f"0.1*sin({n}*2*PI*t)" for n in range(200, 500, 50))
    found = filed(film(clips, name, [f"aevalsrc={tones}:c=5.1:s=48000:d=1"], options), tmp_path, profile)
    assert [(s.codec, s.channels) for s in found.output.audio] == tracks
    assert [s.disposition.default for s in found.output.audio] == [True] + [False] * (len(tracks) - 1)
