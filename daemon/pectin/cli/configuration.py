"""`pectin config`: check, show, example, schema. Needs no daemon."""

from __future__ import annotations

import asyncio
import grp
import json
import pwd
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import typer
import yaml

from pectin.encoding import tools
from pectin.model.errors import PectinError
from pectin.model.quality import QualityMode
from pectin.model.statuses import ExitStatus
from pectin.planning.reach import reach
from pectin.settings.example import example_text, schema_text
from pectin.settings.explain import Problem
from pectin.settings.load import ConfigError, find, load
from pectin.settings.quantities import MASK
from pectin.settings.sections import Settings
from pectin.settings.values import profiles

app = typer.Typer(no_args_is_help=True, help="The configuration: check it, show it, make one.")

FileOption = Annotated[Path | None, typer.Argument(help="The file; else the one the daemon would use.", show_default=False)]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def check(context: typer.Context, file: FileOption = None, as_json: JsonFlag = False) -> None:
    """Find every mistake at once. Exit status 78 when there are any."""
    found = None
    try:
        loaded = load(find(file or context.obj["config"]))
        found = loaded.path
        if problems := [*missing_groups(loaded.settings), *unmeasurable(loaded.settings)]:
            raise ConfigError(str(found), tuple(problems))
    except ConfigError as error:
        if not as_json:
            raise
        print(json.dumps(as_dict(error), indent=2, ensure_ascii=False))
        raise typer.Exit(ExitStatus.CONFIG) from None
    notes = reach_notes(loaded.settings)
    if as_json:
        print(json.dumps({"file": str(found), "problems": [], "notes": notes}, indent=2, ensure_ascii=False))
    else:
        print("\n".join([f"{found}: good", *(f"  {note}" for note in notes)]))


def reach_notes(settings: Settings) -> list[str]:
    """What each profile costs that a route uses or the configuration has made its own, where that is anything."""
    used = {route.profile for route in settings.routes}
    asked = {name: profile for name, profile in profiles(settings).items()
             if name in used or settings.profiles[name] != Settings().profiles.get(name)}
    return [f"profile {name} {found.sentence}" for name, profile in asked.items() if (found := reach(profile)).costs]


def as_dict(error: ConfigError) -> dict[str, Any]:
    """What is wrong with a configuration, for programs."""
    return {"file": error.source, "problems": [asdict(problem) for problem in error.problems]}


def missing_groups(settings: Settings) -> Iterator[Problem]:
    """The daemon refuses to start with them. Another machine may have other groups, so this is not about the file alone."""
    for key, name in (("publish.group", settings.publish.group), ("socket.group", settings.socket.group)):
        try:
            grp.getgrnam(name or "root")
        except KeyError:
            yield Problem(path=key, line=None, message=f"there is no group {name!r}",
                          hint=f"create it (`groupadd {name}`) or name another")
    try:
        pwd.getpwnam(settings.publish.owner or "root")
    except KeyError:
        yield Problem(path="publish.owner", line=None, message=f"there is no user {settings.publish.owner!r}",
                      hint=f"create it (`useradd --system {settings.publish.owner}`) or name another")


def unmeasurable(settings: Settings) -> Iterator[Problem]:
    """Profiles in use whose quality this machine's ffmpeg cannot measure; it is asked only if there are some. Without any ffmpeg
    the daemon says so itself."""
    known = profiles(settings)
    names = sorted({route.profile for route in settings.routes})
    if all(known[name].quality.mode is QualityMode.FIXED and known[name].quality.floor is None for name in names):
        return
    try:
        found = asyncio.run(tools.find(settings.encoder.ffmpeg))
    except PectinError as error:
        yield Problem(path="encoder.ffmpeg", line=None, message=error.sentence, hint=error.meaning.next_step)
        return
    for name in names:
        if missing := tools.lacking_filters(found, known[name]):
            yield Problem(path=f"profiles.{name}.quality", line=None, hint=tools.FILTER_HINT,
                          message=f"it is measured with the filter {' and '.join(missing)}, which {found.ffmpeg} lacks")


@app.command()
def show(context: typer.Context, file: FileOption = None, as_json: JsonFlag = False) -> None:
    """Print the configuration in effect, defaults filled in. Of addresses that may hold a token, only the host is shown."""
    loaded = load(find(file or context.obj["config"]))
    document = shown(loaded.settings)
    if as_json:
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        print(f"# {loaded.path}\n{yaml.safe_dump(document, sort_keys=False, allow_unicode=True)}", end="")


def shown(settings: Settings) -> dict[str, Any]:
    """The settings as anybody may see them. Many chats know their senders by nothing but the address of the webhook."""
    document = settings.model_dump(mode="json")
    for webhook in document["webhooks"]:
        webhook["url"] = _beginning(webhook["url"])
    if document["jellyfin"]["url"] is not None:
        document["jellyfin"]["url"] = _beginning(document["jellyfin"]["url"], base_path=True)
    return document


def _beginning(url: str, *, base_path: bool = False) -> str:
    """The address without user and password, and, but for a server's `base_path`, without what follows the host."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    path = parts.path if base_path else f"/{MASK}" if parts.path.strip("/") or parts.query else parts.path
    return urlunsplit((parts.scheme, f"{MASK}@{host}" if "@" in parts.netloc else host, path, "", ""))


@app.command()
def example() -> None:
    """Print a configuration with every key explained."""
    print(example_text(), end="")


@app.command()
def schema() -> None:
    """Print the JSON Schema for editors."""
    print(schema_text(), end="")
