"""`pectin plan`: probe one file here, with the caller's own rights, and decide as the daemon would."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from pectin.cli.client import CommandError
from pectin.cli.device_way import device_way
from pectin.cli.plan_quality import look_for
from pectin.encoding import argv, ffmpeg, tools
from pectin.encoding.looking import look
from pectin.intake.structure import Wholeness
from pectin.intake.structure import examine as structure_of
from pectin.linux.beneath import open_regular
from pectin.linux.pathtext import printable
from pectin.linux.sandbox import Mode, unconfined
from pectin.model.errors import Cause, PectinError
from pectin.model.measured import Measured, Questions
from pectin.model.media import MediaInfo
from pectin.model.parsed import LibraryName
from pectin.model.plan import Plan, plain
from pectin.model.profile import Damaged, Profile
from pectin.model.route import Naming, Route
from pectin.model.statuses import ExitStatus
from pectin.planning.effort import expected_seconds
from pectin.planning.layout import read_layout
from pectin.planning.plan import decide
from pectin.planning.probe import parse
from pectin.planning.questions import ask
from pectin.planning.reach import reach
from pectin.planning.rules import Refusal, refusals
from pectin.publishing.naming import extension_of, library_name
from pectin.publishing.titles import understand
from pectin.settings import values
from pectin.settings.load import ConfigError, find, load
from pectin.settings.sections import Encoder, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """What a film would be made by: `route` is None where the configuration has several and none was named."""

    profile: Profile
    route: Route | None
    encoder: Encoder
    state: Path

    @property
    def threads(self) -> int:
        """As the daemon counts them: `auto` is half of the cores."""
        available = len(os.sched_getaffinity(0))
        return max(1, available // 2 if self.encoder.threads == "auto" else min(self.encoder.threads, available))


def plan_file(file: Path, profile: str | None, route: str | None, config: Path | None, *,
              measure_quality: bool = False) -> dict[str, Any]:
    """Everything about the decision as JSON values: a `summary` of the file, its `media`, the `plan`, what was `looked` at, the
    `route`, the place in its `library`, and the `reach` of the profile. `measure_quality`: for a profile with a target score the
    search is made, which takes minutes. Raises CommandError."""
    absolute = file.absolute()
    way = _way(absolute, profile, route, config)
    try:
        return asyncio.run(_plan(absolute, way, measure_quality=measure_quality))
    except PectinError as error:
        if error.cause is Cause.UNREADABLE:  # here it is about the caller's rights, not the daemon's
            raise CommandError(ExitStatus.FAILED, f"you may not read {printable(file)}: ask its owner, or use sudo",
                               {"title": error.meaning.sentence, "detail": error.sentence, "cause": error.cause.value}) from error
        raise CommandError(ExitStatus.FAILED, f"{printable(file.name)}: {error.sentence}; {error.meaning.next_step}",
                           {"title": error.meaning.sentence, "detail": error.sentence, "cause": error.cause.value,
                            "next_step": error.meaning.next_step}) from error
    except OSError as error:
        raise CommandError(ExitStatus.FAILED, f"{printable(file)}: {error.strerror}") from error


def _way(file: Path, profile_name: str | None, route_name: str | None, config: Path | None) -> _Way:
    """The configuration's routes and profiles; without a configuration the defaults: a plan needs no daemon set up."""
    try:
        settings = load(find(config)).settings
    except ConfigError:
        if config is not None:
            raise
        settings = Settings()
    routes, profiles = values.routes(settings), values.profiles(settings)
    if route_name is not None and route_name not in routes:
        raise CommandError(ExitStatus.FAILED, f"there is no route {route_name!r}; there are: {', '.join(sorted(routes))}")
    around = [route for route in routes.values() if file.is_relative_to(route.inbox)]
    only = next(iter(routes.values())) if len(routes) == 1 else None
    route = routes[route_name] if route_name else around[0] if around else only
    wanted = profile_name or (route.profile if route else "universal")
    if wanted not in profiles:
        raise CommandError(ExitStatus.FAILED, f"there is no profile {wanted!r}; there are: {', '.join(sorted(profiles))}")
    return _Way(profile=profiles[wanted], route=route, encoder=settings.encoder, state=settings.paths.state)


async def _plan(file: Path, way: _Way, *, measure_quality: bool) -> dict[str, Any]:
    profile, encoder = way.profile, way.encoder
    found = await tools.find(encoder.ffmpeg)
    there = Path(os.path.realpath(file, strict=True))  # Path.resolve() has an error of its own for links in a circle
    if there.is_dir():
        raise CommandError(ExitStatus.FAILED, f"{printable(file)} is a folder: name one of the films in it")
    fd = open_regular(there, there.parent)
    try:
        size, source = os.fstat(fd).st_size, f"file:/proc/self/fd/{fd}"
        if size == 0:
            raise PectinError(Cause.EMPTY_FILE)

        def read(offset: int, length: int) -> bytes:
            return os.pread(fd, length, offset)

        structure = structure_of(read, size)
        sandbox = unconfined() if encoder.sandbox is Mode.NONE else None
        command = argv.probe_argv(str(found.ffprobe), source, max_pixels=profile.max_pixels)
        media = parse(await ffmpeg.probe(command, pass_fds=(fd,), timeout=encoder.probe_timeout, sandbox=sandbox))
        media = replace(media, layout=read_layout(read, size))
        _refuse(refusals(media, profile))
        questions = ask(media, profile)
        measured = await look(questions, media, tools=found, source=source, pass_fds=(fd,), threads=os.cpu_count() or 1, nice=0,
                              cpus=None, job="", stall_timeout=encoder.stall_timeout, monitor=None, sandbox=sandbox)
        _refuse(refusals(media, profile, measured))  # only now is it known what sound can be decoded
        if measure_quality:
            measured = replace(measured, quality=await look_for(
                media, profile, measured, found=found, source=source, fd=fd, threads=way.threads,
                stall_timeout=encoder.stall_timeout, sandbox=sandbox))
    finally:
        os.close(fd)
    plan = decide(media, profile, measured)
    seconds = expected_seconds(plan, media, threads=way.threads, verify=profile.verify)
    plan = replace(plan, name=await _name(file, way, plan), estimated_seconds=seconds)
    if structure.verdict is Wholeness.TRUNCATED:
        what = "it would be rejected" if profile.damaged_source is Damaged.REJECT else "what there is of it would be published"
        plan = replace(plan, notes=(*plan.notes, f"The source is {structure.sentence}: {what}."))
    return _document(media, plan, way, looked(questions, measured))


def _refuse(refused: Sequence[Refusal]) -> None:
    if refused:
        raise PectinError(refused[0].cause, "; ".join(refusal.detail for refusal in refused if refusal.detail))


async def _name(file: Path, way: _Way, plan: Plan) -> LibraryName:
    """As if the file lay in the inbox; one that does lie there keeps its folders."""
    route = way.route
    inside = route is not None and file.is_relative_to(route.inbox)
    relative = file.relative_to(route.inbox) if route is not None and inside else PurePath(file.name)
    parsed = await understand(relative) if route is not None and route.naming is Naming.PARSED else None
    return library_name(relative, own_folder=route.own_folder if route else True,
                        extension=extension_of(plan.container, relative), understanding=parsed)


def _document(media: MediaInfo, plan: Plan, way: _Way, seen: tuple[str, ...]) -> dict[str, Any]:
    reached = reach(way.profile)
    device = device_way(plan, media, way.encoder, way.state)
    place = str(way.route.library / plan.name.place) if way.route is not None and plan.name is not None else None
    return {"summary": media.summary(), "media": plain(media), "plan": {**plan.as_dict(), "way": device},
            "looked": list(seen), "library": place, "route": way.route.name if way.route else None,
            "reach": {"sentence": reached.sentence, **plain(reached)}}


def looked(questions: Questions, measured: Measured) -> tuple[str, ...]:
    """What was looked for in the frames, and what was seen, as sentences."""
    unseen = "could not be told; the headers count"
    told = []
    if questions.scan:
        told.append(f"how the frames are made up: {measured.scan or unseen}")
    if questions.crop:
        box = measured.crop
        told.append(f"black borders: {f'the picture is {box.width}x{box.height}' if box else 'none worth cutting off'}")
    if questions.captions:
        some = "there are some" if measured.captions else "none"
        told.append(f"closed captions: {unseen if measured.captions is None else some}")
    for index in questions.loudness:
        loudness = measured.loudness.get(index)
        told.append(f"loudness of stream {index}: {f'{loudness.integrated:.1f} LUFS' if loudness else unseen}")
    return tuple(told)
