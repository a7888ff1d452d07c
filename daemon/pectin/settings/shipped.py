"""The profiles that are there without being configured: in what each differs from `universal`, and how a configuration changes
them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

UNIVERSAL = "universal"

# name: what it is for, and the keys in which it differs from the defaults of ProfileSettings.
SHIPPED: Mapping[str, tuple[str, Mapping[str, Any]]] = MappingProxyType({
    UNIVERSAL: ("What every Jellyfin client plays directly.", {}),
    "universal-hevc": ("Smaller files at the same quality, for clients that know HEVC.", {"video": "hevc"}),
    "archive-av1": ("Small files to keep: AV1 in 10 bit up to 4K, HDR stays, all sound as it is, text subtitles inside.",
                    {"video": "av1", "container": "mkv", "max_height": 2160, "max_frame_rate": 60, "max_bitrate": 40_000_000,
                     "hdr": "keep", "audio": "copy", "subtitles": "embed"}),
    "copy": ("A new container for the same picture and sound: nothing is ever encoded.", {"video": "copy", "audio": "copy"}),
    "original": ("The source itself, as it is.", {"video": "copy", "container": "source", "audio": "copy", "subtitles": "none"}),
})


def merged(profiles: Mapping[Any, Any]) -> dict[str, Any]:
    """What a configuration says of profiles, over the shipped ones: who names one of these changes it, and keeps the rest of
    it. What is no section of keys stays, for the schema to refuse."""
    found: dict[str, Any] = {name: dict(keys) for name, (_, keys) in SHIPPED.items()}
    for name, item in profiles.items():
        known = found.get(str(name), {})
        found[str(name)] = known | item if isinstance(item, dict) else item
    return found
