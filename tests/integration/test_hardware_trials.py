"""Devices are tried out for real: the driver in software (tests/videocard.py) behind the real ffmpeg, in the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from pectin.encoding import hardware, trials
from pectin.model.hardware import Api, Device, Driver, Filter, Mode, Picture, RateControl, Wish
from videocard import NAME, NODE, Card

H264 = Picture("h264", 8)
VBR, CQP = Mode(RateControl.VBR), Mode(RateControl.CQP)


@pytest.fixture
def only_h264(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time for what this driver does not know anyway."""
    monkeypatch.setattr(trials, "WANTED", (H264,))
    monkeypatch.setattr(trials, "SAMPLES", {})


async def seen(card: Card, state: Path | None = None, *, anew: bool = True) -> Device:
    (device,) = await hardware.find_out(Wish.VAAPI, NODE, await card.bench(), state=state, anew=anew)
    return device


async def test_a_device_is_what_it_was_seen_to_do(common: Path, tmp_path: Path) -> None:
    device = await Card(common, tmp_path / "card").known(tmp_path / "state")
    assert (device.driver, device.name, device.trouble) == (Driver.OTHER, NAME, "")
    assert device.encodes == {H264: (VBR, CQP)}
    assert device.decodes == frozenset()
    assert device.filters == {Filter.SCALE, Filter.DEINTERLACE}


@pytest.mark.usefixtures("only_h264")
async def test_modes_that_a_driver_refuses_are_left_out(common: Path, tmp_path: Path) -> None:
    device = await seen(Card(common, tmp_path, vendor="Intel iHD driver for Intel(R) Gen Graphics - 23.1.1 ()"))
    assert device.driver is Driver.IHD
    assert device.encodes == {H264: (VBR, CQP)}, "neither QVBR nor ICQ, and no low power"


@pytest.mark.usefixtures("only_h264")
@pytest.mark.parametrize(("fault", "words"), [
    ("init", "Failed to initialise VAAPI connection"), ("end:3", ""), ("green", "not the picture")])
async def test_a_device_that_fails_its_trials_is_of_no_use_and_says_why(
        common: Path, tmp_path: Path, fault: str, words: str) -> None:
    card = Card(common, tmp_path)
    card.fault(trials=fault)
    device = await seen(card)
    assert not device.encodes
    assert device.trouble
    assert words in device.trouble


@pytest.mark.usefixtures("only_h264")
async def test_a_driver_that_hangs_is_given_up_at_once(common: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "TRIAL_TIMEOUT", 2.0)
    card = Card(common, tmp_path)
    card.fault(trials="hang:2")
    assert "hung" in (await seen(card)).trouble


async def test_a_missing_device_is_told(common: Path, tmp_path: Path) -> None:
    bench = await Card(common, tmp_path).bench()
    (device,) = await hardware.find_out(Wish.VAAPI, "/dev/dri/renderD255", bench, state=None)
    assert device.trouble == "there is no such device"


@pytest.mark.usefixtures("only_h264")
async def test_what_was_found_out_is_remembered_until_somebody_wants_it_anew(common: Path, tmp_path: Path) -> None:
    card = Card(common, tmp_path / "card")
    (tmp_path / "state").mkdir()
    first = await seen(card, tmp_path / "state", anew=False)
    card.fault(trials="end")
    assert await seen(card, tmp_path / "state", anew=False) == first
    assert (await seen(card, tmp_path / "state")).trouble


async def test_no_device_is_found_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "NODES", tmp_path)
    assert hardware.candidates(Wish.AUTO, "auto") == ()
    (tmp_path / "dri").mkdir()
    for name in ("dri/card0", "dri/renderD128", "nvidia0", "nvidiactl"):
        (tmp_path / name).touch()
    assert hardware.candidates(Wish.AUTO, "auto") == (
        (Api.NVENC, str(tmp_path / "nvidia0")), (Api.VAAPI, str(tmp_path / "dri/renderD128")))
    assert hardware.candidates(Wish.NVENC, "auto") == ((Api.NVENC, str(tmp_path / "nvidia0")),)
