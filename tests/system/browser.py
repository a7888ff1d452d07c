"""A web player before a set of HLS: hls.js in headless Chromium, fed by a small server on loopback; the page tells how it
went. Where there is no browser that works, or no way to the player, the test is skipped, in CI too."""

from __future__ import annotations

import hashlib
import io
import json
import queue
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import urlopen

import pytest

from clips import alone

PLAYER = Path(__file__).parent / "player" / "index.html"
_VERSION = "1.7.4"
_TARBALL = f"https://registry.npmjs.org/hls.js/-/hls.js-{_VERSION}.tgz"
_SHA512 = ("dc697119d3ef4f6607bd060eb7ec8ecd3fc3122a2bfea255348ca51c0efb9207"
           "a805375042a8bbd06c1e7cd11498741e346ca30bc53adbe6ebbaa5bf4e99beb6")
_PATIENCE = 90  # seconds for the whole visit; it takes about ten
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--mute-audio",
          "--autoplay-policy=no-user-gesture-required")
_TYPES = {".m3u8": "application/vnd.apple.mpegurl", ".m4s": "video/iso.segment", ".mp4": "video/mp4", ".vtt": "text/vtt",
          ".ts": "video/mp2t", ".html": "text/html", ".js": "text/javascript"}


def hls_js(common: Path) -> bytes:
    """The player from npm, fetched once and known by its hash; kept with the virtual environment where that may be written."""
    for folder in (Path(sys.prefix) / "share" / "hls.js", common / "hls.js"):
        with suppress(OSError):
            file = folder / f"hls-{_VERSION}.min.js"
            with alone(file):
                if not file.exists():
                    file.write_bytes(_fetched())
                return file.read_bytes()
    raise AssertionError("there is no folder to write to")


def _fetched() -> bytes:
    try:
        with urlopen(_TARBALL, timeout=60) as answer:
            packed = answer.read()
    except OSError as error:
        pytest.skip(f"hls.js cannot be fetched: {_TARBALL}: {error}")
    assert hashlib.sha512(packed).hexdigest() == _SHA512, "npm gave another hls.js than the one that was chosen"
    with tarfile.open(fileobj=io.BytesIO(packed)) as files:
        script = files.extractfile("package/dist/hls.min.js")
        assert script is not None
        return script.read()


class _Shop(ThreadingHTTPServer):
    """Gives out the page, the player and the set, and takes the report."""

    daemon_threads = True

    def __init__(self, folder: Path, script: bytes) -> None:
        self.folder, self.script = folder, script
        self.reports: queue.Queue[dict[str, Any]] = queue.Queue()
        self.refused: list[str] = []
        self.entered = False  # whether a browser has asked for the page at all
        super().__init__(("127.0.0.1", 0), _Counter)


class _Counter(SimpleHTTPRequestHandler):
    server: _Shop
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.partition("?")[0]
        if name == "/favicon.ico":
            self._give(b"", "image/x-icon")
        elif name == "/hls.js":
            self._give(self.server.script, _TYPES[".js"])
        elif name == "/":
            self.server.entered = True
            self._give(PLAYER.read_bytes(), _TYPES[".html"])
        elif (file := self.server.folder / name.removeprefix("/hls/")).is_file() and name.startswith("/hls/"):
            self._give(file.read_bytes(), _TYPES[file.suffix])
        else:
            self.server.refused.append(name)
            self.send_error(404)

    def do_POST(self) -> None:
        self.server.reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._give(b"", "text/plain")

    def _give(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with suppress(ConnectionError):  # a player that seeks drops what it had asked for
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


@contextmanager
def _open(folder: Path, script: bytes) -> Iterator[_Shop]:
    with _Shop(folder, script) as shop:
        Thread(target=shop.serve_forever, daemon=True).start()
        try:
            yield shop
        finally:
            shop.shutdown()


def visit(folder: Path, profile: Path, script: bytes) -> dict[str, Any]:
    """What the page told after it has played the set in `folder`. `profile`: a new folder for the browser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is missing: apt-get install chromium (without it no browser plays what is packaged)")
    with _open(folder, script) as shop:
        address = f"http://127.0.0.1:{shop.server_address[1]}/"
        with subprocess.Popen([chromium, *_FLAGS, f"--user-data-dir={profile}", address], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as browser:
            try:
                told = _report(shop, browser)
            finally:
                browser.terminate()
        assert shop.refused == [], shop.refused
    return told


def _report(shop: _Shop, browser: subprocess.Popen[bytes]) -> dict[str, Any]:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with suppress(queue.Empty):
            return shop.reports.get(timeout=0.5)
        if browser.poll() is not None and not shop.entered:
            break
    if not shop.entered:
        pytest.skip(f"chromium does not work on this machine: it never opened the page (exit status {browser.poll()})")
    raise AssertionError("the browser told nothing")
