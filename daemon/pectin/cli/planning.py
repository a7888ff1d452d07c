"""`pectin plan`: probe one file here, with the caller's own rights, and decide as the daemon would."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from pectin.cli.client import CommandError
from pectin.encoding import argv, ffmpeg, tools
from pectin.linux.beneath import open_regular
from pectin.model.errors import Cause, PectinError
from pectin.model.profile import Profile
from pectin.model.statuses import ExitStatus
from pectin.planning.plan import decide
from pectin.planning.probe import parse
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
        raise CommandError(ExitStatus.FAILED, f"{file.name}: {error.sentence}; {error.meaning.next_step}",
                           {"title": error.meaning.sentence, "detail": error.sentence, "cause": error.cause.value,
                            "next_step": error.meaning.next_step}) from error
    except OSError as error:
        raise CommandError(ExitStatus.FAILED, f"{file}: {error.strerror}") from error


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
    fd = open_regular(file.resolve(), file.resolve().parent)
    try:
        if os.fstat(fd).st_size == 0:
            raise PectinError(Cause.EMPTY_FILE)
        command = argv.probe_argv(str(found.ffprobe), f"file:/proc/self/fd/{fd}", max_pixels=profile.max_pixels)
        media = parse(await ffmpeg.probe(command, pass_fds=(fd,), timeout=encoder.probe_timeout))
    finally:
        os.close(fd)
    if refused := refusals(media, profile):
        raise PectinError(refused[0].cause, "; ".join(r.detail for r in refused if r.detail))
    return media.summary(), decide(media, profile).as_dict()
