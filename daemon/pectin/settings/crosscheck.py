"""What must hold between keys: names that point somewhere, folders that do not lie inside each other, profiles that can be
made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

from pectin.model.governor import YieldTo
from pectin.model.route import Naming
from pectin.settings import profile_checks

Finding = tuple[str, str, str]  # path, message, hint


def cross_check(sections: Mapping[str, Any]) -> list[Finding]:
    """All findings over what is valid by itself: sections with errors of their own are missing, list items with errors None."""
    findings: list[Finding] = []
    for name in ("routes", "webhooks", "hooks"):
        findings += _twice(name, _items(sections, name))
    findings += _endpoint_names(sections)
    findings += _profiles(sections)
    findings += _naming(sections)
    findings += _folders(sections)
    jellyfin = sections.get("jellyfin")
    if jellyfin is not None and (jellyfin.url is None) != (jellyfin.key_file is None):
        missing = "url" if jellyfin.url is None else "key_file"
        findings.append((f"jellyfin.{missing}", "url and key_file are needed together", "give both, or neither"))
    governor = sections.get("governor")
    if governor is not None and governor.yield_to is not YieldTo.OFF and jellyfin is not None and jellyfin.url is None:
        findings.append(("governor.yield_to", "there is no Jellyfin to make room for",
                         "give jellyfin.url and jellyfin.key_file, or yield_to: off"))
    return findings


def _items(sections: Mapping[str, Any], name: str) -> Iterator[tuple[int, Any]]:
    return ((index, item) for index, item in enumerate(sections.get(name) or ()) if item is not None)


def _twice(section: str, items: Iterable[tuple[int, Any]]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for index, item in items:
        if item.name in seen:
            yield (f"{section}[{index}].name", f"{item.name!r} is also the name of {section}[{seen[item.name]}]",
                   "names tell them apart in status and metrics: choose another")
        seen.setdefault(item.name, index)


def _endpoint_names(sections: Mapping[str, Any]) -> Iterator[Finding]:
    """Webhooks, hooks and Jellyfin share one outbox."""
    webhooks = {webhook.name for _, webhook in _items(sections, "webhooks")}
    for index, hook in _items(sections, "hooks"):
        if hook.name in webhooks:
            yield (f"hooks[{index}].name", f"{hook.name!r} is also the name of a webhook", "choose another name")
    for section in ("webhooks", "hooks"):
        for index, item in _items(sections, section):
            if item.name == "jellyfin":
                yield (f"{section}[{index}].name", "'jellyfin' is the name of the Jellyfin notice itself", "choose another name")


def _profiles(sections: Mapping[str, Any]) -> Iterator[Finding]:
    if sections.get("profiles") is None:
        return
    for name, profile in sections["profiles"].items():
        if profile is not None:
            yield from ((f"profiles.{name}.{key}", message, hint) for key, message, hint in profile_checks.check(name, profile))
    for index, route in _items(sections, "routes"):
        if route.profile not in sections["profiles"]:
            yield (f"routes[{index}].profile", f"there is no profile {route.profile!r}",
                   f"known profiles: {', '.join(sorted(sections['profiles']))}")


def _naming(sections: Mapping[str, Any]) -> Iterator[Finding]:
    """guessit is no part of every installation. Looked for, not imported: that would cost the daemon 20 MB."""
    for index, route in _items(sections, "routes"):
        if route.naming is Naming.PARSED and find_spec("guessit") is None:
            yield (f"routes[{index}].naming", "parsed names need guessit, which is not installed",
                   "`pip install 'pectin[names]'` where Pectin is installed, or naming: source")


def _folders(sections: Mapping[str, Any]) -> Iterator[Finding]:
    """Two folders of which one lies inside the other would feed Pectin its own files. Two routes may share a library."""
    places: list[tuple[str, str, Path]] = []
    for index, route in _items(sections, "routes"):
        places.append((f"routes[{index}].inbox", "inbox", route.inbox))
        places.append((f"routes[{index}].library", "library", route.library))
    if (paths := sections.get("paths")) is not None:
        places += [(f"paths.{name}", name, getattr(paths, name)) for name in ("work", "originals", "rejected", "renditions")]
    for (path_a, kind_a, folder_a), (path_b, kind_b, folder_b) in combinations(places, 2):
        if kind_a == kind_b == "library":
            continue
        if folder_a == folder_b:
            yield (path_b, f"{folder_b} is also {path_a}", "give each its own folder")
        elif folder_b.is_relative_to(folder_a):
            yield (path_b, f"{folder_b} lies inside {path_a} ({folder_a})", "put them side by side")
        elif folder_a.is_relative_to(folder_b):
            yield (path_a, f"{folder_a} lies inside {path_b} ({folder_b})", "put them side by side")
