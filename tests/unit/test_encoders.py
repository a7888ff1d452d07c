"""encoding/encoders.py and pictures.py: each encoder's options and each repair's filter, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.encoding import encoders, pictures
from pectin.model.mastering import ContentLight, MasteringDisplay
from pectin.model.measured import CropBox
from pectin.model.plan import Plan, Reason, StreamAction, StreamDecision, VideoTarget
from pectin.model.profile import VideoCodec

HEVC, AV1, VP9 = VideoCodec.HEVC, VideoCodec.AV1, VideoCodec.VP9
SCREEN = MasteringDisplay(
    red=(Fraction(68, 100), Fraction(32, 100)),
    green=(Fraction(265, 1000), Fraction(69, 100)),
    blue=(Fraction(15, 100), Fraction(6, 100)),
    white=(Fraction(3127, 10_000), Fraction(329, 1000)),
    brightest=Fraction(1000),
    darkest=Fraction(5, 1000),
)


def target(**changes: Any) -> VideoTarget:
    return replace(VideoTarget(width=1280, height=720, scale=True, frame_rate=None, nominal_frame_rate=Fraction(24)), **changes)


def given_to(arguments: Sequence[str], option: str) -> str:
    return arguments[list(arguments).index(option) + 1]


def hdr(codec: VideoCodec, **changes: Any) -> VideoTarget:
    return target(codec=codec, pixel_format="yuv420p10le", transfer="smpte2084", source_transfer="smpte2084",
                  source_matrix="bt2020", mastering=SCREEN, light=ContentLight(pixel=1000, frame=400), **changes)


@pytest.mark.parametrize(("threads", "pools"), [(1, "pools=none:frame-threads=1"), (2, "pools=2:frame-threads=1"),
                                                (4, "pools=4:frame-threads=2"), (16, "pools=16:frame-threads=3")])
def test_x265_stays_within_its_threads(threads: int, pools: str) -> None:
    assert pools in given_to(encoders.options(target(codec=HEVC), "v:0", threads), "-x265-params:v:0")


def test_svt_av1_is_not_pinned_to_the_first_cpus() -> None:
    assert given_to(encoders.options(target(codec=AV1), "v:0", 3), "-svtav1-params:v:0") == "lp=3:pin=0"


@pytest.mark.parametrize(("codec", "key_frame"), [(VideoCodec.H264, "49"), (HEVC, "49"), (AV1, "48"), (VP9, "49")])
def test_every_encoder_has_a_limit_a_depth_and_key_frames(codec: VideoCodec, key_frame: str) -> None:
    options = encoders.options(target(codec=codec, max_bitrate=4_000_000, buffer_bits=8_000_000), "v:0", 2)
    limit, buffer = (("3000000", "6000000") if codec is AV1 else ("4000000", "8000000"))
    assert (given_to(options, "-maxrate:v:0"), given_to(options, "-bufsize:v:0")) == (limit, buffer)
    assert (given_to(options, "-pix_fmt:v:0"), given_to(options, "-g:v:0")) == ("yuv420p", key_frame)
    flags = [word for word in options if word.startswith("-")]
    assert len(flags) == len(set(flags))


def test_kept_hdr10_says_all_it_says_to_x265_and_svt_av1() -> None:
    x265 = given_to(encoders.options(hdr(HEVC), "v:0", 1), "-x265-params:v:0")
    assert "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)" in x265
    assert x265.endswith(":max-cll=1000,400")
    svt = given_to(encoders.options(hdr(AV1), "v:0", 1), "-svtav1-params:v:0")
    assert ("mastering-display=G(0.26500,0.69000)B(0.15000,0.06000)R(0.68000,0.32000)WP(0.31270,0.32900)"
            "L(1000.00000,0.00500)") in svt
    assert svt.endswith(":content-light=1000,400")


@pytest.mark.parametrize("codec", [HEVC, AV1])
def test_kept_hdr_is_tagged_as_it_is(codec: VideoCodec) -> None:
    options = encoders.options(hdr(codec), "v:0", 1)
    tags = [given_to(options, f"-{name}:v:0") for name in ("colorspace", "color_primaries", "color_trc")]
    assert tags == ["bt2020nc", "bt2020", "smpte2084"]
    filters = pictures.video_filters(hdr(codec))
    assert filters[0].endswith(":in_color_matrix=bt2020:out_color_matrix=bt2020:out_range=tv")
    assert filters[-1] == "setparams=field_mode=prog:range=tv:color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"


def test_hlg_has_no_mastering_display() -> None:
    hlg = replace(hdr(HEVC), transfer="arib-std-b67")
    assert "hdr10" not in given_to(encoders.options(hlg, "v:0", 1), "-x265-params:v:0")


@pytest.mark.parametrize(("codec", "container", "tag"), [
    (VideoCodec.H264, "mp4", "avc1"), (HEVC, "mp4", "hvc1"), (AV1, "mp4", None), (HEVC, "mkv", None), (VP9, "webm", None)])
@pytest.mark.parametrize("copied", [True, False])
def test_only_mp4_gets_a_tag(codec: VideoCodec, container: str, tag: str | None, copied: bool) -> None:
    decision = StreamDecision(index=0, kind="video", codec=codec.value if copied else "vc1", action=StreamAction.COPY,
                              reason=Reason.FITS, sentence="", target=None if copied else target(codec=codec))
    options = pictures.options(0, decision, container=container, threads=1)
    assert (given_to(options, "-tag:v:0") if "-tag:v:0" in options else None) == tag


def names(**changes: Any) -> list[str]:
    return [name.split("=")[0] for name in pictures.video_filters(target(**changes))]


def test_repairs_come_in_the_order_in_which_they_are_right() -> None:
    box = CropBox(width=640, height=272, x=0, y=104)
    assert names(crop=box, deinterlace=True, top_first=False) == [
        "crop", "setfield", "bwdif", "scale", "format", "setsar", "setparams"]
    assert names(detelecine=True, frame_rate=Fraction(24)) == [
        "fps", "settb", "fieldmatch", "bwdif", "decimate", "scale", "format", "setsar", "setparams"]
    assert names(frame_step=2, frame_rate=Fraction(25))[0] == "framestep"
    assert names(frame_rate=Fraction(25))[0] == "fps"
    assert names(top_first=True)[0] == "scale"


def test_pulldown_is_undone_with_a_clock_that_knows_both_rates() -> None:
    filters = pictures.video_filters(target(detelecine=True, nominal_frame_rate=Fraction(24000, 1001), top_first=True))
    assert filters[:3] == ("setfield=tff", "fps=30000/1001", "settb=1001/120000")


def drawn(of: VideoTarget) -> str:
    picture = StreamDecision(index=3, kind="video", codec="h264", action=StreamAction.ENCODE, reason=Reason.BURNT_IN, sentence="",
                             target=of)
    plan = Plan(profile="", source_format="matroska", seconds=None, streams=(picture,), width=2, height=2)
    return pictures.graph(plan)[1]


def test_burnt_in_words_are_laid_over_the_finished_picture() -> None:
    graph = drawn(target(burn=5, burn_fitted=True, tonemap=True))
    below, words, over = graph.split(";")
    assert below.startswith("[0:3]setparams=")
    assert below.endswith("sidedata=mode=delete[below]")
    assert words == ("[0:5]scale=1280:720:flags=bicubic:out_color_matrix=bt709:force_original_aspect_ratio=decrease,"
                     "format=yuva420p[words]")
    assert over.startswith("[below][words]overlay=")
    assert over.endswith("colorspace=bt709[picture]")


def test_words_on_hdr_are_not_as_bright_as_the_sun() -> None:
    assert "format=yuva420p10le,lutyuv=y=val*0.58[words]" in drawn(replace(hdr(HEVC), burn=5))


@given(st.builds(target, codec=st.sampled_from([VideoCodec.H264, HEVC, AV1, VP9]), deinterlace=st.booleans(),
                 tonemap=st.booleans(), detelecine=st.booleans(), burn=st.none() | st.integers(0, 9),
                 source_matrix=st.sampled_from(["bt709", "bt2020", "gbr", "smpte170m"])), st.integers(1, 64))
def test_a_graph_has_one_picture_and_no_empty_filter(of: VideoTarget, threads: int) -> None:
    graph = drawn(of)
    assert graph.count("[picture]") == 1
    assert ",," not in graph
    assert all(word for word in encoders.options(of, "v:0", threads))
