"""Names that mean something to Jellyfin which nobody meant: written a little differently, so that a film stays a film of its
own.

Source of the rules: the naming options and ignore patterns of Jellyfin's server (10.8 to 12: the strictest of each). A word
that would be taken for a mark is put into quotes, or gets a blank for its hyphen; every change comes with a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pectin.model.sidecar import fold

# Behind the name, digits after them count too: `-trailer2`. Trailers and samples are known behind other separators too.
_EXTRA = re.compile(r"(?P<between>\s*[-._ ]\s*)(?P<word>trailer|sample)(?P<number>[0-9]*)$|"
                    r"-(?P<kind>scene|clip|interview|behindthescenes|deleted|deletedscene|featurette|short|extra|other)(?P<count>[0-9]*)$",
                    re.IGNORECASE)
_ALONE = re.compile(r"(?:trailer|sample)$", re.IGNORECASE)
# Neighbours that differ in the number (or a to d) alone are shown as one film in several parts.
_STACK = re.compile(r"(?:(?<=[\])}])|(?<=[ _.-]))(?P<mark>[(\[]?(?P<word>cd|dvd|part|pt|dis[ck])[ _.-]*(?:[0-9]+|[a-d])[)\]]?)$",
                    re.IGNORECASE)
_DISCS = ("cd", "dvd", "disc", "disk")
_EPISODE = re.compile(r"(?<![a-z0-9])(?:s[0-9]{1,4}[ ._-]*e[0-9]+|[0-9]{1,2}x[0-9]{2,3})(?![a-z0-9])", re.IGNORECASE)
_SEASON = re.compile(r"(?:season|staffel|saison|s)[ ._-]*[0-9]{1,4}$|specials$", re.IGNORECASE)
# What divides words for the 3D marks, and those marks that are words or names of their own too.
_WORD_3D = re.compile(r"(?<![^()\-._\[\] ])(?P<word>sbs|tab|mvc)(?![^()\-._\[\] ])", re.IGNORECASE)
_MARK_3D = re.compile(r"(?<![^()\-._\[\] ])3d(?![^()\-._\[\] ])", re.IGNORECASE)
# A video right in such a folder is an extra of the film above it; in the second kind nothing is looked at.
_EXTRA_FOLDERS = frozenset([
    "trailers", "backdrops", "theme-music", "behind the scenes", "deleted scenes", "interviews", "scenes", "samples", "shorts",
    "featurettes", "extras", "extra", "other", "clips"])
_IGNORED_FOLDERS = frozenset([
    "metadata", "ps3_update", "ps3_vprm", "extrafanart", "extrathumbs", "lost+found", "temprec", "tempsbe", "eadir", "@eadir",
    "#recycle", "@recycle", "$recycle.bin", "system volume information"])


def safe_stem(stem: str, folders: Sequence[str], *, alone: bool) -> tuple[str, tuple[str, ...]]:
    """A film's name without its extension, and sentences about what was changed. `folders` are those it was dropped in;
    `alone`: it gets a folder of its own, where there is nobody to be joined with."""
    notes: list[str] = []
    for change in (_without_extra, _without_stack, _without_3d):
        stem, note = change(stem, folders, alone)
        notes += [note] if note else []
    return stem, tuple(notes)


def safe_folders(folders: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The folders above a film, and sentences about what was changed."""
    changed, notes = list(folders), []
    for index, folder in enumerate(folders):
        # Below a film's own folder an `extras` is what it says; at the top there is no film that it could belong to.
        if index == 0 and len(folders) == 1 and fold(folder) in _EXTRA_FOLDERS:
            notes.append(f"Jellyfin takes what lies in a folder {folder!r} for extras of another film: "
                         f"it is written {_quoted(folder)}.")
            changed[index] = _quoted(folder)
        elif fold(folder) in _IGNORED_FOLDERS:
            notes.append(f"Jellyfin never looks into a folder {folder!r}: it is written {_quoted(folder)}.")
            changed[index] = _quoted(folder)
    return tuple(changed), tuple(notes)


def is_extra(stem: str, folders: Sequence[str]) -> bool:
    """Whether it was dropped as an extra of a film: `Film/Film-trailer`, `Film/trailer`, or in a folder such as `Film/Extras`."""
    if not folders:
        return False
    if _ALONE.match(stem) or (len(folders) > 1 and fold(folders[-1]) in _EXTRA_FOLDERS):
        return True
    found = _EXTRA.search(stem)
    core, folder = fold(stem[:found.start()]) if found else "", fold(folders[-1])
    return bool(core) and (folder.startswith(core) or core.startswith(folder))


def _without_extra(stem: str, folders: Sequence[str], alone: bool) -> tuple[str, str]:  # noqa: ARG001  (the changes share one shape)
    if is_extra(stem, folders):
        return stem, "It was dropped as an extra of a film, and Jellyfin shows it as one."
    found = _EXTRA.search(stem)
    if _ALONE.match(stem) or (found is not None and not found.start()):
        return _quoted(stem), f"Jellyfin takes a film called {stem!r} for an extra of another one: it is written {_quoted(stem)}."
    if found is None:
        return stem, ""
    mark = stem[found.start():]
    changed = f"{stem[:found.start()]} {found['kind']}{found['count']}" if found["kind"] \
        else f"{stem[:found.start('word')]}{_quoted(stem[found.start('word'):])}"
    return changed, (f"Jellyfin takes a film with {mark.strip()!r} at the end for an extra of another one: "
                     f"it is written {changed}.")


def _without_stack(stem: str, folders: Sequence[str], alone: bool) -> tuple[str, str]:
    found = _STACK.search(stem)
    # Only films are joined; what has an episode's number, or lies in a season, is none.
    if found is None or alone or _EPISODE.search(stem) or any(_SEASON.match(folder) for folder in folders):
        return stem, ""
    if found["word"].casefold() in _DISCS:  # one film on several discs: that is how it is meant
        return stem, f"Jellyfin joins it with its neighbours into one film: {found['mark']!r} says that it is a disc of several."
    changed = f"{stem[:found.start()]}{_quoted(found['mark'])}"
    return changed, (f"Jellyfin would join it with its neighbours into one film because of {found['mark']!r}: "
                     f"it is written {changed}.")


def _without_3d(stem: str, folders: Sequence[str], alone: bool) -> tuple[str, str]:  # noqa: ARG001
    if _MARK_3D.search(stem):
        return stem, ""
    changed = _WORD_3D.sub(lambda found: _quoted(found[0]), stem)
    return changed, f"Jellyfin would show it as a 3D film: it is written {changed}." if changed != stem else ""


def _quoted(text: str) -> str:
    return f"'{text}'"
