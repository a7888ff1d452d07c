"""Which clients a profile costs, asked again of the model of Jellyfin's own decision."""

from __future__ import annotations

import importlib.util
import itertools
from types import ModuleType
from typing import Any

import pytest

from needs import shared
from pectin.model.profile import AudioCodec, Container, Hdr, Profile, VideoCodec
from pectin.planning.reach import CLIENTS, reach
from pectin.settings.sections import Settings
from pectin.settings.values import profiles

# The oracle's names for our clients, in the order of CLIENTS.
DEVICES = dict(zip((
    "AndroidPixel", "AndroidTVExoPlayer", "AndroidTVExoPlayer-NoHevcRotation", "Chrome", "Chrome-NoHLS", "DirectMedia",
    "Firefox", "JellyfinMediaPlayer", "RokuSSPlus", "RokuSSPlusNext", "SafariNext", "Tizen3-stereo", "Tizen4-4K-5.1",
    "WebOS-23", "Yatse", "Yatse2", "d:AndroidExo", "d:AndroidTV-1080p", "d:AndroidTV-downmix", "d:Chromecast-gen1", "d:PS4",
    "d:Roku-1080p", "d:Swiftfin-Native", "d:Swiftfin-VLC", "d:Tizen-FHD", "d:WebChrome-pre145", "d:WebFirefox-worst",
    "d:WebOS4", "d:WebSafari-iOS12",
), CLIENTS.values(), strict=True))
# Profile, level at 1080p and in 4K, tag in MP4.
PICTURES: dict[str, tuple[str, int, int, str]] = {
    "h264": ("High", 41, 52, "avc1"), "hevc": ("Main", 120, 153, "hvc1"), "av1": ("Main", 9, 13, "av01"),
    "vp9": ("Profile 0", -99, -99, "vp09")}
SOUNDS = {"aac": {"codec": "aac", "channels": 2, "profile": "LC"}, "opus": {"codec": "opus", "channels": 2}}


@pytest.fixture(scope="module")
def oracle() -> ModuleType:
    spec = importlib.util.spec_from_file_location("directplay_oracle", shared("oracle/directplay_oracle.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def film(profile: Profile) -> dict[str, Any]:
    """The most demanding film that a profile makes, as the oracle describes one."""
    codec, large = profile.video.value, profile.max_height > 1080
    rate = 7_500_000 if profile.max_bitrate <= 8_000_000 else profile.max_bitrate
    kind, level, high_level, tag = PICTURES[codec]
    hdr = profile.hdr is Hdr.KEEP
    return {"container": profile.container.value, "bitrate": rate, "audio": [SOUNDS[profile.audio.value]], "video": {
        "codec": codec, "profile": "Main 10" if hdr and codec == "hevc" else kind, "level": high_level if large else level,
        "tag": tag if profile.container is Container.MP4 else None,
        "width": 3840 if large else 1920, "height": 2160 if large else 1080,
        "fps": 24, "refs": 4, "bitrate": rate - 200_000, "bit_depth": 10 if hdr else 8, "range": "HDR10" if hdr else None}}


def lost(oracle: ModuleType, devices: dict[str, Any], described: dict[str, Any]) -> set[str]:
    source = oracle.from_spec(described)
    return {DEVICES[name] for name, device in devices.items()
            if oracle.decide(device, source, None, None)["play_method"] != "DirectPlay"}


def costs(profile: Profile) -> set[str]:
    return {client for cost in reach(profile).costs for client in cost.clients}


def possible() -> list[Profile]:
    found = []
    for video, container, audio, rate, height, hdr in itertools.product(
            (VideoCodec.H264, VideoCodec.HEVC, VideoCodec.AV1, VideoCodec.VP9), (Container.MP4, Container.MKV, Container.WEBM),
            (AudioCodec.AAC, AudioCodec.OPUS), (8_000_000, 12_000_000, 30_000_000), (1080, 2160), Hdr):
        if container is Container.WEBM and (video in (VideoCodec.H264, VideoCodec.HEVC) or audio is AudioCodec.AAC):
            continue
        if hdr is Hdr.KEEP and video not in (VideoCodec.HEVC, VideoCodec.AV1):
            continue
        found.append(Profile(video=video, container=container, audio=audio, max_bitrate=rate, max_height=height, hdr=hdr))
    return found


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # the oracle is a script: it leaves its files to the end
def test_every_possible_profile_costs_the_clients_that_jellyfin_would_transcode_for(oracle: ModuleType) -> None:
    devices = oracle.all_profiles()
    for profile in possible():
        assert costs(profile) == lost(oracle, devices, film(profile)), profile


def test_the_shipped_profiles_reach_what_the_readme_says() -> None:
    shipped = {name: reach(profile) for name, profile in profiles(Settings()).items()}
    assert {name: found.clients for name, found in shipped.items()} == {
        "universal": 29, "universal-hevc": 18, "archive-av1": 3, "copy": 29, "original": 29}
    assert [name for name, found in shipped.items() if found.at_best] == ["archive-av1", "copy", "original"]
    assert shipped["universal-hevc"].sentence == "plays directly on 18 of 29 clients; it costs 11 (they do not play HEVC)"


def test_each_client_is_told_once() -> None:
    for profile in possible():
        found = reach(profile)
        told = [client for cost in found.costs for client in cost.clients]
        assert len(told) == len(set(told)) == found.of - found.clients
