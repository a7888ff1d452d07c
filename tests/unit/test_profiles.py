"""Profiles in the configuration: the shipped ones, what a configuration changes in them, and what cannot go together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.profile import AudioCodec, Container, Hdr, Profile, Surround, TextSubtitles, VideoCodec
from pectin.planning.containers import holds
from pectin.settings.codecs import ENCODERS
from pectin.settings.load import ConfigError, parse
from pectin.settings.sections import ProfileSettings, Settings
from pectin.settings.values import profiles

README = Path(__file__).resolve().parents[2] / "README.md"


def made(text: str) -> dict[str, Profile]:
    return profiles(parse(text, "x.yaml"))


def one(**keys: Any) -> Profile:
    return made(yaml.safe_dump({"profiles": {"mine": keys}}))["mine"]


def complaints(name: str = "mine", **keys: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(yaml.safe_dump({"profiles": {name: keys}}), "x.yaml")
    return sorted(f"{p.path.removeprefix(f'profiles.{name}.')}: {p.message} -- {p.hint}" for p in caught.value.problems)


def test_the_shipped_profiles_are_what_their_names_say() -> None:
    shipped = profiles(Settings())
    assert shipped["universal"] == Profile()
    assert (shipped["universal-hevc"].video, shipped["universal-hevc"].container) == (VideoCodec.HEVC, Container.MP4)
    archive = shipped["archive-av1"]
    assert (archive.video, archive.container, archive.audio) == (VideoCodec.AV1, Container.MKV, AudioCodec.COPY)
    assert (archive.preset, archive.crf, archive.max_width) == ("6", 30, 3840)
    assert (archive.hdr, archive.subtitles) == (Hdr.KEEP, TextSubtitles.EMBED)
    copy = shipped["copy"]
    assert (copy.video, copy.audio, copy.container) == (VideoCodec.COPY, AudioCodec.COPY, Container.MP4)
    assert shipped["original"].container is Container.SOURCE
    assert set(shipped) == {"universal", "universal-hevc", "archive-av1", "copy", "original"}


def test_a_shipped_profile_that_is_changed_keeps_the_rest_of_itself() -> None:
    changed = made("profiles: {archive-av1: {crf: 35}}")
    assert changed["archive-av1"].crf == 35
    assert changed["archive-av1"].container is Container.MKV
    assert changed["universal"] == Profile()


def test_a_new_profile_begins_as_universal() -> None:
    assert one(crf=20) == Profile(name="mine", crf=20)


@pytest.mark.parametrize(("video", "preset", "crf"), [
    ("h264", "medium", 22), ("hevc", "medium", 22), ("av1", "6", 30), ("vp9", "2", 31)])
def test_preset_and_crf_follow_from_the_codec(video: str, preset: str, crf: float) -> None:
    profile = one(video=video)
    assert (profile.preset, profile.crf) == (preset, crf)
    assert preset in ENCODERS[VideoCodec(video)].presets


def test_a_number_is_a_preset_with_and_without_quotes() -> None:
    assert one(video="av1", preset=8) == one(video="av1", preset="8")


@pytest.mark.parametrize(("keys", "expected"), [
    ({"container": "webm"}, [
        "audio: aac cannot be in webm -- audio: opus; or container: mkv",
        "surround: ac3 cannot be in webm -- surround: none; or container: mkv",
        "video: h264 cannot be in webm -- video: vp9 or av1; or container: mp4 or mkv"]),
    ({"video": "av1", "preset": "slow"}, ["preset: 'slow' is no preset of av1 -- auto (6), or 0 to 13"]),
    ({"preset": 5}, ["preset: '5' is no preset of h264 -- auto (medium), or ultrafast, superfast, veryfast, faster, fast, "
                     "medium, slow, slower, veryslow, placebo"]),
    ({"video": "vp9", "preset": 6}, ["preset: '6' is no preset of vp9 -- auto (2), or 0 to 5"]),
    ({"crf": 55}, ["crf: 55 is no crf of h264 -- auto (22), or a number from 1 to 51"]),
    ({"hdr": "keep"}, ["hdr: h264 does not carry HDR -- hdr: tonemap; or video: hevc or av1"]),
    ({"video": "vp9", "hdr": "keep"}, ["hdr: vp9 does not carry HDR -- hdr: tonemap; or video: hevc or av1"]),
    ({"video": "copy", "crf": 20, "crop": "auto"}, [
        "crf: the picture is copied: this would change nothing -- leave it out; or video: h264, hevc, av1 or vp9",
        "crop: the picture is copied: this would change nothing -- leave it out; or video: h264, hevc, av1 or vp9"]),
    ({"video": "copy", "hdr": "tonemap"}, [
        "hdr: the picture is copied: HDR stays -- leave it out; or video: h264, hevc, av1 or vp9"]),
    ({"video": "copy", "image_subtitles": "burn-forced"}, [
        "image_subtitles: the picture is copied: nothing can be burnt in -- keep or drop; or video: h264, hevc, av1 or vp9"]),
    ({"audio": "copy", "loudness": -16}, [
        "loudness: the sound is copied: this would change nothing -- leave it out; or audio: aac or opus"]),
])
def test_what_cannot_go_together_is_refused_with_what_would_be_valid(keys: dict[str, Any], expected: list[str]) -> None:
    assert complaints(**keys) == expected


def test_the_sources_own_file_takes_no_wishes() -> None:
    found = complaints(container="source", subtitles="embed")
    assert [f.partition(":")[0] for f in found] == ["audio", "subtitles", "video"]
    assert all("the source's own file stays as it is" in f for f in found)


def test_findings_stand_at_their_lines() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("profiles:\n  mine:\n    video: av1\n    preset: slow\n"
              "    extra:\n    - -tune:v\n    - animation\n    - -i\n    - x\n", "x")
    assert [(p.line, p.path) for p in caught.value.problems] == [(4, "profiles.mine.preset"), (8, "profiles.mine.extra[2]")]


@pytest.mark.parametrize("keys", [
    {"video": "vp9", "container": "webm", "audio": "opus", "surround": "none", "subtitles": "embed"},
    {"video": "hevc", "hdr": "keep", "max_height": 2160, "max_bitrate": "30M"}, {"video": "vp9"},
    {"audio": "opus", "container": "mkv"},
    {"max_height": 2160, "max_bitrate": "40M"}, {"video": "copy", "hdr": "keep"}, {"video": "copy", "container": "mkv"},
    {"extra": ["-tune:v", "animation", "-x264-params", "aq-mode=3:psy-rd=0.8", "-aq-strength", "-0.5"]},
])
def test_what_goes_together_is_taken(keys: dict[str, Any]) -> None:
    assert one(**keys).name == "mine"


@pytest.mark.parametrize(("key", "value"), [("video", "hevc"), ("container", "mkv"), ("audio", "copy"), ("max_height", 2160),
                                            ("max_frame_rate", 60), ("max_bitrate", "9M")])
def test_universal_cannot_be_made_into_what_some_client_does_not_play(key: str, value: object) -> None:
    [found] = complaints("universal", **{key: value})
    assert found.startswith(f"{key}: {value} is not what every client plays -- {key}: ")
    assert "give a profile of another name to the route" in found


@pytest.mark.parametrize("options", [
    ["-i", "x"], ["-map", "0"], ["-map_metadata", "0"], ["-c:v", "copy"], ["-codec", "copy"], ["-vf", "scale=1"],
    ["-filter:v", "x"], ["-filter_complex", "x"], ["-f", "tee"], ["-threads", "9"], ["-t", "1"], ["-ss", "1"],
    ["-protocol_whitelist", "http"], ["-attach", "x"], ["-passlogfile", "x"], ["-stats_file", "x"], ["-vstats_file", "x"],
    ["-progress", "x"], ["-sdp_file", "x"], ["-dump_attachment:t", "x"], ["-crf", "10"], ["-nocopyts", "1"],
    ["-metadata", "a=b"], ["-hwaccel", "vaapi"], ["-level", "5.2"], ["-enc_stats_pre", "x"], ["-mux_stats", "x"],
    ["-vpre", "x"], ["-y"], ["-report"], ["-tune"], ["out.mp4"], ["/etc/passwd"], ["-tune", "a", "out.mp4"],
    ["-tune", "/etc/passwd"], ["-tune", "-i"], ["-tune", "../x"], ["-tune", "a b|c"], ["-tune", "http://x"],
    ["--tune", "a"], ["-/tune", "x"], ["", ""], ["-", "x"], ["-x264-params", "aq-mode=3:stats=x.log"],
    ["-x264-params", "qpfile=x"], ["-x265-params", "csv=x"], ["-x265-params", "pools=8"],
    ["-x264opts", "no-sliced-threads:threads=8"], ["-svtav1-params", "lp=8"], ["-x265-params", "analysis-save=x"],
])
def test_options_that_name_files_or_are_pectins_own_are_refused(options: list[str]) -> None:
    assert all(f.startswith("extra[") for f in complaints(extra=options))


@given(st.lists(st.text(alphabet=st.sampled_from("-abcfimpt/.:0= "), max_size=8), min_size=1, max_size=5))
def test_of_users_options_only_pairs_of_a_name_and_a_value_come_through(options: list[str]) -> None:
    try:
        settings = parse(yaml.safe_dump({"profiles": {"mine": {"extra": options}}}), "x")
    except ConfigError:
        return
    taken = settings.profiles["mine"].extra
    assert len(taken) % 2 == 0
    assert all(re.fullmatch(r"-[a-z].*", name) for name in taken[::2])
    assert not any("/" in value for value in taken)


@given(st.fixed_dictionaries({}, optional={
    "video": st.sampled_from(VideoCodec), "container": st.sampled_from(Container), "audio": st.sampled_from(AudioCodec),
    "surround": st.sampled_from(Surround), "subtitles": st.sampled_from(TextSubtitles), "hdr": st.sampled_from(Hdr),
    "preset": st.sampled_from(["auto", "slow", "7"]), "crf": st.sampled_from(["auto", 30, 60]),
    "max_height": st.sampled_from([720, 2160])}))
def test_every_combination_is_a_profile_or_is_refused_with_a_way_out(keys: dict[str, Any]) -> None:
    text = yaml.safe_dump({"profiles": {"mine": {key: getattr(value, "value", value) for key, value in keys.items()}}})
    try:
        profile = made(text)["mine"]
    except ConfigError as error:
        assert all(problem.hint for problem in error.problems)
    else:
        assert profile.video is VideoCodec.COPY or profile.preset in ENCODERS[profile.video].presets


@given(st.sampled_from(VideoCodec), st.sampled_from(Container), st.sampled_from(AudioCodec), st.sampled_from(Surround))
def test_what_a_profile_makes_can_be_in_its_container(video: VideoCodec, container: Container, audio: AudioCodec,
                                                      surround: Surround) -> None:
    try:
        profile = one(video=video.value, container=container.value, audio=audio.value, surround=surround.value)
    except ConfigError:
        return
    codecs = {profile.video.value, profile.audio.value, profile.surround.value} - {"copy", "none"}
    assert all(holds(profile.container, codec) for codec in codecs)


def test_parsed_names_need_guessit(monkeypatch: pytest.MonkeyPatch) -> None:
    route = "routes: [{name: a, inbox: /in, library: /lib, naming: parsed}]\n"
    monkeypatch.setattr("pectin.settings.crosscheck.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'pectin\[names\]'"):
        parse(route, "x")
    monkeypatch.setattr("pectin.settings.crosscheck.find_spec", lambda name: object())
    assert parse(route, "x").routes[0].naming == "parsed"


def test_the_profiles_of_the_readme_are_valid() -> None:
    texts = [block for block in re.findall(r"^```yaml\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
             if block.startswith("profiles:")]
    assert {"small", "web", "everything"} <= {name for text in texts for name in made(text)}


def test_every_key_of_a_profile_reaches_the_work() -> None:
    assert set(ProfileSettings.model_fields) <= set(Profile.__dataclass_fields__)
