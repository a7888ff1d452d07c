"""Runs a user's program at an event. What it gets and what its exit status means is told in hooks/README.md."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pectin.linux.child import spawn
from pectin.model.event import Event
from pectin.notifying.outcome import Outcome, Reason
from pectin.notifying.webhook import payload

TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
_LONGEST_VALUE = 8192  # bytes in one variable; Linux refuses to start a program with one above 131072
_SAID = 500  # characters of stderr that are worth keeping as the reason
_KEY = re.compile("[a-z][a-z0-9_]*")


async def run_hook(program: Path, event: Event, *, timeout: float, environment: Mapping[str, str] | None = None) -> Outcome:
    """Run `program` once for `event`; it is killed, with all it started, after `timeout` seconds. `environment` is added to
    what describes the event. Exit 0 is delivered, 75 asks for another try, anything else is final, with stderr as reason."""
    with _event_file(event) as descriptor:
        variables = {**_variables(event), "PECTIN_EVENT_FILE": f"/proc/self/fd/{descriptor}", **(environment or {})}
        try:
            async with spawn((str(program),), cwd=Path("/"), pass_fds=(descriptor,), environment=variables) as child:
                # Nobody reads what it says on stdout, but a full pipe would make it wait for ever.
                drain = asyncio.ensure_future(_drain(child.stdout))
                try:
                    async with asyncio.timeout(timeout):
                        return _judge(await child.wait(), child.stderr_tail())
                finally:
                    drain.cancel()
        except TimeoutError:
            return Outcome(Reason.HOOK_TIMEOUT, f"ran longer than {timeout:g} s and was stopped")
        except FileNotFoundError:
            return Outcome(Reason.HOOK_MISSING, "there is no executable file with this name: check its path and chmod +x")


def _judge(status: int, stderr: str) -> Outcome:
    said = stderr.strip()[-_SAID:]
    because = f": {said}" if said else ""
    if status == 0:
        return Outcome(Reason.DELIVERED, "exit status 0")
    if status == TRY_AGAIN:
        return Outcome(Reason.HOOK_TRY_AGAIN, f"asked for another try{because}")
    ended = f"was killed by signal {-status}" if status < 0 else f"exit status {status}"
    return Outcome(Reason.HOOK_FAILED, ended + because)


def _variables(event: Event) -> dict[str, str]:
    """PECTIN_EVENT and PECTIN_JOB, each plain value of the event's data as PECTIN_<NAME>, the main output as PECTIN_OUTPUT."""
    values: dict[str, object] = {key: value for key, value in event.data.items()
                                 if _KEY.fullmatch(key) and isinstance(value, str | int | float)}
    match event.data.get("outputs"):
        case [{"path": str(path)}, *_]:
            values["output"] = path
    values |= {"event": event.type.value, "event_id": event.id, "job": event.job_id}
    return {f"PECTIN_{key.upper()}": _plain(value) for key, value in values.items()}


def _plain(value: object) -> str:
    # A zero byte ends a C string: Python would refuse to start the program. Bytes of odd file names stay what they are.
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return os.fsdecode(os.fsencode(text.replace("\0", ""))[:_LONGEST_VALUE])


@contextmanager
def _event_file(event: Event) -> Iterator[int]:
    """The event as JSON in a file that exists in memory only: nothing is left behind, however we die."""
    descriptor = os.memfd_create("pectin-event", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(payload(event))
        yield descriptor
    finally:
        os.close(descriptor)


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass
