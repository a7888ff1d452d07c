"""Random actors with old knowledge against the real store: what it holds is always what the table and the history say."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path, PurePath

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pectin.model.event import Delivery, Event, EventType
from pectin.model.job import TRANSITIONS, IllegalTransitionError, Job, StaleTransitionError, State, Trigger
from pectin.store.outbox import Endpoint
from pectin.store.store import Store

JOBS = ("0000000000", "0000000001")
ENDPOINTS = ("chat", "home")


class StoreMachine(RuleBasedStateMachine):
    """Several actors act on what they saw some time ago (`seen`); only those whose knowledge is still right may succeed."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.stack = AsyncExitStack()
        self.states: dict[str, State] = {}
        self.steps: dict[str, list[tuple[Trigger | None, State]]] = {}
        self.lines: dict[tuple[str, str], list[str]] = {(endpoint, job): [] for endpoint in ENDPOINTS for job in JOBS}
        self.seen: list[tuple[str, State]] = []
        self.events = 0
        self.now = 1.0

    @initialize()
    def begin(self) -> None:
        self.store = self.runner.run(self.stack.enter_async_context(Store.open(Path(self.folder.name) / "pectin.db")))
        self.configure()
        for job in JOBS:
            relative = PurePath("film.mkv")
            self.runner.run(self.store.jobs.add(Job(
                id=job, state=State.PENDING, route="r", profile="p", inbox_path=relative, relative=relative, size=1,
                created_at=1.0, updated_at=1.0)))
            self.states[job] = State.PENDING
            self.steps[job] = [(None, State.PENDING)]

    def configure(self) -> None:
        self.store.outbox.configure([Endpoint(name, frozenset(EventType)) for name in ENDPOINTS])

    @rule(job=st.sampled_from(JOBS))
    def look(self, job: str) -> None:
        found = self.runner.run(self.store.jobs.get(job))
        assert found is not None
        assert found.state is self.states[job]
        self.seen.append((job, found.state))

    @rule(data=st.data(), trigger=st.sampled_from(Trigger))
    def act_on_old_knowledge(self, data: st.DataObject, trigger: Trigger) -> None:
        if self.seen:
            self.act(*data.draw(st.sampled_from(self.seen)), trigger)

    @rule(job=st.sampled_from(JOBS), data=st.data())
    def act_rightly(self, job: str, data: st.DataObject) -> None:
        self.act(job, self.states[job], data.draw(st.sampled_from([t for s, t in TRANSITIONS if s is self.states[job]])))

    @rule(job=st.sampled_from(JOBS), trigger=st.sampled_from(Trigger))
    def act_without_looking(self, job: str, trigger: Trigger) -> None:
        self.act(job, None, trigger)

    def act(self, job: str, expected: State | None, trigger: Trigger) -> None:
        self.events += 1
        self.now += 1
        event = Event(id=f"evt_{self.events}", type=EventType.STARTED, job_id=job, at=self.now, data={})
        truth = self.states[job]
        try:
            after = self.runner.run(self.store.jobs.apply(job, trigger, now=self.now, expected=expected, events=[event]))
        except IllegalTransitionError:
            assert (truth if expected is None else expected, trigger) not in TRANSITIONS
        except StaleTransitionError as stale:
            assert expected is not truth
            assert (stale.expected, stale.found) == (expected, truth)
        else:
            assert expected in (None, truth)
            assert TRANSITIONS[truth, trigger] is after.state
            self.states[job] = after.state
            self.steps[job].append((trigger, after.state))
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
            assert [(step.trigger, step.to_state) for step in history] == self.steps[job]
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
