"""The governor decides from facts: what holds, how, and when it ends; a simulated machine swings round its limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.errors import Cause
from pectin.model.governor import (
    LASTING,
    Activity,
    Facts,
    Hold,
    Memory,
    OnBattery,
    Outside,
    Rules,
    Way,
    YieldBy,
    YieldTo,
    decide,
)
from pectin.model.schedule import schedule

LOOK = 5.0
QUIET = 60.0
NIGHT = schedule(["22:00-07:00"], UTC)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
WATCHED, TRANSCODED, UNWATCHED = Activity(1, 0), Activity(1, 1), Activity(0, 0)


class Simulated:
    """A machine under a governor: `run` lets time go by, and tells when what holds has changed."""

    def __init__(self, **rules: Any) -> None:
        self.rules = Rules(quiet=QUIET, **rules)
        self.memory = Memory()
        self.now = 0.0
        self.holds: tuple[Hold, ...] = ()
        self.changes: list[float] = []

    def look(self, **facts: Any) -> tuple[Hold, ...]:
        before = {hold.cause for hold in self.holds}
        self.holds, self.memory = decide(self.rules, Facts(at=NOON + self.now, tick=self.now, **facts), self.memory)
        if {hold.cause for hold in self.holds} != before:
            self.changes.append(self.now)
        self.now += LOOK
        return self.holds

    def run(self, seconds: float, facts: Callable[[float], dict[str, Any]]) -> tuple[Hold, ...]:
        end = self.now + seconds
        while self.now < end:
            self.look(**facts(self.now))
        return self.holds


def test_without_rules_nothing_holds_whatever_the_machine_is_like() -> None:
    machine = Simulated()
    assert machine.run(300, lambda _: {"load": 1.0, "pressure": 100.0, "temperature": 110.0, "on_battery": True,
                                       "jellyfin": TRANSCODED}) == ()
    assert not machine.rules.measures


@pytest.mark.parametrize(("outside", "way"), [(Outside.PAUSE, Way.HOLD), (Outside.FINISH, Way.FINISH)])
def test_outside_of_the_schedule_nothing_starts_and_the_end_is_known(outside: Outside, way: Way) -> None:
    [hold] = Simulated(schedule=NIGHT, outside=outside).look()
    assert (hold.cause, hold.way, hold.until) == (Cause.OUTSIDE_SCHEDULE, way, NOON + 10 * 3600)
    assert "until Fri 22:00" in hold.sentence
    machine = Simulated(schedule=NIGHT, outside=outside)
    machine.now = 10 * 3600
    assert machine.look() == ()


@pytest.mark.parametrize(("yield_to", "activity", "cause"), [
    (YieldTo.TRANSCODING, TRANSCODED, Cause.JELLYFIN_TRANSCODES), (YieldTo.TRANSCODING, WATCHED, None),
    (YieldTo.PLAYING, WATCHED, Cause.JELLYFIN_PLAYS), (YieldTo.PLAYING, TRANSCODED, Cause.JELLYFIN_PLAYS),
    (YieldTo.PLAYING, Activity(0, 1), Cause.JELLYFIN_PLAYS), (YieldTo.PLAYING, UNWATCHED, None), (YieldTo.PLAYING, None, None),
    (YieldTo.OFF, TRANSCODED, None)])
def test_whom_it_yields_to(yield_to: YieldTo, activity: Activity | None, cause: Cause | None) -> None:
    holds = Simulated(yield_to=yield_to).look(jellyfin=activity)
    assert [hold.cause for hold in holds] == ([cause] if cause else [])


@pytest.mark.parametrize(("by", "way"), [(YieldBy.PAUSE, Way.HOLD), (YieldBy.SLOW, Way.SLOW)])
def test_it_yields_at_once_and_goes_on_after_a_quiet_minute(by: YieldBy, way: Way) -> None:
    machine = Simulated(yield_to=YieldTo.TRANSCODING, yield_by=by)
    [hold] = machine.look(jellyfin=TRANSCODED)
    assert hold.way is way
    assert "for one viewer at this moment" in hold.sentence
    machine.run(QUIET, lambda _: {"jellyfin": UNWATCHED})
    assert machine.holds, "the minute is not over"
    machine.look(jellyfin=UNWATCHED)
    assert not machine.holds


def test_a_viewer_who_seeks_does_not_wake_the_encoder_every_time() -> None:
    machine = Simulated(yield_to=YieldTo.TRANSCODING)
    machine.run(1800, lambda now: {"jellyfin": TRANSCODED if now % 60 < 30 else UNWATCHED})
    assert machine.changes == [0.0]


def test_a_jellyfin_that_is_down_keeps_nobody_waiting() -> None:
    machine = Simulated(yield_to=YieldTo.PLAYING)
    machine.look(jellyfin=WATCHED)
    machine.run(QUIET + LOOK, lambda _: {"jellyfin": None})
    assert machine.holds == ()


_MEASURED: list[tuple[dict[str, Any], str, float, float, Cause]] = [
    ({"max_load": 0.5}, "load", 0.55, 0.45, Cause.MACHINE_BUSY),
    ({"max_pressure": 40.0}, "pressure", 45.0, 35.0, Cause.UNDER_PRESSURE),
    ({"max_temperature": 80.0}, "temperature", 81.0, 77.0, Cause.TOO_HOT)]


@pytest.mark.parametrize(("rule", "fact", "over", "between", "cause"), _MEASURED)
def test_a_limit_must_be_passed_for_a_while_and_well_undercut_for_a_quiet_while(
        rule: dict[str, Any], fact: str, over: float, between: float, cause: Cause) -> None:
    machine = Simulated(**rule)
    machine.run(LASTING, lambda _: {fact: over})
    assert machine.holds == (), "a peak is no reason"
    [hold] = machine.look(**{fact: over})
    assert (hold.cause, hold.way) == (cause, Way.HOLD)
    assert any(character.isdigit() for character in hold.facts), "it tells what was measured"
    machine.run(10 * QUIET, lambda _: {fact: between})
    assert machine.holds, "between the two limits nothing changes"
    machine.run(QUIET, lambda _: {fact: 1.0 if fact == "temperature" else 0.0})
    assert machine.holds, "the quiet while is not over"
    machine.look(**{fact: 0.0})
    assert machine.holds == ()


@pytest.mark.parametrize(("rule", "fact", "over", "between", "cause"), _MEASURED)
def test_what_cannot_be_measured_is_no_reason(rule: dict[str, Any], fact: str, over: float, between: float,
                                              cause: Cause) -> None:
    machine = Simulated(**rule)
    machine.run(600, lambda _: {fact: None})
    assert machine.holds == ()
    machine.run(LASTING + LOOK, lambda _: {fact: over})
    machine.run(QUIET + LOOK, lambda _: {fact: None})
    assert machine.holds == (), "a sensor that is gone does not stop the work for ever"


def test_a_peak_that_ends_begins_anew() -> None:
    machine = Simulated(max_load=0.5)
    machine.run(600, lambda now: {"load": 0.9 if now % 10 < 5 else 0.1})
    assert machine.changes == []


def test_a_load_that_swings_round_its_limit_stops_the_work_once() -> None:
    machine = Simulated(max_load=0.5)
    machine.run(3600, lambda now: {"load": 0.5 + 0.2 * math.sin(now / 12)})
    assert len(machine.changes) == 1


def test_heat_that_the_work_itself_makes_stops_it_for_minutes_at_a_time_and_not_for_seconds() -> None:
    """Warms by a degree in five seconds while it works, cools as fast while it rests."""
    machine, heat = Simulated(max_temperature=80.0), [60.0]

    def facts(_now: float) -> dict[str, Any]:
        heat[0] += -1 if machine.holds else 1
        return {"temperature": heat[0]}

    machine.run(3600, facts)
    gaps = [later - before for before, later in zip(machine.changes, machine.changes[1:], strict=False)]
    assert gaps
    assert min(gaps) >= QUIET


def test_on_battery_it_rests_and_without_a_battery_never() -> None:
    machine = Simulated(on_battery=OnBattery.PAUSE)
    assert machine.look(on_battery=None) == ()
    assert [hold.cause for hold in machine.look(on_battery=True)] == [Cause.ON_BATTERY]
    machine.run(QUIET + LOOK, lambda _: {"on_battery": False})
    assert machine.holds == ()


def test_all_reasons_are_told_at_once() -> None:
    machine = Simulated(schedule=NIGHT, yield_to=YieldTo.PLAYING, on_battery=OnBattery.PAUSE)
    machine.look(jellyfin=WATCHED, on_battery=True)
    assert [hold.cause for hold in machine.holds] == [Cause.OUTSIDE_SCHEDULE, Cause.JELLYFIN_PLAYS, Cause.ON_BATTERY]


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=200))
def test_whatever_is_measured_a_pause_lasts_a_quiet_while_at_least(values: list[float | None]) -> None:
    machine = Simulated(max_load=0.5)
    for value in values:
        machine.look(load=value)
    begins, ends = machine.changes[::2], machine.changes[1::2]
    assert all(end - begin >= QUIET for begin, end in zip(begins, ends, strict=False))
