"""The commands around a set for web players: a film in another container as MP4, and the finished set read back by ffmpeg's own
demuxer. All in the job's folder, by names of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pectin.encoding.labels import Argv

SET_HASHES, MADE_HASHES = "hls.hash", "made.hash"
TEXT = "hls-text.srt"
TS_BEGINS = 10  # seconds, as Apple's own tools have it
SEGMENT = 6     # seconds, as publishing/cuts.py has it
# As in checks.py: no start codes against lengths, no headers that are repeated.
_IN_ONE_FORM: Mapping[str, str] = MappingProxyType({
    "avc1": "h264_mp4toannexb,filter_units=remove_types=7-9",
    "hvc1": "hevc_mp4toannexb,filter_units=remove_types=32-35"})
_STILLS_TRIED = 5  # pictures of each list that are decoded: they all come from the same hand


def as_mp4(ffmpeg: str, film: str, name: str, sounds: Sequence[int]) -> Argv:
    """The picture and these of the sounds of a film of ours in Matroska, as they are, in MP4: which does not hold all (PCM)."""
    return (*_start(ffmpeg, "error"), "-protocol_whitelist", "file", "-f", "matroska", "-i", f"file:{film}", "-map", "0:v:0",
            *(word for sound in sounds for word in ("-map", f"0:a:{sound}")),
            "-c", "copy", "-copyts", "-avoid_negative_ts", "disabled", "-f", "mp4", name)


def take_text(ffmpeg: str, film: str, number: int) -> Argv:
    """One of the subtitles inside a film of ours, as SubRip in TEXT."""
    return (*_start(ffmpeg, "error"), "-protocol_whitelist", "file", "-f", _demuxer(film), "-i", f"file:{film}",
            "-map", f"0:s:{number}", "-c", "srt", "-f", "srt", TEXT)


def cut_ts(ffmpeg: str, picture: str | None, sound: tuple[str, int] | None, stem: str) -> Argv:
    """Segments of MPEG-TS, `stem-00000.ts` and so on, and `stem.m3u8`: the picture of one MP4 with a sound track (a file, and its
    number there) of the same or another, or one of them alone. The film begins at TS_BEGINS of their clock: that leaves room
    for what is decoded before."""
    files = [file for file in (picture, sound[0] if sound else None) if file is not None]
    maps = (*(("-map", "0:v:0") if picture else ()), *(("-map", f"{len(files) - 1}:a:{sound[1]}") if sound else ()))
    return (*_start(ffmpeg, "error"),
            *(word for file in files for word in ("-protocol_whitelist", "file", "-f", "mov", "-i", f"file:{file}")),
            *maps, "-c", "copy", "-avoid_negative_ts", "disabled", "-output_ts_offset", str(TS_BEGINS),
            "-muxdelay", "0", "-muxpreload", "0",  # each would put it off by more
            "-f", "hls", "-hls_time", str(SEGMENT), "-hls_list_size", "0", "-hls_playlist_type", "vod",
            "-hls_segment_type", "mpegts", "-hls_segment_filename", f"{stem}-%05d.ts", f"{stem}.m3u8")


def read_back(ffmpeg: str, master: str, made: Sequence[str], sound: str | None = None, *, codec: str | None = None) -> Argv:
    """Reads every packet of the set through its master playlist, and the pictures of the files it was cut from: a hash for each
    stream. `sound`: of this file also the sound. `codec`: that of the picture, where its packets have another form in the set
    than in the files, as they have in MPEG-TS. Everything odd is said on stderr."""
    files = (*made, *((sound,) if sound else ()))
    form = () if codec is None else ("-bsf:v", _IN_ONE_FORM[codec], "-bsf:a", "aac_adtstoasc")
    return (*_start(ffmpeg, "warning"), *_playlist(master),
            *(word for file in files for word in ("-protocol_whitelist", "file", "-f", _demuxer(file), "-i", f"file:{file}")),
            "-map", "0:v", "-map", "0:a?", *form, *_hashes(SET_HASHES),
            *(word for number in range(len(made)) for word in ("-map", f"{number + 1}:v:0")),
            *(("-map", f"{len(files)}:a?") if sound else ()), *form, *_hashes(MADE_HASHES))


def look_at_stills(ffmpeg: str, playlists: Sequence[str], threads: int, *, strict: bool) -> Argv:
    """Decodes the first pictures of each of these lists. Not `strict`: only that there are any is asked; the pieces of MPEG-TS
    count their packets, and pieces with others left out between them look damaged."""
    inputs = tuple(word for playlist in playlists for word in ("-threads", str(threads), *_playlist(playlist)))
    outputs = tuple(word for number in range(len(playlists)) for word in (
        "-map", f"{number}:v:0", "-frames:v", str(_STILLS_TRIED), "-fps_mode", "passthrough", "-f", "null", "-"))
    return (*_start(ffmpeg, "warning" if strict else "fatal"), *(("-xerror",) if strict else ()), *inputs, *outputs)


def _start(ffmpeg: str, level: str) -> Argv:
    return (ffmpeg, "-nostdin", "-hide_banner", "-v", level, "-nostats", "-progress", "pipe:1", "-stats_period", "0.5", "-y")


def _playlist(name: str) -> Argv:
    return ("-protocol_whitelist", "file", "-f", "hls", "-i", f"file:{name}")


def _demuxer(file: str) -> str:
    return "mov" if file.endswith(".mp4") else "matroska"


def _hashes(name: str) -> Argv:
    return ("-c", "copy", "-f", "streamhash", "-hash", "md5", name)
