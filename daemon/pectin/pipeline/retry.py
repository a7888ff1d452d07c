"""What to do after trouble: a decision from the cause and the counts, never a loop with a sleep in it."""

from __future__ import annotations

from dataclasses import dataclass

from pectin.model.errors import MEANINGS, Cause, Kind
from pectin.model.job import State, Trigger

# A missing folder or a full disk is looked at again this often; the job's attempts are not touched by it.
RESOURCE_DELAY = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """`attempts`: how often a job may fail; `first`, `cap`: seconds before the second try and the longest wait;
    `max_interruptions`: how often the daemon may die under one job."""

    attempts: int = 3
    first: float = 30.0
    cap: float = 3600.0
    max_interruptions: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`trigger` None: nothing changes (a cancel comes too late for what is being placed). `delay` in seconds."""

    trigger: Trigger | None
    cause: Cause
    delay: float = 0.0
    attempts: int = 0
    interruptions: int = 0


def decide(state: State, cause: Cause, *, attempts: int, interruptions: int, policy: RetryPolicy,
           jitter: float = 0.0) -> Decision:
    """The next step of a job in PROCESSING or PUBLISHING. `jitter` in 0..1 spreads the waits by up to a tenth."""
    kind = MEANINGS[cause].kind
    same = {"attempts": attempts, "interruptions": interruptions}
    if cause is Cause.DAEMON_STOPPED:  # nobody's fault: not counted, and what is made is not made again
        return Decision(trigger=Trigger.INTERRUPT if state is State.PROCESSING else Trigger.RETRY, cause=cause, **same)
    if cause in (Cause.DAEMON_DIED, Cause.OUTPUT_LOST):
        return _interrupted(state, cause, attempts, interruptions + 1, policy)
    if cause is Cause.CANCELLED_BY_USER:  # too late once it is being placed: then it is finished
        return Decision(trigger=Trigger.CANCEL if state is State.PROCESSING else None, cause=cause, **same)
    if kind is Kind.REFUSAL:
        return Decision(trigger=Trigger.REJECT, cause=cause, **same)
    if kind is Kind.RESOURCE:
        return Decision(trigger=Trigger.RETRY, cause=cause, delay=RESOURCE_DELAY, **same)
    if kind is Kind.TRANSIENT:
        if attempts + 1 >= policy.attempts:
            return Decision(trigger=Trigger.GIVE_UP, cause=cause, attempts=attempts + 1, interruptions=interruptions)
        return Decision(trigger=Trigger.RETRY, cause=cause, delay=backoff(attempts, policy, jitter),
                        attempts=attempts + 1, interruptions=interruptions)
    return Decision(trigger=Trigger.GIVE_UP, cause=cause, **same)


def _interrupted(state: State, cause: Cause, attempts: int, interruptions: int, policy: RetryPolicy) -> Decision:
    """A daemon that died while placing goes on placing; under any other job it begins again, but not for ever."""
    counts = {"attempts": attempts, "interruptions": interruptions}
    if interruptions > policy.max_interruptions:
        return Decision(trigger=Trigger.GIVE_UP, cause=Cause.TOO_MANY_INTERRUPTIONS, **counts)
    if state is State.PUBLISHING and cause is Cause.DAEMON_DIED:
        return Decision(trigger=Trigger.RETRY, cause=cause, **counts)
    return Decision(trigger=Trigger.INTERRUPT, cause=cause, **counts)


def backoff(attempts: int, policy: RetryPolicy, jitter: float) -> float:
    """Seconds to wait after `attempts` earlier failures: doubling from `first` to `cap`, shortened by up to a tenth."""
    return min(policy.cap, policy.first * 2.0 ** min(attempts, 40)) * (1 - jitter / 10)
