"""Which container can hold which codec, so that what is copied into it is read back as the same."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pectin.model.profile import Container

# Measured with FFmpeg 5.1, every cell: copied, then probed again. Left out although the muxer takes it: MPEG-1 layer 2 in MP4 (is
# relabelled as mp3), Vorbis in MP4 (a private mapping), FLAC and TrueHD in MP4 (experimental in 5.1), DVD subtitles in MP4 (their
# duration is lost).
_MP4 = frozenset({
    "h264", "hevc", "av1", "vp9", "mpeg1video", "mpeg2video", "mpeg4", "mjpeg",
    "aac", "mp3", "ac3", "eac3", "dts", "opus", "alac",
    "mov_text",
})
_WEBM = frozenset({"av1", "vp9", "vp8", "opus", "vorbis", "webvtt"})
# Matroska holds nearly everything. What is not in here has no name of its own there, or nobody has shown it to come back whole.
# (VC-1, Windows Media 9 and RealMedia, which nobody here can encode, are by Matroska's own list of names.)
_MKV = frozenset({
    "h264", "hevc", "av1", "vp9", "vp8", "theora", "mpeg1video", "mpeg2video", "mpeg4", "mjpeg", "ffv1", "prores", "vc1",
    "wmv1", "wmv2", "wmv3", "msmpeg4v2", "msmpeg4v3", "flv1", "h263", "huffyuv", "ffvhuff", "utvideo", "dvvideo", "dnxhd",
    "jpeg2000", "v210", "rv30", "rv40",
    "aac", "mp3", "mp2", "ac3", "eac3", "dts", "opus", "vorbis", "flac", "alac", "truehd", "mlp", "tta", "wavpack", "wmav1",
    "wmav2", "wmapro", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_u8", "pcm_f32le",
    "pcm_f64le", "pcm_alaw", "pcm_mulaw", "adpcm_ms", "adpcm_ima_wav", "cook",
    "subrip", "ass", "ssa", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle",
})
_TABLE: Mapping[Container, frozenset[str]] = MappingProxyType(
    {Container.MP4: _MP4, Container.MKV: _MKV, Container.WEBM: _WEBM})
# Demuxers whose packets have timestamps that MP4 can take over. AVI has none of its own (and no B-frame order), raw
# streams neither; MPEG program streams and ASF carry H.264 so rarely that nobody has shown them to be right.
COPYABLE = frozenset({"matroska", "mov", "mpegts", "flv"})


def holds(container: Container, codec: str | None) -> bool:
    """Whether a stream of this codec (ffprobe's name) can be copied into the container. The source's own file holds all it has;
    an unknown codec is held by nothing else."""
    return container is Container.SOURCE or (codec or "") in _TABLE[container]
