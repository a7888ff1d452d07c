"""Tells Jellyfin which paths have changed, asks it the two things the start-up check wants to know, and what it is doing.

`Authorization: MediaBrowser Token="..."` is the one form that Jellyfin 10.8 to 12 all accept; on 12 the older headers
give 401."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import httpx

from pectin.model.governor import Activity
from pectin.notifying.deliver import exchange
from pectin.notifying.outcome import Outcome, Reason

TIMEOUT = 15.0  # seconds; a scan keeps a small server busy, and it still answers within a few
_LARGEST = 4 << 20  # bytes of JSON; a server with hundreds of libraries needs a few hundred thousand

_ACTIVE = 90  # seconds: a player reports every ten; one whose owner has left the room and the network is over by then

PathMap = Sequence[tuple[str, str]]  # (our folder, the same folder as Jellyfin sees it)


class UpdateType(StrEnum):
    CREATED = "Created"
    MODIFIED = "Modified"
    DELETED = "Deleted"


@dataclass(frozen=True, slots=True)
class ServerInfo:
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class LibraryFolder:
    """One of Jellyfin's libraries; `locations` are folders as Jellyfin sees them."""

    name: str
    locations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Jellyfin:
    """`url` with its base path, if it has one; `key` is an API key (Dashboard, API Keys). Raises ValueError for a key that
    no header could carry."""

    url: str
    key: str = field(repr=False)
    path_map: PathMap = ()
    timeout: float = TIMEOUT

    def __post_init__(self) -> None:
        if not self.key or not self.key.isascii() or not self.key.isprintable() or '"' in self.key:
            raise ValueError("a Jellyfin API key is one line of letters and digits")

    async def updated(self, client: httpx.AsyncClient, paths: Sequence[tuple[str, UpdateType]]) -> Outcome:
        """Tell of changed paths (ours: they are mapped here), all in one request. Jellyfin answers before it looks."""
        updates = [{"Path": _readable(map_path(path, self.path_map)), "UpdateType": kind} for path, kind in paths]
        outcome, _ = await self._ask(client, "POST", "/Library/Media/Updated", keep=200,
                                     body=json.dumps({"Updates": updates}).encode())
        return outcome

    async def public_info(self, client: httpx.AsyncClient) -> ServerInfo | Outcome:
        """Who answers at this address; needs no key. An outcome when nobody does, or something that is not Jellyfin."""
        outcome, answer = await self._ask(client, "GET", "/System/Info/Public", keep=_LARGEST)
        if not outcome.delivered:
            return outcome
        match _parsed(answer):
            case {"ServerName": str(name), "Version": str(version)}:
                return ServerInfo(name, version)
        return Outcome(Reason.WRONG_ANSWER, "what answers at this address is not Jellyfin: check the base path")

    async def library_folders(self, client: httpx.AsyncClient) -> tuple[LibraryFolder, ...] | Outcome:
        """Jellyfin's libraries, to see whether ours lies in one of them; an outcome when it does not tell."""
        outcome, answer = await self._ask(client, "GET", "/Library/VirtualFolders", keep=_LARGEST)
        if not outcome.delivered:
            return outcome
        found = _parsed(answer)
        if not isinstance(found, list):
            return Outcome(Reason.WRONG_ANSWER, "what answers at this address is not Jellyfin: check the base path")
        return tuple(LibraryFolder(str(one.get("Name", "")), tuple(map(str, places)))
                     for one in found if isinstance(one, dict)
                     and isinstance(places := one.get("Locations") or [], list))

    async def activity(self, client: httpx.AsyncClient) -> Activity | Outcome:
        """How many watch or listen now, and for how many the picture is encoded; an outcome when it does not tell. Music that is
        encoded is no work worth mentioning. An API key sees everybody's sessions."""
        outcome, answer = await self._ask(client, "GET", f"/Sessions?activeWithinSeconds={_ACTIVE}", keep=_LARGEST)
        if not outcome.delivered:
            return outcome
        found = _parsed(answer)
        if not isinstance(found, list):
            return Outcome(Reason.WRONG_ANSWER, "what answers at this address is not Jellyfin: check the base path")
        sessions = [one for one in found if isinstance(one, dict)]
        return Activity(playing=sum(1 for one in sessions if one.get("NowPlayingItem")),
                        transcoding=sum(1 for one in sessions if _encodes_pictures(one)))

    async def _ask(self, client: httpx.AsyncClient, method: str, path: str, *, keep: int,
                   body: bytes = b"") -> tuple[Outcome, bytes]:
        headers = {"authorization": f'MediaBrowser Token="{self.key}"', "accept": "application/json"}
        if body:
            headers["content-type"] = "application/json"
        return await exchange(client, method, self.url.rstrip("/") + path, headers=headers, body=body, timeout=self.timeout,
                              keep=keep)


def map_path(path: str, path_map: PathMap) -> str:
    """The path as Jellyfin sees it: the longest of our folders that holds it is replaced by theirs. Whole components only,
    so /media does not match /media2. Theirs may be a Windows folder. A path that no entry holds stays as it is."""
    ours = PurePosixPath(path)
    holding = [(PurePosixPath(mine), theirs) for mine, theirs in path_map if ours.is_relative_to(mine)]
    if not holding:
        return path
    mine, theirs = max(holding, key=lambda entry: len(entry[0].parts))
    return str(_pure(theirs).joinpath(*ours.relative_to(mine).parts))


def is_inside(path: str, folder: str) -> bool:
    """Whether a path, as Jellyfin sees it, lies in one of Jellyfin's folders (or is it)."""
    return _pure(path).is_relative_to(_pure(folder))


def _encodes_pictures(session: dict[str, Any]) -> bool:
    match session:
        case {"NowPlayingItem": {"MediaType": "Audio"}}:
            return False
        case {"TranscodingInfo": {"IsVideoDirect": False}}:
            return True
    return False


def _pure(path: str) -> PurePosixPath | PureWindowsPath:
    windows = PureWindowsPath(path)
    return windows if windows.drive and not path.startswith("/") else PurePosixPath(path)


def _readable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")  # as Jellyfin itself shows such a name


def _parsed(answer: bytes) -> Any:
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):  # what is nested a thousand times is no answer, and must not end the daemon
        return None
