"""The governor's core: from what the rules say and what the machine is like to why work rests, and how much of it.

A reason that was measured begins once it has lasted, and ends only when it has been well below its limit for a quiet while: a
machine whose load swings round the limit must not stop and go with it. What cannot be measured is no reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pectin.model.errors import MEANINGS, Cause, PectinError
from pectin.model.schedule import Schedule

LASTING = 10.0     # seconds a measured value must be above its limit: a program that starts is no reason yet
RELIEF = 0.8       # of the limit of load and pressure: above that a reason that holds goes on
COOLER = 5.0       # degrees below the limit until a warm machine counts as cool


class Outside(StrEnum):
    """What running jobs do when the schedule closes. The value is the word of the configuration."""

    PAUSE = "pause"
    FINISH = "finish"


class YieldTo(StrEnum):
    OFF = "off"
    TRANSCODING = "transcoding"
    PLAYING = "playing"


class YieldBy(StrEnum):
    PAUSE = "pause"
    SLOW = "slow"


class OnBattery(StrEnum):
    PAUSE = "pause"
    IGNORE = "ignore"


class Way(StrEnum):
    """How work rests for a reason."""

    HOLD = "hold"      # what runs stands still, nothing starts
    FINISH = "finish"  # what runs is finished, nothing starts
    SLOW = "slow"      # everything goes on, on one CPU for each job


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The configuration's section `governor`. `max_load`: the share of all CPUs (0 to 1) that other programs may use;
    `max_pressure`: percent of the time in which some of the others waited for CPU or disk; `max_temperature`: degrees Celsius.
    None: no limit. `quiet`: seconds."""

    schedule: Schedule = field(default_factory=Schedule)
    outside: Outside = Outside.PAUSE
    yield_to: YieldTo = YieldTo.OFF
    yield_by: YieldBy = YieldBy.PAUSE
    quiet: float = 60.0
    max_load: float | None = None
    max_pressure: float | None = None
    max_temperature: float | None = None
    on_battery: OnBattery = OnBattery.IGNORE

    @property
    def measures(self) -> bool:
        """Whether the machine or Jellyfin must be looked at: the schedule needs a clock only."""
        return (self.yield_to is not YieldTo.OFF or self.on_battery is OnBattery.PAUSE
                or not (self.max_load is None and self.max_pressure is None and self.max_temperature is None))


@dataclass(frozen=True, slots=True)
class Activity:
    """What Jellyfin does: how many watch or listen, and for how many it encodes pictures at this moment."""

    playing: int
    transcoding: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One look. `at`: Unix seconds, for the schedule; `tick`: seconds of a clock that never jumps. None: not known."""

    at: float
    tick: float
    jellyfin: Activity | None = None
    load: float | None = None
    pressure: float | None = None
    temperature: float | None = None
    on_battery: bool | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """One reason for which work rests now. `facts`: what was seen, for a person; `until`: Unix seconds where that is known."""

    cause: Cause
    way: Way
    facts: str = ""
    until: float | None = None

    @property
    def sentence(self) -> str:
        return f"{PectinError(self.cause, self.facts).sentence}; {MEANINGS[self.cause].next_step}"


@dataclass(frozen=True, slots=True)
class _Mark:
    """Since when a value is above its limit, and since when, once it held, it is well below."""

    above: float
    holds: bool = False
    below: float | None = None
    facts: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a decision must know of those before it."""

    marks: Mapping[Cause, _Mark] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Sight:
    """One measured reason in one look. `over`: beyond its limit; `relieved`: well below it; `lasting`: seconds it must last."""

    cause: Cause
    way: Way
    over: bool
    relieved: bool
    lasting: float
    facts: str


def decide(rules: Rules, facts: Facts, memory: Memory) -> tuple[tuple[Hold, ...], Memory]:
    """All reasons that hold now, and what to remember for the next look."""
    holds = list(_by_the_clock(rules, facts))
    marks: dict[Cause, _Mark] = {}
    for sight in _sights(rules, facts):
        mark = _marked(sight, memory.marks.get(sight.cause), facts.tick, rules.quiet)
        if mark is not None:
            marks[sight.cause] = mark
            if mark.holds:
                holds.append(Hold(sight.cause, sight.way, mark.facts))
    return tuple(holds), Memory(marks)


def _by_the_clock(rules: Rules, facts: Facts) -> Iterator[Hold]:
    if rules.schedule.is_open(facts.at):
        return
    opens = rules.schedule.next_change(facts.at)
    way = Way.HOLD if rules.outside is Outside.PAUSE else Way.FINISH
    yield Hold(Cause.OUTSIDE_SCHEDULE, way, f"until {rules.schedule.told(opens)}" if opens else "", opens)


def _sights(rules: Rules, facts: Facts) -> Iterator[_Sight]:
    yield from _jellyfin(rules, facts.jellyfin)
    if rules.max_load is not None:
        yield _measured(Cause.MACHINE_BUSY, facts.load, rules.max_load, rules.max_load * RELIEF,
                        f"{{0:.0%}} of the CPUs are used by other programs, {rules.max_load:.0%} are allowed")
    if rules.max_pressure is not None:
        yield _measured(Cause.UNDER_PRESSURE, facts.pressure, rules.max_pressure, rules.max_pressure * RELIEF,
                        f"{{0:.0f}} % of the time, {rules.max_pressure:g} % are allowed")
    if rules.max_temperature is not None:
        yield _measured(Cause.TOO_HOT, facts.temperature, rules.max_temperature, rules.max_temperature - COOLER,
                        f"{{0:.0f}} °C, {rules.max_temperature:g} °C are allowed")
    if rules.on_battery is OnBattery.PAUSE:
        yield _Sight(Cause.ON_BATTERY, Way.HOLD, facts.on_battery is True, facts.on_battery is not True, 0.0, "")


def _jellyfin(rules: Rules, activity: Activity | None) -> Iterator[_Sight]:
    if rules.yield_to is YieldTo.OFF:
        return
    way = Way.HOLD if rules.yield_by is YieldBy.PAUSE else Way.SLOW
    encodes = activity.transcoding if activity else 0
    plays = activity.playing if activity and rules.yield_to is YieldTo.PLAYING else 0
    busy = bool(encodes or plays)
    told = f"for {_people(encodes)} at this moment" if encodes else f"{_people(plays)} at this moment"
    cause = Cause.JELLYFIN_TRANSCODES if rules.yield_to is YieldTo.TRANSCODING else Cause.JELLYFIN_PLAYS
    if cause is Cause.JELLYFIN_PLAYS:
        told = f"{_people(max(plays, encodes))} at this moment"
    yield _Sight(cause, way, busy, not busy, 0.0, told)


def _people(count: int) -> str:
    return "one viewer" if count == 1 else f"{count} viewers"


def _measured(cause: Cause, value: float | None, limit: float, relief: float, facts: str) -> _Sight:
    if value is None:
        return _Sight(cause, Way.HOLD, over=False, relieved=True, lasting=LASTING, facts="")
    return _Sight(cause, Way.HOLD, value > limit, value <= relief, LASTING, facts.format(value))


def _marked(sight: _Sight, before: _Mark | None, tick: float, quiet: float) -> _Mark | None:
    """None: there is nothing to remember of this reason."""
    if before is None or not before.holds:
        if not sight.over:
            return None
        above = before.above if before else tick
        return _Mark(above, holds=tick - above >= sight.lasting, facts=sight.facts)
    if not sight.relieved:
        return _Mark(before.above, holds=True, facts=sight.facts if sight.over else before.facts)
    below = before.below if before.below is not None else tick
    return None if tick - below >= quiet else _Mark(before.above, holds=True, below=below, facts=before.facts)
