"""`pectin watch`: look again and again, and show what has changed."""

from __future__ import annotations

import json
import select
import sys
import time
from contextlib import ExitStack
from typing import Any

from rich.live import Live

from pectin.cli import render
from pectin.cli.answers import address
from pectin.cli.client import Client, CommandError
from pectin.model.statuses import ExitStatus


def watch(connection: Client, job: str | None, *, as_json: bool) -> None:
    """Until `job` is over, None: until it is interrupted. Raises CommandError when the job ends badly, BrokenPipeError when
    nobody reads any more."""
    live, seen = None, None
    with ExitStack() as stack:
        if not as_json and sys.stdout.isatty():
            live = stack.enter_context(Live(console=render.console(soft_wrap=False), auto_refresh=False, transient=False))
        while True:
            over = job is not None and _is_over(connection, job)  # asked first: the last look shows it
            answer = connection.get("/v1/status")
            if as_json:
                print(json.dumps(answer, ensure_ascii=False), flush=True)
            elif live is not None:
                live.update(render.status_view(answer), refresh=True)
            elif (news := _news(answer)) != seen:
                render.console().print(render.status_view(answer))
                sys.stdout.flush()
                seen = news
            elif _nobody_reads():
                raise BrokenPipeError
            if over:
                return
            time.sleep(0.5)


def _news(status: dict[str, Any]) -> tuple[Any, ...]:
    """What is worth another look where lines cannot be overwritten: everything but the bars."""
    return status["jobs"], status["waiting"], [(job["id"], job["stage"], job["suspended"]) for job in status["running"]]


def _nobody_reads() -> bool:
    """Whether the pipe's other end is closed (`pectin watch | head`): while there are no news, no writing would tell."""
    looked = select.poll()
    looked.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in looked.poll(0))


def _is_over(connection: Client, job: str) -> bool:
    state = connection.get(address(job))["state"]
    if state in ("FAILED", "REJECTED", "CANCELLED"):
        raise CommandError(ExitStatus.FAILED, f"the job ended {state}: `pectin show {job}` tells why")
    return bool(state == "COMPLETED")
