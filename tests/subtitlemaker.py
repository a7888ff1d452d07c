"""Sources with subtitles that ffmpeg cannot make: Blu-ray pictures of text, closed captions inside H.264, teletext."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def pgs(cues: Sequence[tuple[float, float]], *, canvas: tuple[int, int] = (320, 240), box: tuple[int, int] = (100, 20)) -> bytes:
    """A .sup file: a white box at the bottom of the canvas from start to end of each cue, in seconds."""
    (width, height), (across, down) = canvas, box
    left, top = (width - across) // 2, height - down - 10
    window = bytes([1, 0]) + struct.pack(">HHHH", left, top, across, down)
    palette = bytes([0, 0, 1, 235, 128, 128, 255])
    line = (bytes([0, 0x80 | across]) if across < 64 else bytes([0, 0xC0 | across >> 8, across & 255])) + bytes([1, 0, 0])
    picture = struct.pack(">HH", across, down) + line * down
    drawn = struct.pack(">HBB", 0, 0, 0xC0) + len(picture).to_bytes(3, "big") + picture
    out = b""
    for number, (start, end) in enumerate(cues):
        shown = struct.pack(">HHBHBBBBHBBHH", width, height, 0x10, 2 * number, 0x80, 0, 0, 1, 0, 0, 0, left, top)
        gone = struct.pack(">HHBHBBBB", width, height, 0x10, 2 * number + 1, 0, 0, 0, 0)
        for kind, data in ((0x16, shown), (0x17, window), (0x14, palette), (0x15, drawn), (0x80, b"")):
            out += _segment(start, kind, data)
        for kind, data in ((0x16, gone), (0x17, window), (0x80, b"")):
            out += _segment(end, kind, data)
    return out


def _segment(seconds: float, kind: int, data: bytes) -> bytes:
    return b"PG" + struct.pack(">IIBH", int(seconds * 90_000), 0, kind, len(data)) + data


def captioned(h264: bytes, lines: Sequence[tuple[float, str]], rate: int) -> bytes:
    """H.264 (Annex B, with access unit delimiters, no B-frames) that carries EIA-608 captions: each line stands until the next,
    an empty one clears the screen. Times are seconds. Source: CEA-608 (pop-on), ATSC A/53 part 4."""
    delimiter = b"\0\0\0\1\x09"
    codes: dict[int, tuple[int, int]] = {}
    for start, text in lines:
        said = text.encode() + b"\0" * (len(text) % 2)
        words = [(said[at], said[at + 1]) for at in range(0, len(said), 2)]
        pop_on = [(0x14, 0x20)] * 2 + [(0x14, 0x2E)] * 2 + [(0x14, 0x70)] * 2 + words + [(0x14, 0x2F)] * 2
        for number, pair in enumerate(pop_on if text else [(0x14, 0x2C)] * 2):
            codes[int(start * rate) + number] = pair
    first, *units = h264.split(delimiter)
    return first + b"".join(delimiter + unit[:1] + _message(codes.get(number, (0, 0))) + unit[1:]
                            for number, unit in enumerate(units))


def _message(pair: tuple[int, int]) -> bytes:
    """A SEI unit with one pair of caption bytes."""
    codes = bytes([0xFC, _odd(pair[0]), _odd(pair[1]), 0xFA, 0, 0])
    payload = b"\xb5\x00\x31GA94\x03" + bytes([0x40 | len(codes) // 3]) + b"\xff" + codes + b"\xff"
    out, zeros = bytearray(), 0
    for byte in bytes([4, len(payload)]) + payload + b"\x80":
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return b"\0\0\0\1\x06" + bytes(out)


def _odd(byte: int) -> int:
    """With the parity bit that captions and teletext carry."""
    byte &= 0x7F
    return byte | (0x80 if byte.bit_count() % 2 == 0 else 0)


# Hamming 8/4: each half byte as it is sent. Source: EN 300 706, 8.2.
_HAMMING = bytes([0x15, 0x02, 0x49, 0x5E, 0x64, 0x73, 0x38, 0x2F, 0xD0, 0xC7, 0x8C, 0x9B, 0xA1, 0xB6, 0xFD, 0xEA])
_PID = 0x101


def teletext(cues: Sequence[tuple[float, float, str]], language: bytes = b"ger") -> bytes:
    """A transport stream that holds nothing but teletext subtitles on page 888, from start to end of each cue, in seconds.
    Source: EN 300 706 (pages), EN 300 472 (in a transport stream), ISO/IEC 13818-1."""
    descriptor = b"\x56\x05" + language + b"\x10\x88"
    out = _section(0, 0, b"\0\1\xc1\0\0\0\1\xe1\0") + _section(
        0x100, 2, b"\0\1\xc1\0\0\xe1\1\xf0\0\x06\xe1\x01\xf0" + bytes([len(descriptor)]) + descriptor)
    number = 0
    for start, end, text in cues:
        for at, page, line in ((start, 0x88, text), (start + 0.04, 0xFF, ""), (end, 0x88, ""), (end + 0.04, 0xFF, "")):
            clock = (int((at - 0.3) * 90_000) << 15 | 0x7E00).to_bytes(6, "big")
            out += bytes([0x47, _PID >> 8, _PID & 255, 0x20 | number, 183, 0x10]) + clock + b"\xff" * 176
            packet = _pes(at, [_page(page), *([_row(20, text)] if line else [])])
            for part in range(0, len(packet), 184):
                out += bytes([0x47, (0 if part else 0x40) | _PID >> 8, _PID & 255, 0x10 | number]) + packet[part:part + 184]
                number = (number + 1) & 15
    return out


def _page(number: int) -> bytes:
    """A header: erase (C4), subtitle (C6), suppress header (C7)."""
    address = [0, 0, number & 15, number >> 4, 0, 8, 0, 8, 1, 0]
    return bytes(_HAMMING[half] for half in address) + bytes([_odd(32)]) * 32


def _row(number: int, text: str) -> bytes:
    boxed = b"\x0b\x0b" + text.encode("ascii") + b"\x0a\x0a"
    return bytes([_HAMMING[(number & 1) << 3], _HAMMING[number >> 1]]) + bytes(_odd(byte) for byte in boxed.ljust(40))


def _pes(seconds: float, rows: Sequence[bytes]) -> bytes:
    units = b"".join(b"\x03\x2c" + bytes([0xE7 + line]) + b"\xe4" + bytes(int(f"{byte:08b}"[::-1], 2) for byte in row)
                     for line, row in enumerate(rows))
    packets = -(-(46 + len(units)) // 184)
    while len(units) + 46 < packets * 184:
        units += b"\xff\x2c" + b"\xff" * 44
    units = units[:packets * 184 - 46]
    at = int(seconds * 90_000)
    stamp = bytes([0x21 | at >> 29 & 0xE, at >> 22 & 255, 1 | at >> 14 & 0xFE, at >> 7 & 255, 1 | at << 1 & 0xFE])
    length = (3 + 0x24 + 1 + len(units)).to_bytes(2, "big")
    return b"\0\0\1\xbd" + length + b"\x84\x80\x24" + stamp + b"\xff" * 31 + b"\x10" + units


def _section(pid: int, table: int, body: bytes) -> bytes:
    section = bytes([table]) + (0xB000 | len(body) + 4).to_bytes(2, "big") + body
    check = 0xFFFFFFFF
    for byte in section:
        check ^= byte << 24
        for _ in range(8):
            check = (check << 1 ^ (0x04C11DB7 if check & 0x80000000 else 0)) & 0xFFFFFFFF
    return bytes([0x47, 0x40 | pid >> 8, pid & 255, 0x10, 0]) + (section + check.to_bytes(4, "big")).ljust(183, b"\xff")
