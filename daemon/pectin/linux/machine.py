"""How busy, pressed and warm the machine is, and whether it runs on battery: what other programs cause, told apart from our own
work, which would stop itself otherwise. Sources: proc(5), the kernel's pages on psi, cgroup-v2, hwmon and power supplies."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pectin.linux.accounting import usage

SPAN = 30.0  # seconds that the CPU time of others is averaged over: a program that starts is no load
# Sensors of processors; of others (disks, radios, batteries) nobody knows the right limit.
_CHIPS = frozenset({"coretemp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal", "soc_thermal", "via_cputemp"})
_ZONES = ("cpu", "soc", "pkg", "core")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    others: float  # CPU seconds that all programs but ours have used since the machine started


class OthersLoad:
    """The share of all CPUs that other programs have used lately. `look` it now and then."""

    def __init__(self, proc: Path = Path("/proc"), pid: int | None = None) -> None:
        self._proc = proc
        self._pid = os.getpid() if pid is None else pid
        self._samples: deque[_Sample] = deque()

    def look(self, at: float) -> float | None:
        """`at`: seconds of a clock that never jumps. 0 to 1; None until there are two looks, or where nothing can be seen."""
        sample = self._sample(at)
        if sample is None:
            self._samples.clear()
            return None
        while len(self._samples) > 1 and at - self._samples[1].at >= SPAN:
            self._samples.popleft()
        self._samples.append(sample)
        first = self._samples[0]
        seconds = (at - first.at) * (os.cpu_count() or 1)
        return min(1.0, max(0.0, sample.others - first.others) / seconds) if seconds > 0 else None

    def _sample(self, at: float) -> _Sample | None:
        own = usage(self._pid)
        try:
            words = (self._proc / "stat").read_text(encoding="ascii").split("\n", 1)[0].split()
            user, nice, system, _idle, _wait, irq, soft = map(int, words[1:8])
        except (OSError, ValueError):  # a container may hide it
            return None
        if own is None:
            return None
        return _Sample(at, (user + nice + system + irq + soft) / _TICKS - own.cpu_seconds)


def pressure_of_others(root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc/self/cgroup")) -> float | None:
    """The most pressed of all groups of processes that are beside ours, at each level from the top: percent of the last ten
    seconds in which some of its processes waited for CPU or disk. The figures of the whole machine would count us too: an encoder
    with more threads than CPUs waits all the time. None where the kernel does not count this, or shows no groups but ours."""
    ours = _own_group(proc)
    if ours is None:
        return None
    found: list[float] = []
    here = root
    for name in ours:
        with suppress(OSError):
            found += [value for entry in os.scandir(here) if entry.is_dir() and entry.name != name
                      for value in _pressures(Path(entry.path))]
        here /= name
    return max(found, default=None)


def _own_group(proc: Path) -> tuple[str, ...] | None:
    """The parts of our group's path. Of version 2, which has the line without a name."""
    with suppress(OSError):
        for line in proc.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            if line.startswith("0::/"):
                return tuple(part for part in line[len("0::/"):].split("/") if part)
    return None


def _pressures(group: Path) -> Iterator[float]:
    for kind in ("cpu", "io"):
        with suppress(OSError, ValueError, IndexError):  # not counted: switched off at boot, or for this group
            first = (group / f"{kind}.pressure").read_text(encoding="ascii").split()
            yield float(first[1].removeprefix("avg10="))


def temperature(root: Path = Path("/sys/class")) -> float | None:
    """Degrees Celsius of the warmest part of a processor; None where no sensor tells."""
    values = [*_chips(root), *_zones(root)]
    return max(values, default=None)


def _chips(root: Path) -> Iterator[float]:
    for chip in sorted(root.glob("hwmon/hwmon*")):
        if _word(chip / "name") in _CHIPS:
            yield from (value for sensor in chip.glob("temp*_input") if (value := _degrees(sensor)) is not None)


def _zones(root: Path) -> Iterator[float]:
    for zone in sorted(root.glob("thermal/thermal_zone*")):
        if any(word in _word(zone / "type").lower() for word in _ZONES) and (value := _degrees(zone / "temp")) is not None:
            yield value


def _degrees(sensor: Path) -> float | None:
    text = _word(sensor)
    return int(text) / 1000 if text.lstrip("-").isdigit() else None


def on_battery(root: Path = Path("/sys/class/power_supply")) -> bool | None:
    """Whether the machine lives on its battery; None where it has none. Batteries of mice and telephones are not its own."""
    kinds = [(supply, _word(supply / "type")) for supply in sorted(root.glob("*")) if _word(supply / "scope") != "Device"]
    batteries = [supply for supply, kind in kinds if kind in ("Battery", "UPS")]
    mains = [_word(supply / "online") for supply, kind in kinds if kind not in ("Battery", "UPS")]
    if not batteries:
        return None
    if "1" in mains:
        return False
    return any(_word(battery / "status") == "Discharging" for battery in batteries)


def _word(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
