"""Which clients a profile costs: of the 29 device profiles we hold outputs against, those that would not play its outputs
directly.

The numbers come from a model of Jellyfin's own decision (StreamBuilder of 10.11 and 12), asked with one output after the other;
a test asks it again. They are about what a profile may make at most: a film that is smaller, slower or not HDR reaches more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pectin.model.profile import AudioCodec, Container, Hdr, Profile, VideoCodec

# Short names, for the tables below, and what people call the clients.
CLIENTS: Mapping[str, str] = MappingProxyType({
    "pixel": "Android app (Pixel)", "exo": "Android TV (ExoPlayer)", "exo-old": "Android TV without HEVC",
    "chrome": "Chrome", "chrome-old": "Chrome without HLS", "direct": "desktop players (direct media)",
    "firefox": "Firefox", "jmp": "Jellyfin Media Player", "roku": "Roku Streaming Stick+",
    "roku-next": "Roku Streaming Stick+ (newer app)", "safari": "Safari", "tizen3": "Samsung TV (Tizen 3)",
    "tizen4": "Samsung TV (Tizen 4)", "webos23": "LG TV (webOS 23)", "yatse": "Yatse", "yatse2": "Yatse (newer)",
    "android": "Android app (older phones)", "atv": "Android TV (1080p box)",
    "atv-stereo": "Android TV (1080p box, stereo)", "chromecast": "Chromecast (first)", "ps4": "PlayStation 4",
    "roku-hd": "Roku (1080p)", "swift": "Swiftfin (native player)", "swift-vlc": "Swiftfin (VLC)",
    "tizen-hd": "Samsung TV (Full HD)", "chrome-144": "Chrome (before 145)", "firefox-old": "Firefox (older)",
    "webos4": "LG TV (webOS 4)", "ios12": "Safari (iOS 12)",
})


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HEVC = "exo-old chrome-old firefox android atv atv-stereo chromecast ps4 roku-hd chrome-144 firefox-old"
_AV1 = "exo exo-old roku roku-next safari android atv atv-stereo chromecast ps4 roku-hd swift swift-vlc tizen-hd webos4 ios12"
_VP9 = "pixel roku roku-next android chromecast ps4 swift ios12"
_MKV = "chrome chrome-old firefox safari chromecast ps4 swift chrome-144 firefox-old ios12"
# The clients that do not play a picture in a container, at 1080p, 30 frames per second and 8 Mbit/s, with AAC (WebM: with Opus).
_PICTURE: Mapping[tuple[VideoCodec, Container], frozenset[str]] = {pair: _names(text) for pair, text in {
    (VideoCodec.H264, Container.MP4): "",
    (VideoCodec.H264, Container.MKV): _MKV,
    (VideoCodec.HEVC, Container.MP4): _HEVC,
    (VideoCodec.HEVC, Container.MKV): f"{_HEVC} {_MKV}",
    (VideoCodec.AV1, Container.MP4): _AV1,
    (VideoCodec.AV1, Container.MKV): f"{_AV1} {_MKV} tizen3 tizen4",
    (VideoCodec.AV1, Container.WEBM): f"{_AV1} tizen3 tizen4 yatse yatse2",
    (VideoCodec.VP9, Container.MP4): _VP9,
    (VideoCodec.VP9, Container.MKV): _MKV,
    (VideoCodec.VP9, Container.WEBM):
        "exo exo-old safari yatse yatse2 android atv-stereo chromecast ps4 swift tizen-hd webos4 ios12",
}.items()}
_CODEC = {VideoCodec.HEVC: _names(_HEVC), VideoCodec.AV1: _names(_AV1), VideoCodec.VP9: _names(_VP9)}
_OPUS = {Container.MP4: _names("pixel exo exo-old roku roku-next yatse yatse2 atv-stereo ps4 roku-hd swift ios12"),
         Container.MKV: _names("exo exo-old yatse yatse2 atv-stereo")}
# What only H.264 is judged by there: a level above 4.1.
_LARGE_H264 = _names("exo roku roku-next atv atv-stereo chromecast ps4 roku-hd tizen-hd firefox-old webos4 ios12")
_FAST_H264 = _names("atv atv-stereo chromecast")
_HDR = {VideoCodec.HEVC: frozenset(["ios12"]), VideoCodec.AV1: frozenset(["firefox"])}
_WORDS = {VideoCodec.HEVC: "HEVC", VideoCodec.AV1: "AV1", VideoCodec.VP9: "VP9",
          Container.MKV: "Matroska", Container.WEBM: "WebM"}


@dataclass(frozen=True, slots=True)
class Cost:
    """Clients that are lost, by name, and why."""

    why: str
    clients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """How many of `of` clients play whatever the profile makes; `at_best`: what it copies may cost more of them."""

    clients: int
    of: int
    at_best: bool
    costs: tuple[Cost, ...]

    @property
    def sentence(self) -> str:
        """For a person, without the clients' names."""
        count = f"plays directly on {'at most ' if self.at_best else ''}{self.clients} of {self.of} clients"
        return f"{count}; it costs {', '.join(f'{len(c.clients)} ({c.why})' for c in self.costs)}" if self.costs else count


def reach(profile: Profile) -> Reach:
    """What the profile costs. Each client is told once, with the first reason against it."""
    lost: set[str] = set()
    costs = []
    for why, clients in _reasons(profile):
        if fresh := clients - lost:
            costs.append(Cost(why, tuple(name for key, name in CLIENTS.items() if key in fresh)))
            lost |= fresh
    copies = profile.video is VideoCodec.COPY or profile.audio is AudioCodec.COPY
    return Reach(len(CLIENTS) - len(lost), len(CLIENTS), copies, tuple(costs))


def _reasons(profile: Profile) -> Iterator[tuple[str, frozenset[str]]]:
    video, container = profile.video, profile.container
    if container is Container.SOURCE:
        return  # nobody knows: it is the source's own
    if video is VideoCodec.COPY:  # at best it is H.264, or in WebM VP9
        video = VideoCodec.VP9 if container is Container.WEBM else VideoCodec.H264
    if profile.video is not VideoCodec.COPY and video in _CODEC:
        yield f"they do not play {_WORDS[video]}", _CODEC[video] & _PICTURE[video, container]
    if container in _WORDS:
        yield f"they do not play {'it in ' if video in _CODEC else ''}{_WORDS[container]}", _PICTURE[video, container]
    if profile.audio is AudioCodec.OPUS and container in _OPUS:
        yield "they do not play Opus in it", _OPUS[container]
    if profile.video is VideoCodec.COPY:
        return
    if profile.max_bitrate > 8_000_000:
        yield "over 8 Mbit/s", _fast_lines(video, profile.max_bitrate)
    if video is VideoCodec.H264 and profile.max_height > 1080:
        yield "over 1080p in H.264", _LARGE_H264
    if video is VideoCodec.H264 and profile.max_frame_rate > 30 and profile.max_height > 720:
        yield "over 30 frames per second at 1080p in H.264", _FAST_H264
    if profile.hdr is Hdr.KEEP:
        yield "HDR", _HDR.get(video, frozenset())


def _fast_lines(video: VideoCodec, rate: int) -> frozenset[str]:
    """Those with a limit below this rate: 8, or 20 Mbit/s. PlayStation 4 counts H.264 only, as it plays nothing else."""
    lost = {"jmp", "pixel"} | ({"ps4"} if video is VideoCodec.H264 else set())
    if rate > 20_000_000:
        lost |= {"direct", "tizen3"} | ({"tizen-hd"} if video is not VideoCodec.AV1 else set())
    return frozenset(lost)
