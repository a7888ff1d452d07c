"""`pectin doctor`: everything people get wrong, checked one by one, each finding with the way to mend it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from pectin.cli.account import Account, account_of
from pectin.cli.client import Client, CommandError, socket_path
from pectin.cli.configuration import missing_groups
from pectin.cli.doctor_endpoints import endpoint_findings
from pectin.cli.doctor_folders import folder_findings
from pectin.cli.doctor_governor import governor_findings
from pectin.cli.doctor_hardware import hardware_findings
from pectin.cli.doctor_inbox import inbox_findings
from pectin.cli.doctor_jellyfin import jellyfin_findings
from pectin.cli.doctor_sandbox import sandbox_findings
from pectin.cli.doctor_system import clock_findings, socket_findings
from pectin.cli.findings import Finding, Level, fail, ok, warn
from pectin.cli.render import size_text
from pectin.encoding import tools
from pectin.linux.sandbox import Mode, unconfined
from pectin.linux.trial import offered
from pectin.model.errors import Cause, PectinError
from pectin.model.statuses import ExitStatus
from pectin.settings.load import ConfigError, Loaded, find, load
from pectin.settings.sections import Settings
from pectin.settings.values import profiles

__all__ = ["Level", "examine", "view"]

DATABASE = "pectin.db"  # in paths.state
LOW_SPACE = 20_000_000_000  # bytes: less than a film and what is being made of it may need


def examine(config: Path | None, socket: Path | None) -> list[Finding]:
    """All findings, in the order one would look."""
    findings: list[Finding] = []
    try:
        loaded = load(find(config))
    except ConfigError as error:
        return [fail(f"configuration: {p.sentence}", "`pectin config check` lists all of it") for p in error.problems]
    findings.append(ok(f"configuration: {loaded.path}"))
    status, daemon_findings = _daemon(loaded, config, socket)
    account = account_of(int(status["pid"]) if status else None)
    findings.append(ok(f"permissions are checked for user {account.name}"))
    findings += [fail(f"{p.path}: {p.message}", p.hint) for p in missing_groups(loaded.settings)]
    findings += _owner(loaded.settings, account)
    findings += _ffmpeg(loaded.settings)
    findings += sandbox_findings(loaded.settings, status)
    findings += hardware_findings(loaded.settings, status)
    findings += _folders(loaded.settings, account)
    findings += folder_findings(loaded.settings, account)
    findings += inbox_findings(loaded.settings, account, status)
    findings += _secrets(loaded.settings, account)
    findings += endpoint_findings(loaded.settings)
    findings += jellyfin_findings(loaded.settings)
    findings += governor_findings(loaded.settings.governor, status)
    findings += clock_findings(loaded.path)
    findings += socket_findings(socket_path(socket, config))
    return findings + daemon_findings


def _owner(settings: Settings, account: Account) -> Iterator[Finding]:
    """Files for another user. What user pectin may not read and write any more it can neither compare nor take back."""
    publish = settings.publish
    if publish.owner in (None, account.name):
        return
    if not account.may_give_away():
        yield fail(f"publish.owner: user {account.name} may not give files to user {publish.owner}",
                   "`sudo systemctl edit pectin`: below [Service] AmbientCapabilities=CAP_LEASE CAP_CHOWN and "
                   "CapabilityBoundingSet=CAP_LEASE CAP_CHOWN and SystemCallFilter=@chown; then "
                   "`sudo systemctl restart pectin`; or leave it out and use publish.group")
    elif account.uid != 0 and (publish.file_mode & 0o040 == 0 or publish.folder_mode & 0o070 != 0o070):
        yield fail(f"publish.owner: what belongs to {publish.owner} could not be used by user {account.name} any more",
                   "let the group read files and write folders: publish.file_mode \"0664\", publish.folder_mode \"0775\"")
    else:
        yield ok(f"publish.owner: files are given to user {publish.owner}")


def _ffmpeg(settings: Settings) -> Iterator[Finding]:
    walls = unconfined() if settings.encoder.sandbox is Mode.NONE else offered()
    try:
        found = asyncio.run(tools.find(settings.encoder.ffmpeg, walls))
    except PectinError as error:
        yield fail(f"ffmpeg: {error.sentence}", error.meaning.next_step, "the daemon does not start without it")
        return
    known = profiles(settings)
    missing = {name: lacks for name in sorted({route.profile for route in settings.routes})
               if (lacks := tools.lacking(found, known[name]))}
    for name, encoders in missing.items():
        yield fail(f"ffmpeg: profile {name} needs the encoder {' and '.join(encoders)}, which {found.ffmpeg} lacks",
                   "install a fuller ffmpeg (jellyfin-ffmpeg), set encoder.ffmpeg, or choose another profile")
    yield from filter_problems(settings, found)
    if not missing:
        yield ok(f"ffmpeg {found.version_text} at {found.ffmpeg}")
    if found.mixed:
        yield warn(f"there is no ffprobe beside it: that of another build is used, {found.ffprobe}")


def filter_problems(settings: Settings, found: tools.Tools) -> Iterator[Finding]:
    """Profiles in use whose quality this ffmpeg cannot measure."""
    known = profiles(settings)
    for name in sorted({route.profile for route in settings.routes}):
        if missing := tools.lacking_filters(found, known[name]):
            yield fail(f"ffmpeg: the quality of profile {name} is measured with the filter {' and '.join(missing)}, which "
                       f"{found.ffmpeg} lacks", tools.FILTER_HINT)


def _folders(settings: Settings, account: Account) -> Iterator[Finding]:
    for route in settings.routes:
        yield from _folder(f"inbox of route {route.name}", route.inbox, account,
                           f"sudo install -d -m 2775 -o {account.name} -g {account.group} {quote(str(route.inbox))}",
                           account.read_only(route.inbox), "no film that is dropped there is taken")
        yield from _folder(f"library of route {route.name}", route.library, account,
                           f"create or mount {route.library}; user {account.name} must be able to write into it, by "
                           "the folder's group for instance (`systemctl edit pectin`: SupplementaryGroups=)",
                           account.read_only(route.library), "finished films wait, and none is lost")
        yield from _room(f"library of route {route.name}", route.library, settings)
        both = os.path.isdir(route.inbox) and os.path.isdir(settings.paths.work)
        if both and route.inbox.stat().st_dev != settings.paths.work.stat().st_dev:
            yield warn(f"the inbox of route {route.name} and {settings.paths.work} are on different file systems: each file is "
                       "copied into the work queue instead of moved", "put paths.work on the inbox's file system")
    wanted = ("renditions",) if any(profile.shelves for profile in profiles(settings).values()) else ()
    for name in ("state", "work", "originals", "rejected", *wanted):
        yield from own_folder(name, getattr(settings.paths, name), account)
    yield from _room("paths.work", settings.paths.work, settings)


def _room(what: str, folder: Path, settings: Settings) -> Iterator[Finding]:
    """Whether jobs may start at all. A folder that is missing or hidden is told elsewhere."""
    if not os.path.isdir(folder):
        return
    free, least = shutil.disk_usage(folder).free, settings.paths.min_free
    if free < least:
        yield fail(f"{what}: {folder} has {size_text(free)} free, less than paths.min_free ({size_text(least)}): no job "
                   "starts", "free some space, or lower paths.min_free")


def _folder(what: str, folder: Path, account: Account, mend: str, read_only: bool, means: str) -> Iterator[Finding]:
    if hidden(folder):
        yield _not_for_you(what, folder)
    elif not os.path.isdir(folder):
        yield fail(f"{what}: {folder} is not there", mend, means)
    elif read_only:
        yield fail(f"{what}: for the daemon {folder} lies on a read-only file system", _opened(folder), means)
    elif not account.may(folder, 7):
        yield fail(f"{what}: user {account.name} may not read and write {folder}", mend, means)
    else:
        free = shutil.disk_usage(folder).free
        told = f"{what}: {folder}, {size_text(free)} free"
        yield ok(told) if free >= LOW_SPACE else warn(told, "that may be too little for a film: free some space")


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
    place = str(folder).replace("%", "%%")
    place = place if quote(str(folder)) == str(folder) else f'"{place}"'  # a blank would make two of it
    lines = f"ProtectHome=tmpfs and BindPaths={place}" if folder.parts[1:2] == ("home",) else f"ReadWritePaths={place}"
    return f"`sudo systemctl edit pectin`: below [Service] {lines}; then `sudo systemctl restart pectin`"


def _not_for_you(what: str, path: Path) -> Finding:
    return warn(f"{what}: you may not see {path}, so it was not checked", "sudo pectin doctor")


def own_folder(name: str, folder: Path, account: Account) -> Iterator[Finding]:
    """Our own folders are made at the start; what counts is the nearest folder above that is there."""
    there = next(parent for parent in (folder, *folder.parents) if os.path.exists(parent))
    if hidden(folder):
        yield _not_for_you(f"paths.{name}", folder)
    elif account.read_only(there):
        yield fail(f"paths.{name}: for the daemon {there} lies on a read-only file system",
                   _opened(there))
    elif there == folder and not account.may(folder, 7):
        yield _not_own(name, folder, folder, account)
    elif not account.may(there, 3):
        yield fail(f"paths.{name}: user {account.name} may not make {folder}: {there} is another's",
                   f"sudo install -d -m 0770 -o {account.name} -g {account.group} {quote(str(folder))}")
    elif name == "state" and os.path.exists(folder / DATABASE) and not account.may(folder / DATABASE, 6):
        yield _not_own(name, folder, folder / DATABASE, account)  # as after a `pectin run` by root
    else:
        yield ok(f"paths.{name}: {folder}")


def _not_own(name: str, folder: Path, path: Path, account: Account) -> Finding:
    return fail(f"paths.{name}: user {account.name} may not read and write {path}",
                f"sudo chown -R {account.name}:{account.group} {quote(str(folder))}", "the daemon does not start")


def _secrets(settings: Settings, account: Account) -> Iterator[Finding]:
    references = [(f"webhook {w.name}", w.secret_file) for w in settings.webhooks] + [("jellyfin", settings.jellyfin.key_file)]
    for what, reference in references:
        if reference is None or reference.startswith("credential:"):
            continue
        path = Path(reference)
        closed = f"sudo chown root:{account.group} {quote(reference)}; sudo chmod 0640 {quote(reference)}"
        if hidden(path):
            yield _not_for_you(what, path)
        elif not path.is_file():
            yield fail(f"{what}: {path} is not there", f"write the secret into this file, for user {account.name} to read: "
                       f"sudo install -m 640 -g {account.group} /dev/null {quote(str(path))} && sudo editor {quote(str(path))}")
        elif not account.may(path, 4):
            yield fail(f"{what}: user {account.name} may not read {path}",
                       closed)
        elif path.stat().st_mode & 0o004:
            yield warn(f"{what}: everybody may read {path}", closed)
    for hook in settings.hooks:
        if hidden(hook.run):
            yield _not_for_you(f"hook {hook.name}", hook.run)
        elif not (hook.run.is_file() and account.may(hook.run, 5)):
            yield fail(f"hook {hook.name}: {hook.run} is not an executable of user {account.name}",
                       f"sudo chmod 0755 {quote(str(hook.run))}")


def _daemon(loaded: Loaded, config: Path | None, socket: Path | None) -> tuple[dict[str, Any] | None, list[Finding]]:
    try:
        status: dict[str, Any] = Client(socket_path(socket, config), timeout=10).get("/v1/status")
    except CommandError as error:
        if error.status is ExitStatus.NOPERM:
            return None, [warn(f"daemon: {error.sentence}")]
        return None, [fail(f"daemon: {error.sentence}", "`systemctl status pectin` shows how it stands")]
    findings = [ok(f"daemon: version {status['version']}, pid {status['pid']}"),
                ok(f"originals: {size_text(status['originals_size'])} are kept")]
    if status["config"] != str(loaded.path):
        findings.append(warn(f"the daemon runs with {status['config']}, not with {loaded.path}"))
    if status["mode"] != "open":
        findings.append(warn(f"daemon: {status['mode_sentence']}", "pectin resume", "no job starts, also after a restart"))
    elif Cause.DISK_LOW in status["paused_for"]:
        findings.append(warn(f"daemon: {status['mode_sentence']}"))
    elif status["mode_sentence"]:  # the governor does what it is for
        findings.append(ok(f"daemon: {status['mode_sentence']}"))
    findings += [fail(f"daemon: {sentence}", "see `pectin status`") for sentence in status["problems"]]
    undelivered = {name: count for name, count in status["outbox"].items() if count > 10}
    findings += [warn(f"{count} events wait for endpoint {name}", "see `journalctl -u pectin` for why")
                 for name, count in undelivered.items()]
    return status, findings


def view(findings: list[Finding]) -> RenderableType:
    """One line per finding; what to do stands below it."""
    marks = {Level.OK: ("OK  ", "green"), Level.WARN: ("WARN", "yellow"), Level.FAIL: ("FAIL", "bold red")}
    lines: list[RenderableType] = []
    for finding in findings:
        mark, style = marks[finding.level]
        lines.append(Text.assemble((mark, style), " ", finding.what))
        if finding.means:
            lines.append(Text(f"     {finding.means}"))
        if finding.mend:
            lines.append(Text(f"     -> {finding.mend}"))
    count = {level: sum(1 for finding in findings if finding.level is level) for level in Level}
    warned = [f"{count[Level.WARN]} WARN"] if count[Level.WARN] else []
    lines.append(Text(", ".join([f"{count[Level.FAIL]} FAIL", *warned] if count[Level.FAIL] else [*warned, "all well"]),
                      style="bold"))
    return Group(*lines)
