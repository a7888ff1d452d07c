"""What is read of the machine, from trees of files as kernels show them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pectin.linux import machine
from pectin.linux.machine import SPAN, OthersLoad, on_battery, pressure_of_others, temperature


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def psi(percent: float) -> str:
    return f"some avg10={percent:.2f} avg60=1.00 avg300=1.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0"


@pytest.fixture
def cgroups(tmp_path: Path) -> tuple[Path, Path]:
    """Ours is pectin.slice/pectin.service; beside it are other services and users."""
    root = tree(tmp_path / "cgroup", {
        "cpu.pressure": psi(99), "pectin.slice/cpu.pressure": psi(98), "pectin.slice/pectin.service/cpu.pressure": psi(97),
        "pectin.slice/pectin@two.service/cpu.pressure": psi(3), "system.slice/cpu.pressure": psi(10),
        "system.slice/io.pressure": psi(12.5), "user.slice/cpu.pressure": psi(8)})
    (root / "init.scope").mkdir()
    return root, tree(tmp_path, {"self": "1:name=systemd:/x\n0::/pectin.slice/pectin.service"}) / "self"


def test_the_pressure_is_that_of_the_groups_beside_ours(cgroups: tuple[Path, Path]) -> None:
    assert pressure_of_others(*cgroups) == 12.5, "our own encoder waits for its own threads"


def test_where_the_kernel_does_not_count_pressure_nothing_is_known(cgroups: tuple[Path, Path], tmp_path: Path) -> None:
    root, own = cgroups
    assert pressure_of_others(root, tmp_path / "missing") is None
    own.write_text("0::/\n")
    assert pressure_of_others(root, own) is None, "in a container that shows no other group"
    own.write_text("4:memory:/x\n")
    assert pressure_of_others(root, own) is None, "cgroup version 1"
    for name in root.rglob("*.pressure"):
        name.write_text("")
    own.write_text("0::/pectin.slice/pectin.service\n")
    assert pressure_of_others(root, own) is None


def test_the_warmest_part_of_the_processor_counts_and_no_disk(tmp_path: Path) -> None:
    root = tree(tmp_path, {"hwmon/hwmon0/name": "nvme", "hwmon/hwmon0/temp1_input": "90000",
                           "hwmon/hwmon1/name": "coretemp", "hwmon/hwmon1/temp1_input": "61000",
                           "hwmon/hwmon1/temp2_input": "64500", "hwmon/hwmon1/temp3_input": "broken",
                           "thermal/thermal_zone0/type": "x86_pkg_temp", "thermal/thermal_zone0/temp": "62000",
                           "thermal/thermal_zone1/type": "iwlwifi_1", "thermal/thermal_zone1/temp": "99000"})
    assert temperature(root) == 64.5
    assert temperature(tmp_path / "none") is None


def test_a_small_computer_has_only_a_zone(tmp_path: Path) -> None:
    root = tree(tmp_path, {"thermal/thermal_zone0/type": "cpu-thermal", "thermal/thermal_zone0/temp": "48312"})
    assert temperature(root) == pytest.approx(48.312)


LAPTOP = {"AC/type": "Mains", "AC/online": "0", "BAT0/type": "Battery", "BAT0/status": "Discharging"}


@pytest.mark.parametrize(("change", "found"), [
    ({}, True), ({"AC/online": "1"}, False), ({"BAT0/status": "Full"}, False), ({"BAT0/scope": "Device"}, None),
    ({"usb/type": "USB", "usb/online": "1"}, False)])
def test_battery_or_mains(tmp_path: Path, change: dict[str, str], found: bool | None) -> None:
    assert on_battery(tree(tmp_path, LAPTOP | change)) is found


def test_a_machine_without_supplies_is_on_no_battery(tmp_path: Path) -> None:
    assert on_battery(tmp_path) is None


def load_at(samples: list[tuple[float, float, float]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[float | None]:
    """`samples`: when, the busy CPU seconds of the machine, and ours."""
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    load, found = OthersLoad(tmp_path), list[float | None]()
    for at, busy, ours in samples:
        tree(tmp_path, {"stat": f"cpu  {busy * 100:.0f} 0 0 5000 0 0 0 0 0 0\ncpu0 1 1 1 1"})
        monkeypatch.setattr(machine, "usage", lambda _pid, ours=ours: _Usage(ours))
        found.append(load.look(at))
    return found


class _Usage:
    def __init__(self, seconds: float) -> None:
        self.cpu_seconds = seconds


def test_our_own_work_is_no_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Four CPUs are busy all the time, three of them with our encoder."""
    found = load_at([(at, 4 * at, 3 * at) for at in (0, 5, 10)], monkeypatch, tmp_path)
    assert found == [None, 0.25, 0.25]


def test_the_load_is_that_of_the_last_half_minute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    busy = [(at, 0.0, 0.0) for at in range(0, 60, 5)] + [(at, 4.0 * (at - 55), 0.0) for at in range(60, 60 + int(SPAN) + 5, 5)]
    found = load_at(busy, monkeypatch, tmp_path)
    assert found[11] == 0.0
    assert found[-1] == 1.0
    steps = [value for value in found[11:] if value is not None]
    assert steps == sorted(steps)


def test_a_machine_that_hides_its_figures_has_no_load(tmp_path: Path) -> None:
    load = OthersLoad(tmp_path)
    assert load.look(0.0) is None
    tree(tmp_path, {"stat": "nothing"})
    assert load.look(5.0) is None


def test_the_real_machine_tells_something_sensible() -> None:
    """A child of ours that burns CPU is our own work."""
    load = OthersLoad()
    assert load.look(0.0) is None
    subprocess.run([sys.executable, "-c", "x = sum(range(3_000_000))"], check=True)
    found: Any = load.look(0.5)
    assert 0.0 <= found <= 1.0
    for value in (temperature(), pressure_of_others(), on_battery()):
        assert value is None or value >= 0
