"""Films known in the inbox folders: those that wait and those that were claimed lately. What comes beside them is theirs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePath

from pectin.intake.sidecars import Stems

Folder = tuple[str, PurePath]  # a route, and a folder below its inbox

_FEW = 50  # films in a folder: to list so few anew for each sidecar costs less than to keep the list


@dataclass(frozen=True, slots=True)
class Taken:
    """A film that was claimed: its job, and when (Unix seconds)."""

    job_id: str
    at: float


class Films:
    """One folder's films by stem (the name without its extension)."""

    __slots__ = ("known", "taken", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[str, int] = {}  # how many files of this stem
        self.taken: dict[str, Taken] = {}
        self.known: Stems | None = None  # all of them, until one comes or goes


class Lately:
    """`keep`: seconds a claim is remembered."""

    def __init__(self, keep: float) -> None:
        self._keep = keep
        self._folders: dict[Folder, Films] = {}
        self._claims: list[tuple[float, Folder, str]] = []  # in order of time

    def waits(self, route: str, relative: PurePath) -> None:
        """A film has come."""
        films = self._of(route, relative)
        films.waiting[relative.stem] = films.waiting.get(relative.stem, 0) + 1
        films.known = None

    def gone(self, route: str, relative: PurePath) -> None:
        """A film that waited does so no longer."""
        films = self._of(route, relative)
        left = films.waiting.get(relative.stem, 0) - 1
        if left > 0:
            films.waiting[relative.stem] = left
        else:
            films.waiting.pop(relative.stem, None)
            films.known = None
        self._tidy(route, relative.parent)

    def claimed(self, route: str, relative: PurePath, job_id: str, at: float) -> None:
        """A film has become a job."""
        films = self._of(route, relative)
        films.taken[relative.stem] = Taken(job_id, at)
        films.known = None
        self._claims.append((at, (route, relative.parent), relative.stem))

    def unclaim(self, route: str, relative: PurePath) -> None:
        """A film is no job any more: what comes beside it is nobody's."""
        if (films := self._folders.get((route, relative.parent))) is not None:
            films.taken.pop(relative.stem, None)
            self._tidy(route, relative.parent)

    def forget(self, now: float) -> None:
        """Strike claims whose time is over."""
        over = 0
        for at, folder, stem in self._claims:
            if at + self._keep > now:
                break
            over += 1
            films = self._folders.get(folder)
            if films is not None and (taken := films.taken.get(stem)) is not None and taken.at == at:
                del films.taken[stem]
                films.known = None
                self._tidy(*folder)
        del self._claims[:over]

    def stems(self, route: str, folder: PurePath) -> Collection[str]:
        """All films known in a folder."""
        films = self._folders.get((route, folder))
        if films is None:
            return ()
        if films.known is not None:
            return films.known
        known = Stems(films.waiting.keys() | films.taken.keys())
        if len(known) > _FEW:
            films.known = known
        return known

    def taken(self, route: str, film: PurePath) -> Taken | None:
        """The claim of a film, given by its path without the extension; None while it waits, or when its time is over."""
        films = self._folders.get((route, film.parent))
        return None if films is None or film.name in films.waiting else films.taken.get(film.name)

    def _of(self, route: str, relative: PurePath) -> Films:
        return self._folders.setdefault((route, relative.parent), Films())

    def _tidy(self, route: str, folder: PurePath) -> None:
        films = self._folders.get((route, folder))
        if films is not None and not films.waiting and not films.taken:
            del self._folders[route, folder]
