"""encoding/sounds.py, downmix.py, labels.py, decoders.py and what loudness.py reads: the sound's part of a command, as data."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.encoding import decoders, downmix, labels, loudness, sounds
from pectin.model.measured import Loudness
from pectin.model.plan import AudioTarget, Reason, StreamAction, StreamDecision
from unit.mediamaker import sound


def target(**changes: Any) -> AudioTarget:
    return replace(AudioTarget(codec="aac", channels=2, sample_rate=48_000, bitrate=160_000, source_channels=6), **changes)


def decision(**changes: Any) -> StreamDecision:
    encoded = StreamDecision(index=1, kind="audio", codec="dts", action=StreamAction.ENCODE, reason=Reason.CODEC, sentence="So.",
                             target=target())
    return replace(encoded, **changes)


def pairs(arguments: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(arguments[::2], arguments[1::2], strict=True))


def weights(pan: str, side: str) -> dict[str, float]:
    """`FL=0.5*FL+0.3*FC` as numbers."""
    row = next(part for part in pan.split("|") if part.startswith(f"{side}="))
    return {channel: float(weight) for weight, channel in (term.split("*") for term in row.partition("=")[2].split("+"))}


def test_the_downmix_of_5_1_has_the_weights_of_rfc_7845() -> None:
    layout, mix = sounds.mix(target())
    assert layout == "aformat=sample_fmts=fltp:channel_layouts=5.1"
    assert mix == (
        "pan=stereo|FL=0.529067*FL+0.374107*FC+0.374107*LFE+0.458186*BL+0.264534*BR"
        "|FR=0.529067*FR+0.374107*FC+0.374107*LFE+0.264534*BL+0.458186*BR"
    )


@pytest.mark.parametrize(
    ("layout", "front", "rest"),
    [
        ("3.0", 0.585786, {"FC": 0.414214}),
        ("quad", 0.422650, {"BL": 0.366025, "BR": 0.211325}),
        ("5.0", 0.650802, {"FC": 0.460186, "BL": 0.563611, "BR": 0.325401}),
        ("5.1(side)", 0.529067, {"FC": 0.374107, "LFE": 0.374107, "SL": 0.458186, "SR": 0.264534}),
        ("6.1", 0.455310, {"FC": 0.321953, "LFE": 0.321953, "SL": 0.394310, "SR": 0.227655, "BC": 0.278819}),
        ("7.1", 0.388631, {"FC": 0.274804, "LFE": 0.274804, "BL": 0.336565, "BR": 0.194316, "SL": 0.336565, "SR": 0.194316}),
    ],
)
def test_the_layouts_of_rfc_7845_have_its_weights(layout: str, front: float, rest: dict[str, float]) -> None:
    assert weights(downmix.to_stereo(layout), "FL") == pytest.approx({"FL": front, **rest}, abs=2e-6)


@pytest.mark.parametrize("layout", [name for name, channels in downmix.LAYOUTS.items() if len(channels) > 2])
def test_every_layout_is_mixed_alike_on_both_sides_and_loses_no_channel(layout: str) -> None:
    pan, channels = downmix.to_stereo(layout), downmix.LAYOUTS[layout]
    left, right = weights(pan, "FL"), weights(pan, "FR")
    assert set(left) | set(right) == set(channels)
    mirror = str.maketrans("LR", "RL")
    assert left == {channel if channel == "LFE" else channel.translate(mirror): weight for channel, weight in right.items()}
    assert sum(left.values()) == pytest.approx(1 if len(channels) < 5 else 2, abs=1e-5)
    many = downmix.to_five_one(layout)
    if many is not None:
        assert all(f"*{channel}" in many for channel in channels)


@given(st.integers(1, 24), st.none() | st.sampled_from(sorted(downmix.LAYOUTS)) | st.text(max_size=8))
def test_a_layout_is_only_believed_with_as_many_channels(channels: int, name: str | None) -> None:
    found = downmix.layout(channels, name)
    assert found is None or len(downmix.LAYOUTS[found]) == channels > 2
    assert (found is None) == (channels <= 2 or channels > 8)


@pytest.mark.parametrize(
    ("changes", "layout"),
    [
        ({"channels": 1, "source_channels": 1}, "mono"),
        ({"source_channels": 2}, "stereo"),
        ({"source_channels": 12}, "stereo"),
        ({"codec": "ac3", "channels": 6, "source_channels": 5}, "5.1"),
        ({"codec": "ac3", "channels": 6, "source_layout": "5.1(side)"}, "5.1"),
    ],
)
def test_the_layout_is_always_named(changes: dict[str, Any], layout: str) -> None:
    assert sounds.mix(target(**changes)) == (f"aformat=sample_fmts=fltp:channel_layouts={layout}",)


def test_loudspeakers_that_are_added_up_are_held_below_full_scale() -> None:
    assert sounds.audio_filters(target())[-1] == "alimiter=limit=0.8913:level=0:latency=1"
    assert not any("alimiter" in step for step in sounds.audio_filters(target(source_channels=2)))
    assert sounds.audio_filters(target(codec="ac3", channels=6, source_channels=8))[-1].startswith("alimiter")


def test_a_gain_is_held_back_where_the_peaks_between_the_samples_show() -> None:
    assert sounds.audio_filters(target(source_channels=2, gain=-3.456))[-4:] == (
        "volume=-3.46dB", "aresample=192000", "alimiter=limit=0.8414:level=0:latency=1", "aresample=48000")


def test_missing_sound_becomes_silence_but_not_without_end() -> None:
    first, *_, time = sounds.audio_filters(target(source_channels=2))
    assert first == "aselect='isnan(t)+isnan(prev_selected_t)+lt(t-prev_selected_t,600)'"
    assert time == "aresample=48000:async=1:min_hard_comp=0.01:first_pts=0"
    assert "first_pts" not in sounds.audio_filters(target(source_channels=2, fill=False))[-1]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, {("-c:a:3", "aac"), ("-profile:a:3", "aac_low"), ("-b:a:3", "160000"), ("-ar:a:3", "48000")}),
        ({"codec": "eac3", "channels": 6, "bitrate": 640_000}, {("-c:a:3", "eac3"), ("-b:a:3", "640000")}),
        ({"codec": "libopus", "channels": 6}, {("-c:a:3", "libopus"), ("-mapping_family:a:3", "1")}),
        ({"codec": "libopus"}, {("-c:a:3", "libopus")}),
    ],
)
def test_each_encoder_has_its_own_options(changes: dict[str, Any], wanted: set[tuple[str, str]]) -> None:
    found = set(pairs(sounds.options(3, decision(target=target(**changes)))))
    assert wanted <= found
    assert ("-mapping_family:a:3" in dict(found)) == (("-mapping_family:a:3", "1") in wanted)
    assert ("-profile:a:3" in dict(found)) == (changes == {})


def test_a_copied_track_has_no_filter() -> None:
    assert not any(flag.startswith(("-filter", "-ar", "-b:")) for flag, _ in pairs(sounds.options(0, decision(target=None))))


def test_every_flag_of_a_track_goes_along() -> None:
    flags = {"default", "comment", "hearing_impaired", "visual_impaired", "dub", "original", "forced"}
    found = dict(pairs(labels.labels("a:0", decision(**dict.fromkeys(flags, True)), "SoundHandler")))
    assert set(found["-disposition:a:0"].split("+")) == flags
    assert dict(pairs(labels.labels("a:0", decision(), "SoundHandler")))["-disposition:a:0"] == "0"


@pytest.mark.parametrize(
    ("container", "title", "wanted"),
    [
        ("mp4", "Ours", {"title=", "handler_name=Ours"}),
        ("mp4", None, {"title=", "handler_name=SoundHandler"}),
        ("mkv", "Ours", {"title=Ours", "handler_name="}),
        ("webm", None, {"title=", "handler_name="}),
    ],
)
def test_a_title_stands_where_the_container_has_room_for_it(container: str, title: str | None, wanted: set[str]) -> None:
    written = {value for flag, value in pairs(sounds.options(0, decision(title=title), container)) if flag == "-metadata:s:a:0"}
    assert written == wanted | {"language=und"}


def test_a_build_tells_what_it_can_decode() -> None:
    listing = """Codecs:
 D..... = Decoding supported
 .E.... = Encoding supported
 -------
 D.VI.S 012v                 Uncompressed 4:2:2 10-bit
 ..AIL. celt                 Constrained Energy Lapped Transform (CELT)
 DEAILS dts                  DCA (DTS Coherent Acoustics) (decoders: dca ) (encoders: dca )
 .EA.L. only_encoded         Something
 DES... subrip               SubRip subtitle (decoders: srt subrip )
"""
    assert decoders.decodable(listing) == {"012v", "dts", "subrip"}


SUMMARY = """[ebur128@track{} @ 0x55d] Summary:

  Integrated loudness:
    I:         {:>5} LUFS
    Threshold: -37.1 LUFS

  Loudness range:
    LRA:        {:>5} LU
    Threshold: -47.1 LUFS
    LRA low:   -27.4 LUFS
    LRA high:  -26.9 LUFS

  True peak:
    Peak:      {:>5} dBFS
"""


def test_what_was_measured_is_read_per_track() -> None:
    said = ("[mov @ 0x1] I: what is this? LUFS\n" + SUMMARY.format(1, "-26.9", "0.5", "-20.4")
            + SUMMARY.format(12, "-70.0", "0.0", "-inf") + SUMMARY.format(3, "nan", "0.0", "-inf"))
    assert loudness.parse(said) == {1: Loudness(integrated=-26.9, peak=-20.4, range=0.5),
                                    12: Loudness(integrated=-70.0, peak=-70.0, range=0.0)}
    assert loudness.parse("") == {}


def test_one_run_measures_all_tracks_as_they_will_be_mixed() -> None:
    command = loudness.measure_argv([sound(1), sound(4, "dts", 6)], ffmpeg="ffmpeg", opening=("-i", "file:x"), threads=2)
    assert [value for flag, value in itertools.pairwise(command) if flag == "-map"] == ["0:1", "0:4"]
    chains = dict(itertools.pairwise(command))
    assert chains["-filter:a:0"] == "aformat=sample_fmts=fltp:channel_layouts=stereo,ebur128@track1=peak=true:framelog=verbose"
    assert chains["-filter:a:1"].endswith("ebur128@track4=peak=true:framelog=verbose")
    assert "pan=stereo" in chains["-filter:a:1"]
    assert command[-3:] == ("-f", "null", "-")
