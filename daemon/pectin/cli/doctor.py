"""`pectin doctor`: everything people get wrong, checked one by one, each finding with the way to mend it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from pectin.cli.account import Account, account_of
from pectin.cli.client import Client, CommandError, socket_path
from pectin.cli.configuration import missing_groups
from pectin.cli.doctor_hardware import hardware_findings
from pectin.cli.doctor_inbox import inbox_findings
from pectin.cli.doctor_sandbox import sandbox_findings
from pectin.cli.findings import Finding, Level, good, note, problem
from pectin.cli.render import size_text
from pectin.encoding import tools
from pectin.linux.sandbox import Mode, unconfined
from pectin.linux.trial import offered
from pectin.model.errors import PectinError
from pectin.model.statuses import ExitStatus
from pectin.notifying.deliver import new_client
from pectin.notifying.jellyfin import Jellyfin, is_inside, map_path
from pectin.notifying.outcome import Outcome
from pectin.settings.load import ConfigError, Loaded, find, load
from pectin.settings.sections import Settings
from pectin.settings.values import profiles

__all__ = ["Level", "examine", "view"]

LOW_SPACE = 20_000_000_000  # bytes: less than a film and what is being made of it may need


def examine(config: Path | None, socket: Path | None) -> list[Finding]:
    """All findings, in the order one would look."""
    findings: list[Finding] = []
    try:
        loaded = load(find(config))
    except ConfigError as error:
        return [problem(f"configuration: {p.sentence}", "`pectin config check` lists all of it") for p in error.problems]
    findings.append(good(f"configuration: {loaded.path}"))
    status, daemon_findings = _daemon(loaded, config, socket)
    account = account_of(int(status["pid"]) if status else None)
    findings.append(good(f"permissions are checked for user {account.name}"))
    findings += [problem(f"{p.path}: {p.message}", p.hint) for p in missing_groups(loaded.settings)]
    findings += _owner(loaded.settings, account)
    findings += _ffmpeg(loaded.settings)
    findings += sandbox_findings(loaded.settings, status)
    findings += hardware_findings(loaded.settings, status)
    findings += _folders(loaded.settings, account)
    findings += inbox_findings(loaded.settings, account, status)
    findings += _secrets(loaded.settings, account)
    findings += _jellyfin(loaded.settings)
    return findings + daemon_findings


def _owner(settings: Settings, account: Account) -> Iterator[Finding]:
    """Files for another user. What user pectin may not read and write any more it can neither compare nor take back."""
    publish = settings.publish
    if publish.owner in (None, account.name):
        return
    if not account.may_give_away():
        yield problem(f"publish.owner: user {account.name} may not give files to user {publish.owner}",
                      "`sudo systemctl edit pectin`: below [Service] AmbientCapabilities=CAP_LEASE CAP_CHOWN and "
                      "CapabilityBoundingSet=CAP_LEASE CAP_CHOWN; then `sudo systemctl restart pectin`; or leave it out and use "
                      "publish.group")
    elif account.uid != 0 and (publish.file_mode & 0o040 == 0 or publish.folder_mode & 0o070 != 0o070):
        yield problem(f"publish.owner: what belongs to {publish.owner} could not be used by user {account.name} any more",
                      "let the group read files and write folders: publish.file_mode \"0664\", publish.folder_mode \"0775\"")
    else:
        yield good(f"publish.owner: files are given to user {publish.owner}")


def _ffmpeg(settings: Settings) -> Iterator[Finding]:
    walls = unconfined() if settings.encoder.sandbox is Mode.NONE else offered()
    try:
        found = asyncio.run(tools.find(settings.encoder.ffmpeg, walls))
    except PectinError as error:
        yield problem(f"ffmpeg: {error.sentence}", error.meaning.next_step)
        return
    known = profiles(settings)
    missing = {name: lacks for name in sorted({route.profile for route in settings.routes})
               if (lacks := tools.lacking(found, known[name]))}
    for name, encoders in missing.items():
        yield problem(f"ffmpeg: profile {name} needs the encoder {' and '.join(encoders)}, which {found.ffmpeg} lacks",
                      "install a fuller ffmpeg (jellyfin-ffmpeg), set encoder.ffmpeg, or choose another profile")
    yield from filter_problems(settings, found)
    if not missing:
        yield good(f"ffmpeg {found.version_text} at {found.ffmpeg}")
    if found.mixed:
        yield note(f"there is no ffprobe beside it: that of another build is used, {found.ffprobe}")


def filter_problems(settings: Settings, found: tools.Tools) -> Iterator[Finding]:
    """Profiles in use whose quality this ffmpeg cannot measure."""
    known = profiles(settings)
    for name in sorted({route.profile for route in settings.routes}):
        if missing := tools.lacking_filters(found, known[name]):
            yield problem(f"ffmpeg: the quality of profile {name} is measured with the filter {' and '.join(missing)}, which "
                          f"{found.ffmpeg} lacks", tools.FILTER_HINT)


def _folders(settings: Settings, account: Account) -> Iterator[Finding]:
    for route in settings.routes:
        yield from _folder(f"inbox of route {route.name}", route.inbox, account,
                           f"mkdir -p {route.inbox}; give user {account.name} read, write and enter permission on it",
                           account.read_only(route.inbox))
        yield from _folder(f"library of route {route.name}", route.library, account,
                           f"create or mount {route.library}; user {account.name} must be able to write into it, by "
                           "the folder's group for instance (`systemctl edit pectin`: SupplementaryGroups=)",
                           account.read_only(route.library))
        yield from _room(f"library of route {route.name}", route.library, settings)
        both = os.path.isdir(route.inbox) and os.path.isdir(settings.paths.work)
        if both and route.inbox.stat().st_dev != settings.paths.work.stat().st_dev:
            yield note(f"the inbox of route {route.name} and {settings.paths.work} are on different file systems: each file is "
                       "copied into the work queue instead of moved", "put paths.work on the inbox's file system")
    wanted = ("renditions",) if any(profile.shelves for profile in profiles(settings).values()) else ()
    for name in ("state", "work", "originals", "rejected", *wanted):
        yield from _own_folder(name, getattr(settings.paths, name), account)
    yield from _room("paths.work", settings.paths.work, settings)


def _room(what: str, folder: Path, settings: Settings) -> Iterator[Finding]:
    """Whether jobs may start at all. A folder that is missing or hidden is told elsewhere."""
    if not os.path.isdir(folder):
        return
    free, least = shutil.disk_usage(folder).free, settings.paths.min_free
    if free < least:
        yield problem(f"{what}: {folder} has {size_text(free)} free, less than paths.min_free ({size_text(least)}): no job "
                      "starts", "free some space, or lower paths.min_free")


def _folder(what: str, folder: Path, account: Account, mend: str, read_only: bool) -> Iterator[Finding]:
    if hidden(folder):
        yield _not_for_you(what, folder)
    elif not os.path.isdir(folder):
        yield problem(f"{what}: {folder} is not there", mend)
    elif read_only:
        yield problem(f"{what}: for the daemon {folder} lies on a read-only file system",
                      _opened(folder))
    elif not account.may(folder, 7):
        yield problem(f"{what}: user {account.name} may not read and write {folder}", mend)
    else:
        free = shutil.disk_usage(folder).free
        told = f"{what}: {folder}, {size_text(free)} free"
        yield good(told) if free >= LOW_SPACE else note(told, "that may be too little for a film: free some space")


def hidden(path: Path) -> bool:
    """Whether the caller may not even see if it is there."""
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _opened(folder: Path) -> str:
    """How to open a folder to the sandboxed unit; homes are hidden from it altogether."""
    lines = f"ProtectHome=tmpfs and BindPaths={folder}" if folder.parts[1:2] == ("home",) else f"ReadWritePaths={folder}"
    return f"`sudo systemctl edit pectin`: below [Service] {lines}; then `sudo systemctl restart pectin`"


def _not_for_you(what: str, path: Path) -> Finding:
    return note(f"{what}: you may not see {path}, so it was not checked", "sudo pectin doctor")


def _own_folder(name: str, folder: Path, account: Account) -> Iterator[Finding]:
    """Our own folders are made at the start; what counts is the nearest folder above that is there."""
    there = next(parent for parent in (folder, *folder.parents) if os.path.exists(parent))
    if hidden(folder):
        yield _not_for_you(f"paths.{name}", folder)
    elif account.read_only(there):
        yield problem(f"paths.{name}: for the daemon {there} lies on a read-only file system",
                      _opened(there))
    elif not account.may(there, 3):
        yield problem(f"paths.{name}: user {account.name} may not write {there}",
                      f"chown {account.name} {there}, or install the tmpfiles.d file and run systemd-tmpfiles --create")
    else:
        yield good(f"paths.{name}: {folder}")


def _secrets(settings: Settings, account: Account) -> Iterator[Finding]:
    references = [(f"webhook {w.name}", w.secret_file) for w in settings.webhooks] + [("jellyfin", settings.jellyfin.key_file)]
    for what, reference in references:
        if reference is None or reference.startswith("credential:"):
            continue
        path = Path(reference)
        if hidden(path):
            yield _not_for_you(what, path)
        elif not path.is_file():
            yield problem(f"{what}: {path} is not there", f"write the secret into this file, for user {account.name} to read: "
                          f"sudo install -m 640 -g {account.group} /dev/null {path} && sudo editor {path}")
        elif not account.may(path, 4):
            yield problem(f"{what}: user {account.name} may not read {path}",
                          f"sudo chown root:{account.group} {path}; sudo chmod 0640 {path}")
        elif path.stat().st_mode & 0o004:
            yield note(f"{what}: everybody may read {path}", f"sudo chown root:{account.group} {path}; sudo chmod 0640 {path}")
    for hook in settings.hooks:
        if hidden(hook.run):
            yield _not_for_you(f"hook {hook.name}", hook.run)
        elif not (hook.run.is_file() and account.may(hook.run, 5)):
            yield problem(f"hook {hook.name}: {hook.run} is not an executable of user {account.name}", f"chmod 0755 {hook.run}")


def _jellyfin(settings: Settings) -> Iterator[Finding]:
    jellyfin = settings.jellyfin
    if jellyfin.url is None or jellyfin.key_file is None:
        yield note("Jellyfin is not told about new films: it finds them by itself, later",
                   "set jellyfin.url and jellyfin.key_file")
        return
    if jellyfin.key_file.startswith("credential:"):
        yield note("Jellyfin: only systemd hands over the key, so the server was not asked")
        return
    path_map = [(str(m.ours), m.theirs) for m in jellyfin.map]
    try:
        key = Path(jellyfin.key_file).read_text(encoding="utf-8").strip()
        server = Jellyfin(jellyfin.url, key, path_map, timeout=jellyfin.timeout)
    except FileNotFoundError:
        return  # told among the secrets
    except OSError as error:
        yield note(f"Jellyfin: the key cannot be read by you ({error.strerror}), so the server was not asked",
                   "sudo pectin doctor")
        return
    except ValueError:  # not UTF-8, or not a key
        yield problem(f"Jellyfin: {jellyfin.key_file} does not hold an API key: one line of letters and digits",
                      "make an API key in Dashboard, API Keys, and put it into this file, alone")
        return
    yield from asyncio.run(_ask_jellyfin(server, settings, path_map))


async def _ask_jellyfin(server: Jellyfin, settings: Settings, path_map: list[tuple[str, str]]) -> list[Finding]:
    async with new_client() as client:
        info = await server.public_info(client)
        if isinstance(info, Outcome):
            return [problem(f"Jellyfin: {info.sentence}", "check jellyfin.url, and that the server runs")]
        findings = [good(f"Jellyfin: {info.name}, version {info.version}")]
        folders = await server.library_folders(client)
    if isinstance(folders, Outcome):
        return [*findings, problem(f"Jellyfin: {folders.sentence}",
                                   "make an API key in Dashboard, API Keys, and put it into jellyfin.key_file")]
    for route in settings.routes:
        theirs = map_path(str(route.library), path_map)
        if any(is_inside(theirs, location) for folder in folders for location in folder.locations):
            findings.append(good(f"Jellyfin has {theirs} in a library"))
        else:
            findings.append(problem(f"Jellyfin has no library with the folder {theirs}",
                                    "add it in Dashboard, Libraries; or map it with jellyfin.map if Jellyfin sees it elsewhere"))
    return findings


def _daemon(loaded: Loaded, config: Path | None, socket: Path | None) -> tuple[dict[str, Any] | None, list[Finding]]:
    try:
        status: dict[str, Any] = Client(socket_path(socket, config), timeout=10).get("/v1/status")
    except CommandError as error:
        if error.status is ExitStatus.NOPERM:
            return None, [note(f"daemon: {error.sentence}")]
        return None, [problem(f"daemon: {error.sentence}", "`systemctl status pectin` shows how it stands")]
    findings = [good(f"daemon: version {status['version']}, pid {status['pid']}"),
                good(f"originals: {size_text(status['originals_size'])} are kept")]
    if status["config"] != str(loaded.path):
        findings.append(note(f"the daemon runs with {status['config']}, not with {loaded.path}"))
    if status["mode_sentence"]:
        findings.append(note(f"daemon: {status['mode_sentence']}"))
    findings += [problem(f"daemon: {sentence}", "see `pectin status`") for sentence in status["problems"]]
    undelivered = {name: count for name, count in status["outbox"].items() if count > 10}
    findings += [note(f"{count} events wait for endpoint {name}", "see `journalctl -u pectin` for why")
                 for name, count in undelivered.items()]
    return status, findings


def view(findings: list[Finding]) -> RenderableType:
    """One line per finding; what to do stands below it."""
    marks = {Level.GOOD: ("ok  ", "green"), Level.NOTE: ("note", "yellow"), Level.PROBLEM: ("BAD ", "bold red")}
    lines: list[RenderableType] = []
    for finding in findings:
        mark, style = marks[finding.level]
        lines.append(Text.assemble((mark, style), " ", finding.what))
        if finding.mend:
            lines.append(Text(f"     -> {finding.mend}"))
    bad = sum(1 for finding in findings if finding.level is Level.PROBLEM)
    lines.append(Text("1 problem" if bad == 1 else f"{bad} problems" if bad else "all well", style="bold"))
    return Group(*lines)
