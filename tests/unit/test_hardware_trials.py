"""What is read from trials of devices, what is remembered of them, and when they rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.encoding import glimpses, known_devices, trials
from pectin.encoding.hardware import candidates
from pectin.model.hardware import Api, Device, Driver, Filter, Mode, Picture, RateControl, Wish
from pectin.pipeline import cooldown
from pectin.pipeline.cooldown import Cooldown

DEVICE = Device(api=Api.VAAPI, node="/dev/dri/renderD128", driver=Driver.IHD, name="Intel iHD driver - 23.1",
                encodes={Picture("h264", 8): (Mode(RateControl.QVBR), Mode(RateControl.CQP, low_power=True))},
                decodes=frozenset({Picture("hevc", 10)}), filters=frozenset({Filter.SCALE}))


@pytest.mark.parametrize(("words", "driver"), [
    ("[AVHWDeviceContext @ 0x5] VAAPI driver: Intel iHD driver for Intel(R) Gen Graphics - 23.1.1 ().", Driver.IHD),
    ("[AVHWDeviceContext @ 0x5] VAAPI driver: Intel i965 driver for Intel(R) Haswell - 2.4.1.", Driver.I965),
    ("x\nVAAPI driver: Mesa Gallium driver 22.3.6 for AMD Radeon Graphics (renoir, LLVM 15).\ny", Driver.RADEONSI),
    ("VAAPI driver: something new.", Driver.OTHER),
    ("", Driver.OTHER),
])
def test_whose_driver_it_is(words: str, driver: Driver) -> None:
    assert trials.driver_of(Api.VAAPI, words)[0] is driver


def line(number: int, likeness: str) -> str:
    return f"n:{number} mse_avg:0.00 mse_y:0.00 psnr_avg:{likeness} psnr_y:{likeness}\n"


def test_the_worst_frame_counts_and_no_frame_may_be_missing() -> None:
    said = "".join(line(n, "inf") for n in range(1, 25))
    assert trials.likeness(said + line(25, "inf")) == float("inf")
    assert trials.likeness(said + line(25, "6.50")) == 6.5
    assert trials.likeness(said) == 0.0
    assert trials.likeness("") == 0.0


def test_a_device_is_remembered_under_all_that_may_change_it(tmp_path: Path) -> None:
    facts = {"ffmpeg": "5.1.9", "kernel": "6.1.0", "card": "0x8086:0x9a49:0x01"}
    key = known_devices.key(DEVICE, **facts)
    known_devices.remember(tmp_path, key, DEVICE)
    assert known_devices.recall(tmp_path, key) == DEVICE
    assert known_devices.everything(tmp_path) == (DEVICE,)
    for name in facts:
        assert known_devices.recall(tmp_path, known_devices.key(DEVICE, **facts | {name: "other"})) is None


def test_of_one_device_only_the_newest_is_kept(tmp_path: Path) -> None:
    other = Device(api=Api.VAAPI, node="/dev/dri/renderD129")
    for device, kernel in ((DEVICE, "1"), (other, "1"), (DEVICE, "2")):
        known_devices.remember(tmp_path, known_devices.key(device, ffmpeg="5", kernel=kernel, card=""), device)
    kept = json.loads((tmp_path / known_devices.FILE).read_text())["devices"]
    assert [entry["node"] for entry in kept.values()] == [other.node, DEVICE.node]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"form": 0, "devices": {}}', '{"form": 1, "devices": {"x": {"api": "?"}}}'])
def test_a_file_that_cannot_be_understood_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / known_devices.FILE).write_text(text)
    assert known_devices.recall(tmp_path, "x") is None


def test_a_folder_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    known_devices.remember(tmp_path / "missing", "x", DEVICE)
    assert known_devices.recall(tmp_path / "missing", "x") is None


def test_a_named_device_is_tried_as_what_it_is() -> None:
    assert candidates(Wish.AUTO, "/dev/dri/renderD129") == ((Api.VAAPI, "/dev/dri/renderD129"),)
    assert candidates(Wish.QSV, "/dev/dri/renderD129") == ((Api.QSV, "/dev/dri/renderD129"),)
    assert candidates(Wish.AUTO, "/dev/nvidia0") == ((Api.NVENC, "/dev/nvidia0"),)
    assert candidates(Wish.CPU, "/dev/dri/renderD129") == ()


def frame(*means: int) -> bytes:
    return b"".join(bytes([mean]) * (glimpses.SIDE**2) for mean in means)


def test_a_green_or_black_picture_is_not_the_sources() -> None:
    source = [frame(110, 120, 130)] * 3
    assert glimpses.differ(source, [frame(0, 0, 0)] * 3) is not None
    assert glimpses.differ(source, [frame(16, 128, 128)] * 3) is not None
    assert glimpses.differ(source, [frame(112, 121, 129)] * 3) is None


def test_one_cut_between_two_frames_and_frames_that_are_missing_say_nothing() -> None:
    source = [frame(110, 120, 130)] * 3
    assert glimpses.differ(source, [frame(20, 120, 130), source[0], source[0]]) is None
    assert glimpses.differ(source, [b"", b"", b""]) is None
    assert glimpses.differ([], []) is None


def test_three_films_in_a_row_make_a_device_rest_and_one_that_works_forgives_all() -> None:
    health = Cooldown()
    assert [health.failed(0), health.failed(1)] == [False, False]
    health.worked()
    assert [health.failed(2), health.failed(3), health.failed(4)] == [False, False, True]
    assert health.until == 4 + cooldown.FIRST
    assert not health.over(5)
    assert health.over(4 + cooldown.FIRST)


def test_after_a_rest_one_failure_is_enough_and_the_rests_grow() -> None:
    health, now = Cooldown(), 0.0
    for _ in range(cooldown.IN_A_ROW):
        health.failed(now)
    for rest in (2, 4, 8):
        health.tried_out(now, works=True)
        assert health.until is None
        assert health.failed(now)
        assert health.until == now + rest * cooldown.FIRST
    health.tried_out(now, works=False)
    assert health.until == now + 16 * cooldown.FIRST


@given(st.lists(st.sampled_from(["failed", "worked", "tried"])))
def test_a_device_never_rests_longer_than_the_longest_rest(steps: list[str]) -> None:
    health, now = Cooldown(), 0.0
    for step in steps:
        if step == "failed":
            health.failed(now)
        elif step == "worked":
            health.worked()
        elif health.until is not None:
            health.tried_out(now, works=False)
        assert health.until is None or health.until <= now + cooldown.LONGEST
        now += 60
