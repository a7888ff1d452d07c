"""The small pure decisions of the pipeline: CPUs, the status line, events, ids."""

from __future__ import annotations

import asyncio
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.linux.finish import finished
from pectin.model.errors import Cause
from pectin.model.event import EventType
from pectin.model.identity import ALPHABET, LENGTH, is_job_id, job_id
from pectin.model.job import TRANSITIONS, Job, State, Trigger
from pectin.pipeline.cpus import share, threads_for
from pectin.pipeline.events import event_type, make_event
from pectin.pipeline.gate import Gate, Mode
from pectin.pipeline.running import RunningJob
from pectin.pipeline.wake import Wake


def a_job(name: str = "A Film (2010).mkv") -> Job:
    return Job(id="0123456789", state=State.PROCESSING, route="films", profile="universal", inbox_path=PurePath("/in") / name,
               relative=PurePath(name), size=1000, created_at=1.0, updated_at=1.0)


@given(available=st.integers(1, 64), slots=st.integers(1, 16), threads=st.integers(1, 64))
def test_no_slot_gets_more_cpus_than_threads_and_no_cpu_that_is_not_there(available: int, slots: int, threads: int) -> None:
    cpus = list(range(100, 100 + available))
    sets = share(cpus, slots, threads)
    assert len(sets) == slots
    for chosen in sets:
        assert chosen is None if threads >= available else chosen is not None and len(chosen) == threads and chosen <= set(cpus)


@given(threads=st.integers(1, 8), slots=st.integers(1, 8))
def test_slots_do_not_share_cpus_while_there_are_enough(threads: int, slots: int) -> None:
    sets = share(list(range(threads * slots + 1)), slots, threads)
    assert len(frozenset().union(*(s or frozenset() for s in sets))) == threads * slots


@pytest.mark.parametrize(("setting", "available", "threads"),
                         [("auto", 1, 1), ("auto", 2, 1), ("auto", 8, 4), (3, 8, 3), (99, 4, 4)])
def test_threads_are_half_of_the_cpus_or_what_was_asked_for(setting: int | str, available: int, threads: int) -> None:
    assert threads_for(setting, available) == threads


@given(st.binary(min_size=7, max_size=16))
def test_job_ids_have_their_alphabet_and_length(random: bytes) -> None:
    made = job_id(random)
    assert is_job_id(made)
    assert len(made) == LENGTH
    assert set(made) <= set(ALPHABET)


@pytest.mark.parametrize("text", ["", "short", "0123456789a", "012345678I", "../../etc/x"])
def test_what_is_no_job_id_is_known_as_such(text: str) -> None:
    assert not is_job_id(text)


def test_every_final_state_and_every_retry_has_an_event() -> None:
    types = {(trigger, target): event_type(trigger, target) for (_, trigger), target in TRANSITIONS.items()}
    assert types[Trigger.PUBLISHED, State.COMPLETED] is EventType.COMPLETED
    assert types[Trigger.GIVE_UP, State.FAILED] is EventType.FAILED
    assert types[Trigger.REJECT, State.REJECTED] is EventType.REJECTED
    assert types[Trigger.CANCEL, State.CANCELLED] is EventType.CANCELLED
    assert types[Trigger.RETRY, State.PENDING] is EventType.RETRYING
    assert types[Trigger.CLAIM, State.PROCESSING] is EventType.STARTED
    assert types[Trigger.INTERRUPT, State.PENDING] is None


def test_an_event_tells_the_cause_and_what_to_do() -> None:
    event = make_event(EventType.FAILED, a_job(), now=5, state=State.FAILED, cause=Cause.NO_SPACE, message="the disk is full")
    assert event.data["cause"] == "no_space"
    assert event.data["next_step"]
    assert event.data["name"] == "A Film (2010).mkv"
    assert event.id != make_event(EventType.FAILED, a_job(), now=5, state=State.FAILED).id


class _Flags:
    def __init__(self) -> None:
        self.kept: dict[str, str | None] = {}

    async def get(self, name: str) -> str | None:
        return self.kept.get(name)

    async def set(self, name: str, value: str | None) -> None:
        self.kept[name] = value


async def test_a_pause_and_a_drain_are_remembered_until_somebody_resumes() -> None:
    flags = _Flags()
    await Gate(flags).set(Mode.PAUSED)
    gate = Gate(flags)
    await gate.restore()
    assert gate.mode is Mode.PAUSED
    assert gate.causes == (Cause.PAUSED_BY_USER,)
    await gate.set(Mode.DRAINING)
    assert gate.causes == (Cause.DRAINING,)
    gate = Gate(flags)
    await gate.restore()
    assert (gate.mode, gate.causes) == (Mode.DRAINING, (Cause.DRAINING,))
    await gate.set(Mode.OPEN)
    gate = Gate(flags)
    await gate.restore()
    assert gate.mode is Mode.OPEN
    await gate.passed()


async def test_a_pause_for_some_hours_is_remembered_with_its_end() -> None:
    flags = _Flags()
    await Gate(flags, clock=lambda: 100.0).set(Mode.PAUSED, until=7300.0)
    gate = Gate(flags, clock=lambda: 7299.0)
    await gate.restore()
    assert (gate.mode, gate.until) == (Mode.PAUSED, 7300.0)
    assert "until " in gate.sentence
    gate = Gate(flags, clock=lambda: 7301.0)
    await gate.restore()
    assert (gate.mode, gate.until, gate.sentence) == (Mode.OPEN, None, ""), "it ended while the daemon was down"


async def test_a_call_made_while_nobody_waits_is_kept() -> None:
    wake = Wake()
    wake.call()
    await wake.wait()


async def test_a_call_wakes_every_waiter() -> None:
    wake = Wake()
    waiters = [asyncio.create_task(wake.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    wake.call()
    await asyncio.gather(*waiters)


async def test_a_wait_ends_at_its_time() -> None:
    await Wake(clock=lambda: 100.0).wait(until=99.0)


async def test_work_that_must_not_be_left_half_done_ends_before_the_cancellation_is_raised() -> None:
    steps = []
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        steps.append("done")

    task = asyncio.create_task(finished(work()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["done"]


def test_a_job_whose_outcome_is_being_written_is_not_stopped_any_more() -> None:
    running = RunningJob(job=a_job(), slot=0, settled=True)
    running.stop(Cause.CANCELLED_BY_USER)
    assert running.stop_cause is None
