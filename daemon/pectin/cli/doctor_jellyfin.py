"""The part of `pectin doctor` about Jellyfin: whether it answers, has our libraries, and tells who watches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from pectin.cli.findings import Finding, fail, ok, warn
from pectin.model.governor import YieldTo
from pectin.notifying.deliver import new_client
from pectin.notifying.jellyfin import Jellyfin, is_inside, map_path
from pectin.notifying.outcome import Outcome
from pectin.settings.sections import Settings


def jellyfin_findings(settings: Settings) -> Iterator[Finding]:
    jellyfin = settings.jellyfin
    if jellyfin.url is None or jellyfin.key_file is None:
        yield warn("Jellyfin is not told about new films: it finds them by itself, later",
                   "set jellyfin.url and jellyfin.key_file")
        return
    if jellyfin.key_file.startswith("credential:"):
        yield warn("Jellyfin: only systemd hands over the key, so the server was not asked")
        return
    path_map = [(str(m.ours), m.theirs) for m in jellyfin.map]
    try:
        key = Path(jellyfin.key_file).read_text(encoding="utf-8").strip()
        server = Jellyfin(jellyfin.url, key, path_map, timeout=jellyfin.timeout)
    except FileNotFoundError:
        return  # told among the secrets
    except OSError as error:
        yield warn(f"Jellyfin: the key cannot be read by you ({error.strerror}), so the server was not asked",
                   "sudo pectin doctor")
        return
    except ValueError:  # not UTF-8, or not a key
        yield fail(f"Jellyfin: {jellyfin.key_file} does not hold an API key: one line of letters and digits",
                   "make an API key in Dashboard, API Keys, and put it into this file, alone")
        return
    yield from asyncio.run(_ask_jellyfin(server, settings, path_map))


async def _ask_jellyfin(server: Jellyfin, settings: Settings, path_map: list[tuple[str, str]]) -> list[Finding]:
    async with new_client() as client:
        info = await server.public_info(client)
        if isinstance(info, Outcome):
            return [fail(f"Jellyfin: {info.sentence}", "check jellyfin.url, and that the server runs")]
        findings = [ok(f"Jellyfin: {info.name}, version {info.version}")]
        folders = await server.library_folders(client)
        activity = None if settings.governor.yield_to is YieldTo.OFF else await server.activity(client)
    if isinstance(activity, Outcome):
        findings.append(fail(f"Jellyfin does not tell who watches (/Sessions): {activity.sentence}",
                             "make an API key in Dashboard, API Keys, and put it into jellyfin.key_file",
                             "governor.yield_to has no effect: work goes on while people watch"))
    elif activity is not None:
        findings.append(ok(f"Jellyfin tells who watches: {activity.playing} now, {activity.transcoding} transcoded"))
    if isinstance(folders, Outcome):
        return [*findings, fail(f"Jellyfin: {folders.sentence}",
                                "make an API key in Dashboard, API Keys, and put it into jellyfin.key_file")]
    for route in settings.routes:
        theirs = map_path(str(route.library), path_map)
        if any(is_inside(theirs, location) for folder in folders for location in folder.locations):
            findings.append(ok(f"Jellyfin has {theirs} in a library"))
        else:
            findings.append(fail(f"Jellyfin has no library with the folder {theirs}",
                                 "add it in Dashboard, Libraries; or map it with jellyfin.map if Jellyfin sees it elsewhere"))
    return findings
