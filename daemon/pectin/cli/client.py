"""Speaking to the daemon: HTTP over its Unix socket, errors as sentences and exit statuses."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from pectin.model.statuses import ExitStatus
from pectin.settings.load import ConfigError, find, load
from pectin.settings.sections import Socket


class CommandError(Exception):
    """A command that did not work: the sentence for the person and the exit status."""

    def __init__(self, status: ExitStatus, sentence: str, document: Mapping[str, Any] | None = None) -> None:
        self.status = status
        self.sentence = sentence
        self.document = document or {"title": sentence}
        super().__init__(sentence)


def socket_path(named: Path | None, config: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """--socket, $PECTIN_SOCKET, the configuration's, or the default: who may use the socket need not read the configuration."""
    if named is not None:
        return named
    if from_environment := environment.get("PECTIN_SOCKET"):
        return Path(from_environment)
    try:
        return load(find(config, environment)).settings.socket.path
    except ConfigError:
        if config is not None:
            raise
        return Socket().path


class Client:
    """One question, one connection: nothing to close, and a daemon that restarts in between is no trouble."""

    def __init__(self, socket: Path, *, timeout: float = 60.0) -> None:
        self._socket = socket
        self._timeout = timeout

    def get(self, address: str, **parameters: Any) -> Any:
        return self._ask("GET", address, {k: v for k, v in parameters.items() if v is not None})

    def post(self, address: str, **parameters: Any) -> Any:
        return self._ask("POST", address, {k: v for k, v in parameters.items() if v is not None})

    def download(self, address: str, write: Callable[[bytes], object]) -> None:
        """Hand the blocks of an answer that is a file to `write`."""
        try:
            with (httpx.Client(transport=httpx.HTTPTransport(uds=str(self._socket)), timeout=self._timeout) as http,
                  http.stream("GET", f"http://pectin{address}") as response):
                if not response.headers.get("server", "").startswith("pectin/"):
                    raise self._stranger()
                if not response.is_success:
                    response.read()
                    raise _refused(_document(response) or {})
                for block in response.iter_bytes():
                    write(block)
        except httpx.DecodingError as error:
            raise self._stranger() from error
        except httpx.TransportError as error:  # also when it ends in the middle
            raise self._unreachable(error) from error

    def _ask(self, method: str, address: str, parameters: Mapping[str, Any]) -> Any:
        try:
            with httpx.Client(transport=httpx.HTTPTransport(uds=str(self._socket)), timeout=self._timeout) as http:
                response = http.request(method, f"http://pectin{address}", params=parameters)
        except httpx.DecodingError as error:
            raise self._stranger() from error
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        document = _document(response)
        if document is None or not response.headers.get("server", "").startswith("pectin/"):
            raise self._stranger()
        if response.is_success:
            return document
        raise _refused(document)

    def _unreachable(self, error: httpx.TransportError) -> CommandError:
        if isinstance(error, httpx.TimeoutException):
            return _no_daemon(f"the daemon at {self._socket} does not answer: see `journalctl -u pectin`")
        try:
            kind = self._socket.stat().st_mode
        except PermissionError:
            return self._not_allowed()
        except OSError:
            return _no_daemon(f"no daemon: there is no socket at {self._socket}. Start it with `sudo systemctl start pectin`, or "
                              "name its socket with --socket or PECTIN_SOCKET")
        if not stat.S_ISSOCK(kind):
            return _no_daemon(f"{self._socket} is not a socket: name the daemon's with --socket or PECTIN_SOCKET")
        if not os.access(self._socket, os.W_OK):
            return self._not_allowed()
        if not isinstance(error, httpx.ConnectError):
            return _no_daemon(f"no answer came over {self._socket}: the daemon ended, or could not start: `systemctl status "
                              "pectin` and `journalctl -u pectin` say why")
        return _no_daemon(f"the daemon at {self._socket} is not running: `sudo systemctl start pectin`; why it ended stands in "
                          "`journalctl -u pectin`")

    def _not_allowed(self) -> CommandError:
        return CommandError(ExitStatus.NOPERM, f"you may not use {self._socket}: become a member of its group (`sudo usermod "
                                               "-aG pectin $USER`, then log in again) or use sudo")

    def _stranger(self) -> CommandError:
        return _no_daemon(f"who answers at {self._socket} is not Pectin: name the daemon's socket with --socket or PECTIN_SOCKET")


def _no_daemon(sentence: str) -> CommandError:
    return CommandError(ExitStatus.UNAVAILABLE, sentence)


def _document(response: httpx.Response) -> dict[str, Any] | None:
    """The answer's JSON object; None when it is anything else."""
    try:
        document = response.json()
    except ValueError:  # no JSON, or no text at all
        return None
    return document if isinstance(document, dict) else None


def _refused(document: Mapping[str, Any]) -> CommandError:
    sentence = str(document.get("detail") or document.get("title") or "the daemon refused, without saying why")
    if next_step := document.get("next_step"):
        sentence = f"{sentence}; {next_step}"
    return CommandError(ExitStatus.FAILED, sentence, document)
