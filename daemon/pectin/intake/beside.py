"""Sidecars that are finished, and which job each belongs to: that of the film they came with, before or soon after it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath

from pectin.intake.lately import Folder, Lately
from pectin.intake.settle import WaitReason
from pectin.intake.sidecars import film_of, of_the_folder

# Seconds a claimed film is remembered beyond sidecar_wait: a sidecar that came in time may be finished much later.
REMEMBER = 86400.0

_OF_NO_FILM = "no film of this name is here or was claimed lately: give it its film's name, and it follows"
_OF_A_FOLDER = "says nothing of one film: a series' or season's goes into the library by hand, a film's follows if named after it"


@dataclass(frozen=True, slots=True)
class Held:
    """A finished sidecar. `last_change` (Unix seconds) is when it came."""

    route: str
    path: Path
    relative: PurePath
    last_change: float


@dataclass(frozen=True, slots=True)
class Owned:
    """Its film's job, and its path from the film's folder on."""

    job_id: str
    within: PurePath


@dataclass(frozen=True, slots=True)
class Ownerless:
    """Why it waits on."""

    reason: WaitReason
    sentence: str


class Beside:
    """`sidecar_wait`: seconds after its film's claim that a sidecar may come."""

    def __init__(self, sidecar_wait: float) -> None:
        self.films = Lately(sidecar_wait + REMEMBER)
        self._sidecar_wait = sidecar_wait
        self._held: dict[Path, Held] = {}
        self._folders: dict[Folder, set[Path]] = {}  # under each folder its film may lie in
        self._news: set[Folder] = set()              # folders with films claimed since their sidecars were last asked about
        self._asked: dict[Path, None] = {}           # whose film is to be looked for, in order

    def hold(self, sidecar: Held) -> None:
        self._held[sidecar.path] = sidecar
        self._asked[sidecar.path] = None
        for folder in _folders(sidecar):
            self._folders.setdefault(folder, set()).add(sidecar.path)

    def ask_again(self, path: Path) -> bool:
        """It lies there still: films may have come and gone since it was asked about. Whether it is held."""
        if path not in self._held:
            return False
        self._asked[path] = None
        return True

    def release(self, path: Path) -> None:
        """It has changed, or gone, or is taken."""
        sidecar = self._held.pop(path, None)
        if sidecar is not None:
            for folder in _folders(sidecar):
                self._folders[folder].discard(path)
                if not self._folders[folder]:
                    del self._folders[folder]

    def claimed(self, route: str, film: PurePath, job_id: str, at: float) -> None:
        """A film (its path below the inbox) has become a job."""
        self.films.claimed(route, film, job_id, at)
        self._news.add((route, film.parent))

    def asks(self, *, settled: bool) -> bool:
        """Whether there is something to ask. `settled`: no film is about to be claimed."""
        return bool(self._asked) or (settled and bool(self._news))

    def ask(self, now: float, most: int, *, settled: bool) -> list[tuple[Path, Owned | Ownerless]]:
        """Whose they are, of the next `most`. The sidecars of a folder are asked again when films of it were claimed, once the
        burst is over: a folder may hold as many sidecars as films."""
        self.films.forget(now)
        if settled:
            for folder in self._news:
                self._asked.update(dict.fromkeys(self._folders.get(folder, ())))
            self._news.clear()
        asked = list(self._asked)[:most]
        for path in asked:
            del self._asked[path]
        return [(path, self._owner(self._held[path])) for path in asked if path in self._held]

    def _owner(self, sidecar: Held) -> Owned | Ownerless:
        film = film_of(sidecar.relative, lambda folder: self.films.stems(sidecar.route, folder))
        if film is None:
            return Ownerless(WaitReason.SIDECAR, _OF_A_FOLDER if of_the_folder(sidecar.relative) else _OF_NO_FILM)
        taken = self.films.taken(sidecar.route, film)
        if taken is None:
            return Ownerless(WaitReason.SIDECAR, f"waits for its film {film.name}")
        if sidecar.last_change > taken.at + self._sidecar_wait:
            return Ownerless(WaitReason.LATE, f"came too late: its film {film.name} had been taken (intake.sidecar_wait)")
        return Owned(taken.job_id, sidecar.relative.relative_to(film.parent))


def _folders(sidecar: Held) -> list[Folder]:
    """Where its film may lie: beside it, or above a folder of subtitles (`Subs/`, `Subs/<film>/`)."""
    return [(sidecar.route, folder) for folder in list(sidecar.relative.parents)[:3]]
