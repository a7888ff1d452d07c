"""The loop around model/governor.py: looks at the clock, the machine and Jellyfin, and has what is decided done."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import httpx

from pectin.linux.machine import OthersLoad, on_battery, pressure_of_others, temperature
from pectin.model.errors import PectinError
from pectin.model.governor import Activity, Facts, Hold, Memory, OnBattery, Rules, Way, YieldTo, decide
from pectin.notifying.deliver import new_client
from pectin.notifying.jellyfin import Jellyfin
from pectin.notifying.outcome import Outcome, Reason
from pectin.observing.logs import facts
from pectin.pipeline.gate import Gate, Mode
from pectin.pipeline.running import RunningJob
from pectin.pipeline.wake import Wake

log = logging.getLogger(__name__)

LOOK = 5.0        # seconds between two looks while there is work: Jellyfin's viewers notice a stutter within some
AT_REST = 60.0    # seconds while there is none: whoever drops a film is looked for at once
SPACING = 1.0     # seconds between two looks at least: a thousand films that come at once are one piece of news
FIRST_LOOK = 2.0  # seconds the start waits for Jellyfin at most
PATIENCE = 10.0   # seconds every other look waits: the schedule and the machine are not looked at meanwhile


@dataclass(frozen=True, slots=True)
class Governing:
    """What the governor works by. `jellyfin` None: nobody is asked."""

    rules: Rules = field(default_factory=Rules)
    jellyfin: Jellyfin | None = None


class Machine:
    """The facts of one look. Everything else of the governor is decided from them."""

    def __init__(self) -> None:
        self._load = OthersLoad()
        self._deaf = ""  # why Jellyfin does not tell, as it was logged

    async def look(self, governing: Governing, client: httpx.AsyncClient, timeout: float = PATIENCE) -> Facts:
        rules, tick = governing.rules, time.monotonic()
        return Facts(
            at=time.time(), tick=tick, jellyfin=await self._ask(governing, client, timeout),
            load=await asyncio.to_thread(self._load.look, tick) if rules.max_load is not None else None,
            pressure=await asyncio.to_thread(pressure_of_others) if rules.max_pressure is not None else None,
            temperature=await asyncio.to_thread(temperature) if rules.max_temperature is not None else None,
            on_battery=await asyncio.to_thread(on_battery) if rules.on_battery is OnBattery.PAUSE else None)

    async def _ask(self, governing: Governing, client: httpx.AsyncClient, timeout: float) -> Activity | None:
        """A server that is down or refuses does not keep the work waiting; that is said once."""
        if governing.rules.yield_to is YieldTo.OFF or governing.jellyfin is None:
            return None
        try:
            async with asyncio.timeout(timeout):
                found: Activity | Outcome = await governing.jellyfin.activity(client)
        except TimeoutError:
            found = Outcome(Reason.TIMEOUT, f"no complete answer within {timeout:g} s")
        sentence = found.sentence if isinstance(found, Outcome) else ""
        if sentence and not self._deaf:
            log.warning("Jellyfin does not tell who watches (%s): work goes on as if nobody did; `pectin doctor` looks into it",
                        sentence)
        elif self._deaf and not sentence:
            log.info("Jellyfin tells again who watches")
        self._deaf = sentence
        return None if isinstance(found, Outcome) else found


class Governor:
    """`running` are the jobs that run; `busy` says whether there is anything to do; `changed` is called when the queue stops or
    goes on, or what runs is held back otherwise than before: the workers must be woken then, too."""

    def __init__(self, gate: Gate, running: Mapping[str, RunningJob], changed: Callable[[], None],
                 busy: Callable[[], Awaitable[bool]], look: Callable[..., Awaitable[Facts]] | None = None) -> None:
        self._gate = gate
        self._running = running
        self._changed = changed
        self._busy = busy
        self._look = look or Machine().look
        self._governing = Governing()
        self._memory = Memory()
        self._wake = Wake()
        self._client = new_client()

    def configure(self, governing: Governing) -> None:
        """From the next look on, which is now."""
        if governing != self._governing:
            self._governing, self._memory = governing, Memory()
            self._wake.call()

    def call(self) -> None:
        """Something has come that might start, or a person has changed the time until which the queue is closed."""
        self._wake.call()

    async def run(self) -> None:
        """Until cancelled."""
        async with self._client:
            while True:
                await self.look()
                if self._governing.rules.measures:
                    await asyncio.sleep(SPACING)
                await self._wake.wait(until=await self._next())

    async def look(self, timeout: float = PATIENCE) -> None:
        """Look once, decide, and have it done. `timeout`: seconds Jellyfin may take."""
        time.tzset()  # the machine may have come to another time zone
        await self._mind_the_wish()
        governing = self._governing
        facts = await self._look(governing, self._client, timeout)
        if governing is not self._governing:  # a reload meanwhile: this look is no answer to its questions
            return
        holds, self._memory = decide(governing.rules, facts, self._memory)
        before = self._gate.holds
        self._gate.govern(holds)
        self._tell(before, holds)
        for running in self._running.values():
            self._gate.act_upon(running)
        if [(one.cause, one.way) for one in before] != [(one.cause, one.way) for one in holds]:
            self._changed()

    async def _mind_the_wish(self) -> None:
        """A pause for some hours is over."""
        if not self._gate.is_over:
            return
        try:
            await self._gate.set(Mode.OPEN)
        except PectinError as error:
            log.warning("the pause is over, and that cannot be written down: %s; it lasts a minute longer", error.sentence)
            self._gate.prolong(AT_REST)
            return
        for running in self._running.values():
            self._gate.act_upon(running)
        self._changed()

    def _tell(self, before: tuple[Hold, ...], holds: tuple[Hold, ...]) -> None:
        """What begins and what ends; the figures alone are no news."""
        was, now = {(one.cause, one.way) for one in before}, {(one.cause, one.way) for one in holds}
        for hold in holds:
            if (hold.cause, hold.way) not in was:
                log.info("%s: %s", _DONE[hold.way], hold.sentence, extra=facts(reason=hold.cause))
        for hold in before:
            if (hold.cause, hold.way) not in now:
                log.info("no longer so: %s", PectinError(hold.cause).sentence, extra=facts(reason=hold.cause))

    async def _next(self) -> float | None:
        """When to look again (Unix seconds); None: when somebody calls."""
        now, rules = time.time(), self._governing.rules
        moments = [now + min(max(left, 0.0), AT_REST)] if (left := self._gate.left) is not None else []
        if (change := rules.schedule.next_change(now)) is not None:
            moments.append(min(change, now + AT_REST))  # the clock may be set meanwhile, and the machine may sleep
        if rules.measures:
            busy = bool(self._memory.marks) or await self._busy()
            moments.append(now + (LOOK if busy else AT_REST))
        return min(moments, default=None)


_DONE = {Way.HOLD: "work rests", Way.FINISH: "what runs is finished, nothing starts", Way.SLOW: "work is slowed down"}
