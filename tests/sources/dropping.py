"""Waiting for many jobs at once: asking for each of them again and again would cost more than the jobs."""

from __future__ import annotations

import time
from typing import Any

from harness import PATIENCE, Daemon, until
from pectin.model.job import FINAL

_PAGE = 100


def all_ended(running: Daemon, count: int) -> dict[str, dict[str, Any]]:
    """The jobs in full, by the names of their sources, once there are `count` of them and all have ended."""
    client = running.client()

    def ended() -> bool:
        time.sleep(0.5)
        states: dict[str, int] = client.get("/v1/status")["jobs"]
        return sum(states[state] for state in FINAL) == count == sum(states.values())

    def told() -> str:
        status = client.get("/v1/status")
        return f"{status['jobs']}; waiting: {status['waiting'][:3]}"

    try:
        until(ended, "every job has ended", patience=PATIENCE + 5 * count)
    except AssertionError as error:
        raise AssertionError(f"{error}: {told()}\n{running.text()[-4000:]}") from error
    pages = [client.get("/v1/jobs", limit=_PAGE, page=page + 1)["jobs"] for page in range((count - 1) // _PAGE + 1)]
    return {job["name"]: client.get(f"/v1/jobs/{job['id']}") for page in pages for job in page}
