"""A real little webhook receiver: records what it is sent, checks signatures, and can misbehave on request.

    python tests/fakes/receiver.py --port 0 --secret whsec_...

prints its address, then one line per message."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pectin.notifying.webhook import verify


@dataclass(frozen=True)
class Received:
    """One request. `genuine` is None when the receiver has no secret to check with."""

    path: str
    headers: dict[str, str]
    body: bytes
    genuine: bool | None
    status: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers.get("webhook-id", "")


@dataclass
class Receiver:
    """`with Receiver(secret=...) as receiver:` listens on 127.0.0.1 until the block is left.

    `answers`: statuses for the next requests, one after the other; when used up, 204 (401 for a wrong signature).
    `extra`: headers added to every answer. `hang()` lets requests wait until `release()` or the end."""

    secret: str | None = None
    port: int = 0
    answers: list[int] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    received: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Condition()
        self._flow = threading.Event()
        self._flow.set()

    def __enter__(self) -> Receiver:
        self._server = _Server(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._flow.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def hang(self) -> None:
        self._flow.clear()

    def release(self) -> None:
        self._flow.set()

    def wait_for(self, count: int, seconds: float = 10) -> list[Received]:
        """What came, once there are `count` of them. Raises TimeoutError."""
        with self._lock:
            if not self._lock.wait_for(lambda: len(self.received) >= count, seconds):
                raise TimeoutError(f"{len(self.received)} of {count} messages within {seconds} s")
            return list(self.received)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        self._flow.wait(60)
        genuine = None if self.secret is None else verify(self.secret, headers, body, now=time.time())
        with self._lock:
            status = self.answers.pop(0) if self.answers else 401 if genuine is False else 204
            self.received.append(Received(path, headers, body, genuine, status))
            self._lock.notify_all()
        return status


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that is killed in the middle of a request is no fault of the receiver."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            body = self.rfile.read(length)
            if len(body) < length:  # its sender died in the middle: no message
                self.close_connection = True
                return
            status = receiver.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            try:
                self.send_response(status)
                for name, value in receiver.extra.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("content-length", str(len(receiver.body)))
                self.end_headers()
                if status != 204:
                    self.wfile.write(receiver.body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # whoever asked has given up waiting

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description="Receives Pectin's webhooks and shows them.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--secret", help="check signatures with this secret (whsec_...)")
    arguments = parser.parse_args()
    with Receiver(secret=arguments.secret, port=arguments.port) as receiver:
        print(receiver.url, flush=True)
        seen = 0
        while True:
            try:
                messages = receiver.wait_for(seen + 1, seconds=3600)
            except TimeoutError:
                continue
            except KeyboardInterrupt:
                return
            for message in messages[seen:]:
                checked = {True: "signature ok", False: "WRONG SIGNATURE", None: "not checked"}[message.genuine]
                print(f"{message.id or '-'} ({checked}) {message.body.decode('utf-8', 'replace')}", flush=True)
            seen = len(messages)


if __name__ == "__main__":
    main()
