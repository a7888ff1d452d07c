"""`pectin plan`: probe one file here, with the caller's own rights, and decide as the daemon would."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from pectin.cli.client import CommandError
from pectin.encoding import argv, ffmpeg, tools
from pectin.encoding.looking import look
from pectin.linux.beneath import open_regular
from pectin.linux.pathtext import printable
from pectin.model.errors import Cause, PectinError
from pectin.model.profile import Profile
from pectin.model.statuses import ExitStatus
from pectin.planning.plan import decide
from pectin.planning.probe import parse
from pectin.planning.questions import ask
from pectin.planning.rules import refusals
from pectin.settings.load import ConfigError, find, load
from pectin.settings.sections import Encoder, Settings
from pectin.settings.values import profiles


def plan_file(file: Path, profile_name: str, config: Path | None) -> tuple[str, dict[str, Any]]:
    """A line about the file, and the plan as JSON values. Raises CommandError."""
    known, encoder = _settings(config)
    if profile_name not in known:
        raise CommandError(ExitStatus.FAILED, f"there is no profile {profile_name!r}; there are: {', '.join(sorted(known))}")
    try:
        return asyncio.run(_plan(file.absolute(), known[profile_name], encoder))
    except PectinError as error:
        if error.cause is Cause.UNREADABLE:  # here it is about the caller's rights, not the daemon's
            raise CommandError(ExitStatus.FAILED, f"you may not read {printable(file)}: ask its owner, or use sudo",
                               {"title": error.meaning.sentence, "detail": error.sentence, "cause": error.cause.value}) from error
        raise CommandError(ExitStatus.FAILED, f"{printable(file.name)}: {error.sentence}; {error.meaning.next_step}",
                           {"title": error.meaning.sentence, "detail": error.sentence, "cause": error.cause.value,
                            "next_step": error.meaning.next_step}) from error
    except OSError as error:
        raise CommandError(ExitStatus.FAILED, f"{printable(file)}: {error.strerror}") from error


def _settings(config: Path | None) -> tuple[dict[str, Profile], Encoder]:
    """The configuration's profiles; without a configuration the defaults: a plan needs no daemon set up."""
    try:
        settings = load(find(config)).settings
    except ConfigError:
        if config is not None:
            raise
        settings = Settings()
    return profiles(settings), settings.encoder


async def _plan(file: Path, profile: Profile, encoder: Encoder) -> tuple[str, dict[str, Any]]:
    found = await tools.find(encoder.ffmpeg)
    there = Path(os.path.realpath(file, strict=True))  # Path.resolve() has an error of its own for links in a circle
    if there.is_dir():
        raise CommandError(ExitStatus.FAILED, f"{printable(file)} is a folder: name one of the films in it")
    fd = open_regular(there, there.parent)
    try:
        if os.fstat(fd).st_size == 0:
            raise PectinError(Cause.EMPTY_FILE)
        command = argv.probe_argv(str(found.ffprobe), f"file:/proc/self/fd/{fd}", max_pixels=profile.max_pixels)
        media = parse(await ffmpeg.probe(command, pass_fds=(fd,), timeout=encoder.probe_timeout))
        if refused := refusals(media, profile):
            raise PectinError(refused[0].cause, "; ".join(r.detail for r in refused if r.detail))
        measured = await look(ask(media, profile), media, tools=found, source=f"file:/proc/self/fd/{fd}", pass_fds=(fd,),
                              threads=os.cpu_count() or 1, nice=0, cpus=None, job="", stall_timeout=encoder.stall_timeout,
                              monitor=None)
    finally:
        os.close(fd)
    return media.summary(), decide(media, profile, measured).as_dict()
