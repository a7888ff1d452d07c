"""A fake Jellyfin with the five requests Pectin makes, answering as the real one does (12: only the Authorization header).

    python tests/fakes/jellyfin.py --port 0 --key KEY [--library /srv/library]

prints its address, then one line per update."""

from __future__ import annotations

import argparse
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

UPDATE_TYPES = ("Created", "Modified", "Deleted")


@dataclass
class FakeJellyfin:
    """`with FakeJellyfin(key=...) as server:` listens on 127.0.0.1. `starting` answers 503 with Retry-After to everything;
    `base` is a base path such as /jellyfin. `sessions` is what it
    answers to /Sessions, see `watching`; `updates` are the (path, type) pairs it was told."""

    key: str = "0123456789abcdef"
    base: str = ""
    port: int = 0
    libraries: dict[str, list[str]] = field(default_factory=lambda: {"Films": ["/media/films"]})
    starting: bool = False
    sessions: list[dict[str, Any]] = field(default_factory=list)
    updates: list[tuple[str, str]] = field(default_factory=list)
    requests: list[tuple[str, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Condition()

    def __enter__(self) -> FakeJellyfin:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{self.base}"

    def wait_for(self, count: int, seconds: float = 10) -> list[tuple[str, str]]:
        """The updates, once there are `count` of them. Raises TimeoutError."""
        with self._lock:
            if not self._lock.wait_for(lambda: len(self.updates) >= count, seconds):
                raise TimeoutError(f"{len(self.updates)} of {count} updates within {seconds} s")
            return list(self.updates)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Status and JSON (None: no body) of one request."""
        with self._lock:
            status, result = self._decide(method, path, headers, body)
            self.requests.append((method, path, status))
            self._lock.notify_all()
        return status, result

    def _decide(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        if self.starting:
            return 503, None
        if not path.startswith(self.base + "/"):
            return 404, None
        place = path.removeprefix(self.base)
        if (method, place) == ("GET", "/System/Info/Public"):
            return 200, {"ServerName": "fake", "Version": "10.11.11", "ProductName": "Jellyfin Server", "Id": "0" * 32,
                         "StartupWizardCompleted": True}
        if headers.get("authorization") != f'MediaBrowser Token="{self.key}"':
            return 401, None
        if (method, place) == ("GET", "/Library/VirtualFolders"):
            return 200, [{"Name": name, "Locations": places, "CollectionType": "movies"}
                         for name, places in self.libraries.items()]
        if method == "GET" and place.partition("?")[0] == "/Sessions":
            return 200, self.sessions
        if (method, place) == ("POST", "/Library/Media/Updated"):
            return self._told(headers, body)
        return 404, None

    def _told(self, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        if not headers.get("content-type", "").startswith("application/json"):
            return 415, None
        try:
            pairs = [(str(one["Path"]), one["UpdateType"]) for one in json.loads(body)["Updates"]]
        except (ValueError, KeyError, TypeError):
            return 400, {"title": "One or more validation errors occurred."}
        if any(kind not in UPDATE_TYPES for _, kind in pairs):
            return 400, {"title": "One or more validation errors occurred."}
        self.updates += pairs
        return 204, None


def watching(*, transcoding: bool | None = None, media: str = "Video") -> dict[str, Any]:
    """One session in which something is played; `transcoding`: None for direct play, else whether the picture is encoded."""
    info = {} if transcoding is None else {"TranscodingInfo": {"IsVideoDirect": not transcoding, "IsAudioDirect": False}}
    return {"Id": "0", "UserName": "somebody", "NowPlayingItem": {"Name": "Film", "MediaType": media}, **info}


def _handler(server: FakeJellyfin) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, result = server.answer(self.command, self.path, headers, body)
            content = b"" if result is None else json.dumps(result).encode()
            self.send_response(status)
            if status == 503:
                self.send_header("retry-after", "5")
            if status != 204:
                self.send_header("content-type", "application/json; charset=utf-8")
                self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _serve

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description="Answers Pectin as a Jellyfin server would.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--key", default="0123456789abcdef")
    parser.add_argument("--base", default="", help="base path, for example /jellyfin")
    parser.add_argument("--library", action="append", default=[], help="a folder of its library, as it sees it")
    arguments = parser.parse_args()
    libraries = {"Films": arguments.library or ["/media/films"]}
    with FakeJellyfin(key=arguments.key, base=arguments.base, port=arguments.port, libraries=libraries) as server:
        print(server.url, flush=True)
        seen = 0
        while True:
            try:
                updates = server.wait_for(seen + 1, seconds=3600)
            except TimeoutError:
                continue
            except KeyboardInterrupt:
                return
            for path, kind in updates[seen:]:
                print(f"{kind} {path}", flush=True)
            seen = len(updates)


if __name__ == "__main__":
    main()
