"""What a playlist says of how a track is coded (RFC 6381), read from its sample entry. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pectin.model.errors import Cause, PectinError
from pectin.publishing.mp4_tracks import VIDEO, Track, boxes

_VISUAL, _AUDIO = 86, 36  # bytes of a sample entry before the boxes in it
_RANGES = {16: "PQ", 18: "HLG"}  # transfer characteristics of ISO 23091-2: those of HDR
_MPEG4_AUDIO = 0x40
_WORDS = {b"Opus": "opus", b"ac-3": "ac-3", b"ec-3": "ec-3", b"fLaC": "fLaC"}


def codec(track: Track) -> str:
    """For CODECS, such as `avc1.640028`. Raises PectinError OUTPUT_WRONG for what no playlist can name."""
    kind, inner = track.entry[4:8], dict(_inside(track))
    if kind in (b"avc1", b"avc3") and len(config := inner.get(b"avcC", b"")) > 4:
        return f"{kind.decode()}.{config[1:4].hex()}"
    if kind in (b"hvc1", b"hev1") and len(config := inner.get(b"hvcC", b"")) > 22:
        return f"{kind.decode()}.{_hevc(config)}"
    if kind == b"av01" and len(config := inner.get(b"av1C", b"")) > 3:
        profile, level, flags = config[1] >> 5, config[1] & 31, config[2]
        depth = 8 if not flags & 0x40 else 12 if profile == 2 and flags & 0x20 else 10
        return f"av01.{profile}.{level:02}{'H' if flags & 0x80 else 'M'}.{depth:02}"
    if kind == b"vp09" and len(config := inner.get(b"vpcC", b"")) > 6:
        return f"vp09.{config[4]:02}.{config[5]:02}.{config[6] >> 4:02}"
    if kind == b"mp4a" and (settings := _sound_settings(inner.get(b"esds", b""))):
        return f"mp4a.40.{_object_type(settings)}"
    if kind in _WORDS:
        return _WORDS[kind]
    raise PectinError(Cause.OUTPUT_WRONG, f"there is no word for the coding {kind.decode('latin-1')!r}")


def channels(track: Track) -> int | None:
    """How many; None where the track does not say so plainly."""
    inner = dict(_inside(track))
    if track.entry[4:8] != b"mp4a":
        return int.from_bytes(track.entry[24:26], "big") or None
    settings = _sound_settings(inner.get(b"esds", b""))
    if not settings:
        return None
    bits = int.from_bytes(settings[:8].ljust(8, b"\0"), "big")
    at = 11 if settings[0] >> 3 == 31 else 5
    at += 28 if bits >> (60 - at) & 15 == 15 else 4
    layout = bits >> (60 - at) & 15
    return {7: 8, 0: None}.get(layout, layout)


def picture_range(track: Track) -> str | None:
    """VIDEO-RANGE, where the track says what its numbers mean."""
    for kind, body in _inside(track):
        if kind == b"colr" and body[:4] == b"nclx":
            return _RANGES.get(int.from_bytes(body[6:8], "big"), "SDR")
    return None


def size(track: Track) -> tuple[int, int]:
    """Width and height in pixels."""
    return int.from_bytes(track.entry[32:34], "big"), int.from_bytes(track.entry[34:36], "big")


def _inside(track: Track) -> Iterator[tuple[bytes, bytes]]:
    entry = track.entry
    start = _VISUAL if track.kind == VIDEO else _AUDIO
    return ((kind, entry[body:end]) for kind, body, end in boxes(lambda at, length: entry[at:at + length], start, len(entry)))


def _hevc(config: bytes) -> str:
    """ISO 14496-15, annex E: profile, compatibility with the lowest bit first, tier and level, constraints without zeros at the
    end."""
    space = ("", "A", "B", "C")[config[1] >> 6]
    compatible = int(f"{int.from_bytes(config[2:6], 'big'):032b}"[::-1], 2)
    constraints = config[6:12].rstrip(b"\0")
    return ".".join((f"{space}{config[1] & 31}", f"{compatible:X}", f"{'H' if config[1] & 32 else 'L'}{config[12]}",
                     *(f"{byte:X}" for byte in constraints)))


def _sound_settings(esds: bytes) -> bytes:
    """MPEG-4's AudioSpecificConfig, within its descriptors; empty for another coding."""
    at, end = 4, len(esds)
    while at + 2 <= end:
        tag, at, length = esds[at], at + 1, 0
        for _ in range(4):
            byte = esds[at] if at < end else 0
            length, at = length << 7 | byte & 127, at + 1
            if not byte & 128:
                break
        if tag == 3:    # of a stream: its number, and flags for what may follow
            flags = esds[at + 2] if at + 2 < end else 0
            at += 3 + (2 if flags & 128 else 0) + (2 if flags & 32 else 0)
            at += 1 + esds[at] if flags & 64 and at < end else 0  # an address, with its length before it
        elif tag == 4:  # of its decoder
            if at < end and esds[at] != _MPEG4_AUDIO:
                return b""
            at += 13
        elif tag == 5:
            return esds[at:at + length]
        else:
            at += length
    return b""


def _object_type(settings: bytes) -> int:
    kind = settings[0] >> 3
    return 32 + (int.from_bytes(settings[:2].ljust(2, b"\0"), "big") >> 5 & 63) if kind == 31 else kind
