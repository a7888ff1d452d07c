"""The commands for devices as data: encoding/{accelerators,vaapi,qsv,nvenc,rates}.py, by device, driver and mode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from pectin.encoding import accelerators, argv, pictures, rates
from pectin.model.hardware import Api, Driver, Mode, Picture, RateControl, Rung, Way
from pectin.model.plan import Plan, VideoTarget
from pectin.model.profile import Profile, VideoCodec
from pectin.planning import plan
from unit.mediamaker import film, picture, sound, text

R = RateControl
DRIVERS = [(Api.VAAPI, Driver.IHD), (Api.VAAPI, Driver.I965), (Api.VAAPI, Driver.RADEONSI), (Api.VAAPI, Driver.OTHER),
           (Api.QSV, Driver.IHD), (Api.NVENC, Driver.NVIDIA)]
TEN = {"codec": VideoCodec.HEVC, "target": Picture("hevc", 10)}


def way(**facts: Any) -> Way:
    usual: dict[str, Any] = {"api": Api.VAAPI, "node": "/dev/dri/renderD128", "driver": Driver.IHD, "rung": Rung.FULL,
                             "mode": Mode(R.VBR), "source": Picture("hevc", 8), "target": Picture("h264", 8),
                             "codec": VideoCodec.H264}
    return Way(**(usual | facts))


def target(**changes: Any) -> VideoTarget:
    return replace(VideoTarget(width=1280, height=720, scale=True, frame_rate=None, nominal_frame_rate=Fraction(24),
                               max_bitrate=7_000_000, buffer_bits=6_000_000, crf=22.0), **changes)


def planned(**changes: Any) -> Plan:
    decided = plan.decide(film(picture(codec="hevc"), sound(), text(2)), Profile())
    return replace(decided, streams=(replace(decided.streams[0], target=target(**changes)), *decided.streams[1:]))


def command(through: Way, **changes: Any) -> tuple[str, ...]:
    changes.setdefault("codec", through.codec)
    return argv.build(planned(**changes), ffmpeg="ffmpeg", source="file:/proc/self/fd/7", threads=3, max_pixels=99,
                      way=through).argv


def has(arguments: Sequence[str], *wanted: str) -> bool:
    return any(tuple(arguments[n : n + len(wanted)]) == wanted for n in range(len(arguments)))


def graph(arguments: Sequence[str]) -> str:
    return arguments[arguments.index("-filter_complex") + 1]


@pytest.mark.parametrize(("kind", "rung", "codec"), list(product(DRIVERS, [Rung.FULL, Rung.HYBRID], ["h264", "hevc", "hevc10"])))
def test_every_command_keeps_the_universal_rules(kind: tuple[Api, Driver], rung: Rung, codec: str) -> None:
    ten = TEN if codec == "hevc10" else {"codec": VideoCodec(codec), "target": Picture(codec, 8)}
    for mode in accelerators.modes(*kind):
        arguments = command(way(api=kind[0], driver=kind[1], rung=rung, mode=mode, **ten),
                            pixel_format="yuv420p10le" if codec == "hevc10" else "yuv420p")
        for pair in (("-g:v:0", "49"), ("-force_key_frames:v:0", "expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+2))"),
                     ("-fps_mode:v:0", "vfr"), ("-enc_time_base:v:0", "1:90000"),
                     ("-color_range:v:0", "tv"), ("-colorspace:v:0", "bt709"),
                     ("-tag:v:0", "avc1" if codec == "h264" else "hvc1"), ("-map", "[picture]"), ("-disposition:v:0", "default")):
            assert has(arguments, *pair), (mode, pair)
        flags = Counter(word for word in arguments if word.startswith("-") and word.endswith(":v:0"))
        assert all(count == 1 for flag, count in flags.items() if not flag.startswith("-metadata")), flags
        assert not any("libx264" in word or word.startswith("-crf") for word in arguments)
        profile = {"h264": "high", "hevc": "main", "hevc10": "main10"}[codec]
        assert has(arguments, "-profile:v:0", profile)


def test_a_device_that_does_everything_gets_the_frames_from_its_own_decoder() -> None:
    arguments = command(way(), deinterlace=True, frame_rate=Fraction(25))
    front = arguments[: arguments.index("-i")]
    for pair in (("-init_hw_device", "vaapi=va:/dev/dri/renderD128"), ("-filter_hw_device", "va"), ("-hwaccel", "vaapi"),
                 ("-hwaccel_output_format", "vaapi"), ("-threads", "1"), ("-protocol_whitelist", "file")):
        assert has(front, *pair), pair
    assert graph(arguments) == (
        "[0:0]format=nv12|vaapi,hwupload,deinterlace_vaapi=rate=frame,fps=25/1,"
        "scale_vaapi=w=1280:h=720:format=nv12:extra_hw_frames=24,setsar=1,"
        "setparams=field_mode=prog:range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709[picture]")


def test_a_device_leaves_every_second_frame_out_where_its_time_stays_as_it_was() -> None:
    assert ",framestep=2," in graph(command(way(), frame_step=2, frame_rate=Fraction(25)))


def test_a_device_that_only_encodes_gets_the_frames_of_the_cpus_own_filters() -> None:
    arguments = command(way(rung=Rung.HYBRID), deinterlace=True)
    assert "-hwaccel" not in arguments
    assert has(arguments[: arguments.index("-i")], "-threads", "3")
    cpu = pictures.graph(planned(deinterlace=True))[1].removesuffix("[picture]")
    assert graph(arguments) == f"{cpu},format=nv12,hwupload[picture]"


def test_hdr_is_tone_mapped_in_ten_bits_after_scaling() -> None:
    arguments = command(way(source=Picture("hevc", 10)), tonemap=True, source_transfer="smpte2084")
    assert graph(arguments).startswith(
        "[0:0]format=p010|vaapi,hwupload,scale_vaapi=w=1280:h=720:format=p010:extra_hw_frames=24,"
        "tonemap_vaapi=format=nv12:p=bt709:t=bt709:m=bt709:extra_hw_frames=32,")


@pytest.mark.parametrize(("driver", "level", "b_frames"), [
    (Driver.IHD, True, "2"), (Driver.I965, True, "0"), (Driver.RADEONSI, False, "0"), (Driver.OTHER, False, "0")])
def test_only_intel_is_told_a_level_and_only_its_full_encoder_makes_b_frames(driver: Driver, level: bool, b_frames: str) -> None:
    arguments = command(way(driver=driver))
    assert has(arguments, "-level:v:0", "4.1") is level
    assert has(arguments, "-bf:v:0", b_frames)
    assert has(command(way(driver=driver, mode=Mode(R.CQP, low_power=True))), "-low_power:v:0", "1", "-rc_mode:v:0", "CQP")
    assert has(command(way(driver=driver, mode=Mode(R.CQP, low_power=True))), "-bf:v:0", "0")


@pytest.mark.parametrize(("mode", "wanted"), [
    (R.VBR, ("-rc_mode:v:0", "VBR", "-b:v:0", "2211840", "-maxrate:v:0", "7000000", "-bufsize:v:0", "6000000")),
    (R.QVBR, ("-rc_mode:v:0", "QVBR", "-global_quality:v:0", "22", "-b:v:0", "2211840", "-maxrate:v:0", "7000000")),
    (R.CBR, ("-rc_mode:v:0", "CBR", "-b:v:0", "2211840", "-maxrate:v:0", "2211840", "-bufsize:v:0", "6000000")),
    (R.ICQ, ("-rc_mode:v:0", "ICQ", "-global_quality:v:0", "22", "-bf:v:0", "2")),
    (R.CQP, ("-rc_mode:v:0", "CQP", "-qp:v:0", "22", "-bf:v:0", "2")),
])
def test_vaapis_modes(mode: RateControl, wanted: tuple[str, ...]) -> None:
    assert has(command(way(mode=Mode(mode))), *wanted)


def test_which_modes_are_tried_depends_on_the_driver() -> None:
    first = {driver: accelerators.modes(*driver)[0] for driver in DRIVERS}
    assert first[Api.VAAPI, Driver.IHD] == Mode(R.QVBR)
    assert first[Api.VAAPI, Driver.I965] == Mode(R.CBR)
    assert first[Api.VAAPI, Driver.RADEONSI] == Mode(R.VBR)
    assert not any(mode.rate_control is R.ICQ for mode in accelerators.modes(Api.VAAPI, Driver.RADEONSI))
    assert not any(mode == Mode(R.ICQ, low_power=True) for kind in DRIVERS for mode in accelerators.modes(*kind))


def test_amds_hevc_keeps_its_headers_in_the_stream() -> None:
    hevc = {"codec": VideoCodec.HEVC, "target": Picture("hevc", 8)}
    wanted = ("-flags:v:0", "-global_header", "-bsf:v:0", "extract_extradata=remove=0")
    assert has(command(way(driver=Driver.RADEONSI, **hevc)), *wanted)
    assert not has(command(way(driver=Driver.IHD, **hevc)), *wanted)


def test_ten_bits_are_uploaded_as_such() -> None:
    assert graph(command(way(rung=Rung.HYBRID, **TEN), pixel_format="yuv420p10le")).endswith(",format=p010,hwupload[picture]")
    full = graph(command(way(source=Picture("hevc", 10), **TEN), pixel_format="yuv420p10le"))
    assert "scale_vaapi=w=1280:h=720:format=p010" in full


def test_av1_is_decoded_by_ffmpegs_own_decoder_behind_which_the_device_stands() -> None:
    arguments = command(way(source=Picture("av1", 8)))
    assert has(arguments[: arguments.index("-i")], "-c:v", "av1")


@pytest.mark.parametrize(("codec", "crf", "option", "value"), [
    (VideoCodec.AV1, 35.0, "-global_quality:v:0", "140"), (VideoCodec.HEVC, 24.0, "-qp:v:0", "24")])
def test_each_codec_has_its_own_scale_of_quality(codec: VideoCodec, crf: float, option: str, value: str) -> None:
    through = way(codec=codec, target=Picture(codec.value, 8), mode=Mode(R.CQP))
    assert has(command(through, crf=crf), option, value)


def test_qsv_opens_its_device_through_vaapi_and_marks_forced_key_frames() -> None:
    arguments = command(way(api=Api.QSV), deinterlace=True)
    assert has(arguments, "-init_hw_device", "vaapi=va:/dev/dri/renderD128", "-init_hw_device", "qsv=qs@va")
    assert has(arguments, "-c:v", "hevc_qsv", "-i")
    assert has(arguments, "-forced_idr:v:0", "1")
    assert has(arguments, "-level:v:0", "41")
    assert "vpp_qsv=deinterlace=2:w=1280:h=720:format=nv12" in graph(arguments)


def test_nvenc_takes_frames_from_memory_and_its_card_by_number() -> None:
    hybrid = command(way(api=Api.NVENC, driver=Driver.NVIDIA, node="/dev/nvidia1", rung=Rung.HYBRID, mode=Mode(R.QVBR)))
    assert has(hybrid, "-init_hw_device", "cuda=cu:1")
    assert graph(hybrid).endswith(",format=nv12[picture]")
    assert has(hybrid, "-rc:v:0", "vbr", "-cq:v:0", "22", "-b:v:0", "0", "-maxrate:v:0", "7000000")
    assert has(hybrid, "-forced-idr:v:0", "1")
    full = command(way(api=Api.NVENC, driver=Driver.NVIDIA, node="/dev/nvidia0"))
    assert "hwupload,scale_cuda=w=1280:h=720:format=nv12" in graph(full)


def test_without_a_device_the_command_is_the_cpus() -> None:
    arguments = argv.build(planned(), ffmpeg="ffmpeg", source="file:x", threads=3, max_pixels=99).argv
    assert not any("hw" in word or "vaapi" in word for word in arguments)
    assert has(arguments, "-c:v:0", "libx264")


@pytest.mark.parametrize("rung", [Rung.FULL, Rung.HYBRID])
def test_sound_and_subtitles_are_as_on_the_cpu(rung: Rung) -> None:
    on_cpu = argv.build(planned(), ffmpeg="ffmpeg", source="file:/proc/self/fd/7", threads=3, max_pixels=99).argv
    on_device = command(way(rung=rung))

    def rest(arguments: tuple[str, ...]) -> tuple[str, ...]:
        return arguments[next(n for n, word in enumerate(arguments) if word.endswith(":a:0")):]

    assert rest(on_device) == rest(on_cpu)


def test_the_average_rate_follows_size_and_quality_and_never_passes_the_highest() -> None:
    assert rates.average(target()) == round(1280 * 720 * 24 * 0.1)
    assert rates.average(target(crf=28.0)) == round(1280 * 720 * 24 * 0.1 / 2)
    assert rates.average(target(width=1920, height=1080, crf=10.0)) == 7_000_000
    assert rates.quality(target(crf=0.0)) == 1
    assert rates.quality(target(codec=VideoCodec.AV1, crf=63.0)) == 51
