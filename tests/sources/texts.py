"""Sources whose subtitles are the point: texts, pictures, teletext, captions."""

from __future__ import annotations

from pectin.model.measured import Measured
from sources.phrases import AAC, FILM, X264, Source, picture, source, tone

_MAPPED = f"{picture()} {tone()} -i {{kit}}/{{}} -map 0 -map 1 -map 2 {X264} {AAC}"
_REMUX = "remux: video copy fits, audio copy fits, "
_TEXT = _REMUX + "subtitle extract text_subtitle"
_IMAGE = _REMUX + "subtitle extract image_subtitle"


def _with(file: str, codec: str, more: str = "") -> str:
    return f"{_MAPPED.replace('{}', file)} -c:s {codec} {more}"


TEXTS: tuple[Source, ...] = (
    source("subrip.mkv", "SubRip", _with("words.srt", "srt"), _TEXT),
    source("forced.mkv", "forced subtitles with a language", _with(
        "words.srt", "srt", "-metadata:s:s:0 language=fre -disposition:s:0 forced"), _TEXT),
    source("sdh.mkv", "subtitles for the deaf", _with("words.srt", "srt", "-disposition:s:0 hearing_impaired"), _TEXT),
    source("ass.mkv", "ASS with styles", _with("words.ass", "ass"), _TEXT),
    source("mov-text.mp4", "mov_text, switched on as muxers do", _with("words.srt", "mov_text"), _TEXT),
    source("webvtt.webm", "WebVTT in WebM", f"{picture()} {tone()} -i {{kit}}/words.srt -map 0 -map 1 -map 2 -c:v libvpx "
           "-deadline realtime -c:a libvorbis -ac 2 -c:s webvtt",
           "encode: video encode codec, audio encode codec, subtitle extract text_subtitle"),
    source("latin1.mkv", "subtitles in an old encoding", _with("words.srt", "srt"), _TEXT, doctor="latin1"),
    source("pgs.mkv", "PGS, as on Blu-ray", f"{FILM} -map 0 -map 1 -map 2 -c:s copy".replace(
        X264, f"-i {{kit}}/words.sup {X264}"), _IMAGE),
    source("pgs.m2ts", "PGS in a transport stream", f"{FILM} -map 0 -map 1 -map 2 -c:s copy".replace(
        X264, f"-i {{kit}}/words.sup {X264}"), _IMAGE),
    source("vobsub.mkv", "VobSub, as on DVD", _with("words.sup", "dvdsub"), _IMAGE),
    source("dvb.ts", "DVB subtitles", _with("words.sup", "dvbsub"), _IMAGE),
    source("teletext.ts", "teletext subtitles", f"{picture(seconds=3)} {tone(3)} -i {{kit}}/words.ts -map 0 -map 1 -map 2 {X264} "
           f"{AAC} -c:s copy", _TEXT, decoder="dvb_teletext"),
    source("captions.ts", "closed captions inside the picture",
           f"-r 25 -f h264 -i {{kit}}/captions.h264 {tone(3)} -c:v copy {AAC}",
           _REMUX + "captions extract captions", measured=Measured(captions=True)),
)
