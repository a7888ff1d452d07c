"""Which film a subtitle, picture or .nfo in the inbox belongs to: by its name, or by the folder it lies in. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import PurePath

from pectin.model.sidecar import KINDS, PICTURE_NAME, SUBTITLE_FOLDERS, SUBTITLES, SidecarKind, divisions, fold, kind_of

SIDECAR_EXTENSIONS = frozenset(KINDS)

# The folder of an episode is a season's: its poster.jpg is the season's, also while only the first episode is there.
_EPISODE = re.compile(r"s\d{1,4}[ ._-]?e\d|\b\d{1,2}x\d{2}\b", re.IGNORECASE)
_SERIES = re.compile(r"tvshow|series|season|season[ _-]?(\d{1,4}|specials).*|season-all.*", re.IGNORECASE)
# With such an ending Jellyfin takes it for an extra of the film beside it. Source: Jellyfin's documentation of extras.
_EXTRA = re.compile(r"([-._ ](trailer|sample)|-(scene|clip|interview|behindthescenes|deleted|deletedscene|featurette|short|extra|"
                    r"other))$", re.IGNORECASE)
_FEW = 20  # so many films have a folder at most that is one film's own, with all of its extras


class Stems(frozenset[str]):
    """Names of films that are asked for often: ten thousand are not compared one by one for each sidecar."""

    @cached_property
    def folded(self) -> dict[str, list[str]]:
        """By what a person takes for the same name."""
        found: dict[str, list[str]] = {}
        for stem in self:
            found.setdefault(fold(stem), []).append(stem)
        return found


def is_sidecar(relative: PurePath) -> bool:
    """Whether it has the ending of one; nothing is said about its film."""
    return kind_of(relative.name) is not None


def film_of(relative: PurePath, stems_in: Callable[[PurePath], Collection[str]]) -> PurePath | None:
    """The film a sidecar belongs to, by its path below the inbox without the extension; None: no film that is known.

    `relative` is the sidecar's path below the inbox; `stems_in` gives the names (without extension) of all films known in a
    folder, best as a set. Of several names that fit, the longest counts: `Film.2.srt` belongs to `Film.2.mkv`, and to `Film.mkv`
    only while there is no such film."""
    kind = kind_of(relative.name)
    if kind is None:
        return None
    folder = relative.parent
    stems = stems_in(folder)
    found = _named(relative.stem, stems)
    if found is None and _says_what_it_is(relative.stem, kind):
        only = _only_one(folder, stems)
        found = only if only is not None and not _EPISODE.search(only) else None
    return folder / found if found is not None else _of_a_subtitle_folder(relative, kind, stems_in)


def _of_a_subtitle_folder(relative: PurePath, kind: SidecarKind,
                          stems_in: Callable[[PurePath], Collection[str]]) -> PurePath | None:
    """The folder `Subs` beside a film: `Subs/Film.en.srt`, `Subs/Film/2_English.srt`, or, when the film is the only one in a
    folder of its own, `Subs/2_English.srt`. The nearest such folder counts."""
    for subs in relative.parents:
        if subs.name.lower() not in SUBTITLE_FOLDERS:
            continue
        stems = stems_in(subs.parent)
        inner = relative.relative_to(subs).parts[0]
        found = _named(relative.stem, stems)
        if found is None and inner != relative.name:
            found = _same(inner, stems)
        if found is None and kind in SUBTITLES:
            found = _only_one(subs.parent, stems)
        if found is not None:
            return subs.parent / found
    return None


def _named(body: str, stems: Collection[str]) -> str | None:
    """The film that a sidecar is named after."""
    ways = [head for head, _ in divisions(body)]
    exact = next((head for head in ways if head in stems), None)
    if exact is not None:
        return exact
    return _folded(ways, stems)


def _folded(names: Collection[str], stems: Collection[str]) -> str | None:
    """The longest film whose name is one of these but for case; of two that differ in nothing else, always the same one."""
    wanted = {fold(name) for name in names}
    known = stems if isinstance(stems, Stems) else Stems(stems)
    fits = [stem for name in wanted for stem in known.folded.get(name, ())]
    return min(fits, key=lambda stem: (-len(fold(stem)), stem), default=None)


def _same(name: str, stems: Collection[str]) -> str | None:
    return name if name in stems else _folded([name], stems)


def _only_one(folder: PurePath, stems: Collection[str]) -> str | None:
    """The film of a folder that is its own, perhaps with a trailer. The inbox itself is everybody's."""
    if not folder.parts or len(stems) > _FEW:
        return None
    films = [stem for stem in stems if not _EXTRA.search(stem)]
    return films[0] if len(films) == 1 else None


def _says_what_it_is(body: str, kind: SidecarKind) -> bool:
    """`poster.jpg`, `movie.nfo`: which film they mean is said by the folder alone."""
    if kind is SidecarKind.PICTURE:
        return PICTURE_NAME.fullmatch(body) is not None
    return kind is SidecarKind.DETAILS and body.lower() == "movie"


def of_the_folder(relative: PurePath) -> bool:
    """Whether it speaks of a whole folder by its name: a series, a season."""
    kind, body = kind_of(relative.name), relative.stem
    return kind is not None and (_says_what_it_is(body, kind) or _SERIES.fullmatch(body) is not None)
