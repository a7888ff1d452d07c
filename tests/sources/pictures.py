"""Sources whose picture is the point: codecs, profiles, scans, shapes, sizes, rates, colours."""

from __future__ import annotations

from pectin.model.errors import Cause
from pectin.model.measured import Measured, Scan
from sources.phrases import AAC, X264, X265, Source, picture, refused, source, tone

_BARE = "-c:v ffv1 -color_primaries unknown -colorspace unknown"
_BT2020 = "-color_primaries bt2020 -color_trc {} -colorspace bt2020nc"
_HDR10 = ("-pix_fmt yuv420p10le -c:v libx265 -preset ultrafast -x265-params log-level=none:hdr10=1:repeat-headers=1:"
          "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:master-display="
          "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50) " + _BT2020.format("smpte2084"))
# A test picture in which a look at the fields finds no traces of interlacing: in the other one hard edges move by single lines.
_STILLER = "-f lavfi -i testsrc=size=720x576:rate=25:duration=2"
_ODD = "-f lavfi -i testsrc=size=321x241:rate=25:duration=1.2"  # the other test picture would round this down
_PAL = picture("720x576", "50", 2)
_FIELDS = f"{_PAL} {tone(2)} -vf interlace"
_NOISE = ",noise=alls=100:allf=t"
_UNEVEN = picture("192x144", "30", 3, ",select='lt(t,1)+not(mod(n,3))'")
_ENCODED = "encode: video encode {}, audio copy fits"
_BOTH = "encode: video encode codec, audio encode codec"
_SILENT = "encode: video encode {}"

CODECS: tuple[Source, ...] = (
    source("hevc.mp4", "HEVC", f"{picture()} {tone()} {X265} -pix_fmt yuv420p -tag:v hvc1 {AAC}", _ENCODED.format("codec")),
    source("hevc10.mkv", "HEVC with 10 bits", f"{picture()} {tone()} {X265} -pix_fmt yuv420p10le {AAC}",
           _ENCODED.format("codec")),
    source("av1.mkv", "AV1 and Opus", f"{picture()} {tone()} -c:v libsvtav1 -preset 12 -svtav1-params lp=1 -c:a libopus", _BOTH),
    source("vp8.webm", "VP8 and Vorbis", f"{picture()} {tone()} -c:v libvpx -deadline realtime -c:a libvorbis -ac 2", _BOTH),
    source("vp9.webm", "VP9 and Opus", f"{picture()} {tone()} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus",
           _BOTH),
    source("theora.ogv", "Theora and Vorbis", f"{picture()} {tone()} -c:v libtheora -c:a libvorbis -ac 2", _BOTH),
    source("mpeg1.mpg", "MPEG-1 and MP2", f"{picture()} {tone()} -c:v mpeg1video -c:a mp2", _BOTH),
    source("mpeg2.mpg", "MPEG-2 and AC-3", f"{picture()} {tone()} -c:v mpeg2video -c:a ac3 -ac 2", _BOTH),
    source("divx.avi", "MPEG-4 part 2 and MP3", f"{picture()} {tone()} -c:v mpeg4 -bf 2 -vtag DX50 -c:a libmp3lame", _BOTH),
    source("msmpeg4.avi", "MS-MPEG-4 and ADPCM", f"{picture()} {tone()} -c:v msmpeg4 -c:a adpcm_ms", _BOTH),
    source("windows.wmv", "WMV and WMA", f"{picture()} {tone()} -c:v wmv2 -c:a wmav2", _BOTH),
    source("flash.flv", "Sorenson Spark and MP3", f"{picture()} {tone(rate=44_100)} -c:v flv1 -c:a libmp3lame", _BOTH),
    source("phone.3gp", "H.263 and AAC", f"{picture('176x144')} {tone()} -c:v h263 {AAC}", _ENCODED.format("codec")),
    source("camera.avi", "motion JPEG, full range, and PCM",
           f"{picture()} {tone()} -c:v mjpeg -pix_fmt yuvj422p -c:a pcm_s16le", _BOTH),
    source("prores.mov", "ProRes 4:2:2 and PCM", f"{picture()} {tone()} -c:v prores_ks -profile:v 2 -c:a pcm_s24le", _BOTH),
    source("raw.avi", "RGB without compression", f"{picture()} {tone()} -c:v rawvideo -pix_fmt bgr24 -c:a pcm_s16le", _BOTH),
    source("tape.dv", "DV tape", f"{_STILLER} {tone(2)} -c:v dvvideo -pix_fmt yuv420p -ac 2 -c:a pcm_s16le", _BOTH,
           measured=Measured(scan=Scan.PROGRESSIVE)),
    source("h264.avi", "H.264 in AVI, which has no timestamps", f"{picture()} {tone()} {X264} -c:a libmp3lame",
           "encode: video encode timestamps, audio encode codec"),
)

H264: tuple[Source, ...] = (
    source("hi10p.mkv", "H.264 with 10 bits", f"{picture()} {tone()} -c:v libx264 -preset ultrafast -pix_fmt yuv420p10le {AAC}",
           _ENCODED.format("codec_profile")),
    source("chroma422.mov", "H.264 4:2:2", f"{picture()} {tone()} -c:v libx264 -preset ultrafast -pix_fmt yuv422p {AAC}",
           _ENCODED.format("codec_profile")),
    source("chroma444.mkv", "H.264 4:4:4", f"{picture()} {tone()} -c:v libx264 -preset ultrafast -pix_fmt yuv444p {AAC}",
           _ENCODED.format("codec_profile")),
    source("rgb.mkv", "H.264 in RGB", f"{picture()} {tone()} -c:v libx264rgb -preset ultrafast {AAC}",
           _ENCODED.format("codec_profile")),
    source("gray.mkv", "H.264 in black and white", f"{picture()} {tone()} -c:v libx264 -preset ultrafast -pix_fmt gray {AAC}",
           _ENCODED.format("pixel_format")),
    source("full-range.mp4", "full range", f"{picture()} {tone()} {X264} -vf scale=out_range=pc -color_range pc {AAC}",
           _ENCODED.format("pixel_format")),
    source("level51.mp4", "level 5.1 without need", f"{picture()} {tone()} {X264} -level 5.1 {AAC}", _ENCODED.format("level")),
    source("noise.mkv", "far too many bits",
           f"{picture('1280x720', '30', 1, _NOISE)} {tone(1)} {X264} -crf 20 {AAC}", _ENCODED.format("bitrate")),
    source("black-bars.mp4", "black borders: left alone", f"{picture()} {tone()} {X264} -vf pad=192:192:0:24 {AAC} "
           "-movflags +faststart", "file: video copy fits, audio copy fits"),
    source("bt601.mkv", "colours of standard definition",
           f"{_STILLER} {tone(2)} {X264} -color_primaries bt470bg -color_trc smpte170m "
           f"-colorspace bt470bg {AAC}",
           "remux: video copy fits, audio copy fits", measured=Measured(scan=Scan.PROGRESSIVE)),
)

SCANS: tuple[Source, ...] = (
    source("interlaced.ts", "interlaced broadcast, 16:9 by its pixels",
           f"{_FIELDS},setsar=64/45 -c:v mpeg2video -b:v 4M -flags +ilme+ildct -c:a mp2", _BOTH,
           measured=Measured(scan=Scan.INTERLACED)),
    source("interlaced.mkv", "interlaced H.264", f"{_FIELDS} {X264} -x264-params tff=1 {AAC}", _ENCODED.format("interlaced"),
           measured=Measured(scan=Scan.INTERLACED)),
    source("bottom-first.mov", "bottom field first", f"{_PAL} {tone(2)} -vf interlace=scan=bff {X264} -x264-params bff=1 {AAC}",
           _ENCODED.format("interlaced"), measured=Measured(scan=Scan.INTERLACED)),
    source("says-progressive.mkv", "interlaced, but its flag says progressive", f"{_FIELDS},setfield=prog {X264} {AAC}",
           _ENCODED.format("interlaced"), measured=Measured(scan=Scan.INTERLACED)),
    source("says-interlaced.mkv", "progressive, but its flag says interlaced",
           f"{_STILLER} {tone(2)} -vf setfield=tff {X264} -x264-params tff=1 {AAC}", _ENCODED.format("wrong_flag"),
           measured=Measured(scan=Scan.PROGRESSIVE)),
    source("telecined.mkv", "film spread over 60 fields",
           f"{picture('720x480', '24000/1001', 2)} {tone(2)} -vf telecine {X264} -x264-params tff=1 {AAC}",
           _ENCODED.format("telecined"), measured=Measured(scan=Scan.TELECINED)),
    source("telecined.mpg", "a DVD of a film, spread over 60 fields",
           f"{picture('720x480', '24000/1001', 2)} {tone(2)} -vf telecine,setfield=tff,setsar=8/9 -c:v mpeg2video -b:v 4M "
           "-flags +ilme+ildct -c:a ac3 -ac 2", _BOTH, measured=Measured(scan=Scan.TELECINED)),
)

SHAPES: tuple[Source, ...] = (
    source("anamorphic.mkv", "pixels that are not square",
           f"{_STILLER} {tone(2)} {X264} -vf setsar=64/45 {AAC}", _ENCODED.format("anamorphic"),
           measured=Measured(scan=Scan.PROGRESSIVE)),
    source("upright.mp4", "a phone held upright", "-i {film:whole.mp4} -c copy -metadata:s:v:0 rotate=90",
           _ENCODED.format("rotated")),
    source("headstand.mov", "a phone held upside down", "-i {film:whole.mp4} -c copy -metadata:s:v:0 rotate=180",
           _ENCODED.format("rotated")),
    source("odd.avi", "an odd width and height", f"{_ODD} {tone()} -c:v mpeg4 -c:a libmp3lame", _BOTH),
    source("tiny.mkv", "16x16", f"{picture('16x16')} -c:v ffv1", _SILENT.format("codec")),
    source("uhd.mkv", "2160p", f"{picture('3840x2160', '24', 0.3)} {tone(0.3)} {X264} {AAC}", _ENCODED.format("level")),
    source("tall.mp4", "1920x1200 at level 4.1", f"{picture('1920x1200', '24', 0.5)} {tone(0.5)} {X264} -level 4.1 {AAC}",
           _ENCODED.format("too_large")),
)

RATES: tuple[Source, ...] = (
    source("fast.mp4", "1080p with 60 frames per second",
           f"{picture('1920x1080', '60', 0.5)} {tone(0.5)} {X264} -level 4.1 {AAC}",
           _ENCODED.format("frame_rate")),
    source("fast50.ts", "1080p with 50 frames per second, level 4.2",
           f"{picture('1920x1080', '50', 0.5)} {tone(0.5)} {X264} {AAC}", _ENCODED.format("level")),
    source("fast-small.mp4", "360p with 60 frames per second", f"{picture('640x360', '60', 0.5)} {tone(0.5)} {X264} {AAC}",
           "remux: video copy fits, audio copy fits"),
    source("frames120.mkv", "120 frames per second", f"{picture('192x144', '120', 1)} {tone(1)} {X264} {AAC}",
           _ENCODED.format("frame_rate")),
    source("variable.mkv", "a variable frame rate, to be encoded",
           f"{_UNEVEN} {tone(3)} -fps_mode vfr "
           f"{X265} {AAC}", _ENCODED.format("codec")),
    source("variable.mp4", "a variable frame rate that fits",
           f"{_UNEVEN} {tone(3)} -fps_mode vfr "
           f"{X264} {AAC}", "remux: video copy fits, audio copy fits"),
)

COLOURS: tuple[Source, ...] = (
    source("hdr10.mkv", "HDR10", f"{picture()} {tone()} {_HDR10} {AAC}", _ENCODED.format("codec")),
    source("hlg.mp4", "HLG",
           f"{picture()} {tone()} {X265} -pix_fmt yuv420p10le -tag:v hvc1 {_BT2020.format('arib-std-b67')} {AAC}",
           _ENCODED.format("codec")),
    source("pq-bare.mkv", "PQ without mastering data, in Hi10P",
           f"{picture()} {tone()} -c:v libx264 -preset ultrafast -pix_fmt yuv420p10le {_BT2020.format('smpte2084')} {AAC}",
           _ENCODED.format("codec_profile")),
    source("hdr-8bit.mkv", "8 bits that say they are HDR",
           f"{picture()} {tone()} {X264} {_BT2020.format('smpte2084')} {AAC}", _ENCODED.format("hdr")),
    source("hdr-rgb.mkv", "PQ in RGB with an odd size",
           f"{_ODD} -vf format=gbrp10le {_BARE} -color_trc smpte2084", _SILENT.format("codec")),
    source("dolby8.mp4", "Dolby Vision 8.1: an HDR10 picture below",
           f"{picture()} {tone()} {_HDR10} -tag:v hvc1 {AAC}", _ENCODED.format("codec"), doctor="dolby_vision_8"),
    refused("dolby5.mp4", "Dolby Vision 5: no picture that others can show",
            f"{picture()} {tone()} {_HDR10} -tag:v hvc1 {AAC}", Cause.DOLBY_VISION_WITHOUT_BASE, doctor="dolby_vision_5"),
)

PICTURES = (*CODECS, *H264, *SCANS, *SHAPES, *RATES, *COLOURS)
