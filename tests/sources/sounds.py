"""Sources whose sound is the point: codecs, channels, languages, order, and what is broken."""

from __future__ import annotations

from pectin.model.errors import Cause
from sources.phrases import AAC, SURROUND, X264, Source, picture, refused, source, tone, tones

_STEREO_AND = "encode: video copy fits, audio encode stereo_first, audio {} surround_kept"
_ENCODED = "encode: video copy fits, audio encode {}"


def _with(sound: str, codec: str) -> str:
    return f"{picture()} {sound} {X264} {codec}"


CODECS: tuple[Source, ...] = (
    source("mono.flv", "one channel of AAC", _with(tone(), "-c:a aac -ac 1"), "remux: video copy fits, audio copy fits"),
    source("aac44.mkv", "AAC with 44.1 kHz", _with(tone(rate=44_100), AAC), "remux: video copy fits, audio copy fits"),
    source("aac96.mkv", "AAC with 96 kHz", _with(tone(rate=96_000), AAC), _ENCODED.format("sample_rate")),
    source("mp3.mp4", "MP3", _with(tone(), "-c:a libmp3lame -ac 2"), _ENCODED.format("codec")),
    source("mp2.ts", "MP2", _with(tone(), "-c:a mp2 -ac 2"), _ENCODED.format("codec")),
    source("vorbis.mkv", "Vorbis", _with(tone(), "-c:a libvorbis -ac 2"), _ENCODED.format("codec")),
    source("opus.mkv", "Opus", _with(tone(), "-c:a libopus -ac 2"), _ENCODED.format("codec")),
    source("flac.mkv", "FLAC", _with(tone(), "-c:a flac -ac 2"), _ENCODED.format("codec")),
    source("alac.mov", "ALAC", _with(tone(), "-c:a alac -ac 2"), _ENCODED.format("codec")),
    source("pcm.mov", "PCM", _with(tone(), "-c:a pcm_s16le -ac 2"), _ENCODED.format("codec")),
    source("ac3-stereo.m2ts", "stereo AC-3", _with(tone(), "-c:a ac3 -ac 2"), _ENCODED.format("codec")),
    source("silent.3gp", "no sound at all", f"{picture()} {X264}", "remux: video copy fits"),
)

CHANNELS: tuple[Source, ...] = (
    source("ac3.mkv", "AC-3 5.1", _with(SURROUND, "-c:a ac3 -b:a 448k"), _STEREO_AND.format("copy")),
    source("eac3.mp4", "E-AC-3 5.1", _with(SURROUND, "-c:a eac3 -b:a 448k"), _STEREO_AND.format("copy")),
    source("disc.m2ts", "AC-3 5.1 as on a disc", _with(SURROUND, "-c:a ac3"), _STEREO_AND.format("copy")),
    source("dts.mkv", "DTS 5.1", _with(SURROUND, "-c:a dca -strict -2"), _STEREO_AND.format("encode")),
    source("truehd.mkv", "TrueHD 5.1", _with(SURROUND, "-c:a truehd -strict -2"), _STEREO_AND.format("encode")),
    source("flac71.mkv", "FLAC 7.1", _with(tones("7.1", 8), "-c:a flac"), _STEREO_AND.format("encode")),
    source("pcm51.mkv", "PCM 5.1", _with(SURROUND, "-c:a pcm_s24le"), _STEREO_AND.format("encode")),
    source("opus51.webm", "VP9 with Opus 5.1", f"{picture()} {SURROUND} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 "
           "-c:a libopus -mapping_family 1", "encode: video encode codec, audio encode stereo_first, audio encode surround_kept"),
    source("aac51.mkv", "AAC 5.1", _with(SURROUND, "-c:a aac"), _STEREO_AND.format("copy")),
    source("quad.mkv", "four channels", _with(tones("quad", 4), "-c:a flac"),
           "encode: video copy fits, audio encode stereo_first"),
)

_TWO = f"{picture()} {SURROUND} {tone(hertz=330)} -map 0 -map 1 -map 2 {X264}"
_LANGUAGES = (f"{picture()} {tone()} {tone(hertz=330)} {tone(hertz=550)} -map 0 -map 1 -map 2 -map 3 {X264} {AAC} "
              "-metadata:s:a:0 language=eng -metadata:s:a:1 language=deu -metadata:s:a:2 language=eng "
              "-metadata:s:a:2 title=Commentary")

TRACKS: tuple[Source, ...] = (
    source("languages.mkv", "two languages and a commentary", _LANGUAGES,
           "remux: video copy fits, audio copy fits, audio copy other_language, audio copy commentary"),
    source("commentary-first.mkv", "the commentary stands first, marked as one",
           f"{picture()} {tone()} {tone(hertz=330)} -map 0 -map 1 -map 2 {X264} {AAC} -disposition:a:0 comment "
           "-disposition:a:1 default", "remux: video copy fits, audio copy fits, audio copy commentary"),
    source("surround-first.mkv", "AC-3 5.1 first and default, a stereo AAC second",
           f"{_TWO} -c:a:0 ac3 -c:a:1 aac -ac:a:1 2 -metadata:s:a:0 language=eng -metadata:s:a:1 language=eng "
           "-disposition:a:0 default -disposition:a:1 0", "remux: video copy fits, audio copy fits, audio copy surround_kept"),
    source("broken-track.mov", "a second track that no ffmpeg decodes",
           f"{picture()} {tone()} {tone(hertz=330)} -map 0 -map 1 -map 2 {X264} -c:a:0 aac -ac:a:0 2 -c:a:1 pcm_s16le",
           "remux: video copy fits, audio copy fits, audio drop undecodable", doctor="unknown_sound"),
    refused("no-track-left.mov", "sound that no ffmpeg decodes, and no other", f"{picture()} {tone()} {X264} -c:a pcm_s16le",
            Cause.NO_SOUND, doctor="unknown_sound"),
    source("late.mkv", "sound that begins after three seconds",
           f"{picture(seconds=4)} -itsoffset 3 {tone(1)} {X264} {AAC}", "encode: video copy fits, audio encode late"),
    source("descriptive.mp4", "a track for the blind beside the film's",
           f"{picture()} {tone()} {tone(hertz=330)} -map 0 -map 1 -map 2 {X264} {AAC} -disposition:a:1 visual_impaired",
           "remux: video copy fits, audio copy fits, audio copy commentary"),
)

SOUNDS = (*CODECS, *CHANNELS, *TRACKS)
