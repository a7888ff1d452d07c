"""A profile: what to produce from a source. The defaults are the universal profile that every Jellyfin client direct-plays."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """H.264 and AAC in MP4, within limits. Bit rates are bit/s, heights are picture lines.

    `max_bitrate` bounds the whole file (video, audio and container together); 8 Mbit/s is what the tightest client
    takes. `languages` is the order of preference for the first sound track (ISO 639-2, 3 letters); empty: the
    source's default track. `preset` and `crf` are libx264's."""

    name: str = "universal"
    max_width: int = 1920
    max_height: int = 1080
    max_frame_rate: int = 30
    max_bitrate: int = 8_000_000
    preset: str = "medium"
    crf: float = 22.0
    audio_bitrate: int = 160_000
    keep_surround: bool = True
    languages: tuple[str, ...] = ()
    subtitles: bool = True
    max_pixels: int = 40_000_000
