"""Sources for profiles that wish for something else than the default: each setting of a decision, once."""

from __future__ import annotations

from pectin.model.measured import CropBox, Loudness, Measured
from sources.phrases import AAC, X264, X265, Source, picture, source, tone, tones

_TWO_LANGUAGES = (f"{picture()} {tone()} {tone(hertz=330)} -map 0 -map 1 -map 2 {X264} {AAC} "
                  "-metadata:s:a:0 language=eng -metadata:s:a:1 language=deu")
_WORDS = f"{picture()} {tone()} -i {{kit}}/words.{{}} -map 0 -map 1 -map 2 {X264} {AAC}"

WISHES: tuple[Source, ...] = (
    source("shrunk.mp4", "1080p with 60 frames per second",
           f"{picture('1920x1080', '60', 0.5)} {tone(0.5)} {X264} -level 4.1 {AAC}",
           "encode: video encode frame_rate, audio copy fits", wishes={"fast_pictures": "720p"}),
    source("bars-cut.mkv", "black borders", f"{picture(seconds=2)} {tone(2)} -vf pad=192:240:0:48 {X265} {AAC}",
           "encode: video encode codec, audio copy fits", wishes={"crop": "auto"},
           measured=Measured(crop=CropBox(width=192, height=144, x=0, y=48))),
    source("quiet.mkv", "sound that is far too quiet", f"{picture(seconds=3)} {tone(3)} {X264} {AAC} -af volume=-20dB",
           "encode: video copy fits, audio encode loudness", wishes={"loudness": -18},
           measured=Measured(loudness={1: Loudness(integrated=-41.1, peak=-38.0, range=0.0)})),
    source("eac3-wished.mkv", "DTS 5.1", f"{picture()} {tones('5.1', 6)} {X264} -c:a dca -strict -2",
           "encode: video copy fits, audio encode stereo_first, audio encode surround_kept", wishes={"surround": "eac3"}),
    source("no-surround.mkv", "AC-3 5.1", f"{picture()} {tones('5.1', 6)} {X264} -c:a ac3",
           "encode: video copy fits, audio encode stereo_first", wishes={"surround": "none"}),
    source("german-first.mkv", "two languages", _TWO_LANGUAGES,
           "remux: video copy fits, audio copy fits, audio copy other_language", wishes={"languages": ["ger"]}),
    source("embedded.mkv", "SubRip", f"{_WORDS.replace('{}', 'srt')} -c:s srt",
           "remux: video copy fits, audio copy fits, subtitle encode text_subtitle", wishes={"subtitles": "embed"}),
    source("no-texts.mkv", "SubRip", f"{_WORDS.replace('{}', 'srt')} -c:s srt",
           "remux: video copy fits, audio copy fits, subtitle drop switched_off", wishes={"subtitles": "none"}),
    source("burnt.mkv", "forced PGS", f"{_WORDS.replace('{}', 'sup')} -c:s copy -disposition:s:0 forced",
           "encode: video encode burnt_in, audio copy fits, subtitle drop burnt_in", wishes={"image_subtitles": "burn-forced"}),
    source("no-pictures.mkv", "PGS", f"{_WORDS.replace('{}', 'sup')} -c:s copy",
           "remux: video copy fits, audio copy fits, subtitle drop switched_off", wishes={"image_subtitles": "drop"}),
)
