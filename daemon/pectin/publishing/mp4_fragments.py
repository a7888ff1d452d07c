"""The boxes of fragmented MP4 (ISO 14496-12, CMAF: ISO 23000-19): what stands before all segments, and before the packets of one.
Pure.

Why ffmpeg does not write them (measured with 5.1.9, `-c copy -f hls -hls_segment_type fmp4`, picture and sound apart as HLS wants
them): each output is moved to zero by itself, so that the picture comes 83 ms late and the sound 21 ms, which is 62 ms between
them; with `-avoid_negative_ts disabled` they fit only for players that obey edit lists. And a segment is one fragment whatever
it is told: of its key frames none can be fetched by itself.

So here what is shown at the film's beginning has the time 0 in all tracks of a set, without edit lists (hls.js holds what they
hide for missing) and without negative offsets (ffmpeg's own reader shows such pictures too late). The few pictures that would be
decoded before that beginning are decoded right after it, in their order and still in time. Each key frame is a fragment of its
own."""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left

from pectin.model.errors import Cause, PectinError
from pectin.publishing.mp4_tracks import VIDEO, Track

_TRACK = 1
_KEY, _OTHER = 0x02000000, 0x01010000  # "depends on nothing", "depends on others and is no place to begin"
_MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)  # as it is, not turned
_BASE_IS_HERE = 0x020000  # tfhd: places are counted from the fragment
_PLACE, _LENGTHS, _SIZES, _FLAGS, _OFFSETS = 0x1, 0x100, 0x200, 0x400, 0x800  # trun: what it lists


def initialisation(track: Track) -> bytes:
    """The file that every segment of this track is read with."""
    picture = track.kind == VIDEO
    width, height = struct.unpack(">HH", track.entry[32:36]) if picture else (0, 0)
    tables = _box(b"stbl", _full(b"stsd", struct.pack(">I", 1) + track.entry), _full(b"stts", bytes(4)), _full(b"stsc", bytes(4)),
                  _full(b"stsz", bytes(8)), _full(b"stco", bytes(4)))
    media = _full(b"vmhd", bytes(8), flags=1) if picture else _full(b"smhd", bytes(4))
    place = _box(b"dinf", _full(b"dref", struct.pack(">I", 1) + _full(b"url ", b"", flags=1)))
    name = b"VideoHandler" if picture else b"SoundHandler"
    handler = _full(b"hdlr", bytes(4) + track.kind.encode("ascii") + bytes(12) + name + b"\0")
    return _box(b"ftyp", b"iso6", bytes(4), b"iso6", b"cmfc", b"mp41") + _box(
        b"moov",
        _full(b"mvhd", struct.pack(">IIIIIH", 0, 0, track.timescale, 0, 0x10000, 0x100) + bytes(10) + _MATRIX + bytes(24)
              + struct.pack(">I", _TRACK + 1)),
        _box(b"trak",
             _full(b"tkhd", struct.pack(">IIIII", 0, 0, _TRACK, 0, 0) + bytes(8)
                   + struct.pack(">HHHH", 0, 0, 0 if picture else 0x100, 0) + _MATRIX
                   + struct.pack(">II", width << 16, height << 16), flags=3),
             _box(b"mdia", _full(b"mdhd", struct.pack(">IIIIHH", 0, 0, track.timescale, 0, 0x55C4, 0)), handler,  # und
                  _box(b"minf", media, place, tables))),
        _box(b"mvex", _full(b"trex", struct.pack(">IIIII", _TRACK, 1, 0, 0, 0))))


def decoding_times(track: Track) -> array[int]:
    """When each packet is decoded, none before the film begins. Raises PectinError OUTPUT_WRONG where that would be too late."""
    times = array("q", (moment + track.shift for moment in track.decoded))
    if track.kind == VIDEO:
        in_time = next((number for number, moment in enumerate(times) if moment >= number), len(times))
        until = times[in_time] if in_time < len(times) else in_time
        for number in range(in_time):
            times[number] = number * until // in_time
            if times[number] > track.shown(number):
                raise PectinError(Cause.OUTPUT_WRONG, "pictures of a rendition lie before the film's beginning")
    return times


def fragment(track: Track, times: array[int], packets: range, *, number: int) -> bytes:
    """What stands before the bytes of these packets, which follow each other. `times` as decoding_times gives them; `number`
    counts the fragments of the track from 1. Raises PectinError OUTPUT_WRONG where a time does not fit into it."""
    picture = track.kind == VIDEO
    keys = _key_set(track, packets)
    rows = array("I")
    try:
        for packet in packets:
            rows.append(times[packet + 1] - times[packet] if packet + 1 < len(times) else track.last)
            rows.append(track.sizes[packet])
            if picture:
                rows.append(_KEY if keys is None or packet in keys else _OTHER)
                rows.append(track.shown(packet) - times[packet])
    except OverflowError:
        raise PectinError(Cause.OUTPUT_WRONG, "pictures of a rendition are decoded after they are shown") from None
    if sys.byteorder == "little":  # boxes have the highest byte first
        rows.byteswap()
    listed = _PLACE | _LENGTHS | _SIZES | ((_FLAGS | _OFFSETS) if picture else 0)
    start = struct.pack(">Q", times[packets.start])

    def whole(place: int) -> bytes:
        return _box(b"moof", _full(b"mfhd", struct.pack(">I", number)),
                    _box(b"traf", _full(b"tfhd", struct.pack(">II", _TRACK, 0 if picture else _KEY),
                                        flags=_BASE_IS_HERE | 0x20),
                         _full(b"tfdt", start, version=1),
                         _full(b"trun", struct.pack(">Ii", len(packets), place), rows.tobytes(), flags=listed)))

    content = sum(track.sizes[packet] for packet in packets)
    head = whole(len(whole(0)) + 8)
    return head + struct.pack(">I", content + 8) + b"mdat"


def _key_set(track: Track, packets: range) -> frozenset[int] | None:
    if track.keys is None:
        return None
    return frozenset(track.keys[bisect_left(track.keys, packets.start):bisect_left(track.keys, packets.stop)])


SEGMENT_MARK = struct.pack(">I", 24) + b"styp" + b"msdh" + bytes(4) + b"msdh" + b"cmfs"  # a media segment, as CMAF has it


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + kind + body


def _full(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *content)

