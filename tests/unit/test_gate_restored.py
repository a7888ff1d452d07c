"""A person's wish outlives a restart and a clock that is set, and no longer than it was meant to."""

from __future__ import annotations

import pytest

from pectin.model.errors import Cause, PectinError
from pectin.model.governor import Hold, Way
from pectin.pipeline.gate import Gate, Mode

HOUR = 3600.0


class Kept:
    """What the store keeps, and two clocks: the one on the wall, and the one that never jumps."""

    def __init__(self) -> None:
        self.value: str | None = None
        self.full = False
        self.wall, self.ticks = 1_800_000_000.0, 5.0

    async def get(self, _name: str) -> str | None:
        return self.value

    async def set(self, _name: str, value: str | None) -> None:
        if self.full:
            raise PectinError(Cause.NO_SPACE)
        self.value = value

    def gate(self) -> Gate:
        return Gate(self, lambda: self.wall, lambda: self.ticks)

    def passes(self, seconds: float) -> None:
        self.wall, self.ticks = self.wall + seconds, self.ticks + seconds


@pytest.fixture
def kept() -> Kept:
    return Kept()


async def restored(kept: Kept) -> Gate:
    gate = kept.gate()
    await gate.restore()
    return gate


@pytest.mark.parametrize("value", [None, "", "open"])
async def test_without_a_wish_it_is_open(kept: Kept, value: str | None) -> None:
    kept.value = value
    gate = await restored(kept)
    assert (gate.is_open, gate.left, gate.stands_still) == (True, None, False)


async def test_a_clock_that_is_set_back_prolongs_no_pause(kept: Kept) -> None:
    gate = kept.gate()
    await gate.set(Mode.PAUSED, kept.wall + 2 * HOUR)
    kept.wall -= 24 * HOUR
    assert gate.left == 2 * HOUR
    kept.passes(2 * HOUR)
    assert gate.is_over


async def test_a_clock_that_is_set_forward_or_a_machine_that_slept_ends_it_in_time(kept: Kept) -> None:
    gate = kept.gate()
    await gate.set(Mode.PAUSED, kept.wall + 2 * HOUR)
    kept.wall += 3 * HOUR
    assert gate.is_over


async def test_over_a_restart_with_the_clock_set_back_it_lasts_as_long_as_it_was_meant_to(kept: Kept) -> None:
    await kept.gate().set(Mode.PAUSED, kept.wall + 2 * HOUR)
    kept.wall -= 24 * HOUR
    gate = await restored(kept)
    assert (gate.mode, gate.left) == (Mode.PAUSED, 2 * HOUR)
    kept.wall += 24 * HOUR  # the machine has learnt the time
    assert gate.left == 2 * HOUR
    kept.passes(HOUR)
    assert not gate.is_over
    kept.passes(HOUR)
    assert gate.is_over


async def test_what_an_older_version_wrote_is_understood(kept: Kept) -> None:
    kept.value = f"paused {kept.wall + HOUR:.0f}"
    gate = await restored(kept)
    assert (gate.mode, gate.left) == (Mode.PAUSED, HOUR)


@pytest.mark.parametrize(("value", "mode"), [("paused", Mode.PAUSED), ("draining", Mode.DRAINING),
                                             ("paused 1700000000 1600000000", Mode.OPEN)])
async def test_a_full_disk_keeps_no_daemon_from_its_start(kept: Kept, value: str, mode: Mode) -> None:
    kept.value, kept.full = value, True
    gate = await restored(kept)
    assert (gate.mode, gate.is_open) == (mode, mode is Mode.OPEN)


async def test_a_refused_wish_leaves_the_end_of_the_old_one(kept: Kept) -> None:
    gate = kept.gate()
    await gate.set(Mode.PAUSED, kept.wall + HOUR)
    kept.full = True
    with pytest.raises(PectinError):
        await gate.set(Mode.PAUSED, kept.wall + 9 * HOUR)
    assert gate.left == HOUR
    gate.prolong(60)
    assert gate.left == 60


def test_all_stands_still_while_somebody_holds_it(kept: Kept) -> None:
    gate = kept.gate()
    gate.govern([Hold(Cause.OUTSIDE_SCHEDULE, Way.FINISH)])
    assert not gate.stands_still, "what runs is finished"
    gate.govern([Hold(Cause.TOO_HOT, Way.HOLD)])
    assert gate.stands_still
