"""The gate with a governor: what holds closes it or not, and what runs stands still, goes on or is slowed down by it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import PurePath

import pytest

from pectin.model.errors import Cause, PectinError
from pectin.model.governor import Activity, Facts, Hold, Rules, Way, YieldBy, YieldTo
from pectin.model.job import Job, State
from pectin.model.schedule import Schedule, parse_window
from pectin.pipeline.gate import Gate, Mode
from pectin.pipeline.governor import Governing, Governor
from pectin.pipeline.running import RunningJob


class _Flags:
    async def get(self, _name: str) -> str | None:
        return None

    async def set(self, name: str, value: str | None) -> None: ...


def a_running() -> RunningJob:
    return RunningJob(slot=0, job=Job(id="a", state=State.PROCESSING, route="films", profile="universal", size=1, created_at=1.0,
                                      inbox_path=PurePath("/in/f.mkv"), relative=PurePath("f.mkv"), updated_at=1.0))


HEAT = Hold(Cause.TOO_HOT, Way.HOLD, "81 °C")
NIGHT = Hold(Cause.OUTSIDE_SCHEDULE, Way.FINISH, until=7.0)
SLOW = Hold(Cause.JELLYFIN_TRANSCODES, Way.SLOW)


@pytest.mark.parametrize(("holds", "is_open"), [((), True), ((HEAT,), False), ((NIGHT,), False), ((SLOW,), True),
                                                ((SLOW, NIGHT), False)])
def test_what_holds_closes_the_gate_unless_it_only_slows_down(holds: tuple[Hold, ...], is_open: bool) -> None:
    gate = Gate(_Flags())
    gate.govern(holds)
    assert gate.is_open is is_open
    assert gate.causes == tuple(hold.cause for hold in holds if hold.way is not Way.SLOW)
    assert bool(gate.sentence) is bool(holds), "everything is told, also what only slows down"


async def test_a_worker_waits_until_a_person_and_the_governor_agree() -> None:
    gate = Gate(_Flags())
    await gate.set(Mode.PAUSED)
    gate.govern([HEAT])
    waiting = asyncio.create_task(gate.passed())
    for step in (gate.set(Mode.OPEN), asyncio.sleep(0)):
        await step
        assert not waiting.done()
    assert "too warm: 81 °C" in gate.sentence
    gate.govern([])
    await waiting


async def test_resume_does_not_wake_what_the_governor_holds_and_the_other_way_round() -> None:
    gate, running = Gate(_Flags()), a_running()
    for mode, holds, stands in ((Mode.PAUSED, [HEAT], True), (Mode.OPEN, [HEAT], True), (Mode.PAUSED, [], True),
                                (Mode.OPEN, [NIGHT], False), (Mode.DRAINING, [], False)):
        await gate.set(mode)
        gate.govern(holds)
        gate.act_upon(running)
        assert running.suspended is stands, (mode, holds)


def test_a_wish_for_one_job_outlives_the_governors_reasons() -> None:
    gate, running = Gate(_Flags()), a_running()
    running.suspend(Cause.JOB_PAUSED_BY_USER)
    running.limit(2, Cause.SLOWED_BY_USER)
    for holds in ([HEAT, SLOW], []):
        gate.govern(holds)
        gate.act_upon(running)
    assert running.suspended_for == (Cause.JOB_PAUSED_BY_USER,)
    assert running.limits == {Cause.SLOWED_BY_USER: 2}


def test_slow_becomes_pause_when_the_configuration_says_so() -> None:
    gate, running = Gate(_Flags()), a_running()
    gate.govern([SLOW])
    gate.act_upon(running)
    assert (running.suspended, running.limits) == (False, {Cause.JELLYFIN_TRANSCODES: 1})
    gate.govern([Hold(Cause.JELLYFIN_TRANSCODES, Way.HOLD)])
    gate.act_upon(running)
    assert (running.suspended, running.limits) == (True, {})


async def test_a_job_between_two_pieces_of_work_waits_while_it_is_held() -> None:
    running = a_running()
    running.suspend(Cause.TOO_HOT)
    running.suspend(Cause.ON_BATTERY)
    waiting = asyncio.create_task(running.standing())
    for cause in (Cause.TOO_HOT, Cause.ON_BATTERY):
        await asyncio.sleep(0)
        assert not waiting.done()
        running.resume(cause)
    await waiting
    await running.standing()


class _World:
    """Facts by hand instead of a machine."""

    def __init__(self) -> None:
        self.activity = Activity(0, 0)
        self.looks = asyncio.Semaphore(0)
        self.changes = 0

    async def look(self, _governing: Governing, _client: object, _timeout: float | None = None) -> Facts:
        self.looks.release()
        return Facts(at=time.time(), tick=time.monotonic(), jellyfin=self.activity)

    def changed(self) -> None:
        self.changes += 1

    async def busy(self) -> bool:
        return False


def governed(world: _World, gate: Gate, running: Mapping[str, RunningJob], rules: Rules) -> Governor:
    made = Governor(gate, running, world.changed, world.busy, world.look)
    made.configure(Governing(rules))
    return made


async def test_the_governor_holds_what_runs_and_tells_the_world_once(caplog: pytest.LogCaptureFixture) -> None:
    world, gate, running = _World(), Gate(_Flags()), a_running()
    governor = governed(world, gate, {"a": running}, Rules(yield_to=YieldTo.TRANSCODING, quiet=0.0))
    world.activity = Activity(1, 1)
    with caplog.at_level("INFO", "pectin.pipeline.governor"):
        for _ in range(3):
            await governor.look()
        assert (running.suspended, gate.is_open, world.changes) == (True, False, 1)
        world.activity = Activity(1, 0)
        await governor.look()
    assert (running.suspended, gate.is_open, world.changes) == (False, True, 2)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["work rests", "no longer so"]


async def test_a_reload_takes_effect_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pectin.pipeline.governor.SPACING", 0.0)
    world, gate, running = _World(), Gate(_Flags()), a_running()
    world.activity = Activity(1, 0)
    governor = governed(world, gate, {"a": running}, Rules())
    task = asyncio.create_task(governor.run())
    await world.looks.acquire()
    governor.configure(Governing(Rules(yield_to=YieldTo.PLAYING, yield_by=YieldBy.SLOW)))
    await asyncio.wait_for(_until(lambda: running.limits == {Cause.JELLYFIN_PLAYS: 1}), 30)
    governor.configure(Governing(Rules()))
    await asyncio.wait_for(_until(lambda: not running.limits and not gate.holds), 30)
    task.cancel()
    await asyncio.wait({task})


async def test_a_pause_for_a_while_ends_by_itself() -> None:
    world, gate, running = _World(), Gate(_Flags()), a_running()
    governor = governed(world, gate, {"a": running}, Rules())
    await gate.set(Mode.PAUSED, until=time.time() + 0.2)
    gate.act_upon(running)
    task = asyncio.create_task(governor.run())
    await asyncio.wait_for(gate.passed(), 30)
    await asyncio.wait_for(_until(lambda: not running.suspended), 30)
    assert (gate.mode, gate.until, world.changes > 0) == (Mode.OPEN, None, True)
    task.cancel()
    await asyncio.wait({task})


async def test_a_pause_whose_end_cannot_be_written_down_lasts_a_little_longer(caplog: pytest.LogCaptureFixture) -> None:
    class Full(_Flags):
        async def set(self, name: str, value: str | None) -> None:
            if value == "open":
                raise PectinError(Cause.NO_SPACE)

    world, gate = _World(), Gate(Full())
    governor = governed(world, gate, {}, Rules())
    await gate.set(Mode.PAUSED, until=time.time() - 1)
    await governor.look()
    assert (gate.mode, world.changes) == (Mode.PAUSED, 0)
    assert gate.until is not None
    assert gate.until > time.time(), "it is not tried again at once, and again"
    assert "the disk is full" in caplog.text


async def test_the_schedule_needs_no_looks_at_the_machine_in_between() -> None:
    """At rest the daemon sleeps until the clock says so."""
    world, gate = _World(), Gate(_Flags())
    governor = governed(world, gate, {}, Rules(schedule=Schedule((parse_window("00:00-24:00"),))))
    assert await governor._next() is None
    assert await governed(world, gate, {}, Rules())._next() is None


async def test_a_machine_that_comes_to_another_time_zone_has_its_schedule_there(monkeypatch: pytest.MonkeyPatch) -> None:
    hour = time.gmtime().tm_hour
    window = f"{(hour - 1) % 24:02}:00-{(hour + 2) % 24:02}:00"
    world, gate = _World(), Gate(_Flags())
    governor = governed(world, gate, {}, Rules(schedule=Schedule((parse_window(window),))))
    try:
        for zone, is_open in (("UTC0", True), ("EAST-9", False), ("UTC0", True)):
            monkeypatch.setenv("TZ", zone)
            await governor.look()
            assert gate.is_open is is_open
    finally:
        monkeypatch.undo()
        time.tzset()


async def _until(condition: object) -> None:
    while not condition():  # type: ignore[operator]
        await asyncio.sleep(0.01)
