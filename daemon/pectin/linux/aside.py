"""Runs a blocking call in a thread that nobody has to wait for: a look at a dead file server may never come back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def aside(call: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Run `call` in a thread of its own, called `name`, and give what it returns or raises. When the future is cancelled the
    thread goes on alone.

    asyncio.to_thread would do while calls come back: the end of the loop and of the process wait for its threads, and a few that
    hang leave none for the others. Threads from here keep nobody."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def hand_over(deliver: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile: nobody listens any more
            loop.call_soon_threadsafe(lambda: None if future.done() else deliver())

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  not swallowed: whoever awaits the future gets it
            failure = error
            hand_over(lambda: future.set_exception(failure))
        else:
            hand_over(lambda: future.set_result(result))

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
