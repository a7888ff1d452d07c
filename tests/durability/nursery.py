"""Daemons that need not load Python and their modules first: a process that has done so waits, and becomes `pectin run` by fork.

A proof with a hundred deaths starts a daemon a hundred times, and half of a second each would be imports."""

from __future__ import annotations

import faulthandler
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pectin import service


class Born:
    """A running daemon, with what the tests need of subprocess.Popen."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid, self.returncode = pid, None
        self._nursery = nursery
        self._end = os.pidfd_open(pid)

    returncode: int | None

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._end], [], [], 0)[0]:
            os.close(self._end)
            status = self._nursery.ask({"reap": self.pid})
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float) -> int:
        if self.returncode is None and not select.select([self._end], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("pectin run", timeout)
        status = self.poll()
        assert status is not None
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class Nursery:
    """`with Nursery() as nursery: nursery.spawn(...)`. Not for several threads at once."""

    def __enter__(self) -> Nursery:
        self._process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def ask(self, wish: Mapping[str, object]) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def spawn(self, config: Path, log: Path, environment: Mapping[str, str]) -> Born:
        return Born(self, self.ask({"config": str(config), "log": str(log), "environment": dict(environment)}))


def _become(wish: Mapping[str, object]) -> None:
    log = os.open(str(wish["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    faulthandler.register(signal.SIGUSR1)  # where each thread is: for a daemon that stands still
    os.environ.update(wish["environment"])  # type: ignore[call-overload]
    os._exit(service.run(Path(str(wish["config"]))))


def main() -> None:
    for line in sys.stdin:
        wish = json.loads(line)
        if "reap" in wish:
            answer = os.waitpid(wish["reap"], 0)[1]
        else:
            answer = os.fork()
            if answer == 0:
                _become(wish)
        print(answer, flush=True)


if __name__ == "__main__":
    main()
