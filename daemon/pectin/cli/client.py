"""Speaking to the daemon: HTTP over its Unix socket, errors as sentences and exit statuses."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
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

    def post(self, address: str) -> Any:
        return self._ask("POST", address, {})

    def _ask(self, method: str, address: str, parameters: Mapping[str, Any]) -> Any:
        try:
            with httpx.Client(transport=httpx.HTTPTransport(uds=str(self._socket)), timeout=self._timeout) as http:
                response = http.request(method, f"http://pectin{address}", params=parameters)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if response.is_success:
            return response.json()
        raise _refused(response)

    def _unreachable(self, error: httpx.TransportError) -> CommandError:
        if isinstance(error, httpx.TimeoutException):
            return _no_daemon(f"the daemon at {self._socket} does not answer: see `journalctl -u pectin`")
        if not self._socket.exists():
            return _no_daemon(f"no daemon: there is no socket at {self._socket}. Start it with `systemctl start pectin`, or name "
                              "its socket with --socket or PECTIN_SOCKET")
        if not os.access(self._socket, os.W_OK):
            return CommandError(ExitStatus.NOPERM, f"you may not use {self._socket}: become a member of its group (`sudo usermod "
                                                   "-aG pectin $USER`, then log in again) or use sudo")
        return _no_daemon(f"the daemon at {self._socket} is not running: `systemctl start pectin`")


def _no_daemon(sentence: str) -> CommandError:
    return CommandError(ExitStatus.UNAVAILABLE, sentence)


def _refused(response: httpx.Response) -> CommandError:
    try:
        document = response.json()
    except json.JSONDecodeError:
        document = {"title": "the answer is not from Pectin", "detail": response.text[:200]}
    sentence = document.get("detail") or document.get("title") or str(response.status_code)
    if next_step := document.get("next_step"):
        sentence = f"{sentence}; {next_step}"
    return CommandError(ExitStatus.FAILED, sentence, document)
