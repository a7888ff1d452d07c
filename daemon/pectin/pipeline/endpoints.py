"""Who is told about events: one sender per endpoint, all alike to the outbox loop."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from pectin.model.event import Event, EventType
from pectin.notifying import webhook
from pectin.notifying.deliver import post
from pectin.notifying.hooks import run_hook
from pectin.notifying.jellyfin import Jellyfin, UpdateType
from pectin.notifying.outcome import Outcome, Reason

Send = Callable[[httpx.AsyncClient, Event], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint: its name in the outbox, the events it wants, and how one event is sent there."""

    name: str
    types: frozenset[EventType]
    send: Send


def webhook_target(name: str, types: frozenset[EventType], *, url: str, secret: str | None, timeout: float) -> Target:
    """POST, signed when there is a secret. The webhook-id stays the same over all attempts."""

    async def send(client: httpx.AsyncClient, event: Event) -> Outcome:
        body = webhook.payload(event)
        headers = webhook.headers(event.id, time.time(), body, *((secret,) if secret else ()))
        return await post(client, url, body, headers, timeout)

    return Target(name, types, send)


def jellyfin_target(server: Jellyfin) -> Target:
    """Tells Jellyfin about the film (it looks for the sidecars by itself), and about files that were withdrawn."""

    async def send(client: httpx.AsyncClient, event: Event) -> Outcome:
        paths = [(str(o["path"]), UpdateType.CREATED) for o in event.data.get("outputs", ()) if o.get("role") == "video"]
        if event.type is EventType.CANCELLED:  # of a redo that was cancelled the outputs stand as they stood
            paths = []
        paths += [(str(path), UpdateType.DELETED) for path in event.data.get("withdrawn", ())]
        return await server.updated(client, paths) if paths else Outcome(Reason.DELIVERED, "nothing in the library has changed")

    return Target("jellyfin", frozenset({EventType.COMPLETED, EventType.CANCELLED}), send)


def hook_target(name: str, types: frozenset[EventType], *, program: Path, timeout: float) -> Target:
    """Runs a program; it gets the event in its environment and as a file."""

    async def send(_client: httpx.AsyncClient, event: Event) -> Outcome:
        return await run_hook(program, event, timeout=timeout)

    return Target(name, types, send)
