"""Serving the app: a socket we bind ourselves, and a server that leaves signals to the service."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from pectin import __version__
from pectin.model.errors import Cause, PectinError

MODE = 0o660  # owner and group: whoever is in the group may command the daemon


def bind(path: Path, group: int | None) -> socket.socket:
    """A listening Unix socket with mode 0660 from its first moment (uvicorn's own `uds=` makes 0666). A socket file left by a
    dead daemon is replaced; the instance lock has made sure that no living one uses it. Raises PectinError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not stat.S_ISSOCK(path.lstat().st_mode):
            raise PectinError(Cause.ADDRESS_UNUSABLE, f"{path} is in the way and is not a socket")
        path.unlink(missing_ok=True)
        before = os.umask(0o777 & ~MODE)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        if group is not None:
            os.chown(path, -1, group)
        listener.listen(128)
    except OSError as error:
        listener.close()
        cause = Cause.NO_PERMISSION if error.errno in (errno.EACCES, errno.EPERM) else Cause.ADDRESS_UNUSABLE
        raise PectinError(cause, f"{path}: {error.strerror or error}") from error
    except PectinError:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    """Signals are the service's business; and at rest it sleeps instead of ticking ten times a second."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.server_state.default_headers = self.config.encoded_headers  # uvicorn does so at its ticks
        await super().startup(sockets)
        self.answers.set()

    async def main_loop(self) -> None:
        await self.stopped.wait()

    def __init__(self, config: uvicorn.Config, answers: asyncio.Event) -> None:
        super().__init__(config)
        self.answers = answers
        self.stopped = asyncio.Event()


async def serve(app: ASGIApp, listeners: list[socket.socket], answers: asyncio.Event) -> None:
    """Until cancelled; then open requests get a second to end. `answers` is set once questions are answered."""
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", date_header=False, server_header=False,
                            timeout_graceful_shutdown=1, http="h11", ws="none", loop="none",
                            headers=[("server", f"pectin/{__version__}")])  # the command line knows by it who answers
    server = _Server(config, answers)
    serving = asyncio.create_task(server.serve(sockets=listeners))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        server.stopped.set()
        await serving
        raise
