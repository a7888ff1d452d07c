"""The part of `pectin doctor` about the governor: whether this machine tells what the rules ask for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pectin.cli.findings import Finding, ok, warn
from pectin.linux.machine import OthersLoad, on_battery, pressure_of_others, temperature
from pectin.model.governor import OnBattery, YieldTo
from pectin.model.schedule import Schedule, schedule
from pectin.settings.sections import Governor

_OUR_GROUP = Path("/proc/self/cgroup")


def governor_findings(governor: Governor, status: Mapping[str, Any] | None, *, now: float | None = None,
                      sensors: Mapping[str, Callable[[], Any]] | None = None) -> Iterator[Finding]:
    """`status` is the daemon's answer to GET /v1/status: its control group counts, not ours. `sensors` are for tests."""
    read = _sensors(status) | dict(sensors or {})
    yield from _schedule(schedule(governor.schedule), time.time() if now is None else now)
    if governor.max_load != "off":
        yield from _rule("max_load", governor.max_load, read["load"](), "the CPU time of other programs",
                         "a container or ProcSubset=pid hides /proc/stat")
    if governor.max_pressure != "off":
        yield from _rule("max_pressure", governor.max_pressure, read["pressure"](), "the pressure on other services",
                         "it needs cgroup version 2 and PSI (psi=1 on the kernel's command line), and no container around")
    if governor.max_temperature != "off":
        yield from _heat(governor.max_temperature, read["temperature"]())
    if governor.on_battery is OnBattery.PAUSE:
        yield from _rule("on_battery", "pause", read["battery"](), "whether it runs on battery",
                         "it seems to have none: on_battery: ignore")
    if governor.yield_to is not YieldTo.OFF and governor.quiet < 20:
        yield warn(f"governor.quiet is {governor.quiet:g} s", "quiet: 1min",
                   "a viewer who seeks or goes to the next episode sees the work begin and stop again")


def _sensors(status: Mapping[str, Any] | None) -> dict[str, Callable[[], Any]]:
    own = Path(f"/proc/{status['pid']}/cgroup") if status else _OUR_GROUP
    return {"load": _load, "pressure": lambda: pressure_of_others(proc=own), "temperature": temperature, "battery": on_battery}


def _load() -> float | None:
    load = OthersLoad()
    load.look(0.0)
    return load.look(1.0)


def _schedule(windows: Schedule, now: float) -> Iterator[Finding]:
    if not windows.windows:
        return
    change = windows.next_change(now)
    until = f" until {windows.told(change)}" if change else ""
    yield ok(f"governor.schedule: {'open' if windows.is_open(now) else 'closed'}{until or ', always'}")


def _rule(key: str, limit: object, value: object, what: str, why: str) -> Iterator[Finding]:
    if value is None:
        yield warn(f"governor.{key}: this machine does not tell {what}", why, f"governor.{key} has no effect")
    else:
        yield ok(f"governor.{key}: {limit}")


def _heat(limit: float, now: float | None) -> Iterator[Finding]:
    if now is not None and now > limit:
        yield warn(f"governor.max_temperature: it is {now:.0f} °C already, {limit:g} °C are allowed",
                   "clean the cooler, or raise governor.max_temperature", "no job runs until it is cooler")
    else:
        yield from _rule("max_temperature", f"{limit:g} °C", now, "how warm its processor is",
                         "virtual machines have no sensors: max_temperature: off; else `sudo sensors-detect`")
