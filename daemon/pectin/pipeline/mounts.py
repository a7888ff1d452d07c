"""Remembers what file systems the libraries and inboxes lie on, and tells which of them is not there right now."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from pectin.linux import footing
from pectin.linux.footing import Footing, View
from pectin.linux.glance import Glances, Silent
from pectin.linux.pathtext import printable
from pectin.model.errors import MEANINGS, Cause, PectinError
from pectin.model.route import Route
from pectin.pipeline.gate import Flags

log = logging.getLogger(__name__)

_FLAG = "mounts"


class Mounts:
    """What is known is written down at the first look that shows a folder on a file system other than the system's own, and asked
    by whoever writes (linux/footing.py). Only `accept` forgets it."""

    def __init__(self, flags: Flags) -> None:
        self._flags = flags
        self._glances = Glances(footing.view)
        self._known: dict[Path, Footing] = {}
        self._unwritten = False

    async def restore(self) -> None:
        """Take up what the last run knew. Raises PectinError."""
        text = await self._flags.get(_FLAG)
        self._known = {Path(path): Footing(**known) for path, known in json.loads(text).items()} if text else {}
        for folder, known in self._known.items():
            footing.expect(folder, known)

    async def troubles(self, routes: Iterable[Route], folders: Iterable[Path] = ()) -> list[str]:
        """What is wrong with the folders of these routes, and with other `folders` for outputs, in sentences that stay the same
        while the same is wrong. Waits a few seconds at most, whatever hangs."""
        routes, folders = tuple(routes), tuple(folders)
        views = await self._glances.at({*folders, *(folder for route in routes for folder in (route.library, route.inbox))})
        found = [trouble for folder in folders if (trouble := self._library(folder, views[folder], "folder for renditions"))]
        for route in routes:
            found += [f"route {route.name}: {trouble}" for trouble in (
                self._library(route.library, views[route.library]), self._inbox(route.inbox, views[route.inbox])) if trouble]
        await self._write_down()
        return found

    async def accept(self, routes: Iterable[Route], others: Iterable[Path] = ()) -> list[str]:
        """From now on the folders are right as they are; a sentence for each of which that is news. One that cannot be reached
        stays as it was. Raises PectinError, and then nothing has changed."""
        views = await self._glances.at({*others, *(folder for route in routes for folder in (route.library, route.inbox))})
        known, notes = dict(self._known), []
        for folder, view in sorted(views.items()):
            before = known.pop(folder, None)
            if not isinstance(view, View):
                notes.append(f"{folder} cannot be reached: nothing was changed for it")
            elif view.footing is not None and not view.bare:
                known[folder] = view.footing
                if before is None or not before.same(view.footing):
                    notes.append(f"{folder} is on {_described(view.footing)}")
            elif before is not None:
                notes.append(f"{folder} is a folder on the system's own disk")
            if not isinstance(view, View) and before is not None:
                known[folder] = before
        await self._flags.set(_FLAG, _as_json(known))
        self._known = known
        for folder in views:
            footing.expect(folder, known.get(folder))
        return notes

    def _library(self, folder: Path, view: View | OSError | Silent, what: str = "library") -> str | None:
        if isinstance(view, FileNotFoundError | NotADirectoryError):
            return f"the {what} {folder} does not exist: create or mount it"
        if isinstance(view, OSError):  # a mount whose server has died: to be told, not to die of
            return f"the {what} {folder} cannot be reached: {view.strerror}"
        if isinstance(view, Silent):
            return f"the {what} {folder} does not answer: is its server away?"
        return self._judged(folder, view, Cause.LIBRARY_NOT_MOUNTED)

    def _inbox(self, folder: Path, view: View | OSError | Silent) -> str | None:
        """That it is missing or silent, the watching tells."""
        return self._judged(folder, view, Cause.INBOX_NOT_MOUNTED) if isinstance(view, View) else None

    def _judged(self, folder: Path, view: View, cause: Cause) -> str | None:
        was = self._known.get(folder)
        if was is not None and footing.lost(was, view):
            return f"{PectinError(cause, footing.sentence(folder, was, view)).sentence}; {MEANINGS[cause].next_step}"
        if view.footing is not None and not view.bare and view.footing != was:
            if was is None or not was.same(view.footing):
                log.info("%s lies on %s: without that nothing is done there", printable(folder), _described(view.footing))
            self._known[folder] = view.footing
            footing.expect(folder, view.footing)
            self._unwritten = True
        return None

    async def _write_down(self) -> None:
        """A full disk keeps it for a later look: until then it is known all the same."""
        if self._unwritten:
            with suppress(PectinError):
                await self._flags.set(_FLAG, _as_json(self._known))
                self._unwritten = False


def _as_json(known: Mapping[Path, Footing]) -> str:
    return json.dumps({str(folder): asdict(one) for folder, one in known.items()})


def _described(one: Footing) -> str:
    return f"{one.type} {one.disk + ' ' if one.disk else ''}at {one.place}"
