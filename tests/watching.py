"""A watcher at work, and what it has seen so far."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from needs import missing, need_program
from pectin.intake.watch import Candidate, Watcher

PATIENCE = 20.0  # seconds until a test gives up; nothing waits that long when all is well
_SFTP_SERVER = Path("/usr/lib/openssh/sftp-server")


class Seen:
    """Collects candidates until what a test waits for is there."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.all: list[Candidate] = []
        self._more = asyncio.Event()

    async def collect(self) -> None:
        async for candidate in self.watcher.candidates():
            self.all.append(candidate)
            self._more.set()

    @property
    def paths(self) -> set[Path]:
        return {candidate.path for candidate in self.all}

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():
                self._more.clear()
                await self._more.wait()

    async def sees(self, *paths: Path) -> None:
        await self.until(lambda: self.paths.issuperset(paths))


@asynccontextmanager
async def watching(poll: float = 10.0, **roots: Path) -> AsyncIterator[Seen]:
    watcher = Watcher(roots, poll=poll)
    await watcher.start()
    seen = Seen(watcher)
    task = asyncio.create_task(seen.collect())
    try:
        yield seen
    finally:
        await watcher.stop()
        async with asyncio.timeout(PATIENCE):
            await task


async def until(true: Callable[[], bool]) -> None:
    """Asks again and again; for what makes no sound."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.02)


@contextmanager
def mounted(place: Path, *what: str) -> Iterator[None]:
    """`mount WHAT PLACE`, and unmounted again if nobody has done it."""
    subprocess.run(["mount", *what, place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)  # a bind mount does not show as one


@contextmanager
def share(far: Path, near: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The folder `far` as another machine's, mounted with sshfs at `near`; gives the process that answers for it. What happens
    in `far` causes no event in `near`."""
    sshfs, unmount = need_program("sshfs", "sshfs"), need_program("fusermount3", "fuse3")
    if not _SFTP_SERVER.exists():
        missing(str(_SFTP_SERVER), "apt-get install openssh-sftp-server")
    ours, theirs = socket.socketpair()  # instead of ssh
    with ours, theirs:
        server = subprocess.Popen([_SFTP_SERVER], stdin=ours, stdout=ours)
        client = subprocess.Popen([sshfs, "-f", "-o", "passive,dir_cache=no,attr_timeout=0,entry_timeout=0", f":{far}", near],
                                  stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
    with client, server:
        try:
            while not os.path.ismount(near):
                time.sleep(0.01)
                if client.poll() is not None:
                    said = client.stderr.read().decode().strip() if client.stderr else ""
                    missing("FUSE", f"let the tests use /dev/fuse ({said})")
            yield client
        finally:
            subprocess.run([unmount, "-uz", near], check=False, capture_output=True)
            client.kill()
            server.kill()
