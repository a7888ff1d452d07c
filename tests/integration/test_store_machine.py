"""Random actors with old knowledge against the real store: what it holds is always what the table and the history say."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path, PurePath

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pectin.model.errors import Cause
from pectin.model.event import Delivery, Event, EventType
from pectin.model.job import (
    FINAL,
    TRANSITIONS,
    IllegalTransitionError,
    Job,
    NoSuchJobError,
    StaleTransitionError,
    State,
    Trigger,
)
from pectin.store.outbox import Endpoint
from pectin.store.store import Store

JOBS = ("0000000000", "0000000001")
ENDPOINTS = ("chat", "home")
CAUSES = st.sampled_from([None, Cause.NO_SPACE, Cause.FFMPEG_FAILED])


def told(steps: Sequence[tuple[Trigger | None, State, Cause | None, int]], trigger: Trigger, state: State,
         cause: Cause | None) -> list[tuple[Trigger | None, State, Cause | None, int]]:
    """The history with one more step: the same trouble once more is counted, and the claim between the two goes."""
    before = [*steps[:-1]] if steps[-1][0] is Trigger.CLAIM else [*steps]
    if trigger is Trigger.RETRY and cause is not None and before and before[-1][::2] == (Trigger.RETRY, cause):
        return [*before[:-1], (*before[-1][:3], before[-1][3] + 1)]
    return [*steps, (trigger, state, cause, 1)]


class StoreMachine(RuleBasedStateMachine):
    """Several actors act on what they saw some time ago (`seen`); only those whose knowledge is still right may succeed."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.stack = AsyncExitStack()
        self.states: dict[str, State] = {}
        self.steps: dict[str, list[tuple[Trigger | None, State, Cause | None, int]]] = {}
        self.lines: dict[tuple[str, str], list[str]] = {(endpoint, job): [] for endpoint in ENDPOINTS for job in JOBS}
        self.seen: list[tuple[str, State]] = []
        self.events = 0
        self.now = 1.0

    @initialize()
    def begin(self) -> None:
        self.store = self.runner.run(self.stack.enter_async_context(Store.open(Path(self.folder.name) / "pectin.db")))
        self.configure()
        for job in JOBS:
            self.add(job)

    def add(self, job: str) -> None:
        relative = PurePath("film.mkv")
        self.runner.run(self.store.jobs.add(Job(
            id=job, state=State.PENDING, route="r", profile="p", inbox_path=relative, relative=relative, size=1,
            created_at=self.now, updated_at=self.now)))
        self.states[job] = State.PENDING
        self.steps[job] = [(None, State.PENDING, None, 1)]

    def configure(self) -> None:
        self.store.outbox.configure([Endpoint(name, frozenset(EventType)) for name in ENDPOINTS])

    @rule(job=st.sampled_from(JOBS))
    def look(self, job: str) -> None:
        found = self.runner.run(self.store.jobs.get(job))
        assert (None if found is None else found.state) is self.states.get(job)
        if found is not None:
            self.seen.append((job, found.state))

    @rule(data=st.data(), trigger=st.sampled_from(Trigger), cause=CAUSES)
    def act_on_old_knowledge(self, data: st.DataObject, trigger: Trigger, cause: Cause | None) -> None:
        if self.seen:
            self.act(*data.draw(st.sampled_from(self.seen)), trigger, cause)

    @rule(job=st.sampled_from(JOBS), data=st.data(), cause=CAUSES)
    def act_rightly(self, job: str, data: st.DataObject, cause: Cause | None) -> None:
        if state := self.states.get(job):
            self.act(job, state, data.draw(st.sampled_from([t for s, t in TRANSITIONS if s is state])), cause)

    @rule(job=st.sampled_from(JOBS), trigger=st.sampled_from(Trigger), cause=CAUSES)
    def act_without_looking(self, job: str, trigger: Trigger, cause: Cause | None) -> None:
        self.act(job, None, trigger, cause)

    @rule(job=st.sampled_from(JOBS), times=st.integers(1, 4))
    def wait_for_space(self, job: str, times: int) -> None:
        if self.states.get(job) is State.PENDING:
            for _ in range(times):
                self.act(job, State.PENDING, Trigger.CLAIM, None)
                self.act(job, State.PROCESSING, Trigger.RETRY, Cause.NO_SPACE)

    @rule(job=st.sampled_from(JOBS))
    def come_again(self, job: str) -> None:
        if job not in self.states:
            self.add(job)

    @rule(job=st.sampled_from(JOBS))
    def forget(self, job: str) -> None:
        may = self.states.get(job) in FINAL and not any(self.lines[endpoint, job] for endpoint in ENDPOINTS)
        over = [job_id for job_id, _ in self.runner.run(self.store.past.over(self.now + 1))]
        assert (job in over) is may
        assert self.runner.run(self.store.past.forget([job], self.now + 1)) == may
        if may:
            del self.states[job], self.steps[job]

    @rule(job=st.sampled_from(JOBS), state=st.sampled_from(sorted(FINAL)))
    def put_right_from_a_note(self, job: str, state: State) -> None:
        self.now += 1
        before = self.runner.run(self.store.jobs.get(job))
        if before is not None:
            after = replace(before, state=state, updated_at=self.now, cause=None)
            self.runner.run(self.store.jobs.put_right(after, now=self.now, message="older than the files"))
            self.states[job] = state
            self.steps[job].append((None, state, None, 1))

    def act(self, job: str, expected: State | None, trigger: Trigger, cause: Cause | None) -> None:
        self.events += 1
        self.now += 1
        event = Event(id=f"evt_{self.events}", type=EventType.STARTED, job_id=job, at=self.now, data={})
        truth = self.states.get(job)
        try:
            after = self.runner.run(self.store.jobs.apply(job, trigger, now=self.now, expected=expected, events=[event],
                                                          cause=cause))
        except NoSuchJobError:
            assert truth is None
        except IllegalTransitionError:
            known = truth if expected is None else expected
            assert known is not None
            assert (known, trigger) not in TRANSITIONS
        except StaleTransitionError as stale:
            assert expected is not truth
            assert (stale.expected, stale.found) == (expected, truth)
        else:
            assert truth is not None
            assert expected in (None, truth)
            assert TRANSITIONS[truth, trigger] is after.state
            self.states[job] = after.state
            self.steps[job] = told(self.steps[job], trigger, after.state, cause)
            for endpoint in ENDPOINTS:
                self.lines[endpoint, job].append(event.id)

    @rule(data=st.data(), how=st.sampled_from(["delivered", "failed", "dropped"]))
    def deliver(self, data: st.DataObject, how: str) -> None:
        due = self.due()
        if not due:
            return
        one = data.draw(st.sampled_from(due))
        line = self.lines[one.endpoint, one.event.job_id]
        assert one.event.id == line[0]
        if how == "failed":
            self.runner.run(self.store.outbox.failed(one.seq, "no answer", self.now + 3))
            return
        if how == "delivered":
            self.runner.run(self.store.outbox.delivered(one.seq, self.now))
        else:
            self.runner.run(self.store.outbox.dropped(one.seq, "gone", self.now))
        line.pop(0)

    @rule()
    def wait(self) -> None:
        self.now = self.runner.run(self.store.outbox.next_wake(self.now)) or self.now

    @rule()
    def restart(self) -> None:
        self.runner.run(self.stack.aclose())
        self.store = self.runner.run(self.stack.enter_async_context(Store.open(Path(self.folder.name) / "pectin.db")))
        self.configure()

    @rule()
    def prune(self) -> None:
        self.runner.run(self.store.outbox.prune(self.now))

    def due(self) -> list[Delivery]:
        return self.runner.run(self.store.outbox.due(self.now, 100))

    @invariant()
    def the_store_holds_what_happened(self) -> None:
        for job in self.states:
            found = self.runner.run(self.store.jobs.get(job))
            assert found is not None
            assert found.state is self.states[job]
            history = self.runner.run(self.store.jobs.history(job))
            assert [(step.trigger, step.to_state, step.cause, step.times) for step in history] == self.steps[job]
            assert all((step.last_at is None) == (step.times == 1) for step in history)
            assert [step.from_state for step in history[1:]] == [step.to_state for step in history[:-1]]

    @invariant()
    def every_line_is_delivered_in_order(self) -> None:
        if not self.states:
            return
        due = self.due()
        assert len({(one.endpoint, one.event.job_id) for one in due}) == len(due)
        assert all(one.event.id == self.lines[one.endpoint, one.event.job_id][0] for one in due)
        waiting = {name: sum(len(line) for (endpoint, _), line in self.lines.items() if endpoint == name) for name in ENDPOINTS}
        assert self.runner.run(self.store.outbox.pending()) == waiting

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=25, stateful_step_count=40, deadline=None,
                                     suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
