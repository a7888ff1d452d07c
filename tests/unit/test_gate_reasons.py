"""The gate: several reasons may keep the queue closed at once, and each is told."""

from __future__ import annotations

import logging

import pytest

from pectin.model.errors import Cause
from pectin.observing.metrics import Metrics
from pectin.pipeline.gate import Gate, Mode


class _Flags:
    async def get(self, _name: str) -> str | None:
        return None

    async def set(self, name: str, value: str | None) -> None: ...


async def test_a_pause_and_a_full_disk_are_both_told() -> None:
    gate = Gate(_Flags())
    assert gate.short("1 GB is free")
    await gate.set(Mode.PAUSED)
    assert gate.causes == (Cause.PAUSED_BY_USER, Cause.DISK_LOW)
    assert "somebody paused the queue" in gate.sentence
    assert "too little free space on the disk: 1 GB is free; free some space" in gate.sentence
    await gate.set(Mode.OPEN)
    assert gate.causes == (Cause.DISK_LOW,), "resume does not make room"
    await gate.passed()
    assert gate.short(None)
    assert (gate.causes, gate.sentence) == ((), "")


def test_a_full_disk_is_news_once_however_often_it_is_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate(_Flags())
    with caplog.at_level(logging.INFO, "pectin"):
        assert [gate.short(facts) for facts in ("1 GB is free", "2 GB are free", None, None)] == [True, False, True, False]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert caplog.messages[1] == "there is room on the disk again: jobs start"


def test_the_metric_has_one_line_for_each_reason() -> None:
    metrics = Metrics("test")
    metrics.paused(Cause.PAUSED_BY_USER, Cause.DISK_LOW)
    metrics.paused(Cause.DISK_LOW)
    assert 'pectin_queue_paused{cause="disk_low"} 1.0' in metrics.text()
    assert 'pectin_queue_paused{cause="paused_by_user"} 0.0' in metrics.text()


def test_room_that_nobody_can_tell_is_a_gap_and_no_full_disk() -> None:
    metrics = Metrics("test")
    metrics.disk_free({"work": 7, "library of films": 9})
    metrics.disk_free({"work": 8})
    assert 'pectin_disk_free_bytes{place="work"} 8.0' in metrics.text()
    assert 'pectin_disk_free_bytes{place="library of films"} NaN' in metrics.text()
